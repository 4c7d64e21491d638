/**
 * gbnf.h - grammars in llama.cpp's notation as a tree of what a text may be. What they may hold
 * says gen_constraint.h.
 */
#ifndef CONSTRAIN_GBNF_H
#define CONSTRAIN_GBNF_H

#include "constrain/syntax.h"

/** The rules of a grammar of n bytes, with that of "root" as the first. Names in `syntax` point
 * into the text. Errors go on after what the grammar is called. */
enum gen_status gbnf_parse(struct syntax *syntax, const char *text, size_t n,
                           const struct gen_tokenizer *tokenizer, struct gen_error *err);

#endif
