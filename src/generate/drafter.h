/**
 * drafter.h - guesses what follows a text, to be checked in one pass.
 *
 * Reading a few ids in one pass takes hardly more time than reading one, when a batch has few rows,
 * since it is reading the weights that takes the time. So guessed ids are put after the last one as
 * a draft, and one pass gives the logits after each of them. The decoder takes these in order, as
 * if they had come one by one; where it comes to what the draft says the next logits are there
 * already, at the first difference the rest is thrown away. The draft has no say in what is drawn,
 * so the text is the same with and without it (speculative decoding, Leviathan and others 2023).
 *
 * A drafter keeps what it knows of a text by the slot of the text.
 */
#ifndef GENERATE_DRAFTER_H
#define GENERATE_DRAFTER_H

#include "generate/sequence.h"

/** Longest draft. */
#define DRAFT_MOST 8

struct drafter {
    void *context;
    /** A text has taken a slot. */
    void (*seat)(void *context, int32_t slot, const struct sequence *sequence);
    /** Guess at most n_most ids, and at most DRAFT_MOST, that follow the text; returns how many. */
    size_t (*draft)(void *context, int32_t slot, const struct sequence *sequence, size_t n_most,
                    int32_t draft[DRAFT_MOST]);
    /** Of its last draft, which had some, so many ids came true. */
    void (*learn)(void *context, int32_t slot, size_t n_accepted);
    void (*free)(void *context);
};

/** Looks up what followed before (drafter_lookup.c). False: out of memory, and *drafter is {0}. */
bool drafter_lookup_init(struct drafter *drafter, size_t n_slots);
/** Nothing for {0}. */
void drafter_release(struct drafter *drafter);

#endif
