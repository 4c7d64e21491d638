/**
 * suggest.h - what somebody meant who wrote a name that does not exist.
 */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

/**
 * The known names nearest to `written`, at most `max`, into `names`; returns their number.
 * One that differs in case or `_` for `-` alone is the only answer; else those that begin with
 * what was written; else the one that differs by the fewest typing errors (a letter too many, too
 * few, wrong, or two exchanged), if these are few for the length.
 */
size_t suggest(const char **names, size_t max, const char *written, const char *const *known,
               size_t n_known);

/** Typing errors, as above, between two names; long ones are compared by their beginnings. */
size_t suggest_distance(const char *written, const char *known);

#endif
