/**
 * stop.h - stop strings: the text ends where one of them appears, however the tokens cut it.
 *
 * Text is looked at byte by byte, so the same text gives the same result whatever pieces it
 * comes in. The match that is complete first ends the text; of several complete at the same
 * byte the longest counts. The text before the match passes, the match itself never does:
 * bytes that may still become a stop string are held back until that is decided.
 *
 * Each string is matched with the algorithm of Knuth, Morris and Pratt (1977): its state is the
 * length of the longest prefix of the string that the text so far ends with. The longest of
 * these over all strings is exactly what has to be held back.
 */
#ifndef GENERATE_STOP_H
#define GENERATE_STOP_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

struct stop_string {
    char *bytes;
    size_t n;
    /** fallback[i]: length of the longest proper prefix that the first i+1 bytes end with */
    size_t *fallback;
};

/** The stop strings of a job, shared by its sequences. Start from {0}. */
struct stop_set {
    struct stop_string *strings;
    size_t n;
};

/** Copy n stop strings; an empty one is GEN_BAD_ARGUMENT. Release also after a failure. */
enum gen_status stop_set_init(struct stop_set *set, const char *const *strings, size_t n,
                              struct gen_error *err);
void stop_set_release(struct stop_set *set);

/** How far the text of one sequence has got into each string of a set. */
struct stop_match {
    size_t *matched;       /**< per string: its bytes that the text ends with */
    struct gen_bytes held; /**< end of the text that may still become a stop string */
};

/** Start of a text. False: out of memory. Release also after a failure. */
bool stop_match_init(struct stop_match *match, const struct stop_set *set);
/** The same text so far. False: out of memory. Release also after a failure. */
bool stop_match_clone(struct stop_match *match, const struct stop_match *from,
                      const struct stop_set *set);
void stop_match_release(struct stop_match *match);

/**
 * Add n bytes of text and append to `out` what is certain not to be part of a stop string. If
 * one is complete, *found is true, and `out` has all the text before it; bytes after it are
 * dropped. Nothing may be added after that. False: out of memory.
 */
bool stop_match_push(struct stop_match *match, const struct stop_set *set, const char *bytes,
                     size_t n, struct gen_bytes *out, bool *found);

/** The text ends here: append what was held back. False: out of memory. */
bool stop_match_flush(struct stop_match *match, struct gen_bytes *out);

#endif
