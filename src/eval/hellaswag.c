/**
 * hellaswag.c - the texts of HellaSwag.
 */
#include "eval/hellaswag.h"

#include <string.h>
#include <utf8proc.h>

#include "base/error.h"
#include "eval/blanks.h"
#include "eval/question.h"

#define TITLE " [title]"

static bool begins(const char *text, size_t n, const char *with) {
    return n >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* Where the first bracket that closes is in text[from ... n-1], or the first line's end. */
static size_t find_end(const char *text, size_t from, size_t n) {
    while (from < n && text[from] != ']' && text[from] != '\n') {
        from++;
    }
    return from;
}

/* Titles become the end of a sentence. */
static bool replace_titles(struct gen_bytes *out, const char *text, size_t n) {
    bool good = true;
    for (size_t i = 0; i < n && good;) {
        bool is_title = begins(text + i, n - i, TITLE);
        good = is_title ? gen_bytes_append(out, ". ", 2) == GEN_OK
                        : gen_bytes_append(out, text + i, 1) == GEN_OK;
        i += is_title ? strlen(TITLE) : 1;
    }
    return good;
}

/* Drop what begins with a bracket and ends with the next one that closes, on one line. Many that
 * open share an end, which is looked for once. */
static bool drop_brackets(struct gen_bytes *out, const char *text, size_t n) {
    bool good = true;
    size_t end = 0;
    for (size_t i = 0; i < n && good; i++) {
        end = text[i] == '[' && end <= i ? find_end(text, i, n) : end;
        if (text[i] == '[' && end < n && text[end] == ']') {
            i = end;
        } else {
            good = gen_bytes_append(out, text + i, 1) == GEN_OK;
        }
    }
    return good;
}

static bool halve_blanks(struct gen_bytes *out, const char *text, size_t n) {
    bool good = true;
    for (size_t i = 0; i < n && good; i++) {
        good = gen_bytes_append(out, text + i, 1) == GEN_OK;
        i += begins(text + i, n - i, "  ") ? 1 : 0;
    }
    return good;
}

bool hellaswag_preprocess(struct gen_bytes *out, const char *text, size_t n) {
    struct gen_bytes titled = {0};
    struct gen_bytes dropped = {0};
    size_t first = blanks_before(text, n);
    bool good =
        replace_titles(&titled, text + first, blanks_without_end(text + first, n - first)) &&
        drop_brackets(&dropped, titled.data, titled.n) &&
        halve_blanks(out, dropped.data, dropped.n);
    gen_bytes_release(&titled);
    gen_bytes_release(&dropped);
    return good;
}

/* As Python's str.capitalize(), but for letters that become several. */
static bool capitalize(struct gen_bytes *out, const char *text) {
    const utf8proc_uint8_t *at = (const utf8proc_uint8_t *)text;
    bool good = true;
    bool is_first = true;
    while (*at != '\0' && good) {
        utf8proc_int32_t c;
        utf8proc_uint8_t bytes[4];
        at += utf8proc_iterate(at, -1, &c); /* JSON is UTF-8 */
        c = is_first ? utf8proc_totitle(c) : utf8proc_tolower(c);
        utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
        good = gen_bytes_append(out, (const char *)bytes, (size_t)n) == GEN_OK;
        is_first = false;
    }
    return good;
}

enum gen_status hellaswag_context(struct gen_bytes *out, const cJSON *record,
                                  struct gen_error *err) {
    const char *label = question_text(record, "activity_label", err);
    const char *a = label != NULL ? question_text(record, "ctx_a", err) : NULL;
    const char *b = a != NULL ? question_text(record, "ctx_b", err) : NULL;
    struct gen_bytes text = {0};
    if (b == NULL) {
        return GEN_BAD_FILE;
    }
    bool good = gen_bytes_append(&text, label, strlen(label)) == GEN_OK &&
                gen_bytes_append(&text, ": ", 2) == GEN_OK &&
                gen_bytes_append(&text, a, strlen(a)) == GEN_OK &&
                gen_bytes_append(&text, " ", 1) == GEN_OK && capitalize(&text, b) &&
                hellaswag_preprocess(out, text.data, text.n);
    gen_bytes_release(&text);
    return good ? GEN_OK : error_no_memory(err, "a question");
}
