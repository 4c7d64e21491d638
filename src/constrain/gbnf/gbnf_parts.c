/**
 * gbnf_parts.c - where the parser of a grammar is, and what it says of it.
 */
#include "constrain/gbnf/gbnf_parts.h"

#include <string.h>

#include "base/error.h"

enum gen_status gbnf_wrong(struct gbnf *gbnf, const char *what) {
    size_t line = 1;
    for (size_t i = 0; i < gbnf->at && i < gbnf->n; i++) {
        line += gbnf->text[i] == '\n' ? 1 : 0;
    }
    return error_set(gbnf->err, GEN_BAD_ARGUMENT, "line %zu: %s", line, what);
}

bool gbnf_is(const struct gbnf *gbnf, const char *spelling) {
    size_t n = strlen(spelling);
    return gbnf->n - gbnf->at >= n && memcmp(gbnf->text + gbnf->at, spelling, n) == 0;
}
