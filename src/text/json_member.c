/**
 * json_member.c - where the values of an object lie in its text. It trusts that the text is JSON,
 * as json.c has found; but no text makes it look past its end.
 */
#include "text/json_member.h"

#include <string.h>

#include "text/json_quote.h"
#include "text/lines.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_blanks(const char *text, size_t n, size_t at) {
    while (at < n && is_blank(text[at])) {
        at++;
    }
    return at;
}

/* From the quote that a string begins with to after the one that it ends with. */
static size_t skip_string(const char *text, size_t n, size_t at) {
    for (at++; at < n && text[at] != '"'; at++) {
        at += text[at] == '\\' ? 1 : 0;
    }
    return at < n ? at + 1 : n;
}

static size_t skip_value(const char *text, size_t n, size_t at) {
    size_t depth = 0;
    while (at < n) {
        char c = text[at];
        if (c == '"') {
            at = skip_string(text, n, at);
            if (depth == 0) {
                return at;
            }
            continue;
        }
        bool closes = c == '}' || c == ']';
        if (depth == 0 && (closes || c == ',' || is_blank(c))) {
            return at;
        }
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= closes ? 1 : 0;
        at++;
        if (closes && depth == 0) {
            return at;
        }
    }
    return at;
}

bool json_next_member(struct json_span *name, struct json_span *value, const char *text, size_t n,
                      size_t *at) {
    /* A brace or a comma, a name, a colon. */
    size_t i = skip_blanks(text, n, *at);
    if (i >= n || text[i] == '}') {
        return false;
    }
    i = skip_blanks(text, n, i + 1);
    if (i >= n || text[i] != '"') {
        return false;
    }
    size_t end = skip_string(text, n, i);
    *name = (struct json_span){text + i, end - i};
    i = skip_blanks(text, n, end);
    i = skip_blanks(text, n, i < n ? i + 1 : n);
    *at = skip_value(text, n, i);
    *value = (struct json_span){text + i, *at - i};
    return value->n > 0;
}

bool json_next_value(struct json_span *value, const char *text, size_t n, size_t *at) {
    struct json_span name;
    return json_next_member(&name, value, text, n, at);
}

/* Bytes of a string, without an escape among them, as they are to be shown. */
static enum gen_status append_shown(struct gen_bytes *out, const char *bytes, size_t n) {
    struct gen_bytes quoted = {0};
    enum gen_status status = json_quote(&quoted, bytes, n, JSON_ESCAPE_UNSEEN);
    if (status == GEN_OK) {
        status = gen_bytes_append(out, quoted.data + 1, quoted.n - 2);
    }
    gen_bytes_release(&quoted);
    return status;
}

/* A string of a value. */
static enum gen_status append_string(struct gen_bytes *out, const char *text, size_t n) {
    enum gen_status status = gen_bytes_append(out, "\"", 1);
    for (size_t at = 1; at + 1 < n && status == GEN_OK;) {
        const char *escape = memchr(text + at, '\\', n - 1 - at);
        size_t n_plain = escape != NULL ? (size_t)(escape - text) - at : n - 1 - at;
        status = append_shown(out, text + at, n_plain);
        at += n_plain;
        if (status == GEN_OK && escape != NULL) {
            status = gen_bytes_append(out, escape, 2);
            at += 2;
        }
    }
    return status == GEN_OK ? gen_bytes_append(out, "\"", 1) : status;
}

enum gen_status json_append_value(struct gen_bytes *out, const struct json_span *value) {
    size_t n_before = out->n;
    enum gen_status status = GEN_OK;
    for (size_t at = 0; at < value->n && status == GEN_OK;) {
        size_t end = at + 1;
        if (value->bytes[at] == '"') {
            end = skip_string(value->bytes, value->n, at);
            status = append_string(out, value->bytes + at, end - at);
        } else if (!is_blank(value->bytes[at])) {
            status = gen_bytes_append(out, value->bytes + at, 1);
        }
        at = end;
    }
    if (out->n > n_before) {
        char *appended = out->data + n_before;
        text_mend_surrogates(appended, appended, out->n - n_before);
    }
    return status;
}
