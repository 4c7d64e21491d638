/**
 * forced_words.h - words that must come: how far a text is with them, and which ids bring it
 * further. As transformers 4.56 has it (force_words_ids): the prompt counts; a text that leaves a
 * word in the middle begins it anew, with the id after the one that did not fit; words come one
 * after the other, in any order.
 */
#ifndef GENERATE_FORCED_WORDS_H
#define GENERATE_FORCED_WORDS_H

#include "gen.h"

/** An id that brings a text closer to its words. */
struct forced_advance {
    int32_t id;
    float score; /**< of the text with the id; the caller's */
    size_t bank; /**< how far it is then: greater is further */
};

/** Start from {0}; memory is kept from one text to the next. */
struct forced_advances {
    struct forced_advance *data;
    size_t n, capacity;
};
void forced_advances_release(struct forced_advances *list);

/** Check the words of options: GEN_BAD_ARGUMENT says which is none. */
enum gen_status forced_words_check(const struct gen_generate_options *options, const int32_t *eos,
                                   size_t n_eos, int32_t n_vocab, struct gen_error *err);

/** A copy of words, to be released by the number that it has; NULL: out of memory, or n is 0. */
struct gen_force_words *forced_words_copy(const struct gen_force_words *words, size_t n);
void forced_words_release(struct gen_force_words *words, size_t n);

/** How far a text is. */
struct forced_progress {
    size_t bank;
    bool complete;
};

/**
 * How far the n ids of a text are with the words of options, which are checked. `advances` are the
 * ids that bring it further, those of the first word first; NULL: nobody asks. False: out of
 * memory.
 */
bool forced_words_read(struct forced_progress *progress, struct forced_advances *advances,
                       const struct gen_generate_options *options, const int32_t *ids, size_t n);

#endif
