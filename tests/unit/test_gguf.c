/**
 * test_gguf.c - reading GGUF: files of the gguf Python package and of our own writer, settings of
 * every type, many tensors. What must be refused is in test_malformed_gguf.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/gguf_write.h"
#include "format/model_file.h"
#include "format_fixture.h"

#define BY_PACKAGE "tests/golden/gguf/by-package.gguf"

static struct model_file *open_path(const char *path) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    if (model_file_open(&file, path, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return file;
}

static struct model_file *open_image(const struct gen_bytes *image) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    if (model_file_open_memory(&file, "image", image->data, image->n, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return file;
}

static int64_t get_int(const struct model_file *file, const char *key) {
    struct gen_error err = {0};
    int64_t value = -77;
    if (model_file_get_int(file, key, INT64_MIN, INT64_MAX, &value, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return value;
}

static void test_settings(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct model_file *file = open_path(BY_PACKAGE);
    assert_int_equal(file->naming, NAMES_GGUF);
    assert_string_equal(file->format, "gguf v3");
    assert_int_equal(file->n_settings, 24);
    assert_int_equal(get_int(file, "gpt2.context_length"), 64);
    assert_int_equal(get_int(file, "test.u8"), 200);
    assert_int_equal(get_int(file, "test.i8"), -100);
    assert_int_equal(get_int(file, "test.u16"), 60000);
    assert_int_equal(get_int(file, "test.i16"), -30000);
    assert_int_equal(get_int(file, "test.i32"), -2000000000);
    assert_int_equal(get_int(file, "test.i64"), INT64_MIN);
    assert_int_equal(get_int(file, "missing"), -77);
    double number = 0.5;
    assert_int_equal(model_file_get_float(file, "missing", 0, 1, &number, &err), GEN_OK);
    assert_true(number == 0.5);
    assert_int_equal(model_file_get_float(file, "test.f32", 0, 1, &number, &err), GEN_OK);
    assert_true(number == 0.25);
    assert_int_equal(model_file_get_float(file, "test.f64", 0, 1e308, &number, &err), GEN_OK);
    assert_true(number == 1e300);
    assert_int_equal(model_file_get_float(file, "test.u8", 0, 1000, &number, &err), GEN_OK);
    assert_true(number == 200);
    bool flag = false;
    assert_int_equal(model_file_get_bool(file, "missing", &flag, &err), GEN_OK);
    assert_false(flag);
    assert_int_equal(model_file_get_bool(file, "test.bool", &flag, &err), GEN_OK);
    assert_true(flag);
    const char *text = NULL;
    size_t n = 0;
    assert_int_equal(model_file_get_string(file, "test.string", &text, &n, &err), GEN_OK);
    assert_int_equal(n, 7);
    assert_memory_equal(text,
                        "Gr\xc3\xbc\xc3\x9f"
                        "e",
                        n);
    const struct setting *strings = model_file_setting(file, "test.strings");
    assert_int_equal(strings->type, SETTING_ARRAY);
    assert_int_equal(strings->element_type, SETTING_STRING);
    assert_int_equal(strings->value.array.n, 3);
    assert_int_equal(strings->value.array.size, 3 * 8 + 3);
    model_file_free(file);
}

/* Each must fail, and the message name the key, what was found and what must be. */
static void test_wrong_settings(void **state) {
    (void)state;
    struct model_file *file = open_path(BY_PACKAGE);
    struct gen_error err = {0};
    int64_t number = 5;
    double real = 5;
    bool flag = true;
    const char *text = "kept";
    size_t n = 4;
    assert_int_equal(model_file_get_int(file, "test.u64", INT64_MIN, INT64_MAX, &number, &err),
                     GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "test.u64 is 18446744073709551615, but must be"));
    assert_non_null(strstr(err.message, BY_PACKAGE));
    assert_int_equal(model_file_get_int(file, "test.u8", 0, 199, &number, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "200, but must be a whole number from 0 to 199"));
    assert_int_equal(model_file_get_int(file, "test.u8", 201, 300, &number, &err), GEN_BAD_FILE);
    assert_int_equal(model_file_get_int(file, "test.f32", 0, 9, &number, &err), GEN_BAD_FILE);
    assert_int_equal(model_file_get_int(file, "test.bool", 0, 9, &number, &err), GEN_BAD_FILE);
    assert_int_equal(model_file_get_int(file, "test.ints", 0, 9, &number, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "an array"));
    assert_int_equal(model_file_get_float(file, "test.f64", 0, 1, &real, &err), GEN_BAD_FILE);
    assert_int_equal(model_file_get_float(file, "test.string", 0, 1, &real, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "is \"Gr"));
    assert_int_equal(model_file_get_bool(file, "test.u8", &flag, &err), GEN_BAD_FILE);
    assert_int_equal(model_file_get_string(file, "test.u8", &text, &n, &err), GEN_BAD_FILE);
    assert_int_equal(number, 5);
    assert_true(real == 5 && flag && n == 4);
    model_file_free(file);
}

static void test_nan_setting(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_bytes image = {0};
    fixture_gguf_start(&image, 0, 1);
    fixture_key(&image, "nan", 6);
    fixture_u32(&image, 0x7FC00000);
    struct model_file *file = open_image(&image);
    double value = 0;
    assert_int_equal(model_file_get_float(file, "nan", -1e300, 1e300, &value, &err), GEN_BAD_FILE);
    model_file_free(file);
    gen_bytes_release(&image);
}

static void test_long_key(void **state) {
    (void)state;
    for (size_t n = 65535; n <= 65536; n++) {
        struct gen_error err = {0};
        struct gen_bytes image = {0};
        struct model_file *file = NULL;
        fixture_gguf_start(&image, 0, 1);
        fixture_u64(&image, n);
        for (size_t i = 0; i < n; i++) {
            fixture_put(&image, "k", 1);
        }
        fixture_u32(&image, 4);
        fixture_u32(&image, 1);
        assert_int_equal(model_file_open_memory(&file, "image", image.data, image.n, &err),
                         n == 65535 ? GEN_OK : GEN_BAD_FILE);
        model_file_free(file);
        gen_bytes_release(&image);
    }
}

static void test_tensors(void **state) {
    (void)state;
    struct model_file *file = open_path(BY_PACKAGE);
    assert_int_equal(file->n_tensors, 4);
    assert_null(model_file_tensor(file, "matrix"));
    const struct file_tensor *tensor = model_file_tensor(file, "matrix.f32");
    assert_int_equal(tensor->type, TENSOR_F32);
    assert_int_equal(tensor->n_dims, 2);
    assert_int_equal(tensor->dims[0], 6);
    assert_int_equal(tensor->dims[1], 4);
    assert_int_equal(tensor->dims[2], 1);
    float numbers[24];
    static const char *const names[] = {"matrix.f32", "matrix.f16", "cube.f32"};
    for (size_t i = 0; i < 3; i++) {
        tensor = model_file_tensor(file, names[i]);
        tensor_type_info(tensor->type)->to_f32(numbers, tensor->data, 24);
        for (int k = 0; k < 24; k++) {
            assert_true(numbers[k] == (float)k);
        }
    }
    tensor = model_file_tensor(file, "vector.bf16");
    assert_int_equal(tensor->type, TENSOR_BF16);
    assert_int_equal(tensor->size, 10);
    tensor_type_info(tensor->type)->to_f32(numbers, tensor->data, 5);
    for (int k = 0; k < 5; k++) {
        assert_true(numbers[k] == (float)k);
    }
    model_file_free(file);
}

static void test_versions_and_alignment(void **state) {
    (void)state;
    struct gen_bytes image = {0};
    fixture_gguf(&image);
    image.data[4] = 2;
    struct model_file *file = open_image(&image);
    assert_string_equal(file->format, "gguf v2");
    assert_int_equal(file->n_tensors, 2);
    assert_int_equal(gen_tokenizer_n_vocab(file->tokenizer), FIXTURE_N_TOKENS);
    assert_int_equal(gen_tokenizer_eos(file->tokenizer), FIXTURE_EOS);
    model_file_free(file);

    image.n = 0; /* 128, as a u64, and no padding after the last tensor */
    fixture_gguf_start(&image, 1, 1);
    fixture_key(&image, "general.alignment", 10);
    fixture_u64(&image, 128);
    fixture_string(&image, "t");
    fixture_u32(&image, 1);
    fixture_u64(&image, 1);
    fixture_u32(&image, 0);
    fixture_u64(&image, 128);
    while (image.n < 256) {
        fixture_put(&image, "\0", 1);
    }
    fixture_u32(&image, 42);
    file = open_image(&image);
    assert_int_equal(bytes_u32(file->tensors[0].data), 42);
    assert_null(file->tokenizer);
    model_file_free(file);
    gen_bytes_release(&image);
}

static void test_tokenizer_settings(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct model_file *file = NULL;
    struct gen_bytes image = {0};
    for (int n_types = FIXTURE_N_TOKENS - 1; n_types <= FIXTURE_N_TOKENS + 1; n_types++) {
        image.n = 0;
        fixture_gguf_start(&image, 0, 7);
        fixture_gguf_tokenizer(&image, n_types);
        bool right = n_types == FIXTURE_N_TOKENS;
        assert_int_equal(model_file_open_memory(&file, "image", image.data, image.n, &err),
                         right ? GEN_OK : GEN_BAD_FILE);
        assert_true(right || strstr(err.message, "token_type") != NULL);
        model_file_free(file);
    }
    /* Without tokenizer.ggml.pre. */
    image.n = 0;
    fixture_gguf_start(&image, 0, 7);
    fixture_gguf_tokenizer(&image, FIXTURE_N_TOKENS);
    fixture_replace(&image, "ggml.pre", "ggml.PRE");
    file = open_image(&image);
    struct gen_ids ids = {0};
    assert_int_equal(
        gen_tokenizer_encode(file->tokenizer, "hello<|endoftext|>", 18, true, &ids, &err), GEN_OK);
    static const int32_t expected[] = {257, 'l', 'o', FIXTURE_EOS};
    assert_int_equal(ids.n, 4);
    assert_memory_equal(ids.data, expected, sizeof expected);
    gen_ids_release(&ids);
    model_file_free(file);
    gen_bytes_release(&image);
}

/* 60,000 keys and 60,000 tensors that all look alike: nothing may be quadratic. */
static void test_many(void **state) {
    (void)state;
    const int n = 60000;
    struct gen_bytes image = {0};
    fixture_gguf_start(&image, (uint64_t)n, (uint64_t)n);
    char name[32];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "some.unknown.key.%d", i);
        fixture_key(&image, name, 4);
        fixture_u32(&image, (uint32_t)i);
    }
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "some.unknown.tensor.%d", i);
        fixture_string(&image, name);
        fixture_u32(&image, 1);
        fixture_u64(&image, 8);
        fixture_u32(&image, 0);
        fixture_u64(&image, (uint64_t)(n - 1 - i) * 32);
    }
    while (image.n % 32 != 0) {
        fixture_put(&image, "\0", 1);
    }
    for (int i = 0; i < n; i++) {
        fixture_put(&image, "0123456789abcdef0123456789abcdef", 32);
    }
    clock_t start = clock(); /* of this process: others may be using the machine */
    struct model_file *file = open_image(&image);
    double taken = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_int_equal(file->n_tensors, n);
    assert_int_equal(get_int(file, "some.unknown.key.59999"), 59999);
    assert_non_null(model_file_tensor(file, "some.unknown.tensor.59999"));
    model_file_free(file);
    gen_bytes_release(&image);
    print_message("# 60000 keys and tensors in %.3f s\n", taken);
    assert_true(taken < 1);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void ok(enum gen_status status, const struct gen_error *err) {
    if (status != GEN_OK) {
        fail_msg("%s", err->message);
    }
}

/* One odd-sized tensor and one more, with the golden tokenizer and three places to spare. */
static void write_file(const char *path, struct gen_tokenizer *tokenizer) {
    struct gen_error err = {0};
    struct gguf_writer *writer = NULL;
    const float numbers[5] = {1, 2, 3, 4, 5};
    const uint64_t odd[2] = {5, 1}, one[1] = {2};
    ok(gguf_writer_new(&writer, path, &err), &err);
    ok(gguf_writer_string(writer, "general.architecture", "gpt2", 4, &err), &err);
    ok(gguf_writer_u32(writer, "gpt2.block_count", 2, &err), &err);
    ok(gguf_writer_f32(writer, "gpt2.epsilon", 1e-5F, &err), &err);
    ok(gguf_writer_bool(writer, "gen.flag", true, &err), &err);
    assert_int_equal(gguf_writer_tokenizer(writer, tokenizer, 510, &err), GEN_UNSUPPORTED);
    ok(gguf_writer_tokenizer(writer, tokenizer, 515, &err), &err);
    ok(gguf_writer_u32(writer, "tokenizer.ggml.bos_token_id", 510, &err), &err);
    ok(gguf_writer_u32(writer, "tokenizer.ggml.eos_token_id", 511, &err), &err);
    ok(gguf_writer_tensor(writer, "odd", TENSOR_F32, 2, odd, &err), &err);
    ok(gguf_writer_tensor(writer, "one", TENSOR_F16, 1, one, &err), &err);
    uint64_t size = gguf_writer_size(writer);
    ok(gguf_writer_data(writer, numbers, 3, &err), &err); /* in pieces that end anywhere */
    ok(gguf_writer_data(writer, (const char *)numbers + 3, sizeof numbers - 3, &err), &err);
    ok(gguf_writer_data(writer, "\0\x3c\0\x40", 4, &err), &err);
    assert_int_equal(gguf_writer_written(writer), size);
    assert_int_equal(gguf_writer_data(writer, "x", 1, &err), GEN_BAD_ARGUMENT);
    ok(gguf_writer_commit(writer, &err), &err);
    gguf_writer_free(writer);
}

static void test_written_is_read(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_tokenizer *tokenizer = NULL;
    const char *directory = fixture_directory_new();
    const char *path = fixture_path(directory, "written.gguf");
    ok(gen_tokenizer_open(&tokenizer, BY_PACKAGE, &err), &err);
    write_file(path, tokenizer);
    struct model_file *file = open_path(path);
    float numbers[5];
    memcpy(numbers, file->tensors[0].data, sizeof numbers);
    assert_true(numbers[0] == 1 && numbers[4] == 5);
    tensor_type_info(TENSOR_F16)->to_f32(numbers, model_file_tensor(file, "one")->data, 2);
    assert_true(numbers[0] == 1 && numbers[1] == 2);
    assert_int_equal(file->tensors[0].n_dims, 2);
    assert_int_equal(get_int(file, "gpt2.block_count"), 2);
    assert_int_equal(get_int(file, "tokenizer.ggml.bos_token_id"), 510);
    assert_int_equal(model_file_setting(file, "tokenizer.ggml.tokens")->value.array.n, 515);
    assert_int_equal(gen_tokenizer_n_vocab(file->tokenizer), 512);
    assert_int_equal(gen_tokenizer_eos(file->tokenizer), 511);
    for (int32_t id = 0; id < 512; id++) {
        size_t n = 0, n_other = 0;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        const char *other = gen_tokenizer_piece(file->tokenizer, id, &n_other);
        assert_int_equal(n, n_other);
        assert_memory_equal(piece, other, n);
        assert_int_equal(tokenizer_is_special(tokenizer, id),
                         tokenizer_is_special(file->tokenizer, id));
    }
    assert_int_equal(tokenizer_n_merges(tokenizer), tokenizer_n_merges(file->tokenizer));
    model_file_free(file);
    gen_tokenizer_free(tokenizer);
    fixture_directory_remove(directory);
}

/* What is not committed leaves nothing behind. */
static void test_unfinished(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gguf_writer *writer = NULL;
    const uint64_t dims[1] = {100}, huge[2] = {UINT64_MAX, 2};
    const char *directory = fixture_directory_new();
    const char *path = fixture_path(directory, "target.gguf");
    fixture_write_text(directory, "target.gguf", "old");
    ok(gguf_writer_new(&writer, path, &err), &err);
    assert_int_equal(gguf_writer_tensor(writer, "t", TENSOR_F32, 2, huge, &err), GEN_BAD_ARGUMENT);
    assert_int_equal(gguf_writer_tensor(writer, "t", TENSOR_F32, 5, dims, &err), GEN_BAD_ARGUMENT);
    ok(gguf_writer_tensor(writer, "t", TENSOR_F32, 1, dims, &err), &err);
    ok(gguf_writer_data(writer, "some", 4, &err), &err);
    assert_int_equal(gguf_writer_tensor(writer, "u", TENSOR_F32, 1, dims, &err), GEN_BAD_ARGUMENT);
    assert_int_equal(gguf_writer_commit(writer, &err), GEN_BAD_ARGUMENT);
    gguf_writer_free(writer);
    char *text = NULL;
    size_t n = 0;
    ok(file_read(&text, &n, path, 100, &err), &err);
    assert_string_equal(text, "old");
    memory_free(text);
    fixture_directory_remove(directory);
    assert_int_equal(file_kind_of(directory), FILE_MISSING); /* no temporary file was left */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_wrong_settings),
        cmocka_unit_test(test_nan_setting),
        cmocka_unit_test(test_long_key),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_versions_and_alignment),
        cmocka_unit_test(test_tokenizer_settings),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_written_is_read),
        cmocka_unit_test(test_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
