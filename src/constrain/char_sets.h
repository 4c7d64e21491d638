/**
 * char_sets.h - sets of code points as they are put together from ranges and named ones.
 */
#ifndef CONSTRAIN_CHAR_SETS_H
#define CONSTRAIN_CHAR_SETS_H

#include "constrain/syntax.h"

/** Start from {0}. */
struct char_set {
    struct syntax_range *ranges;
    size_t n, capacity;
    bool no_memory;
};

void char_set_release(struct char_set *set);
void char_set_add(struct char_set *set, uint32_t low, uint32_t high);
/** All that are not in `other`. */
void char_set_add_others(struct char_set *set, struct char_set *other);
/** What \d, \w or \s is, or \D, \W, \S; false: another letter. */
bool char_set_add_escape(struct char_set *set, uint32_t letter);
/** A general category of Unicode: "L", "Lu", "Letter", ...; false: no such name. */
bool char_set_add_category(struct char_set *set, const char *name, size_t n);

#endif
