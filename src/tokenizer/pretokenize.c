/**
 * pretokenize.c - GPT-2's pattern for words, matched by hand one word at a time, and the kinds of
 * characters it tells apart (utf8proc). What becomes of the word is bpe.c's or word_count.c's
 * affair.
 */
#include "tokenizer/pretokenize.h"

#include <utf8proc.h>

#include "base/bytes.h"

/* The kinds of characters the pattern tells apart. */
enum kind { OTHER = 'o', SPACE = 's', LETTER = 'L', NUMBER = 'N' };

/* Kind of each ASCII character, a row for each high digit. */
static const char ascii_kind[] = "ooooooooosssssoo"  /* tab, newline, ... return */
                                 "oooooooooooooooo"  /* the separators 1C-1F are no white space */
                                 "sooooooooooooooo"  /* space and punctuation */
                                 "NNNNNNNNNNoooooo"  /* digits */
                                 "oLLLLLLLLLLLLLLL"  /* A ... */
                                 "LLLLLLLLLLLooooo"  /* ... Z */
                                 "oLLLLLLLLLLLLLLL"  /* a ... */
                                 "LLLLLLLLLLLooooo"; /* ... z */

static enum kind kind_of_codepoint(uint32_t codepoint) {
    switch (utf8proc_category((utf8proc_int32_t)codepoint)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
        return LETTER;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
        return NUMBER;
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return SPACE;
    default:
        return codepoint == 0x85 ? SPACE : OTHER;
    }
}

/* Kind of the character at the start of n > 0 bytes; *length gets its length. */
static inline enum kind kind_at(const unsigned char *text, size_t n, size_t *length) {
    *length = 1;
    if (text[0] < 0x80) {
        return (enum kind)ascii_kind[text[0]];
    }
    uint32_t codepoint = 0;
    int found = bytes_utf8(text, n, &codepoint);
    if (found <= 0) {
        return OTHER;
    }
    *length = (size_t)found;
    return kind_of_codepoint(codepoint);
}

bool pretokenize_is_space(uint32_t codepoint) {
    return (codepoint < 0x80 ? (enum kind)ascii_kind[codepoint] : kind_of_codepoint(codepoint)) ==
           SPACE;
}

/* End of the run of characters of one kind from `at` on; *last gets where its last begins. */
static size_t run_end(const unsigned char *text, size_t n, size_t at, enum kind kind,
                      size_t *last) {
    while (at < n) {
        size_t length = 1;
        enum kind found = kind_at(text + at, n - at, &length);
        if (found != kind) {
            break;
        }
        *last = at;
        at += length;
    }
    return at;
}

/* Length of the contraction at the start of n bytes that begin with an apostrophe, or 0. */
static size_t contraction(const unsigned char *text, size_t n) {
    if (n < 2) {
        return 0;
    }
    switch (text[1]) {
    case 's':
    case 't':
    case 'm':
    case 'd':
        return 2;
    case 'r':
    case 'v':
        return n > 2 && text[2] == 'e' ? 3 : 0;
    case 'l':
        return n > 2 && text[2] == 'l' ? 3 : 0;
    default:
        return 0;
    }
}

size_t pretokenize_word(const char *text, size_t n) {
    const unsigned char *bytes = (const unsigned char *)text;
    size_t last = 0;
    size_t length = 0;
    if (bytes[0] == '\'') {
        length = contraction(bytes, n);
        if (length > 0) {
            return length;
        }
    }
    size_t before = bytes[0] == ' ' && n > 1 ? 1 : 0;
    enum kind kind = kind_at(bytes + before, n - before, &length);
    if (kind != SPACE) {
        return run_end(bytes, n, before + length, kind, &last);
    }

    size_t end = run_end(bytes, n, 0, SPACE, &last);
    return end == n || last == 0 ? end : last;
}
