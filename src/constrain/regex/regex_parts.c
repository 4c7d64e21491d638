/**
 * regex_parts.c - where the parser of a regular expression is, and what it says of it.
 */
#include "constrain/regex/regex_parts.h"

#include "base/error.h"

enum gen_status regex_wrong(struct regex *regex, const char *what) {
    return error_set(regex->err, GEN_BAD_ARGUMENT, "at byte %zu: %s", regex->at, what);
}

bool regex_is(const struct regex *regex, const char *spelling) {
    size_t i = 0;
    while (spelling[i] != '\0' && regex->at + i < regex->n &&
           regex->text[regex->at + i] == spelling[i]) {
        i++;
    }
    return spelling[i] == '\0';
}
