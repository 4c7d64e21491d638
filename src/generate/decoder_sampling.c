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

/* A sampler that knows the prompt. */
static enum gen_status make_sampler(struct sampler_scratch *scratch, struct text *text,
                                    struct gen_error *err) {
    const struct sequence *sequence = &text->sequence;
    const struct sequence_rules *rules = sequence->rules;
    struct gen_sampler *sampler;
    enum gen_status status = sampler_new(&sampler, &rules->options->sampling, rules->n_vocab,
                                         sequence->seed, 0, 0, scratch, err);
    text->decoding = sampler;
    if (status == GEN_OK) {
        status = gen_sampler_add_eos(sampler, rules->eos, rules->n_eos, err);
    }
    if (status == GEN_OK) {
        status = gen_sampler_prompt(sampler, sequence->ids.data, sequence->ids.n, err);
    }
    return status;
}

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    text->n_seen = text->sequence.n_before - 1;
    text->done = text->sequence.finished;
    return make_sampler(context, text, err);
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

struct decoder decoder_sampling(struct sampler_scratch *scratch) {
    return (struct decoder){.context = scratch, .start = start, .step = step, .end = end};
}
