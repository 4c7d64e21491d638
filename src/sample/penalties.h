/**
 * penalties.h - the processors: what a sequence's own past and the user's wishes do to its
 * logits, before anything is drawn. They apply to greedy decoding too.
 *
 * In this order, each over the result of the one before (transformers' names in brackets):
 *   logit bias [sequence_bias]       score + bias
 *   repetition penalty               each id of prompt and new text once: a negative score is
 *                                    multiplied by the penalty, any other divided by it
 *   presence and frequency (OpenAI)  score - (n * frequency + presence) for an id that was
 *                                    generated n > 0 times; the prompt does not count
 *   no-repeat n-gram                 -infinity for an id that would complete an n-gram which
 *                                    prompt and new text already contain
 *   bad words [bad_words_ids]        -infinity for an id that would complete one; a word longer
 *                                    than the text so far does not apply, and an eos alone is
 *                                    never a bad word, as in transformers
 *   minimum length                   -infinity for every eos while the text is too short
 */
#ifndef SAMPLE_PENALTIES_H
#define SAMPLE_PENALTIES_H

#include <stdint.h>

#include "gen.h"
#include "sample/history.h"

/** Apply all to scores[n_vocab]; options are checked; eos: all ids that end a text. */
void penalties_apply(float *scores, const struct gen_sampling *options,
                     const struct history *history, const struct gen_ids *eos);

#endif
