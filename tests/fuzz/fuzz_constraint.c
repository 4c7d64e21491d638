/**
 * fuzz_constraint.c - libFuzzer entry: the first byte chooses what the others are, a regular
 * expression, a grammar, a JSON schema or choices; a text is drawn from the masks, each token of
 * which must be taken, and what can go on can also end.
 */
#include <stdlib.h>

#include "fuzz.h"

#define N_TOKENS 12

static const struct gen_pieces *all_pieces(void) {
    static struct gen_pieces *pieces;
    if (pieces == NULL) {
        struct gen_tokenizer *tokenizer = NULL;
        if (gen_tokenizer_open(&tokenizer, FUZZ_MODEL, NULL) != GEN_OK ||
            gen_pieces_new(&pieces, tokenizer, NULL) != GEN_OK) {
            abort();
        }
    }
    return pieces;
}

/* The n-th token of a mask, counted around; -1: it has none. */
static int32_t choose(const uint64_t *mask, size_t n_vocab, unsigned n) {
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < n_vocab; i++) {
            size_t id = (i + n * 37u) % n_vocab;
            if ((mask[id / 64] >> (id % 64) & 1) != 0) {
                return (int32_t)id;
            }
        }
    }
    return -1;
}

static void draw(struct gen_constraint *constraint, const uint8_t *data, size_t size) {
    struct gen_matcher *matcher = NULL;
    if (gen_matcher_new(&matcher, constraint, NULL) != GEN_OK) {
        return;
    }
    for (size_t i = 0; i < N_TOKENS; i++) {
        const uint64_t *mask = gen_matcher_mask(matcher);
        if (mask == NULL) {
            break; /* over its bound of memory */
        }
        int32_t id = choose(mask, gen_constraint_n_vocab(constraint), i < size ? data[i] : 0);
        if (id < 0) {
            if (!gen_matcher_may_end(matcher)) {
                abort();
            }
            break;
        }
        enum gen_status status = gen_matcher_accept(matcher, id, NULL);
        if (status == GEN_NO_MEMORY || status == GEN_CONTEXT_FULL) {
            break;
        }
        if (status != GEN_OK) {
            abort();
        }
    }
    gen_matcher_free(matcher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_constraint *constraint = NULL;
    struct gen_error err = {0};
    enum gen_status status;
    if (size < 1) {
        return 0;
    }
    const struct gen_pieces *pieces = all_pieces();
    const char *text = (const char *)data + 1;
    size_t n = size - 1;
    switch (data[0] % 4) {
    case 0:
        status = gen_constraint_new_regex(&constraint, pieces, "fuzz", text, n, &err);
        break;
    case 1:
        status = gen_constraint_new_grammar(&constraint, pieces, "fuzz", text, n, &err);
        break;
    case 2:
        status = gen_constraint_new_json_schema(&constraint, pieces, "fuzz", text, n, &err);
        break;
    default:
        status = gen_constraint_new_choices(&constraint, pieces, "fuzz", text, n, &err);
        break;
    }
    if (status != GEN_OK) {
        fuzz_check_error(&err);
        if (constraint != NULL) {
            abort();
        }
        return 0;
    }
    draw(constraint, data, size);
    gen_constraint_free(constraint);
    return 0;
}
