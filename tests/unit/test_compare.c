/**
 * test_compare.c - gen_compare: figures of two models held against each other are those of their
 * log-softmax in double precision by libm, computed here from whole rows of logits; a base that was
 * kept in a file gives the same to its 16 bits.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "format_fixture.h"
#include "gen_eval.h"

enum { N_CTX = 24, N_IDS = 24 * 9 + 5, MOST = 512, N_VOCAB = 512 };

struct pair {
    struct gen_model *base, *other;
    const char *directory;
    int32_t ids[N_IDS];
};

static struct gen_model *open_model(const char *path) {
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, path, NULL, &err), GEN_OK);
    return model;
}

/* A model, and itself in q4_0: alike, and other. */
static int setup(void **state) {
    static struct pair pair;
    struct gen_error err;
    struct gen_convert_options options = gen_convert_options_default();
    struct rng rng;
    pair.directory = fixture_directory_new();
    options.type = "q4_0";
    const char *path = fixture_path(pair.directory, "q.gguf");
    assert_int_equal(gen_convert("tests/golden/models/base", path, &options, &err), GEN_OK);
    pair.base = open_model("tests/golden/models/base");
    pair.other = open_model(path);
    rng_init(&rng, 3, 3);
    for (size_t i = 0; i < N_IDS; i++) {
        pair.ids[i] = (int32_t)(rng_float(&rng) * N_VOCAB);
    }
    *state = &pair;
    return 0;
}

static int teardown(void **state) {
    struct pair *pair = *state;
    gen_model_free(pair->base);
    gen_model_free(pair->other);
    fixture_directory_remove(pair->directory);
    return 0;
}

/* ---- the same figures, another way -----------------------------------------------------------*/

/* Log-softmax of all rows of n ids. */
static void log_softmax(const struct gen_model *model, const int32_t *ids, size_t n,
                        double (*out)[N_VOCAB]) {
    struct gen_session *session;
    struct gen_error err;
    struct gen_row rows[N_CTX];
    struct gen_session_options options = gen_session_options_default();
    options.n_threads = 1;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct gen_row){ids[i], 0, true};
    }
    assert_int_equal(gen_session_eval(session, rows, n, &err), GEN_OK);
    for (size_t i = 0; i < n; i++) {
        const float *logits = gen_session_logits(session, i);
        double sum = 0;
        for (size_t k = 0; k < N_VOCAB; k++) {
            sum += exp((double)logits[k]);
        }
        for (size_t k = 0; k < N_VOCAB; k++) {
            out[i][k] = (double)logits[k] - log(sum);
        }
    }
    gen_session_free(session);
}

struct expected {
    double kl[MOST], change[MOST];
    double logprob_base, logprob, same_top;
    size_t n;
};

static size_t greatest(const double *x) {
    size_t at = 0;
    for (size_t i = 1; i < N_VOCAB; i++) {
        at = x[i] > x[at] ? i : at;
    }
    return at;
}

static void expect(struct expected *e, const struct pair *pair, size_t begin, size_t end,
                   size_t from) {
    static double p[N_CTX][N_VOCAB], q[N_CTX][N_VOCAB];
    log_softmax(pair->base, pair->ids + begin, end - begin, p);
    log_softmax(pair->other, pair->ids + begin, end - begin, q);
    for (size_t i = from; i < end; i++) {
        size_t row = i - begin - 1;
        int32_t id = pair->ids[i];
        double kl = 0;
        for (size_t k = 0; k < N_VOCAB; k++) {
            kl += exp(p[row][k]) * (p[row][k] - q[row][k]);
        }
        e->kl[e->n] = kl;
        e->change[e->n++] = exp(q[row][id]) - exp(p[row][id]);
        e->logprob_base += p[row][id];
        e->logprob += q[row][id];
        e->same_top += greatest(p[row]) == greatest(q[row]);
    }
}

static int compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void near(double found, double wanted, double bound, const char *what) {
    if (!(fabs(found - wanted) <= bound)) {
        fail_msg("%s: %.9g, wanted %.9g", what, found, wanted);
    }
}

static void check(const struct gen_agreement *found, struct expected *e, double bound) {
    double kl = 0, change = 0, squares = 0, greatest_change = 0;
    size_t n = e->n;
    for (size_t i = 0; i < n; i++) {
        kl += e->kl[i] / (double)n;
        change += e->change[i] / (double)n;
        squares += e->change[i] * e->change[i] / (double)n;
        greatest_change = fmax(greatest_change, fabs(e->change[i]));
    }
    qsort(e->kl, n, sizeof *e->kl, compare_doubles);
    assert_int_equal(found->n, n);
    near(found->logprob_base / (double)n, e->logprob_base / (double)n, bound, "base");
    near(found->logprob / (double)n, e->logprob / (double)n, bound, "model");
    near(found->difference, (e->logprob - e->logprob_base) / (double)n, bound, "difference");
    near(found->same_top, e->same_top / (double)n, 1e-12, "same top");
    near(found->kl_mean, kl, bound, "mean KL");
    near(found->kl_greatest, e->kl[n - 1], bound, "greatest KL");
    double median = n % 2 == 1 ? e->kl[n / 2] : (e->kl[n / 2 - 1] + e->kl[n / 2]) / 2;
    near(found->kl_median, median, bound, "median KL");
    assert_true(found->kl_p99 >= found->kl_median && found->kl_p99 <= found->kl_greatest);
    near(found->change_mean, change, bound, "change");
    near(found->change_rms, sqrt(squares), bound, "change, root mean square");
    near(found->change_greatest, greatest_change, bound, "greatest change");
    assert_true(found->difference_stderr > 0 && found->kl_stderr > 0 && found->change_stderr > 0);
    assert_true(kl > 1e-4); /* else nothing is tested */
}

/* ---- tests -----------------------------------------------------------------------------------*/

static struct gen_agreement run(const struct pair *pair, const struct gen_base_file *file,
                                const struct gen_compare_options *options) {
    struct gen_agreement found;
    struct gen_error err;
    const struct gen_model *others[] = {pair->other};
    enum gen_status status = gen_compare(&found, file == NULL ? pair->base : NULL, file, others, 1,
                                         file == NULL ? pair->ids : NULL, N_IDS, options, &err);
    assert_int_equal(status, GEN_OK);
    return found;
}

static void test_windows(void **state) {
    const struct pair *pair = *state;
    struct gen_compare_options options = gen_compare_options_default();
    static struct expected e;
    options.n_ctx = N_CTX;
    options.n_threads = 2;
    for (size_t begin = 0; begin + 1 < N_IDS; begin += N_CTX) {
        expect(&e, pair, begin, size_min(begin + N_CTX, N_IDS), begin + 1);
    }
    struct gen_agreement found = run(pair, NULL, &options);
    check(&found, &e, 2e-6);
    options.n_threads = 1;
    options.kernels = "generic";
    struct gen_agreement again = run(pair, NULL, &options);
    assert_memory_equal(&found, &again, sizeof found);
}

static void test_kept_base(void **state) {
    const struct pair *pair = *state;
    struct gen_compare_options options = gen_compare_options_default();
    static struct expected e;
    options.n_ctx = N_CTX;
    options.convention = GEN_CONVENTION_LLAMA_CPP;
    const char *path = fixture_path(pair->directory, "base.kld");
    for (size_t begin = 0; begin + N_CTX <= N_IDS; begin += N_CTX) {
        expect(&e, pair, begin, begin + N_CTX, begin + N_CTX / 2 + 1);
    }
    struct gen_base_file *file;
    struct gen_error err;
    assert_int_equal(gen_base_writer_open(&options.save_base, path, &err), GEN_OK);
    struct gen_agreement found = run(pair, NULL, &options);
    check(&found, &e, 2e-6);
    gen_base_writer_free(options.save_base);

    size_t n;
    int32_t n_ctx;
    assert_int_equal(gen_base_file_open(&file, path, &err), GEN_OK);
    assert_memory_equal(gen_base_file_ids(file, &n, &n_ctx), pair->ids,
                        N_IDS / N_CTX * N_CTX * sizeof(int32_t));
    assert_int_equal(n, N_IDS / N_CTX * N_CTX);
    assert_int_equal(n_ctx, N_CTX);
    options.save_base = NULL;
    struct gen_agreement kept = run(pair, file, &options);
    check(&kept, &e, 2e-4);
    gen_base_file_free(file);
}

static void test_bad_files(void **state) {
    const struct pair *pair = *state;
    struct gen_base_file *file;
    struct gen_error err;
    struct gen_bytes bytes = {0};
    fixture_text(&bytes, "_logits_");
    for (int i = 0; i < 3; i++) {
        fixture_u32(&bytes, i == 0 ? 4 : 1);
    }
    for (int i = 0; i < 4; i++) {
        fixture_u32(&bytes, i == 2 ? 1 : 0); /* one id out of range */
    }
    fixture_text(&bytes, "123456781234");
    for (size_t cut = 0; cut <= bytes.n; cut += cut < 24 ? 1 : 4) {
        struct gen_bytes part = {.data = bytes.data, .n = cut};
        fixture_write(pair->directory, "bad", &part);
        assert_int_equal(gen_base_file_open(&file, fixture_path(pair->directory, "bad"), &err),
                         GEN_BAD_FILE);
        assert_null(file);
        assert_null(fixture_message_problem(&err, "bad"));
    }
    assert_non_null(strstr(err.message, "has token id 1, but its ids are 0 to 0"));
    gen_bytes_release(&bytes);
    assert_int_equal(gen_base_file_open(&file, fixture_path(pair->directory, "none"), &err),
                     GEN_IO_ERROR);
}

/* A base of 3 windows of 4 ids out of 512, one row each, whose first has these numbers. */
static enum gen_status with_row(const struct pair *pair, float scale, float least,
                                struct gen_error *err) {
    struct gen_bytes bytes = {0};
    struct gen_base_file *file;
    struct gen_agreement found;
    struct gen_compare_options options = gen_compare_options_default();
    const struct gen_model *others[] = {pair->other};
    fixture_text(&bytes, "_logits_");
    fixture_u32(&bytes, 4);
    fixture_u32(&bytes, N_VOCAB);
    fixture_u32(&bytes, 3);
    for (int i = 0; i < 12; i++) {
        fixture_u32(&bytes, 5);
    }
    for (int row = 0; row < 3; row++) {
        const float head[] = {row == 0 ? scale : 1e-4f, row == 0 ? least : -12.0f};
        const unsigned char number[] = {0xff, 0xff};
        assert_int_equal(gen_bytes_append(&bytes, (const char *)head, sizeof head), GEN_OK);
        for (int i = 0; i < N_VOCAB; i++) {
            assert_int_equal(gen_bytes_append(&bytes, (const char *)number, 2), GEN_OK);
        }
    }
    fixture_write(pair->directory, "row", &bytes);
    gen_bytes_release(&bytes);
    assert_int_equal(gen_base_file_open(&file, fixture_path(pair->directory, "row"), err), GEN_OK);
    enum gen_status status = gen_compare(&found, NULL, file, others, 1, NULL, 0, &options, err);
    gen_base_file_free(file);
    return status;
}

/* Numbers that no model gives would make NaN of all figures, and of what is sorted. */
static void test_damaged_rows(void **state) {
    const struct pair *pair = *state;
    const float infinity = INFINITY;
    const float rows[][2] = {
        {NAN, -12},   {1e-4f, NAN}, {infinity, -12}, {1e-4f, infinity}, {1e-4f, 1000},
        {-1e-4f, -1}, {1, -12},     {0, -infinity},  {0, -infinity},    {infinity, -infinity}};
    struct gen_error err;
    assert_int_equal(with_row(pair, 1e-4f, -12, &err), GEN_OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(with_row(pair, rows[i][0], rows[i][1], &err), GEN_BAD_FILE);
        assert_null(fixture_message_problem(&err, "row"));
        assert_non_null(strstr(err.message, "in window 1 it has numbers that are no log prob"));
    }
}

/* Of a window's last id only the logit is read: one that no model has must not be read there. */
static void test_ids_out_of_range(void **state) {
    const struct pair *pair = *state;
    struct gen_compare_options options = gen_compare_options_default();
    const struct gen_model *others[] = {pair->other};
    struct gen_agreement found;
    struct gen_error err;
    const int32_t bad[] = {N_VOCAB, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int32_t ids[] = {1, 2, 3, bad[i]};
        assert_int_equal(gen_compare(&found, pair->base, NULL, others, 1, ids, 4, &options, &err),
                         GEN_BAD_ARGUMENT);
        assert_non_null(strstr(err.message, "is out of range, the models' ids are 0 to 511"));
    }
}

/* With a context of 1 nothing has a token before it but in a text of 2. */
static void test_context_of_one(void **state) {
    const struct pair *pair = *state;
    struct gen_compare_options options = gen_compare_options_default();
    const struct gen_model *others[] = {pair->other};
    struct gen_agreement found;
    struct gen_error err;
    options.n_ctx = 1;
    assert_int_equal(gen_compare(&found, pair->base, NULL, others, 1, pair->ids, 3, &options, &err),
                     GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "context of 1"));
    assert_int_equal(gen_compare(&found, pair->base, NULL, others, 1, pair->ids, 2, &options, &err),
                     GEN_OK);
    assert_int_equal(found.n, 1);
}

/* The standard error of one model's perplexity, whoever computes it; a last window that scores
 * nothing is none. */
static void test_stderr(void **state) {
    const struct pair *pair = *state;
    for (size_t n = N_CTX * 4 - 1; n <= N_CTX * 4 + 2; n++) {
        struct gen_compare_options options = gen_compare_options_default();
        struct gen_score_options score_options = gen_score_options_default();
        struct gen_eval_text_options text_options = gen_eval_text_options_default();
        const struct gen_model *others[] = {pair->base};
        struct gen_agreement found;
        struct gen_eval_text alone;
        struct gen_scorer *scorer;
        struct gen_error err;
        options.n_ctx = score_options.n_ctx = N_CTX;
        assert_int_equal(
            gen_compare(&found, pair->base, NULL, others, 1, pair->ids, n, &options, &err), GEN_OK);
        assert_int_equal(gen_scorer_new(&scorer, pair->base, &score_options, &err), GEN_OK);
        assert_int_equal(gen_eval_text(&alone, scorer, NULL, pair->ids, n, &text_options, &err),
                         GEN_OK);
        gen_scorer_free(scorer);
        assert_int_equal(alone.n_scored, found.n);
        near(alone.perplexity_stderr / alone.perplexity / found.mean_stderr, 1, 1e-4, "stderr");
    }
}

static void test_refused(void **state) {
    const struct pair *pair = *state;
    struct gen_agreement found;
    struct gen_error err;
    struct gen_compare_options options = gen_compare_options_default();
    struct gen_base_file *kept;
    struct gen_model *neo = open_model("tests/golden/models/neo-mixed");
    const struct gen_model *others[] = {neo};
    assert_int_equal(
        gen_compare(&found, pair->base, NULL, others, 1, pair->ids, N_IDS, &options, &err),
        GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "has 61 token ids, but the base has 512"));
    others[0] = pair->other;
    assert_int_equal(gen_compare(&found, pair->base, NULL, others, 1, pair->ids, 1, &options, &err),
                     GEN_BAD_ARGUMENT);
    options.n_ctx = 65;
    assert_int_equal(
        gen_compare(&found, pair->base, NULL, others, 1, pair->ids, N_IDS, &options, &err),
        GEN_BAD_ARGUMENT);
    options.n_ctx = 8;
    assert_int_equal(
        gen_base_writer_open(&options.save_base, fixture_path(pair->directory, "x"), &err), GEN_OK);
    assert_int_equal(
        gen_compare(&found, pair->base, NULL, others, 1, pair->ids, N_IDS, &options, &err),
        GEN_BAD_ARGUMENT);
    gen_base_writer_free(options.save_base);
    assert_int_equal(gen_base_file_open(&kept, fixture_path(pair->directory, "x"), &err),
                     GEN_IO_ERROR);
    assert_true(
        gen_same_vocabulary(gen_model_tokenizer(pair->base), gen_model_tokenizer(pair->other)));
    gen_model_free(neo);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows),          cmocka_unit_test(test_kept_base),
        cmocka_unit_test(test_bad_files),        cmocka_unit_test(test_damaged_rows),
        cmocka_unit_test(test_ids_out_of_range), cmocka_unit_test(test_context_of_one),
        cmocka_unit_test(test_stderr),           cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
