/**
 * regex.h - regular expressions, as ECMAScript writes them, as a tree of what a text may be. What
 * they may hold says gen_constraint.h.
 */
#ifndef CONSTRAIN_REGEX_H
#define CONSTRAIN_REGEX_H

#include "constrain/syntax.h"

/** How one code point of a set is spelled in the text: as itself, or within a JSON string. */
typedef uint32_t (*regex_spelling)(struct syntax *syntax, const struct syntax_range *ranges,
                                   size_t n, bool negated);

/**
 * The node of an expression of n bytes. `spell` NULL: code points are themselves. `search`: it is
 * enough that a part of the text matches, as far as ^ and $ do not bind its ends. Errors go on
 * after what the expression is called.
 */
enum gen_status regex_parse(uint32_t *node, struct syntax *syntax, const char *text, size_t n,
                            regex_spelling spell, bool search, struct gen_error *err);

#endif
