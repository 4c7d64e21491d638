/**
 * decoder_sampling.c - the next id is drawn, or greedily taken, from the logits after the last one.
 * How it is chosen is the sampler's (src/sample).
 */
#include "generate/decoder.h"

static void end(void *context, struct text *text) {
    (void)context;
    gen_sampler_free(text->decoding);
    text->decoding = NULL;
}

enum gen_status decoder_new_sampler(struct gen_sampler **out, struct sampler_scratch *scratch,
                                    const struct sequence *sequence, struct gen_error *err) {
    const struct sequence_rules *rules = sequence->rules;
    enum gen_status status = sampler_new(out, &rules->options->sampling, rules->n_vocab,
                                         sequence->seed, 0, 0, scratch, err);
    if (status == GEN_OK) {
        status = gen_sampler_add_eos(*out, rules->eos, rules->n_eos, err);
    }
    if (status == GEN_OK) {
        sampler_ends_with(*out, sequence->n_new_max);
        status = gen_sampler_prompt(*out, sequence->ids.data, sequence->ids.n, err);
    }
    return status;
}

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    text->n_seen = text->sequence.n_before - 1;
    text->done = text->sequence.finished;
    struct gen_sampler *sampler = NULL;
    enum gen_status status = decoder_new_sampler(&sampler, context, &text->sequence, err);
    text->decoding = sampler;
    return status;
}

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    (void)context;
    (void)at; /* always the last */
    int32_t id = -1;
    enum gen_status status = gen_sampler_next(text->decoding, logits, &id, err);
    if (status == GEN_OK) {
        status = sequence_take(&text->sequence, logits, id, err);
    }
    text->done = text->sequence.finished;
    return status;
}

static const struct gen_sampler *sampler_of(const struct text *text) {
    return text->decoding;
}

struct decoder decoder_sampling(struct sampler_scratch *scratch) {
    return (struct decoder){
        .context = scratch, .start = start, .step = step, .end = end, .sampler = sampler_of};
}
