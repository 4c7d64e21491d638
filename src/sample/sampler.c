/**
 * sampler.c - choosing the next token: the rules of chain.c, then the draw, or the best id where
 * greedy. Each rule has a file of its own; candidates.c draws.
 */
#include "sample/sampler.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/floats.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"
#include "sample/chain.h"
#include "sample/sampling_copy.h"

/* What a sampler that was made by gen_sampler_new() has for itself. */
struct belongings {
    struct sampling_copy sampling;
    struct sampler_scratch scratch;
};

struct gen_sampler {
    int32_t n_vocab;
    struct rng rng;
    struct chain chain;
    struct sampler_scratch *scratch;
    struct belongings *own; /* NULL: all is borrowed */
};

/* ---- what it is made of ----------------------------------------------------------------------*/

bool sampler_scratch_init(struct sampler_scratch *scratch, size_t n_vocab) {
    *scratch = (struct sampler_scratch){.scores = memory_new(n_vocab, sizeof *scratch->scores)};
    return scratch->scores != NULL;
}

void sampler_scratch_release(struct sampler_scratch *scratch) {
    memory_free(scratch->scores);
    candidates_release(&scratch->candidates);
    *scratch = (struct sampler_scratch){0};
}

static void belongings_free(struct belongings *own) {
    if (own == NULL) {
        return;
    }
    sampling_copy_release(&own->sampling);
    sampler_scratch_release(&own->scratch);
    memory_free(own);
}

/* NULL: out of memory. */
static struct belongings *belongings_new(const struct gen_sampling *options, size_t n_vocab) {
    struct belongings *own = memory_new(1, sizeof *own);
    if (own == NULL) {
        return NULL;
    }
    if (!sampler_scratch_init(&own->scratch, n_vocab) ||
        !sampling_copy_init(&own->sampling, options)) {
        belongings_free(own);
        return NULL;
    }
    return own;
}

/* ---- making and freeing ----------------------------------------------------------------------*/

enum gen_status sampler_new(struct gen_sampler **out, const struct gen_sampling *options,
                            int32_t n_vocab, uint64_t seed, uint64_t index, uint64_t sequence,
                            struct sampler_scratch *scratch, struct gen_error *err) {
    *out = NULL;
    struct gen_sampler *sampler = memory_new(1, sizeof *sampler);
    if (sampler == NULL) {
        return error_no_memory(err, "the sampler");
    }
    sampler->n_vocab = n_vocab;
    sampler->scratch = scratch;
    rng_init_sequence(&sampler->rng, seed, index, sequence);
    uint64_t other = rng_hash(rng_hash(seed, index), sequence);
    if (!chain_init(&sampler->chain, options, (size_t)n_vocab, other)) {
        gen_sampler_free(sampler);
        return error_no_memory(err, "the sampler");
    }
    *out = sampler;
    return GEN_OK;
}

enum gen_status gen_sampler_new(struct gen_sampler **out, const struct gen_sampling *options,
                                int32_t n_vocab, int32_t eos, uint64_t seed, uint64_t index,
                                uint64_t sequence, struct gen_error *err) {
    *out = NULL;
    if (n_vocab < 1) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_vocab is %d, but must be at least 1",
                         (int)n_vocab);
    }
    if (eos < -1 || eos >= n_vocab) {
        return error_set(err, GEN_BAD_ARGUMENT, "eos is %d, but must be from 0 to %d, or -1: none",
                         (int)eos, (int)(n_vocab - 1));
    }
    enum gen_status status = sampler_check(options, n_vocab, err);
    if (status != GEN_OK) {
        return status;
    }
    struct belongings *own = belongings_new(options, (size_t)n_vocab);
    if (own == NULL) {
        return error_no_memory(err, "the sampler");
    }
    struct gen_sampler *sampler = NULL;
    status = sampler_new(&sampler, &own->sampling.options, n_vocab, seed, index, sequence,
                         &own->scratch, err);
    if (status != GEN_OK) {
        belongings_free(own);
        return status;
    }
    sampler->own = own;
    status = eos >= 0 ? gen_sampler_add_eos(sampler, &eos, 1, err) : GEN_OK;
    if (status != GEN_OK) {
        gen_sampler_free(sampler);
        return status;
    }
    *out = sampler;
    return GEN_OK;
}

struct gen_sampler *sampler_clone(const struct gen_sampler *sampler) {
    struct gen_sampler *clone = memory_new(1, sizeof *clone);
    if (clone == NULL) {
        return NULL;
    }
    clone->n_vocab = sampler->n_vocab;
    clone->rng = sampler->rng;
    clone->scratch = sampler->scratch;
    if (!chain_clone(&clone->chain, &sampler->chain)) {
        gen_sampler_free(clone);
        return NULL;
    }
    return clone;
}

void gen_sampler_free(struct gen_sampler *sampler) {
    if (sampler == NULL) {
        return;
    }
    chain_release(&sampler->chain);
    belongings_free(sampler->own);
    memory_free(sampler);
}

/* ---- what it is told -------------------------------------------------------------------------*/

enum gen_status gen_sampler_add_eos(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                    struct gen_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= sampler->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT, "eos %zu is %d, but must be from 0 to %d", i,
                             (int)ids[i], (int)(sampler->n_vocab - 1));
        }
    }
    return gen_ids_append(&sampler->chain.eos, ids, n) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "the end-of-text ids");
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
    for (size_t i = 0; i < n; i++) {
        if (!chain_accept(&sampler->chain, ids[i], SAMPLE_PROMPT)) {
            return error_no_memory(err, "the sampler's copy of the prompt");
        }
    }
    return GEN_OK;
}

void sampler_ends_with(struct gen_sampler *sampler, size_t n) {
    sampler->chain.n_new_max = n;
}

void sampler_writes_eos(struct gen_sampler *sampler) {
    sampler->chain.eos_is_text = true;
}

void sampler_completes_prompt(struct gen_sampler *sampler, int32_t id) {
    sampler->chain.completes = id;
}

void sampler_keep_at_least(struct gen_sampler *sampler, size_t n) {
    sampler->chain.least = n;
}

enum gen_status sampler_accept(struct gen_sampler *sampler, int32_t id, struct gen_error *err) {
    enum sample_origin origin = sampler->chain.completes >= 0 ? SAMPLE_PROMPT : SAMPLE_NEW;
    sampler->chain.completes = -1;
    return chain_accept(&sampler->chain, id, origin)
               ? GEN_OK
               : error_no_memory(err, "the sampler's copy of the text");
}

/* ---- drawing ---------------------------------------------------------------------------------*/

static bool is_greedy(const struct gen_sampling *options) {
    return options->temperature < SAMPLER_GREEDY_BELOW;
}

/* Which rule left no id; NULL: it is to be found among those that see the scores of all. */
static enum gen_status dead_end(const struct chain *chain, const float *logits, float *scores,
                                const char *culprit, struct gen_error *err) {
    size_t n_new = history_n_new(&chain->history);
    if (culprit == NULL) {
        memcpy(scores, logits, chain->n_vocab * sizeof *scores);
        culprit = chain_culprit(chain, scores);
    }
    if (culprit == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the model gives no token a score above -infinity after %zu new ones",
                         n_new);
    }
    if (strcmp(culprit, processor_constraint.name) == 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "after %zu new tokens the form of the text allows only what other options "
                         "forbid, such as its end by min_new_tokens, or tokens by a bias or bad "
                         "words (relax these, or the form)",
                         n_new);
    }
    return error_set(err, GEN_BAD_ARGUMENT,
                     "the sampling options forbid every token after %zu new ones: %s leaves none "
                     "(relax it)",
                     n_new, culprit);
}

/* All rules: where greedy into `scores`, whose first of the best, NaN apart, is *best; else into
 * the candidates, with weights, and the scores are used up. */
static enum gen_status process(const struct gen_sampler *sampler, const float *logits,
                               float *scores, size_t *best, struct gen_error *err) {
    const struct chain *chain = &sampler->chain;
    struct candidates *list = &sampler->scratch->candidates;
    size_t n = chain->n_vocab;
    const char *culprit = NULL;
    memcpy(scores, logits, n * sizeof *scores);
    *best = n;
    if (is_greedy(chain->options)) {
        chain_logits(chain, scores);
        *best = floats_first_greatest(scores, n);
        return *best < n ? GEN_OK : dead_end(chain, logits, scores, NULL, err);
    }
    if (!chain_candidates(chain, scores, list, &culprit)) {
        return error_no_memory(err, "the candidates");
    }
    return list->n > 0 ? GEN_OK : dead_end(chain, logits, scores, culprit, err);
}

enum gen_status gen_sampler_next(struct gen_sampler *sampler, const float *logits, int32_t *id,
                                 struct gen_error *err) {
    struct sampler_scratch *scratch = sampler->scratch;
    size_t best;
    enum gen_status status = process(sampler, logits, scratch->scores, &best, err);
    if (status != GEN_OK) {
        return status;
    }
    int32_t next = is_greedy(sampler->chain.options)
                       ? (int32_t)best
                       : candidates_draw(&scratch->candidates, rng_double(&sampler->rng));
    status = sampler_accept(sampler, next, err);
    if (status == GEN_OK) {
        *id = next;
    }
    return status;
}

enum gen_status gen_sampler_scores(const struct gen_sampler *sampler, const float *logits,
                                   float *scores, struct gen_error *err) {
    struct candidates *list = &sampler->scratch->candidates;
    const struct gen_sampling *options = sampler->chain.options;
    bool greedy = is_greedy(options);
    size_t best;
    enum gen_status status = process(sampler, logits, scores, &best, err);
    if (status != GEN_OK || (greedy && !options->renormalize_logits)) {
        return status;
    }
    if (greedy) {
        if (!candidates_gather(list, scores, sampler->chain.n_vocab, 0)) {
            return error_no_memory(err, "the candidates");
        }
        candidates_weigh(list);
    }
    if (options->renormalize_logits) {
        candidates_normalize(list);
    }
    for (int32_t i = 0; i < sampler->n_vocab; i++) {
        scores[i] = -INFINITY;
    }
    for (size_t i = 0; i < list->n; i++) {
        scores[list->ids[i]] = list->scores[i];
    }
    return GEN_OK;
}
