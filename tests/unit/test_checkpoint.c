/* States of training: what is written is read, also the first version's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/memory.h"
#include "format_fixture.h"
#include "train/checkpoint.h"
#include "train/digest.h"

/* Where the header begins, and the three numbers in it that version 1 has not. */
#define HEADER 16
#define NEW_AT (HEADER + 6 * 8)
#define N_NEW  (3 * 8)

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
                                          .best_loss = 1.25};

static void check(const struct checkpoint *found, bool version_1) {
    assert_int_equal(found->step, written.step);
    assert_int_equal(found->n_tokens, written.n_tokens);
    assert_int_equal(found->n_sequences, written.n_sequences);
    assert_int_equal(found->data_key, written.data_key);
    assert_int_equal(found->seed, written.seed);
    assert_int_equal(found->vocab, written.vocab);
    assert_int_equal(found->best_step, version_1 ? 0 : written.best_step);
    assert_int_equal(found->n_worse, version_1 ? 0 : written.n_worse);
    assert_true(found->best_loss == (version_1 ? 0 : written.best_loss));
    assert_int_equal(found->config.n_vocab, config.n_vocab);
    assert_int_equal(found->config.bos_token_id, -1);
    assert_int_equal(found->config.eos_token_id, 3);
    assert_true(found->config.layer_norm_epsilon == config.layer_norm_epsilon);
}

static void check_state(const char *path, const struct params *params, const struct adamw *adamw,
                        bool version_1) {
    struct saved_state state;
    struct gen_error err = {0};
    if (saved_state_open(&state, path, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    check(&state.checkpoint, version_1);
    struct params read;
    struct adamw moments;
    assert_int_equal(params_init(&read, &config, &err), GEN_OK);
    assert_true(adamw_init(&moments, &read, &adamw->options));
    assert_int_equal(saved_state_load(&state, &read, &moments, &err), GEN_OK);
    assert_memory_equal(read.values, params->values, params->n_values * sizeof(float));
    assert_memory_equal(moments.m, adamw->m, params->n_values * sizeof(float));
    assert_memory_equal(moments.v, adamw->v, params->n_values * sizeof(float));
    adamw_release(&moments, &read);
    params_release(&read);
    saved_state_close(&state);
}

/* Make version 1 of a state. */
static void make_old(const char *directory, const char *name) {
    char *bytes;
    size_t n;
    assert_int_equal(file_read(&bytes, &n, fixture_path(directory, name), 1 << 20, NULL), GEN_OK);
    unsigned char *old = (unsigned char *)bytes;
    bytes_put_u32(old + 8, 1);
    bytes_put_u32(old + 12, bytes_u32(old + 12) - N_NEW);
    memmove(old + NEW_AT, old + NEW_AT + N_NEW, n - NEW_AT - N_NEW);
    n -= N_NEW;
    struct digest digest = {0};
    digest_add(&digest, old, n - 8);
    bytes_put_u64(old + n - 8, digest_value(&digest));
    struct gen_bytes image = {.data = bytes, .n = n};
    fixture_write(directory, name, &image);
    memory_free(bytes);
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
    check_state(fixture_path(directory, "run.state"), &params, &adamw, false);
    make_old(directory, "run.state");
    check_state(fixture_path(directory, "run.state"), &params, &adamw, true);
    adamw_release(&adamw, &params);
    params_release(&params);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(states_are_read_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
