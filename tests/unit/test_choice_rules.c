/**
 * test_choice_rules.c - choices under bad words of ids and bad texts: one that has such in it gets
 * the probability 0, whatever the batch, and the others share it all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "constraint_fixture.h"
#include "gen.h"
#include "generate_job.h"

#define MODEL     "tests/golden/models/base"
#define N_CHOICES 4

static int32_t prompt_ids[] = {5, 17, 9};
static int32_t answers[N_CHOICES][3] = {{7}, {7, 8}, {100, 200, 300}, {41, 0, 0}};
static const size_t lengths[N_CHOICES] = {1, 2, 3, 1};

struct told {
    size_t n, choice;
    float probabilities[N_CHOICES];
    char message[GEN_MESSAGE_SIZE];
};

static bool on_end(void *context, const struct gen_result *result) {
    struct told *told = context;
    told->n++;
    if (result->error != NULL) {
        memcpy(told->message, result->error->message, sizeof told->message);
        return true;
    }
    told->choice = result->choice;
    assert_int_equal(result->n_choices, N_CHOICES);
    memcpy(told->probabilities, result->choice_probabilities, sizeof told->probabilities);
    return true;
}

static bool next(void *context, struct gen_prompt *prompt) {
    bool *given = context;
    *prompt = (struct gen_prompt){.ids = prompt_ids, .n_ids = N_OF(prompt_ids)};
    bool is_first = !*given;
    *given = true;
    return is_first;
}

static void run(struct told *told, const struct gen_model *model,
                const struct gen_sampling *sampling, int batch) {
    struct gen_ids choices[N_CHOICES];
    struct gen_generate_options options = gen_generate_options_default();
    bool given = false;
    const struct gen_source source = {.context = &given, .next = next};
    const struct gen_sink sink = {.context = told, .end = on_end};
    for (size_t i = 0; i < N_CHOICES; i++) {
        choices[i] = (struct gen_ids){.data = answers[i], .n = lengths[i]};
    }
    options.sampling = *sampling;
    options.sampling.temperature = 0;
    options.choices = choices;
    options.n_choices = N_CHOICES;
    options.batch = batch;
    *told = (struct told){0};
    assert_int_equal(gen_generate(model, &options, &source, &sink, NULL, NULL), GEN_OK);
    assert_int_equal(told->n, 1);
}

/* Those that are `allowed` have all of the probability, in the parts that they had before. */
static void check(const struct gen_model *model, const struct gen_sampling *sampling,
                  const bool allowed[N_CHOICES]) {
    struct told free, told;
    const struct gen_sampling none = gen_sampling_default();
    float sum = 0;
    run(&free, model, &none, 8);
    for (size_t i = 0; i < N_CHOICES; i++) {
        sum += allowed[i] ? free.probabilities[i] : 0;
    }
    for (int batch = 1; batch < 8; batch += 2) {
        run(&told, model, sampling, batch);
        for (size_t i = 0; i < N_CHOICES; i++) {
            float expected = allowed[i] ? free.probabilities[i] / sum : 0.0f;
            assert_float_equal(told.probabilities[i], expected, 1e-5f);
            assert_true(told.probabilities[i] <= told.probabilities[told.choice]);
        }
        assert_true(allowed[told.choice]);
    }
}

static void test_ids(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(MODEL);
    struct gen_sampling sampling = gen_sampling_default();
    int32_t words[][3] = {{9, 7, 8}, {300}, {5, 17, 9}, {17, 9, 100}, {41}};
    struct gen_ids bad[] = {{.data = words[0], .n = 3}, {.data = words[2], .n = 3}};
    sampling.bad_words = bad;
    sampling.n_bad_words = 2; /* begun by the prompt; within it */
    check(model, &sampling, (const bool[]){true, false, true, true});
    bad[1] = (struct gen_ids){.data = words[1], .n = 1};
    check(model, &sampling, (const bool[]){true, false, false, true});
    bad[0] = (struct gen_ids){.data = words[3], .n = 3};
    bad[1] = (struct gen_ids){.data = words[4], .n = 1};
    check(model, &sampling, (const bool[]){true, true, false, false});
    gen_model_free(model);
}

static void test_texts(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(MODEL);
    struct gen_sampling sampling = gen_sampling_default();
    struct told told;
    const char *texts[N_CHOICES];
    size_t n_bytes[N_CHOICES];
    static const int32_t first[] = {200, 41, 7};
    for (size_t i = 0; i < N_OF(first); i++) {
        texts[i] = gen_tokenizer_piece(constraint_fixture_tokenizer(), first[i], &n_bytes[i]);
    }
    assert_int_equal(gen_bad_texts_new(&sampling.bad_texts, constraint_fixture_pieces(), texts,
                                       n_bytes, 2, NULL),
                     GEN_OK);
    check(model, &sampling, (const bool[]){true, true, false, false});
    gen_bad_texts_free(sampling.bad_texts);
    assert_int_equal(gen_bad_texts_new(&sampling.bad_texts, constraint_fixture_pieces(), texts,
                                       n_bytes, 3, NULL),
                     GEN_OK);
    for (int batch = 1; batch < 8; batch += 2) {
        run(&told, model, &sampling, batch);
        assert_non_null(strstr(told.message, "every choice has a bad word in it"));
    }
    gen_bad_texts_free(sampling.bad_texts);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
