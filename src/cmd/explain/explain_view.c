/**
 * explain_view.c - what all forms of an explanation need: tokens as texts that can be seen, names
 * of parts, sums.
 */
#include "cmd/explain/explain_view.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/printable.h"
#include "cli/alloc.h"

double explain_bits(const struct gen_explanation *explanation, size_t t) {
    return -(double)explanation->logprobs[t] / log(2.0);
}

double explain_all_bits(const struct gen_explanation *explanation) {
    double bits = 0.0;
    for (size_t t = 1; t < explanation->n; t++) {
        bits += explain_bits(explanation, t);
    }
    return bits;
}

double explain_perplexity(const struct gen_explanation *explanation) {
    size_t n = explanation->n - 1;
    return n == 0 ? (double)NAN : exp2(explain_all_bits(explanation) / (double)n);
}

const char *explain_piece(const struct explain_view *view, int32_t id, size_t *n) {
    *n = 0;
    return view->tokenizer != NULL ? gen_tokenizer_piece(view->tokenizer, id, n) : "";
}

const char *explain_part_name(struct explain_part_name *name, const struct gen_explain_part *part) {
    switch (part->kind) {
    case GEN_PART_EMBEDDING:
        return strcpy(name->text, "embedding");
    case GEN_PART_BIAS:
        return strcpy(name->text, "last norm's bias");
    case GEN_PART_ROUNDING:
        return strcpy(name->text, "rounding");
    case GEN_PART_ATTENTION:
    case GEN_PART_MLP:
        break;
    }
    snprintf(name->text, sizeof name->text, "layer %d %s", (int)part->layer,
             part->kind == GEN_PART_ATTENTION ? "attention" : "MLP");
    return name->text;
}

/* ---- a token on a terminal -------------------------------------------------------------------*/

static size_t put(struct gen_bytes *out, const char *text, size_t columns) {
    alloc_append(out, text, strlen(text));
    return columns;
}

static size_t put_number(struct gen_bytes *out, const char *format, unsigned number) {
    char text[20];
    snprintf(text, sizeof text, format, number);
    return put(out, text, strlen(text));
}

/* A character of `length` bytes. */
static size_t put_character(struct gen_bytes *out, const char *bytes, size_t length,
                            utf8proc_int32_t character, bool is_first) {
    if (character == ' ') {
        return put(out, "\xc2\xb7", 1); /* middle dot */
    }
    if (character == '\n') {
        return put(out, "\xe2\x86\xb5", 1); /* an arrow as on the key */
    }
    if (character < 0x20 || character == 0x7f) {
        char caret[3] = {'^', (char)(character ^ 0x40), '\0'};
        return put(out, caret, 2);
    }
    int width = utf8proc_charwidth(character);
    if (!printable_is((uint32_t)character) || width < 0) {
        return put_number(out, "<U+%04X>", (unsigned)character);
    }
    if (width == 0 && is_first) {
        put(out, "\xe2\x97\x8c", 0); /* a circle for it to stand on */
        width = 1;
    }
    alloc_append(out, bytes, length);
    return (size_t)width;
}

size_t explain_show_token(struct gen_bytes *out, const struct explain_view *view, int32_t id,
                          size_t most) {
    size_t n, columns = 0;
    const char *piece = explain_piece(view, id, &n);
    if (n == 0) {
        return put_number(out, "#%u", (unsigned)id);
    }
    for (size_t at = 0; at < n;) {
        if (columns >= most) {
            return columns + put(out, "...", 3);
        }
        utf8proc_int32_t character;
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)piece + at,
                                                   (utf8proc_ssize_t)(n - at), &character);
        if (length < 1) {
            columns += put_number(out, "<%02X>", (unsigned char)piece[at]);
            at++;
        } else {
            columns += put_character(out, piece + at, (size_t)length, character, at == 0);
            at += (size_t)length;
        }
    }
    return columns;
}
