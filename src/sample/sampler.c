/**
 * sampler.c - choosing the next token: the rules of chain.c around division by the temperature,
 * then the draw, or the best id where greedy. Each rule has a file of its own; candidates.c draws.
 */
#include "sample/sampler.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/memory.h"
#include "base/rng.h"
#include "sample/candidates.h"
#include "sample/history.h"
#include "sample/processor.h"

struct gen_sampler {
    struct gen_sampling options; /**< its arrays are the two below */
    struct gen_ids *bad_words;
    struct gen_logit_bias *logit_bias;
    int32_t n_vocab;
    struct gen_ids eos;
    struct rng rng;
    struct history history;
    float *scores;                 /**< [n_vocab], scratch */
    struct candidates *candidates; /**< scratch */
};

static bool copy_bad_words(struct gen_sampler *sampler) {
    struct gen_sampling *options = &sampler->options;
    sampler->bad_words = memory_new(options->n_bad_words, sizeof *sampler->bad_words);
    if (sampler->bad_words == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->n_bad_words; i++) {
        if (gen_ids_append(&sampler->bad_words[i], options->bad_words[i].data,
                           options->bad_words[i].n) != GEN_OK) {
            return false;
        }
    }
    options->bad_words = sampler->bad_words;
    return true;
}

static bool copy_logit_bias(struct gen_sampler *sampler) {
    struct gen_sampling *options = &sampler->options;
    sampler->logit_bias = memory_new(options->n_logit_bias, sizeof *sampler->logit_bias);
    if (sampler->logit_bias == NULL) {
        return false;
    }
    if (options->n_logit_bias > 0) {
        memcpy(sampler->logit_bias, options->logit_bias,
               options->n_logit_bias * sizeof *sampler->logit_bias);
    }
    options->logit_bias = sampler->logit_bias;
    return true;
}

enum gen_status gen_sampler_new(struct gen_sampler **out, const struct gen_sampling *options,
                                int32_t n_vocab, int32_t eos, uint64_t seed, uint64_t index,
                                uint64_t sequence, struct gen_error *err) {
    *out = NULL;
    if (n_vocab < 1) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_vocab is %d but must be at least 1",
                         (int)n_vocab);
    }
    if (eos < -1 || eos >= n_vocab) {
        return error_set(err, GEN_BAD_ARGUMENT, "eos is %d but must be from 0 to %d, or -1: none",
                         (int)eos, (int)(n_vocab - 1));
    }
    enum gen_status status = sampler_check(options, n_vocab, err);
    if (status != GEN_OK) {
        return status;
    }

    struct gen_sampler *sampler = memory_new(1, sizeof *sampler);
    if (sampler == NULL) {
        goto fail;
    }
    sampler->options = *options;
    sampler->n_vocab = n_vocab;
    rng_init_sequence(&sampler->rng, seed, index, sequence);
    sampler->scores = memory_new((size_t)n_vocab, sizeof *sampler->scores);
    sampler->candidates = memory_new(1, sizeof *sampler->candidates);
    if (sampler->scores == NULL || sampler->candidates == NULL || !copy_bad_words(sampler) ||
        !copy_logit_bias(sampler) || !history_init(&sampler->history, (size_t)n_vocab) ||
        (eos >= 0 && gen_ids_append(&sampler->eos, &eos, 1) != GEN_OK)) {
        goto fail;
    }
    *out = sampler;
    return GEN_OK;

fail:
    gen_sampler_free(sampler);
    return error_no_memory(err, "the sampler");
}

enum gen_status gen_sampler_add_eos(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                    struct gen_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= sampler->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT, "eos %zu is %d but must be from 0 to %d", i,
                             (int)ids[i], (int)(sampler->n_vocab - 1));
        }
    }
    return gen_ids_append(&sampler->eos, ids, n) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "the end-of-text ids");
}

void gen_sampler_free(struct gen_sampler *sampler) {
    if (sampler == NULL) {
        return;
    }
    for (size_t i = 0; sampler->bad_words != NULL && i < sampler->options.n_bad_words; i++) {
        gen_ids_release(&sampler->bad_words[i]);
    }
    memory_free(sampler->bad_words);
    memory_free(sampler->logit_bias);
    gen_ids_release(&sampler->eos);
    history_release(&sampler->history);
    memory_free(sampler->scores);
    if (sampler->candidates != NULL) {
        candidates_release(sampler->candidates);
    }
    memory_free(sampler->candidates);
    memory_free(sampler);
}

enum gen_status gen_sampler_prompt(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                   struct gen_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= sampler->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "id %zu of the prompt is %d but ids are from 0 to %d", i, (int)ids[i],
                             (int)(sampler->n_vocab - 1));
        }
    }
    if (!history_add_prompt(&sampler->history, ids, n)) {
        return error_no_memory(err, "the sampler's copy of the prompt");
    }
    return GEN_OK;
}

enum gen_status sampler_accept(struct gen_sampler *sampler, int32_t id, struct gen_error *err) {
    if (!history_add_new(&sampler->history, id)) {
        return error_no_memory(err, "the sampler's copy of the text");
    }
    return GEN_OK;
}

static bool is_greedy(const struct gen_sampling *options) {
    return options->temperature < SAMPLER_GREEDY_BELOW;
}

/**
 * Divide by the temperature; what overflows is put back into range, NaN is forbidden. Written
 * without calls and branches, so that compilers make vector code of it.
 */
static void apply_temperature(float *scores, size_t n, float temperature) {
    for (size_t i = 0; i < n; i++) {
        float score = scores[i];
        float divided = score / temperature;
        divided = divided > FLT_MAX ? FLT_MAX : divided;
        divided = divided < -FLT_MAX ? -FLT_MAX : divided;
        /* False for -infinity and for NaN. */
        scores[i] = score > -INFINITY ? divided : -INFINITY;
    }
}

static struct sample_context context_of(const struct gen_sampler *sampler) {
    return (struct sample_context){.options = &sampler->options,
                                   .history = &sampler->history,
                                   .eos = &sampler->eos,
                                   .n_vocab = (size_t)sampler->n_vocab};
}

/** Which rule left no id. */
static enum gen_status dead_end(const struct sample_context *context, const float *logits,
                                float *scores, struct gen_error *err) {
    memcpy(scores, logits, context->n_vocab * sizeof *scores);
    const char *culprit = chain_culprit(scores, context);
    if (culprit == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the model gives no token a score above -infinity after %zu new ones",
                         history_n_new(context->history));
    }
    return error_set(err, GEN_BAD_ARGUMENT,
                     "the sampling options forbid every token after %zu new ones: %s leaves none "
                     "(relax it)",
                     history_n_new(context->history), culprit);
}

/** All rules: into `scores`, and unless greedy into sampler->candidates, with weights. *best is the
 * first of the best before the warpers, NaN apart. */
static enum gen_status process(const struct gen_sampler *sampler, const float *logits,
                               float *scores, size_t *best, struct gen_error *err) {
    const struct sample_context context = context_of(sampler);
    const struct gen_sampling *options = &sampler->options;
    struct candidates *list = sampler->candidates;
    size_t n = context.n_vocab;
    memcpy(scores, logits, n * sizeof *scores);
    chain_logits(scores, &context);
    *best = floats_first_greatest(scores, n);
    if (*best == n) {
        return dead_end(&context, logits, scores, err);
    }
    if (is_greedy(options)) {
        return GEN_OK;
    }
    apply_temperature(scores, n, options->temperature);
    if (!candidates_gather(list, scores, n, (size_t)options->top_k)) {
        return error_no_memory(err, "the candidates");
    }
    candidates_weigh(list);
    return chain_candidates(list, &context) ? GEN_OK : error_no_memory(err, "the candidates");
}

enum gen_status gen_sampler_next(struct gen_sampler *sampler, const float *logits, int32_t *id,
                                 struct gen_error *err) {
    size_t best;
    enum gen_status status = process(sampler, logits, sampler->scores, &best, err);
    if (status != GEN_OK) {
        return status;
    }
    int32_t next = is_greedy(&sampler->options)
                       ? (int32_t)best
                       : candidates_draw(sampler->candidates, rng_double(&sampler->rng));
    if (!history_add_new(&sampler->history, next)) {
        return error_no_memory(err, "the sampler's copy of the text");
    }
    *id = next;
    return GEN_OK;
}

enum gen_status gen_sampler_scores(const struct gen_sampler *sampler, const float *logits,
                                   float *scores, struct gen_error *err) {
    size_t best;
    enum gen_status status = process(sampler, logits, scores, &best, err);
    if (status != GEN_OK || is_greedy(&sampler->options)) {
        return status;
    }
    for (int32_t i = 0; i < sampler->n_vocab; i++) {
        scores[i] = -INFINITY;
    }
    for (size_t i = 0; i < sampler->candidates->n; i++) {
        scores[sampler->candidates->ids[i]] = sampler->candidates->scores[i];
    }
    return GEN_OK;
}
