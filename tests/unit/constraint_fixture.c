/**
 * constraint_fixture.c - what tests of constraints share.
 */
#include "constraint_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tokenizer_files.h"

const struct gen_tokenizer *constraint_fixture_tokenizer(void) {
    static struct gen_tokenizer *tokenizer;
    if (tokenizer == NULL) {
        tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    }
    return tokenizer;
}

const struct gen_pieces *constraint_fixture_pieces(void) {
    static struct gen_pieces *pieces;
    if (pieces == NULL) {
        assert_int_equal(gen_pieces_new(&pieces, constraint_fixture_tokenizer(), NULL), GEN_OK);
    }
    return pieces;
}

static struct gen_matcher *new_matcher(struct gen_constraint *constraint) {
    struct gen_matcher *matcher = NULL;
    assert_int_equal(gen_matcher_new(&matcher, constraint, NULL), GEN_OK);
    return matcher;
}

static bool allows_bytes(struct gen_constraint *constraint, const char *text, size_t n) {
    struct gen_matcher *matcher = new_matcher(constraint);
    bool allowed =
        gen_matcher_accept_bytes(matcher, text, n, NULL) == GEN_OK && gen_matcher_may_end(matcher);
    gen_matcher_free(matcher);
    return allowed;
}

static bool allows_tokens(struct gen_constraint *constraint, const char *text, size_t n) {
    struct gen_ids ids = {0};
    struct gen_matcher *matcher = new_matcher(constraint);
    assert_int_equal(
        gen_tokenizer_encode(constraint_fixture_tokenizer(), text, n, false, &ids, NULL), GEN_OK);
    bool allowed = true;
    for (size_t i = 0; i < ids.n && allowed; i++) {
        const uint64_t *mask = gen_matcher_mask(matcher);
        assert_non_null(mask);
        allowed = (mask[ids.data[i] / 64] >> (ids.data[i] % 64) & 1) != 0;
        assert_int_equal(gen_matcher_accept(matcher, ids.data[i], NULL) == GEN_OK, allowed);
    }
    allowed = allowed && gen_matcher_may_end(matcher);
    gen_ids_release(&ids);
    gen_matcher_free(matcher);
    return allowed;
}

bool constraint_fixture_allows(struct gen_constraint *constraint, const char *text, size_t n) {
    bool allowed = allows_bytes(constraint, text, n);
    assert_int_equal(allows_tokens(constraint, text, n), allowed);
    return allowed;
}

void constraint_fixture_check_mask(struct gen_matcher *matcher) {
    int32_t n = gen_tokenizer_n_vocab(constraint_fixture_tokenizer());
    const uint64_t *mask = gen_matcher_mask(matcher);
    assert_non_null(mask);
    for (int32_t id = 0; id < n; id++) {
        struct gen_matcher *copy = gen_matcher_clone(matcher);
        bool allowed = gen_matcher_accept(copy, id, NULL) == GEN_OK;
        if (allowed != ((mask[id / 64] >> (id % 64) & 1) != 0)) {
            fail_msg("token %d: the mask says %d, the token alone %d", (int)id, !allowed, allowed);
        }
        gen_matcher_free(copy);
    }
}

/* One of the tokens of a mask; -1: it has none. */
static int32_t draw(const uint64_t *mask, struct rng *rng) {
    int32_t n = gen_tokenizer_n_vocab(constraint_fixture_tokenizer()), count = 0, found = -1;
    for (int32_t id = 0; id < n; id++) {
        if ((mask[id / 64] >> (id % 64) & 1) != 0 && rng_double(rng) * ++count < 1) {
            found = id;
        }
    }
    return found;
}

bool constraint_fixture_draw(struct gen_constraint *constraint, struct rng *rng, size_t n,
                             bool check, struct gen_bytes *text) {
    struct gen_matcher *matcher = new_matcher(constraint);
    bool may_end = gen_matcher_may_end(matcher);
    for (size_t i = 0; i < n && !(may_end && rng_double(rng) < 0.2); i++) {
        if (check) {
            constraint_fixture_check_mask(matcher);
        }
        int32_t id = draw(gen_matcher_mask(matcher), rng);
        if (id < 0) {
            assert_true(may_end); /* whoever can go on can also finish */
            break;
        }
        assert_int_equal(gen_matcher_accept(matcher, id, NULL), GEN_OK);
        assert_int_equal(gen_tokenizer_decode(constraint_fixture_tokenizer(), &id, 1, text, NULL),
                         GEN_OK);
        may_end = gen_matcher_may_end(matcher);
    }
    gen_matcher_free(matcher);
    return may_end;
}
