/**
 * test_constraint_rule.c - a constraint among the rules of a sampler: it holds for new ids alone,
 * an eos comes where the text may end and nowhere else, copies go on by themselves, a dead end is
 * named.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "constraint_fixture.h"
#include "sample/sampler.h"

enum { MOST_IDS = 1024 };

static float LOGITS[MOST_IDS];

static int32_t n_vocab(void) {
    return gen_tokenizer_n_vocab(constraint_fixture_tokenizer());
}

static int32_t eos(void) {
    return gen_tokenizer_eos(constraint_fixture_tokenizer());
}

/* A greedy sampler under a regular expression, which has no other user. */
static struct gen_sampler *under(const char *regex, struct gen_sampling sampling) {
    struct gen_sampler *sampler = NULL;
    assert_int_equal(gen_constraint_new_regex(&sampling.constraint, constraint_fixture_pieces(),
                                              "regex", regex, strlen(regex), NULL),
                     GEN_OK);
    sampling.temperature = 0;
    assert_int_equal(gen_sampler_new(&sampler, &sampling, n_vocab(), eos(), 1, 0, 0, NULL), GEN_OK);
    gen_constraint_free(sampling.constraint);
    return sampler;
}

/* Likes an id, then any other, the eos least. */
static const float *liking(int32_t id) {
    for (int32_t i = 0; i < n_vocab(); i++) {
        LOGITS[i] = i == id ? 2 : i == eos() ? -1 : 0;
    }
    return LOGITS;
}

static int32_t id_of(char byte) {
    struct gen_ids ids = {0};
    assert_int_equal(
        gen_tokenizer_encode(constraint_fixture_tokenizer(), &byte, 1, false, &ids, NULL), GEN_OK);
    int32_t id = ids.data[0];
    gen_ids_release(&ids);
    return id;
}

static int32_t next(struct gen_sampler *sampler, int32_t liked) {
    int32_t id = -1;
    assert_int_equal(gen_sampler_next(sampler, liking(liked), &id, NULL), GEN_OK);
    return id;
}

static void test_prompt_is_free(void **state) {
    (void)state;
    struct gen_sampler *sampler = under("ab", gen_sampling_default());
    const int32_t prompt[] = {id_of('x'), id_of('y'), eos()};
    assert_int_equal(gen_sampler_prompt(sampler, prompt, 3, NULL), GEN_OK);
    assert_int_equal(next(sampler, id_of('a')), id_of('a'));
    assert_int_equal(next(sampler, id_of('x')), id_of('b'));
    gen_sampler_free(sampler);
}

static void test_eos(void **state) {
    (void)state;
    struct gen_sampler *sampler = under("xx?", gen_sampling_default());
    float scores[MOST_IDS];
    assert_int_equal(gen_sampler_scores(sampler, liking(eos()), scores, NULL), GEN_OK);
    assert_true(isinf(scores[eos()]));
    assert_int_equal(next(sampler, eos()), id_of('x'));
    assert_int_equal(gen_sampler_scores(sampler, liking(id_of('q')), scores, NULL), GEN_OK);
    for (int32_t id = 0; id < n_vocab(); id++) {
        assert_int_equal(isfinite(scores[id]) != 0, id == eos() || id == id_of('x'));
    }
    assert_int_equal(next(sampler, id_of('x')), id_of('x'));
    assert_int_equal(next(sampler, id_of('x')), eos()); /* the only thing that can come */
    gen_sampler_free(sampler);
}

static void test_several_eos(void **state) {
    (void)state;
    struct gen_sampler *sampler = under("z", gen_sampling_default());
    const int32_t other = id_of('q');
    assert_int_equal(gen_sampler_add_eos(sampler, &other, 1, NULL), GEN_OK);
    assert_int_equal(next(sampler, other), id_of('z'));
    assert_int_equal(next(sampler, other), other);
    gen_sampler_free(sampler);
}

static void test_copies(void **state) {
    (void)state;
    struct gen_sampler *sampler = under("ab|cd", gen_sampling_default());
    struct gen_sampler *copy = sampler_clone(sampler);
    assert_int_equal(next(sampler, id_of('a')), id_of('a'));
    assert_int_equal(next(copy, id_of('c')), id_of('c'));
    assert_int_equal(next(sampler, id_of('d')), id_of('b'));
    assert_int_equal(next(copy, id_of('b')), id_of('d'));
    gen_sampler_free(copy);
    gen_sampler_free(sampler);
}

static void test_dead_end(void **state) {
    (void)state;
    struct gen_sampling sampling = gen_sampling_default();
    const struct gen_logit_bias bias = {id_of('a'), -INFINITY};
    sampling.logit_bias = &bias;
    sampling.n_logit_bias = 1;
    struct gen_sampler *sampler = under("a", sampling);
    struct gen_error err = {0};
    int32_t id = -1;
    assert_int_equal(gen_sampler_next(sampler, liking(0), &id, &err), GEN_BAD_ARGUMENT);
    assert_non_null(
        strstr(err.message, "the form of the text allows only what other options forbid"));
    gen_sampler_free(sampler);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompt_is_free), cmocka_unit_test(test_eos),
        cmocka_unit_test(test_several_eos),    cmocka_unit_test(test_copies),
        cmocka_unit_test(test_dead_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
