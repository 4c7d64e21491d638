/**
 * json_quote.h - text as a JSON string.
 */
#ifndef TEXT_JSON_QUOTE_H
#define TEXT_JSON_QUOTE_H

#include <stddef.h>

#include "gen.h"

/** What becomes an escape. */
enum json_escapes {
    /** Only what must: `"`, `\` and control characters below U+0020. Other bytes stay, valid or
       not. */
    JSON_ESCAPE_LEAST,
    /** Also what printable_is() says must not be shown as it is; bytes that are not UTF-8 become
     *  U+FFFD. */
    JSON_ESCAPE_UNSEEN
};

/** Append n bytes as a string with its quotes. GEN_OK or GEN_NO_MEMORY. */
enum gen_status json_quote(struct gen_bytes *out, const char *bytes, size_t n,
                           enum json_escapes escapes);

#endif
