/**
 * regex_parts.h - what the two files of the parser of regular expressions share.
 */
#ifndef CONSTRAIN_REGEX_PARTS_H
#define CONSTRAIN_REGEX_PARTS_H

#include "constrain/char_sets.h"
#include "constrain/regex/regex.h"

/** A general category that was asked for: to find one all code points are looked at. */
struct regex_category {
    const char *name; /**< in the text */
    size_t n;
    struct char_set set;
};

struct regex {
    struct syntax *syntax;
    const char *text;
    size_t n, at;
    size_t depth; /**< groups that are open */
    regex_spelling spell;
    bool search;
    struct regex_category *categories; /**< [n_categories] */
    size_t n_categories, categories_capacity;
    struct gen_error *err;
};

/** GEN_BAD_ARGUMENT, with where it is. */
enum gen_status regex_wrong(struct regex *regex, const char *what);
/** Whether these bytes come next. */
bool regex_is(const struct regex *regex, const char *spelling);
/** regex_chars.c: a code point, an escape, a class or "." */
enum gen_status regex_parse_chars(struct regex *regex, uint32_t *node);

#endif
