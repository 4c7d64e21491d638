/**
 * test_llmc.c - models of llm.c: files that its own code wrote against the logits that transformers
 * computes with the same weights (golden/llmc.json), and files that are refused.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

#define GOLDEN "tests/golden/llmc"

enum { N_VOCAB = 300, N_CTX = 16, N_EMBD = 16, N_LAYER = 2, HEADER = 1024 };

static void read_file(struct gen_bytes *out, const char *name) {
    char path[200];
    size_t n = 0;
    snprintf(path, sizeof path, GOLDEN "/%s", name);
    char *bytes = tokenizer_files_read(path, &n);
    fixture_put(out, bytes, n);
    free(bytes);
}

/* ---- numbers ---- */

static cJSON *golden(void) {
    size_t n = 0;
    char *text = tokenizer_files_read("tests/golden/llmc.json", &n);
    cJSON *root = cJSON_Parse(text);
    free(text);
    assert_non_null(root);
    return root;
}

static void check_logits(const char *path, const char *expected, double bar) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    struct gen_session *session = NULL;
    struct gen_row rows[8] = {{0}};
    size_t n = 0;
    cJSON *root = golden();
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "ids")) rows[n++].id = item->valueint;
    rows[n - 1].want_logits = true;
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(gen_model_config(model)->n_vocab, N_VOCAB);
    struct gen_session_options options = gen_session_options_default();
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    assert_int_equal(gen_session_eval(session, rows, n, &err), GEN_OK);
    const float *logits = gen_session_logits(session, n - 1);
    size_t i = 0;
    double worst = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, expected)) {
        worst = fmax(worst, fabs((double)logits[i++] - item->valuedouble));
    }
    assert_int_equal(i, N_VOCAB);
    if (!(worst < bar)) {
        fail_msg("%s: a logit is %g off", path, worst);
    }
    gen_session_free(session);
    gen_model_free(model);
    cJSON_Delete(root);
}

static void test_logits(void **state) {
    (void)state;
    check_logits(GOLDEN "/v1.bin", "f32", 2e-5);
    check_logits(GOLDEN "/v3.bin", "f32", 2e-5);
    check_logits(GOLDEN "/v5.bin", "bf16", 2e-5);
}

static void test_converted(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *path = fixture_path(directory, "converted.gguf");
    struct gen_error err = {0};
    if (gen_convert(GOLDEN "/v5.bin", path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    check_logits(path, "bf16", 2e-5);
    fixture_directory_remove(directory);
}

/* The tokenizer's files next to the model are its tokenizer; without them a note says so. */
static void test_tokenizer(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    struct gen_bytes bytes = {0};
    const char *directory = fixture_directory_new();
    read_file(&bytes, "v3.bin");
    fixture_write(directory, "model.bin", &bytes);
    assert_int_equal(gen_model_open(&model, fixture_path(directory, "model.bin"), NULL, &err),
                     GEN_OK);
    assert_null(gen_model_tokenizer(model));
    assert_int_equal(gen_model_n_notes(model), 1);
    assert_non_null(strstr(gen_model_note(model, 0).text, "vocab.json"));
    gen_model_free(model);
    fixture_write_tokenizer(directory);
    assert_int_equal(gen_model_open(&model, fixture_path(directory, "model.bin"), NULL, &err),
                     GEN_OK);
    assert_non_null(gen_model_tokenizer(model));
    size_t n_eos = 0;
    assert_int_equal(gen_model_eos_ids(model, &n_eos)[0], FIXTURE_EOS);
    assert_int_equal(n_eos, 1);
    gen_model_free(model);
    gen_bytes_release(&bytes);
    fixture_directory_remove(directory);
}

/* ---- refused ---- */

static int n_wrong;

static void expect_refused(const char *what, const struct gen_bytes *bytes, const char *directory,
                           const char *expected) {
    fixture_write(directory, "bad.bin", bytes);
    n_wrong += !fixture_refused(what, fixture_path(directory, "bad.bin"), "bad.bin", expected);
}

static void set_u32(struct gen_bytes *bytes, size_t i, uint32_t value) {
    for (size_t b = 0; b < 4; b++) {
        bytes->data[4 * i + b] = (char)(value >> (8 * b) & 0xFF);
    }
}

static void test_header(void **state) {
    (void)state;
    static const struct {
        const char *what;
        size_t place;
        uint32_t value;
        const char *expected;
    } cases[] = {
        {"a state", 0, 20240327, "is the state of llm.c's training"},
        {"a tokenizer", 0, 20240328, "is llm.c's tokenizer"},
        {"tokens", 0, 20240520, "is llm.c's tokenized text"},
        {"multiple choice", 0, 20240522, "multiple choice"},
        {"version 0", 1, 0, "version 0"},
        {"version 2", 1, 2, "is of version 2"},
        {"version 4", 1, 4, "is of version 4"},
        {"version 6", 1, 6, "must be of 1, 3 or 5"},
        {"version 2^31", 1, 0x80000000U, "must be of 1, 3 or 5"},
        {"version 1 of 3", 1, 1, "bytes, but a model"},
        {"version 5 of 3", 1, 5, "bytes, but a model"},
        {"no positions", 2, 0, "max_seq_len is 0"},
        {"positions below 0", 2, 0xFFFFFFFFU, "max_seq_len is -1"},
        {"2^31 positions", 2, 0x7FFFFFFFU, "max_seq_len is 2147483647"},
        {"one position more", 2, N_CTX + 1, "bytes, but a model"},
        {"one position less", 2, N_CTX - 1, "bytes, but a model"},
        {"most positions", 2, 1U << 24, "bytes, but a model"},
        {"no tokens", 3, 0, "vocab_size is 0"},
        {"tokens below 0", 3, 0x80000000U, "vocab_size is -2147483648"},
        {"too many tokens", 3, 0x7FFFFFFFU, "vocab_size is 2147483647"},
        {"more tokens than rows", 3, 385, "is less than vocab_size 385"},
        {"no layers", 4, 0, "num_layers is 0"},
        {"layers below 0", 4, 0xFFFFFFFFU, "num_layers is -1"},
        {"2^31 layers", 4, 0x7FFFFFFFU, "num_layers is 2147483647"},
        {"a layer more", 4, N_LAYER + 1, "bytes, but a model"},
        {"a layer less", 4, N_LAYER - 1, "bytes, but a model"},
        {"most layers", 4, 4096, "bytes, but a model"},
        {"no heads", 5, 0, "num_heads is 0"},
        {"heads below 0", 5, 0xFFFFFFFEU, "num_heads is -2"},
        {"2^31 heads", 5, 0x7FFFFFFFU, "num_heads is 2147483647"},
        {"no width", 6, 0, "channels is 0"},
        {"width below 0", 6, 0xFFFFFFFFU, "channels is -1"},
        {"2^31 wide", 6, 0x7FFFFFFFU, "channels is 2147483647"},
        {"most width", 6, 1U << 20, "bytes, but a model"},
        {"a number wider", 6, N_EMBD + 1, "bytes, but a model"},
        {"a number narrower", 6, N_EMBD - 1, "bytes, but a model"},
        {"no rows", 7, 0, "padded_vocab_size is 0"},
        {"rows below 0", 7, 0xFFFFFFFFU, "padded_vocab_size is -1"},
        {"a row more", 7, 385, "bytes, but a model"},
        {"a row less", 7, 383, "bytes, but a model"},
        {"fewer rows than tokens", 7, 299, "is less than vocab_size 300"},
        {"most rows", 7, 1U << 24, "bytes, but a model"},
    };
    struct gen_bytes good = {0};
    const char *directory = fixture_directory_new();
    read_file(&good, "v3.bin");
    n_wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gen_bytes bytes = {0};
        fixture_put(&bytes, good.data, good.n);
        set_u32(&bytes, cases[i].place, cases[i].value);
        expect_refused(cases[i].what, &bytes, directory, cases[i].expected);
        gen_bytes_release(&bytes);
    }
    gen_bytes_release(&good);
    fixture_directory_remove(directory);
    assert_int_equal(n_wrong, 0);
}

/* What the sizes of the tensors do not show is seen with the settings. */
static void test_heads(void **state) {
    (void)state;
    static const uint32_t heads[] = {3, 32, 1U << 20};
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < 3; i++) {
        struct gen_error err = {0};
        struct gen_model *model = NULL;
        struct gen_bytes bytes = {0};
        read_file(&bytes, "v3.bin");
        set_u32(&bytes, 5, heads[i]);
        fixture_write(directory, "heads.bin", &bytes);
        assert_int_not_equal(
            gen_model_open(&model, fixture_path(directory, "heads.bin"), NULL, &err), GEN_OK);
        assert_non_null(strstr(err.message, "heads.bin: n_head "));
        gen_bytes_release(&bytes);
    }
    fixture_directory_remove(directory);
}

/* Every length of the header, and many of the rest; bytes more. */
static void test_lengths(void **state) {
    (void)state;
    struct gen_bytes good = {0};
    const char *directory = fixture_directory_new();
    read_file(&good, "v5.bin");
    size_t whole = good.n;
    n_wrong = 0;
    for (size_t n = 4; n < whole; n += n < HEADER ? 1 : 97) {
        good.n = n;
        expect_refused("cut off", &good, directory, "");
    }
    good.n = whole - 1;
    expect_refused("a byte less", &good, directory, "bytes, but a model");
    good.n = whole;
    fixture_put(&good, "\0", 1);
    expect_refused("a byte more", &good, directory, "bytes, but a model");
    gen_bytes_release(&good);
    fixture_directory_remove(directory);
    assert_int_equal(n_wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_logits),    cmocka_unit_test(test_converted),
        cmocka_unit_test(test_tokenizer), cmocka_unit_test(test_header),
        cmocka_unit_test(test_heads),     cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
