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

#include "generate/text.h"

/** Longest draft. */
#define DRAFT_MOST 8

/** Drafts fill a pass up to so many rows: with more of them each row costs time of its own. */
#define DRAFT_ROWS 10

/** A guess at what follows a text that has a slot. */
struct draft {
    const struct text *text;
    size_t n_most; /**< ids that it may have, 1 ... DRAFT_MOST */
    size_t n;      /**< that it has; 0 until somebody knows some */
    int32_t ids[DRAFT_MOST];
};

struct drafter {
    void *context;
    /** A text has taken a slot. */
    void (*seat)(void *context, int32_t slot, const struct sequence *sequence);
    /** Guess for the texts of a pass, which has n_plain rows without drafts; a draft that has ids
     *  already stays as it is. */
    void (*draft)(void *context, struct draft *drafts, size_t n_drafts, size_t n_plain);
    /** Of a draft of its own, which has ids, so many came true. */
    void (*learn)(void *context, const struct draft *draft, size_t n_accepted);
    /** The pass, with n_drafted ids of its own drafts, took so long, or another pass without any,
     *  of which it was not asked perhaps; NULL: it does not want to know. */
    void (*passed)(void *context, size_t n_plain, size_t n_drafted, double seconds);
    /** Memory is short: let go of what it can do without. False: there is nothing. May be NULL. */
    bool (*forget)(void *context);
    void (*free)(void *context);
};

/** Looks up what followed before (drafter_lookup.c). False: out of memory, and *drafter is {0}. */
bool drafter_lookup_init(struct drafter *drafter, size_t n_slots);

/** What the first does not guess the second does (drafter_pair.c); both become the pair's. False:
 *  out of memory; both are freed, and *drafter is {0}. */
bool drafter_pair_init(struct drafter *drafter, struct drafter first, struct drafter second,
                       size_t n_slots);

/** Nothing for {0}. */
void drafter_release(struct drafter *drafter);

#endif
