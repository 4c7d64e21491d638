/**
 * test_session.c - evaluations of any shape: rows of several sequences together, logits needed of
 * some of them. The logits are those, bit for bit, of every token evaluated alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "gen.h"

enum { N_SLOTS = 6, LENGTH = 60 };

struct setting {
    const char *model, *kernels, *kv_type;
    int threads;
};

static struct gen_session *new_session(const struct gen_model *model, const struct setting *s) {
    struct gen_session_options options = gen_session_options_default();
    options.n_slots = N_SLOTS;
    options.n_ctx = LENGTH;
    options.n_threads = s->threads;
    options.kernels = s->kernels;
    options.kv_type = s->kv_type;
    struct gen_session *session;
    struct gen_error err;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    return session;
}

static int32_t id_of(int32_t slot, int32_t position) {
    return (slot * 97 + position * 31 + position / 7) % 500;
}

/* The logits of all tokens, evaluated one by one. */
static float *evaluate_alone(const struct gen_model *model, const struct setting *s,
                             size_t n_vocab) {
    struct gen_session *session = new_session(model, s);
    float *logits = malloc(N_SLOTS * LENGTH * n_vocab * sizeof *logits);
    assert_non_null(logits);
    for (int32_t slot = 0; slot < N_SLOTS; slot++) {
        for (int32_t position = 0; position < LENGTH; position++) {
            struct gen_row row = {id_of(slot, position), slot, true};
            struct gen_error err;
            assert_int_equal(gen_session_eval(session, &row, 1, &err), GEN_OK);
            memcpy(logits + (size_t)(slot * LENGTH + position) * n_vocab,
                   gen_session_logits(session, 0), n_vocab * sizeof *logits);
        }
    }
    gen_session_free(session);
    return logits;
}

/* Some of the tokens that are left, runs of one slot or single ones, `share` of them with logits.
 */
static size_t choose_rows(struct gen_row *rows, int32_t *lengths, size_t most, float share,
                          struct rng *rng) {
    size_t n = 0;
    for (int tries = 0; tries < 64 && n < most; tries++) {
        int32_t slot = (int32_t)(rng_float(rng) * N_SLOTS);
        size_t run = rng_float(rng) < 0.5F ? 1 : (size_t)(rng_float(rng) * LENGTH);
        for (; run > 0 && n < most && lengths[slot] < LENGTH; run--) {
            rows[n++] = (struct gen_row){id_of(slot, lengths[slot]), slot, rng_float(rng) < share};
            lengths[slot]++;
        }
    }
    return n;
}

static void check(const struct gen_model *model, const struct setting *s, const float *alone,
                  size_t n_vocab, float share, struct rng *rng) {
    static struct gen_row rows[N_SLOTS * LENGTH];
    struct gen_session *session = new_session(model, s);
    int32_t lengths[N_SLOTS] = {0};
    int32_t before[N_SLOTS];
    for (;;) {
        size_t most = 1 + (size_t)(rng_float(rng) * (float)(N_SLOTS * LENGTH - 1));
        memcpy(before, lengths, sizeof before);
        size_t n = choose_rows(rows, lengths, most, share, rng);
        struct gen_error err;
        if (n == 0) {
            break;
        }
        assert_int_equal(gen_session_eval(session, rows, n, &err), GEN_OK);
        for (size_t i = 0; i < n; i++) {
            int32_t at = rows[i].slot * LENGTH + before[rows[i].slot]++;
            const float *logits = gen_session_logits(session, i);
            assert_int_equal(logits != NULL, rows[i].want_logits);
            if (logits != NULL) {
                assert_memory_equal(logits, alone + (size_t)at * n_vocab, n_vocab * sizeof *logits);
            }
        }
    }
    gen_session_free(session);
}

/* Under the thread sanitizer, which makes all this a hundred times as long, only what has threads,
 * and once. */
static bool for_threads(void) {
    const char *sanitizer = getenv("GEN_SANITIZE");
    return sanitizer != NULL && strcmp(sanitizer, "thread") == 0;
}

static void check_model(const struct setting *s) {
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, s->model, NULL, &err), GEN_OK);
    size_t n_vocab = (size_t)gen_model_config(model)->n_vocab;
    float *alone = evaluate_alone(model, s, n_vocab);
    struct rng rng;
    rng_init(&rng, 5, (uint64_t)s->threads);
    static const float shares[] = {0, 0.02F, 0.5F, 1};
    for (size_t i = 0; i < (for_threads() ? 4 : 12); i++) {
        check(model, s, alone, n_vocab, shares[i % 4], &rng);
    }
    free(alone);
    gen_model_free(model);
}

/* Widths that fill panels of 16 and one that does not, all kinds of weights. */
static void test_some_logits(void **state) {
    (void)state;
    static const struct setting settings[] = {
        {"tests/golden/models/base", NULL, "f32", 2},
        {"tests/golden/models/base", "generic", "f16", 1},
        {"tests/golden/models/odd-width", NULL, "f16", 3},
        {"tests/golden/models/odd-width", "generic", "f32", 1},
        {"tests/golden/models/untied", NULL, "f32", 2},
        {"tests/golden/models/f16", NULL, "f32", 2},
        {"tests/golden/models/bf16", NULL, "f32", 1},
        {"models/tales-6m.gguf", NULL, "f32", 2},
    };
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (!for_threads() || (settings[i].threads > 1 && i < 4)) {
            check_model(&settings[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_some_logits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
