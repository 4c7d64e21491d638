/**
 * decoder_sampling.c - the next id is drawn, or greedily taken, from the logits after the last one.
 * How it is chosen is the sampler's (src/sample).
 */
#include "base/error.h"
#include "base/memory.h"
#include "generate/decoder.h"
#include "generate/healing.h"

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
    if (status == GEN_OK && rules->options->ignore_eos) {
        sampler_writes_eos(*out);
    }
    if (status == GEN_OK) {
        bool heals = sequence_heals(sequence);
        size_t n_new_max = sequence->n_new_max;
        sampler_ends_with(*out, heals && n_new_max < SIZE_MAX ? n_new_max - 1 : n_new_max);
        if (heals) {
            sampler_completes_prompt(*out, sequence->healed);
        }
        status = gen_sampler_prompt(*out, sequence->ids.data, sequence->ids.n, err);
    }
    return status;
}

/* The first id of a text, which replaces the prompt's last. */
static enum gen_status draw_healed(struct gen_sampler *sampler, const struct sequence *sequence,
                                   const float *scores, int32_t *id, struct gen_error *err) {
    float *masked = memory_new((size_t)sequence->rules->n_vocab, sizeof *masked);
    if (masked == NULL) {
        return error_no_memory(err, "token healing");
    }
    healing_mask(sequence->rules, sequence->healed, scores, masked);
    enum gen_status status = gen_sampler_next(sampler, masked, id, err);
    memory_free(masked);
    return status;
}

enum gen_status decoder_draw(struct gen_sampler *sampler, struct sequence *sequence,
                             const float *scores, const float *logits, struct gen_error *err) {
    int32_t id = -1;
    enum gen_status status = sequence_heals(sequence)
                                 ? draw_healed(sampler, sequence, scores, &id, err)
                                 : gen_sampler_next(sampler, scores, &id, err);
    return status == GEN_OK ? sequence_take(sequence, logits, id, err) : status;
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
    enum gen_status status = decoder_draw(text->decoding, &text->sequence, logits, logits, err);
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
