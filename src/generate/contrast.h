/**
 * contrast.h - the choice of contrastive search (Su and others, "A Contrastive Framework for Neural
 * Text Generation"): of the likeliest ids the one with the best of
 *
 *   (1 - alpha) probability - alpha (greatest cosine of its hidden state with one before it)
 *
 * where a hidden state is what the model's logits are made of, and those before it are those of the
 * whole text. Which texts read the ids is decoder_contrastive.c's.
 */
#ifndef GENERATE_CONTRAST_H
#define GENERATE_CONTRAST_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

/** Of one text. Start from {0} with the first three. */
struct contrast {
    size_t n_embd, n_vocab;
    float alpha;
    float *before; /**< [n_before][n_embd] hidden states of the text, each of length 1 */
    size_t n_before, before_capacity;
    struct gen_logprob *candidates; /**< [n_candidates] likeliest first, with their probabilities */
    size_t n_candidates, candidates_capacity;
    size_t n_tried;
    size_t best; /**< of those tried, with what it leads to: */
    float best_score;
    float *best_hidden; /**< [n_embd] */
    float *best_logits; /**< [n_vocab] */
    float *logits;      /**< [n_vocab] those after the text */
};

/** False: out of memory. Release also after a failure. */
bool contrast_init(struct contrast *contrast);
void contrast_release(struct contrast *contrast);

/** The next id of the text was read; its logits count if it is the last. False: out of memory. */
bool contrast_read(struct contrast *contrast, const float *hidden, const float *logits);

/** Let the at most k likeliest ids be tried, by the scores that rules make of the logits. False:
 * out of memory. */
bool contrast_propose(struct contrast *contrast, const float *scores, size_t k);

/** Candidate number i was read after the text. In any order; of equals the likelier one is best. */
void contrast_try(struct contrast *contrast, size_t i, const float *hidden, const float *logits);

/** All were tried: the text goes on with the best, whose logits are those after it now. False: out
 *  of memory. */
bool contrast_take(struct contrast *contrast);

#endif
