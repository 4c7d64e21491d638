#include "tokenizer/pretokenize.h"

#include <stdbool.h>
#include <stdint.h>
#include <utf8proc.h>

#include "base/bytes.h"

/* The classes of characters the pattern tells apart. */
enum class { OTHER = 'o', SPACE = 's', LETTER = 'L', NUMBER = 'N' };

/* Class of each ASCII character, a row for each high digit. */
static const char ascii_class[] = "ooooooooosssssoo"  /* tab, newline, ... return */
                                  "oooooooooooooooo"  /* the separators 1C-1F are no white space */
                                  "sooooooooooooooo"  /* space and punctuation */
                                  "NNNNNNNNNNoooooo"  /* digits */
                                  "oLLLLLLLLLLLLLLL"  /* A ... */
                                  "LLLLLLLLLLLooooo"  /* ... Z */
                                  "oLLLLLLLLLLLLLLL"  /* a ... */
                                  "LLLLLLLLLLLooooo"; /* ... z */

static enum class class_of_codepoint(uint32_t codepoint) {
    switch (utf8proc_category((utf8proc_int32_t)codepoint)){
        case UTF8PROC_CATEGORY_LU : case UTF8PROC_CATEGORY_LL : case UTF8PROC_CATEGORY_LT : case
        UTF8PROC_CATEGORY_LM : case UTF8PROC_CATEGORY_LO : return LETTER;
        case UTF8PROC_CATEGORY_ND : case UTF8PROC_CATEGORY_NL : case
        UTF8PROC_CATEGORY_NO : return NUMBER;
        case UTF8PROC_CATEGORY_ZS : case UTF8PROC_CATEGORY_ZL : case
        UTF8PROC_CATEGORY_ZP : return SPACE;
        default : return codepoint == 0x85 ? SPACE : OTHER;
    }
}

/* Class of the character at the start of n > 0 bytes; *length gets its length. */
static enum class class_at(const unsigned char *text, size_t n, size_t *length) {
        *length = 1; if (text[0] < 0x80) return (enum class)ascii_class[text[0]];
        uint32_t codepoint = 0;
        int found = bytes_utf8(text, n, &codepoint);
        if (found <= 0) return OTHER;
        *length = (size_t)found;
        return class_of_codepoint(codepoint);
}

/* End of the run of characters of one class from `at` on; *last gets where its last begins. */
static size_t run_end(const unsigned char *text, size_t n, size_t at, enum class class,
                      size_t *last) {
    while (at < n) {
        size_t length = 1;
        enum class found = text[at] < 0x80 ? (enum class)ascii_class[text[at]]
                                           : class_at(text + at, n - at, &length);
        if (found != class) {
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
    enum class class = class_at(bytes + before, n - before, &length);
    if (class != SPACE) {
        return run_end(bytes, n, before + length, class, &last);
    }

    size_t end = run_end(bytes, n, 0, SPACE, &last);
    return end == n || last == 0 ? end : last;
}
