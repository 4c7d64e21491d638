/** test_checkpoint.c - states of training: what is written is read, also of earlier versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "format_fixture.h"
#include "train/checkpoint.h"

/* Where the header begins, and the u64 before its configuration that versions have. */
#define HEADER 16
#define N_RUN  20
static const size_t n_run_of[] = {0, 6, 9, 10, 11, 17, N_RUN};
#define LATEST       6
#define OPTIMIZER_AT (HEADER + 9 * 8)
#define ARCH_AT      (HEADER + 17 * 8)

static const struct gen_config config = {.n_vocab = 20,
                                         .n_ctx = 8,
                                         .n_embd = 4,
                                         .n_head = 2,
                                         .n_layer = 1,
                                         .n_inner = 8,
                                         .layer_norm_epsilon = 1e-5f,
                                         .tie_word_embeddings = true,
                                         .bos_token_id = -1,
                                         .eos_token_id = 3};

static const struct checkpoint written = {.step = 7,
                                          .n_tokens = 700,
                                          .n_sequences = 70,
                                          .data_key = UINT64_MAX,
                                          .seed = 5,
                                          .vocab = 1234,
                                          .best_step = 6,
                                          .n_worse = 1,
                                          .best_loss = 1.25,
                                          .optimizer = GEN_OPTIMIZER_MUON,
                                          .base = 99,
                                          .has_best = true,
                                          .valid_key = 77,
                                          .order_key = 78,
                                          .has_first = true,
                                          .first_loss = 2.5,
                                          .note = "a note",
                                          .n_note = 6};

static void check(const struct checkpoint *found, int version) {
    assert_int_equal(found->step, written.step);
    assert_int_equal(found->n_tokens, written.n_tokens);
    assert_int_equal(found->n_sequences, written.n_sequences);
    assert_int_equal(found->data_key, written.data_key);
    assert_int_equal(found->seed, written.seed);
    assert_int_equal(found->vocab, written.vocab);
    assert_int_equal(found->best_step, version == 1 ? 0 : written.best_step);
    assert_int_equal(found->n_worse, version == 1 ? 0 : written.n_worse);
    assert_true(found->best_loss == (version == 1 ? 0 : written.best_loss));
    assert_int_equal(found->optimizer, version < 3 ? GEN_OPTIMIZER_ADAMW : written.optimizer);
    assert_int_equal(found->base, version < 4 ? 0 : written.base);
    assert_int_equal(found->has_best, version > 1);
    assert_int_equal(found->valid_key, version < 5 ? 0 : written.valid_key);
    assert_int_equal(found->order_key, version < 5 ? 0 : written.order_key);
    assert_int_equal(found->has_first, version >= 5);
    assert_true(found->first_loss == (version < 5 ? 0 : written.first_loss));
    assert_int_equal(found->n_note, version < 5 ? 0 : written.n_note);
    assert_memory_equal(found->note, written.note, found->n_note);
    assert_int_equal(found->config.n_vocab, config.n_vocab);
    assert_int_equal(found->config.bos_token_id, -1);
    assert_int_equal(found->config.eos_token_id, 3);
    assert_true(found->config.layer_norm_epsilon == config.layer_norm_epsilon);
}

static void check_state(const char *path, const struct params *params, const struct adamw *adamw,
                        int version) {
    struct saved_state state;
    struct gen_error err = {0};
    if (saved_state_open(&state, path, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    check(&state.checkpoint, version);
    struct params read;
    struct adamw moments;
    assert_int_equal(params_init(&read, &config, &err), GEN_OK);
    assert_true(adamw_init(&moments, &read, &adamw->options));
    assert_int_equal(saved_state_load(&state, "a state", &read, &moments, &err), GEN_OK);
    assert_memory_equal(read.values, params->values, params->n_values * sizeof(float));
    assert_memory_equal(moments.m, adamw->m, params->n_values * sizeof(float));
    assert_memory_equal(moments.v, adamw->v, params->n_values * sizeof(float));
    adamw_release(&moments, &read);
    params_release(&read);
    saved_state_close(&state);
}

/* Change a state, in memory, and make its check sum right again. */
static void reseal(unsigned char *bytes, size_t n) {
    struct digest digest = {0};
    digest_add(&digest, bytes, n - 8);
    bytes_put_u64(bytes + n - 8, digest_value(&digest));
}

/* Write an earlier version of the n bytes of a state. */
static void make_old(const char *directory, const char *name, const unsigned char *state, size_t n,
                     int version) {
    size_t kept = HEADER + n_run_of[version] * 8;
    size_t left_out = (N_RUN - n_run_of[version]) * 8;
    unsigned char *old = memory_new(n, 1);
    memcpy(old, state, kept);
    memcpy(old + kept, state + kept + left_out, n - kept - left_out);
    n -= version < 5 ? written.n_note : 0; /* which stands at the end, before the check sum */
    bytes_put_u32(old + 8, (uint32_t)version);
    bytes_put_u32(old + 12, bytes_u32(old + 12) - (uint32_t)left_out);
    n -= left_out;
    reseal(old, n);
    struct gen_bytes image = {.data = (char *)old, .n = n};
    fixture_write(directory, name, &image);
    memory_free(old);
}

/* An optimizer or an architecture to come is not taken for one of ours. */
static void check_unknown(const char *directory, unsigned char *state, size_t n, size_t at,
                          const char *message) {
    static const uint64_t numbers[] = {2, (uint64_t)1 << 32, UINT64_MAX};
    uint64_t before = bytes_u64(state + at);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        bytes_put_u64(state + at, numbers[i]);
        reseal(state, n);
        struct gen_bytes image = {.data = (char *)state, .n = n};
        fixture_write(directory, "new.state", &image);
        struct saved_state saved;
        struct gen_error err = {0};
        assert_int_equal(saved_state_open(&saved, fixture_path(directory, "new.state"), &err),
                         GEN_UNSUPPORTED);
        assert_non_null(strstr(err.message, message));
        assert_null(fixture_message_problem(&err, "new.state"));
    }
    bytes_put_u64(state + at, before);
}

/* A forged configuration, or length of the header, is not believed. */
static void check_forged(const char *directory, unsigned char *state, size_t n) {
    const size_t at[] = {HEADER + N_RUN * 8 + 3 * 4 /* n_head */, 12 /* bytes of the header */};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        uint32_t before = bytes_u32(state + at[i]);
        bytes_put_u32(state + at[i], 0);
        reseal(state, n);
        struct gen_bytes image = {.data = (char *)state, .n = n};
        fixture_write(directory, "forged.state", &image);
        struct saved_state saved;
        struct gen_error err = {0};
        assert_int_equal(saved_state_open(&saved, fixture_path(directory, "forged.state"), &err),
                         GEN_BAD_FILE);
        assert_null(fixture_message_problem(&err, "forged.state"));
        bytes_put_u32(state + at[i], before);
    }
}

static void states_are_read_back(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const struct adamw_options options = {.beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8};
    struct params params;
    struct adamw adamw;
    struct gen_error err;
    assert_int_equal(params_init(&params, &config, &err), GEN_OK);
    assert_true(adamw_init(&adamw, &params, &options));
    params_randomize(&params, 1);
    for (size_t i = 0; i < params.n_values; i++) {
        adamw.m[i] = (float)i;
        adamw.v[i] = 0.5f * (float)i;
    }
    struct checkpoint checkpoint = written;
    checkpoint.config = config;
    const char *path = fixture_path(directory, "run.state");
    assert_int_equal(checkpoint_write_state(path, &checkpoint, &params, &adamw, &err), GEN_OK);
    char *bytes;
    size_t n;
    assert_int_equal(file_read(&bytes, &n, fixture_path(directory, "run.state"), 1 << 20, NULL),
                     GEN_OK);
    check_state(fixture_path(directory, "run.state"), &params, &adamw, LATEST);
    for (int version = 1; version < LATEST; version++) {
        make_old(directory, "old.state", (unsigned char *)bytes, n, version);
        check_state(fixture_path(directory, "old.state"), &params, &adamw, version);
    }
    check_forged(directory, (unsigned char *)bytes, n);
    check_unknown(directory, (unsigned char *)bytes, n, OPTIMIZER_AT, "optimizer number ");
    check_unknown(directory, (unsigned char *)bytes, n, ARCH_AT, "an architecture of number ");
    memory_free(bytes);
    adamw_release(&adamw, &params);
    params_release(&params);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(states_are_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
