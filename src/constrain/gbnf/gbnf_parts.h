/**
 * gbnf_parts.h - what the two files of the parser of grammars share.
 */
#ifndef CONSTRAIN_GBNF_PARTS_H
#define CONSTRAIN_GBNF_PARTS_H

#include "base/hash_table.h"
#include "constrain/gbnf/gbnf.h"

struct gbnf {
    struct syntax *syntax;
    const char *text;
    size_t n, at;
    size_t depth; /**< brackets that are open */
    const struct gen_tokenizer *tokenizer;
    struct hash_table names; /**< of rules */
    struct gen_error *err;
};

/** GEN_BAD_ARGUMENT, with the line. */
enum gen_status gbnf_wrong(struct gbnf *gbnf, const char *what);
/** Whether these bytes come next. */
bool gbnf_is(const struct gbnf *gbnf, const char *spelling);
/** gbnf_items.c: a text in quotes, a class, "." or a token. There is a byte to look at. */
enum gen_status gbnf_parse_item(struct gbnf *gbnf, uint32_t *node);

#endif
