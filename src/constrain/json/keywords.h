/**
 * keywords.h - the keywords of JSON Schema.
 */
#ifndef CONSTRAIN_JSON_KEYWORDS_H
#define CONSTRAIN_JSON_KEYWORDS_H

#include "constrain/json/parts.h"

enum keyword_kind {
    KEYWORD_NOTE,    /* says nothing of values */
    KEYWORD_ELSE,    /* is heeded in another place */
    KEYWORD_COUNT,   /* a whole number, `at` of the shape: a lower bound */
    KEYWORD_LIMIT,   /* an upper bound */
    KEYWORD_SPECIAL, /* has a case of its own */
    KEYWORD_REFUSED  /* is not supported */
};

struct keyword {
    const char *name;
    enum keyword_kind kind;
    unsigned types; /* of values that it speaks of */
    size_t at;
};

/** NULL: there is none of this name. */
const struct keyword *json_keyword(const char *name);

#endif
