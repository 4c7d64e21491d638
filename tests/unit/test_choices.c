/**
 * test_choices.c - one of several answers: how probable each is against the log probabilities of
 * its ids, which is chosen, and that batches change nothing.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "gen.h"
#include "generate_job.h"

#define MODEL     "tests/golden/models/base"
#define N_CHOICES 5

static int32_t prompt_ids[] = {5, 17, 9, 41, 300};
static int32_t answers[N_CHOICES][4] = {{7}, {7, 8}, {100, 200, 300}, {9, 41, 5, 17}, {44, 1}};
static const size_t lengths[N_CHOICES] = {1, 2, 3, 4, 2};

static void set_choices(struct gen_ids choices[N_CHOICES]) {
    for (size_t i = 0; i < N_CHOICES; i++) {
        choices[i] = (struct gen_ids){.data = answers[i], .n = lengths[i]};
    }
}

/* The log probability of an id after these. */
static double log_probability(struct gen_session *session, const int32_t *ids, size_t n,
                              int32_t next) {
    struct gen_row rows[16];
    gen_session_truncate(session, 0, 0);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct gen_row){ids[i], 0, i + 1 == n};
    }
    assert_int_equal(gen_session_eval(session, rows, n, NULL), GEN_OK);
    const float *logits = gen_session_logits(session, n - 1);
    double sum = 0;
    for (int32_t i = 0; i < GENERATE_JOB_VOCAB; i++) {
        sum += exp((double)logits[i]);
    }
    return (double)logits[next] - log(sum);
}

static void expect(double probabilities[N_CHOICES], const struct gen_model *model) {
    struct gen_session_options options = gen_session_options_default();
    struct gen_session *session = NULL;
    double total = 0;
    assert_int_equal(gen_session_new(&session, model, &options, NULL), GEN_OK);
    for (size_t i = 0; i < N_CHOICES; i++) {
        int32_t ids[16];
        size_t n = N_OF(prompt_ids);
        memcpy(ids, prompt_ids, sizeof prompt_ids);
        double sum = 0;
        for (size_t j = 0; j < lengths[i]; j++) {
            sum += log_probability(session, ids, n, answers[i][j]);
            ids[n++] = answers[i][j];
        }
        probabilities[i] = exp(sum);
        total += probabilities[i];
    }
    for (size_t i = 0; i < N_CHOICES; i++) {
        probabilities[i] /= total;
    }
    gen_session_free(session);
}

/* ---- what is told of a text ------------------------------------------------------------------*/

struct told {
    size_t n, counts[N_CHOICES];
    float probabilities[N_CHOICES];
    size_t first; /* choice of the first text */
};

static bool on_end(void *context, const struct gen_result *result) {
    struct told *told = context;
    assert_null(result->error);
    assert_int_equal(result->n_choices, N_CHOICES);
    assert_true(result->choice < N_CHOICES);
    assert_int_equal(result->n_new_ids, lengths[result->choice]);
    assert_memory_equal(result->new_ids, answers[result->choice],
                        lengths[result->choice] * sizeof(int32_t));
    assert_int_equal(result->finish, GEN_FINISH_STOP);
    assert_int_equal(result->sequence, told->n);
    memcpy(told->probabilities, result->choice_probabilities, sizeof told->probabilities);
    told->counts[result->choice]++;
    told->first = told->n == 0 ? result->choice : told->first;
    told->n++;
    return true;
}

static bool next(void *context, struct gen_prompt *prompt) {
    bool *given = context;
    *prompt = (struct gen_prompt){.ids = prompt_ids, .n_ids = N_OF(prompt_ids)};
    bool is_first = !*given;
    *given = true;
    return is_first;
}

static void run(struct told *told, const struct gen_model *model, float temperature, int batch,
                int n_texts) {
    struct gen_ids choices[N_CHOICES];
    struct gen_generate_options options = gen_generate_options_default();
    bool given = false;
    struct gen_error err = {0};
    const struct gen_source source = {.context = &given, .next = next};
    const struct gen_sink sink = {.context = told, .end = on_end};
    set_choices(choices);
    options.choices = choices;
    options.n_choices = N_CHOICES;
    options.sampling.temperature = temperature;
    options.num_return_sequences = n_texts;
    options.batch = batch;
    options.seed = 11;
    *told = (struct told){0};
    if (gen_generate(model, &options, &source, &sink, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(told->n, n_texts);
}

static void test_probabilities(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(MODEL);
    double expected[N_CHOICES];
    struct told told, other;
    expect(expected, model);
    size_t best = 0;
    for (size_t i = 1; i < N_CHOICES; i++) {
        best = expected[i] > expected[best] ? i : best;
    }
    for (int batch = 1; batch < 12; batch += 3) {
        run(&told, model, 0, batch, 1);
        assert_int_equal(told.counts[best], 1);
        for (size_t i = 0; i < N_CHOICES; i++) {
            assert_true(fabs((double)told.probabilities[i] - expected[i]) < 1e-5);
        }
        if (batch == 1) {
            other = told;
        }
        assert_memory_equal(told.probabilities, other.probabilities, sizeof told.probabilities);
    }
    gen_model_free(model);
}

/* Each comes about as often as it is probable; with a temperature by its power. */
static void test_draw(void **state) {
    (void)state;
    struct gen_model *model = generate_job_model(MODEL);
    double expected[N_CHOICES];
    struct told told, other;
    expect(expected, model);
    for (int i = 1; i <= 2; i++) {
        double total = 0;
        for (size_t j = 0; j < N_CHOICES; j++) {
            total += pow(expected[j], i == 1 ? 1.0 : 0.25);
        }
        run(&told, model, i == 1 ? 1.0f : 4.0f, 3, 2000);
        run(&other, model, i == 1 ? 1.0f : 4.0f, 7, 2000);
        assert_memory_equal(told.counts, other.counts, sizeof told.counts);
        for (size_t j = 0; j < N_CHOICES; j++) {
            double share = pow(expected[j], i == 1 ? 1.0 : 0.25) / total;
            double error = 4 * sqrt(share * (1 - share) / 2000) + 0.001;
            assert_true(fabs((double)told.counts[j] / 2000 - share) < error);
        }
    }
    gen_model_free(model);
}

/* Records with choices between others; an answer longer than its limit is cut; what cannot be read
 * fails alone. */
static void test_records(void **state) {
    (void)state;
    struct gen_model *model = generate_job_poisoned("tests/golden/models/untied", 33);
    struct gen_ids choices[N_CHOICES], poisoned[2];
    int32_t poison[] = {33, 5};
    int32_t long_prompt[63] = {0};
    set_choices(choices);
    poisoned[0] = choices[0];
    poisoned[1] = (struct gen_ids){.data = poison, .n = 2};
    struct gen_generate_options with = gen_generate_options_default(), cut, bad;
    with.sampling.temperature = 0;
    with.choices = choices;
    with.n_choices = N_CHOICES;
    with.max_new_tokens = 4;
    cut = bad = with;
    cut.choices = &choices[3];
    cut.n_choices = 1;
    cut.max_new_tokens = 2;
    bad.choices = poisoned;
    bad.n_choices = 2;
    bad.num_return_sequences = 3;
    struct generate_job expected = {0};
    for (int batch = 1; batch < 9; batch += 2) {
        struct generate_job job = {.options = gen_generate_options_default(),
                                   .has_own_options = true};
        job.options.batch = batch;
        job.options.max_new_tokens = 5;
        job.options.ignore_eos = true;
        const struct gen_generate_options *options[] = {NULL, &with, &cut, &bad,
                                                        NULL, &with, &with};
        job.n_prompts = N_OF(options);
        for (size_t i = 0; i < N_OF(options); i++) {
            job.prompts[i] =
                (struct gen_prompt){.ids = prompt_ids, .n_ids = 1 + i % 5, .options = options[i]};
        }
        job.prompts[6].ids = long_prompt;
        job.prompts[6].n_ids = 63; /* the longest choice does not fit into 64 */
        generate_job_run_well(&job, model);
        assert_int_equal(job.n_failed, 2);
        assert_int_equal(job.n_texts, 7);
        assert_int_equal(job.texts[2].finish, GEN_FINISH_LENGTH);
        assert_int_equal(job.texts[2].ids.n, 2);
        assert_int_equal(job.texts[3].finish, GEN_FINISH_ERROR);
        assert_non_null(strstr(job.texts[6].message, "but the context holds 64"));
        if (batch == 1) {
            expected = job;
            continue;
        }
        generate_job_check_same(&job, &expected);
        generate_job_release(&job);
    }
    generate_job_release(&expected);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
