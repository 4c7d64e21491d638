/**
 * json_quote.c - escaping text for JSON: the one list of short escapes, and which characters become
 * one. Commas and brackets are for who writes a document: cli/json_out.c, format/tokenizer_write.c.
 */
#include "text/json_quote.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/printable.h"

/* The escape of a character below U+10000; its length. */
static size_t escape(char out[8], uint32_t character) {
    static const char letters[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (const char *letter = letters; *letter != '\0'; letter += 2) {
        if (character == (uint32_t)*letter) {
            out[0] = '\\';
            out[1] = letter[1];
            return 2;
        }
    }
    return (size_t)snprintf(out, 8, "\\u%04x", (unsigned)(character & 0xffff));
}

/* What to write for the character at the start of n > 0 bytes, and its length. *used: the bytes of
 * it. Where they are written as they are, that is `at` itself. */
static const char *written(char scratch[8], const char *at, size_t n, enum json_escapes escapes,
                           size_t *length, size_t *used) {
    const unsigned char byte = (unsigned char)*at;
    uint32_t character = byte;
    int bytes =
        escapes == JSON_ESCAPE_LEAST ? 1 : bytes_utf8((const unsigned char *)at, n, &character);
    *used = bytes > 0 ? (size_t)bytes : 1;
    if (bytes <= 0) {
        *length = 3;
        return "\xef\xbf\xbd";
    }
    bool plain = escapes == JSON_ESCAPE_LEAST ? byte >= 0x20 : printable_is(character);
    if (byte == '"' || byte == '\\' || !plain) {
        *length = escape(scratch, character);
        return scratch;
    }
    *length = *used;
    return at;
}

enum gen_status json_quote(struct gen_bytes *out, const char *bytes, size_t n,
                           enum json_escapes escapes) {
    enum gen_status status = gen_bytes_append(out, "\"", 1);
    for (size_t at = 0, used = 0; at < n && status == GEN_OK; at += used) {
        char scratch[8];
        size_t length = 0;
        const char *text = written(scratch, bytes + at, n - at, escapes, &length, &used);
        status = gen_bytes_append(out, text, length);
    }
    return status == GEN_OK ? gen_bytes_append(out, "\"", 1) : status;
}
