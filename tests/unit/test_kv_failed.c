/**
 * test_kv_failed.c - an evaluation whose result is not finite leaves the sequences as they were,
 * also those that share keys and values with the one that failed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

#define BASE "tests/golden/models/base"
enum { C = 64, SHARED = 20, N_IDS = 256 };

/* The model `base`, but one number of all values lies about 65517: tokens decide whether it
 * reaches 65520, which f16 cannot store. */
static const char *overflowing_model(void) {
    static const char *const same[] = {"config.json", "vocab.json", "merges.txt"};
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        char path[64];
        size_t n;
        snprintf(path, sizeof path, BASE "/%s", same[i]);
        char *text = tokenizer_files_read(path, &n);
        fixture_write_text(directory, same[i], text);
        free(text);
    }
    size_t n;
    char *text = tokenizer_files_read(BASE "/model.safetensors", &n);
    uint64_t header;
    memcpy(&header, text, sizeof header);
    const char *tensor = strstr(text + sizeof header, "\"h.0.attn.c_attn.bias\"");
    assert_non_null(tensor);
    const char *offsets = strchr(strstr(tensor, "data_offsets"), (int)'[');
    assert_non_null(offsets);
    size_t at = strtoul(offsets + 1, NULL, 10);
    float bias = 65517.0f;
    memcpy(text + sizeof header + header + at + (size_t)2 * C * sizeof bias, &bias, sizeof bias);
    struct gen_bytes content = {0};
    fixture_put(&content, text, n);
    fixture_write(directory, "model.safetensors", &content);
    gen_bytes_release(&content);
    free(text);
    return directory;
}

static enum gen_status read_id(struct gen_session *session, int32_t slot, int32_t id) {
    struct gen_row row = {id, slot, true};
    struct gen_error err;
    return gen_session_eval(session, &row, 1, &err);
}

static void read_well(struct gen_session *session, int32_t slot, int32_t id) {
    assert_int_equal(read_id(session, slot, id), GEN_OK);
}

/* Slot 0 holds SHARED times this id. */
static enum gen_status read_some(struct gen_session *session, int32_t id) {
    enum gen_status status = GEN_OK;
    gen_session_truncate(session, 0, 0);
    for (int32_t i = 0; i < SHARED && status == GEN_OK; i++) {
        status = read_id(session, 0, id);
    }
    return status;
}

static void test_failed(void **state) {
    (void)state;
    const char *directory = overflowing_model();
    struct gen_model *model;
    struct gen_error err;
    assert_int_equal(gen_model_open(&model, directory, NULL, &err), GEN_OK);
    struct gen_session_options options = gen_session_options_default();
    options.n_slots = 3;
    options.n_threads = 1;
    options.kv_type = "f16";
    struct gen_session *session;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);

    /* An id that does well at every place, and one that does not after these. */
    int32_t good = 0;
    while (read_some(session, good) != GEN_OK) {
        good++;
        assert_true(good < N_IDS);
    }
    int32_t bad = 0;
    while (read_id(session, 0, bad) == GEN_OK) {
        gen_session_truncate(session, 0, SHARED);
        bad++;
        assert_true(bad < N_IDS);
    }
    assert_int_equal(gen_session_length(session, 0), SHARED);

    size_t n = (size_t)gen_model_config(model)->n_vocab;
    assert_int_equal(gen_session_copy(session, 1, 0, SHARED), GEN_OK);
    assert_int_equal(gen_session_copy(session, 2, 0, SHARED - 1), GEN_OK);
    const struct gen_row rows[] = {
        {good, 1, false}, {bad, 2, true}, {bad, 0, false}, {bad, 1, true}};
    assert_int_equal(gen_session_eval(session, rows, 4, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "try f32"));
    assert_int_equal(gen_session_length(session, 0), SHARED);
    assert_int_equal(gen_session_length(session, 1), SHARED);
    assert_int_equal(gen_session_length(session, 2), SHARED - 1);

    /* All go on as if nothing had been. */
    float *expected = malloc(n * sizeof *expected);
    assert_non_null(expected);
    read_well(session, 0, good);
    memcpy(expected, gen_session_logits(session, 0), n * sizeof *expected);
    read_well(session, 1, good);
    assert_memory_equal(gen_session_logits(session, 0), expected, n * sizeof *expected);
    read_well(session, 2, good);
    read_well(session, 2, good);
    assert_memory_equal(gen_session_logits(session, 0), expected, n * sizeof *expected);
    assert_int_equal(read_some(session, good), GEN_OK);
    read_well(session, 0, good);
    assert_memory_equal(gen_session_logits(session, 0), expected, n * sizeof *expected);
    free(expected);
    gen_session_free(session);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_failed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
