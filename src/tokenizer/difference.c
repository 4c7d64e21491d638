/**
 * difference.c - whether two tokenizers make the same ids: where a folder holds one in two forms,
 * the one that is not used is held against the other.
 */
#include <stdio.h>
#include <string.h>

#include "tokenizer/tokenizer.h"

/* TOKENIZER_LATE is left out: older files do not say it, and it hardly ever matters. */
static bool same_token(const struct gen_tokenizer *a, const struct gen_tokenizer *b, int32_t id) {
    size_t n_a = 0;
    size_t n_b = 0;
    const char *piece_a = gen_tokenizer_piece(a, id, &n_a);
    const char *piece_b = gen_tokenizer_piece(b, id, &n_b);
    return n_a == n_b && memcmp(piece_a, piece_b, n_a) == 0 &&
           ((tokenizer_kind(a, id) ^ tokenizer_kind(b, id)) & ~(unsigned)TOKENIZER_LATE) == 0;
}

static bool same_merge(const struct gen_tokenizer *a, const struct gen_tokenizer *b, size_t rank) {
    int32_t left_a, right_a, left_b, right_b;
    tokenizer_merge(a, rank, &left_a, &right_a);
    tokenizer_merge(b, rank, &left_b, &right_b);
    return left_a == left_b && right_a == right_b;
}

const char *tokenizer_difference(struct error_quoted *out, const struct gen_tokenizer *tokenizer,
                                 const struct gen_tokenizer *other) {
    int32_t n = gen_tokenizer_n_vocab(tokenizer);
    int32_t n_other = gen_tokenizer_n_vocab(other);
    size_t n_merges = tokenizer_n_merges(tokenizer);
    for (int32_t id = 0; id < n || id < n_other; id++) {
        if (!same_token(tokenizer, other, id)) {
            struct error_quoted quoted;
            size_t length = 0;
            const char *piece = gen_tokenizer_piece(tokenizer, id, &length);
            if (length == 0) {
                piece = gen_tokenizer_piece(other, id, &length);
            }
            error_quote(&quoted, piece, length);
            snprintf(out->text, sizeof out->text, "%s token %d, \"%.50s\"",
                     !tokenizer_has(other, id)       ? "lack"
                     : !tokenizer_has(tokenizer, id) ? "have besides"
                                                     : "have otherwise",
                     (int)id, quoted.text);
            return out->text;
        }
    }
    for (size_t rank = 0; rank < n_merges && rank < tokenizer_n_merges(other); rank++) {
        if (!same_merge(tokenizer, other, rank)) {
            snprintf(out->text, sizeof out->text, "have another merge %zu", rank);
            return out->text;
        }
    }
    if (tokenizer_n_merges(other) != n_merges) {
        snprintf(out->text, sizeof out->text, "have %zu merges, not %zu", tokenizer_n_merges(other),
                 n_merges);
        return out->text;
    }
    return NULL;
}
