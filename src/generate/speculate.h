/**
 * speculate.h - prompt lookup: where a text repeats itself, guess how it goes on.
 *
 * A pass through the model costs about the same for one row as for a few, since it is reading
 * the weights that takes the time. So the ids that followed the last time the text was like
 * this are put after the last id as a draft, and one pass gives the logits after each of them.
 * The sampler draws from these in order, as if they had come one by one; where it draws what the
 * draft says the next logits are there already, at the first difference the rest is thrown away.
 * The draft has no say in what is drawn, so the text is the same with and without it.
 *
 * The method is prompt lookup decoding (Saxena 2023), a form of speculative decoding (Leviathan
 * et al. 2023) that needs no second model.
 */
#ifndef GENERATE_SPECULATE_H
#define GENERATE_SPECULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Longest draft. */
#define SPECULATE_MAX 8

/**
 * How well guessing went lately with one text. A draft is made where enough ids at the end of
 * the text have come together before; how many are enough grows with each draft that did not
 * come true at all, so that a text without repetition is soon left alone.
 */
struct speculation {
    size_t caution; /**< ids that have to match, beyond the least */
};

/**
 * Start guessing with a text. Where ids are drawn at random a text leaves the beaten track sooner
 * than where the likeliest is always taken, so guessing begins with caution (measured in
 * scripts/SPEED.md).
 */
struct speculation speculation_start(bool at_random);

/**
 * Guess at most n_most ids, and at most SPECULATE_MAX, that follow ids[n]; returns their number.
 */
size_t speculation_draft(int32_t draft[SPECULATE_MAX], const struct speculation *speculation,
                         const int32_t *ids, size_t n, size_t n_most);

/** Of a draft so many ids came true. */
void speculation_learn(struct speculation *speculation, size_t n_accepted);

#endif
