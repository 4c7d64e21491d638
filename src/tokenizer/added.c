/**
 * added.c - added tokens in a text: found, with the white space that belongs to them, or passed
 * over as parts of words; and where a text may be cut without changing any of that.
 */
#include "tokenizer/added.h"

#include <utf8proc.h>

#include "base/bytes.h"
#include "base/size.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/tokenizer.h"

/* ---- characters around a token ---------------------------------------------------------------*/

/* The character before text + at, and its length; false where there is none. */
static bool char_before(const char *text, size_t at, uint32_t *codepoint, size_t *length) {
    for (size_t n = 1; n <= 4 && n <= at; n++) {
        int found = bytes_utf8((const unsigned char *)text + at - n, n, codepoint);
        if (found > 0 && (size_t)found == n) {
            *length = n;
            return true;
        }
    }
    return false;
}

/* The same of the character at `at`. */
static bool char_after(const char *text, size_t n, size_t at, uint32_t *codepoint, size_t *length) {
    int found = at < n ? bytes_utf8((const unsigned char *)text + at, n - at, codepoint) : 0;
    *length = found > 0 ? (size_t)found : 0;
    return found > 0;
}

/* Letters that Unicode counts as symbols: they are alphabetic, too. */
static bool is_letter_symbol(uint32_t c) {
    return (c >= 0x24B6 && c <= 0x24E9) || (c >= 0x1F130 && c <= 0x1F149) ||
           (c >= 0x1F150 && c <= 0x1F169) || (c >= 0x1F170 && c <= 0x1F189);
}

/* \w of Unicode's regular expressions: alphabetic, marks, decimal digits, connectors, joiners. */
static bool is_word(uint32_t c) {
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return c == 0x200C || c == 0x200D || is_letter_symbol(c);
    }
}

static bool is_single_word(const struct added_walk *walk, size_t begin, size_t end) {
    uint32_t c = 0;
    size_t length;
    return !(char_before(walk->text, begin, &c, &length) && is_word(c)) &&
           !(char_after(walk->text, walk->n, end, &c, &length) && is_word(c));
}

/* ---- finding ---------------------------------------------------------------------------------*/

/* The longest token at `at`, or -1. */
static int32_t token_at(const struct added_walk *walk, size_t at, size_t *length) {
    const struct vocab_added *added = walk->added;
    const bool *start = walk->special ? added->start : added->plain_start;
    return start[(unsigned char)walk->text[at]]
               ? vocab_added_at(walk->vocab, added, walk->text + at, walk->n - at, walk->special,
                                length)
               : -1;
}

static bool has_any(const struct added_walk *walk) {
    return walk->special ? walk->added->n > 0 : walk->added->n_plain > 0;
}

bool added_next(struct added_walk *walk, int32_t *id, size_t *begin, size_t *end) {
    uint32_t c = 0;
    size_t space;
    while (has_any(walk) && walk->at < walk->n) {
        size_t length = 1;
        size_t from = walk->at;
        int32_t found = token_at(walk, from, &length);
        walk->at += length;
        if (found < 0) {
            continue;
        }
        size_t to = walk->at;
        unsigned kind = walk->vocab->tokens[found].kind;
        if ((kind & TOKENIZER_SINGLE_WORD) != 0 && !is_single_word(walk, from, to)) {
            continue;
        }
        while ((kind & TOKENIZER_LSTRIP) != 0 && from > walk->taken &&
               char_before(walk->text, from, &c, &space) && pretokenize_is_space(c)) {
            from -= space;
        }
        while ((kind & TOKENIZER_RSTRIP) != 0 && char_after(walk->text, walk->n, to, &c, &space) &&
               pretokenize_is_space(c)) {
            to += space;
        }
        *id = found;
        *begin = from;
        *end = walk->taken = to;
        return true;
    }
    return false;
}

/* ---- cutting ---------------------------------------------------------------------------------*/

/* Whether the token [from, to) is the same one on one side of a cut at `at`. */
static bool is_whole(unsigned kind, size_t from, size_t to, size_t at) {
    return (to <= at || from >= at) && !((kind & TOKENIZER_LSTRIP) != 0 && from == at) &&
           !((kind & TOKENIZER_RSTRIP) != 0 && to + 1 == at) &&
           !((kind & TOKENIZER_SINGLE_WORD) != 0 && to == at);
}

static bool may_cut(const struct added_walk *walk, size_t at) {
    size_t longest = 0;
    for (size_t i = 0; i < walk->added->n; i++) {
        size_t n = walk->vocab->tokens[walk->added->ids[i]].n;
        longest = size_max(n, longest);
    }
    /* One that ends right before the newline in front of the cut counts, too. */
    for (size_t from = at > longest + 1 ? at - longest - 1 : 0; from <= at; from++) {
        size_t length;
        int32_t id = token_at(walk, from, &length);
        if (id >= 0 && !is_whole(walk->vocab->tokens[id].kind, from, from + length, at)) {
            return false;
        }
    }
    return true;
}

bool tokenizer_may_cut(const struct gen_tokenizer *tokenizer, const char *text, size_t n, size_t at,
                       bool special) {
    struct added_walk walk = {
        .vocab = tokenizer, .added = &tokenizer->first, .text = text, .n = n, .special = special};
    bool may = !has_any(&walk) || may_cut(&walk, at);
    walk.added = &tokenizer->late;
    return may && (!has_any(&walk) || may_cut(&walk, at));
}
