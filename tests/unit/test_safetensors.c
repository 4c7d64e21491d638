/**
 * test_safetensors.c - reading safetensors: the golden models, shapes, old buffers, shards. What
 * must be refused is in test_malformed_hf.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "format/model_file.h"
#include "format_fixture.h"

/* Open a directory with this safetensors header and so many bytes of data. */
static struct model_file *open_header(const char *directory, const char *header, size_t n_data) {
    struct gen_error err = {0};
    struct gen_bytes text = {0}, weights = {0};
    struct model_file *file = NULL;
    fixture_text(&text, header);
    fixture_safetensors(&weights, &text, n_data);
    fixture_write_model(directory);
    fixture_write(directory, "model.safetensors", &weights);
    if (model_file_open(&file, directory, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    gen_bytes_release(&text);
    gen_bytes_release(&weights);
    return file;
}

static void test_golden_models(void **state) {
    (void)state;
    static const struct {
        const char *path;
        size_t n_tensors;
        enum tensor_type type;
        uint64_t n_embd;
    } models[] = {{"tests/golden/models/base", 28, TENSOR_F32, 64},
                  {"tests/golden/models/untied", 29, TENSOR_F32, 48},
                  {"tests/golden/models/f16", 28, TENSOR_F16, 64},
                  {"tests/golden/models/bf16", 28, TENSOR_BF16, 64},
                  {"tests/golden/models/odd-width", 40, TENSOR_F32, 60}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        struct gen_error err = {0};
        struct model_file *file = NULL;
        if (model_file_open(&file, models[i].path, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
        assert_int_equal(file->naming, NAMES_HF);
        assert_int_equal(file->n_tensors, models[i].n_tensors);
        assert_string_equal(file->tensors[0].name, "wte.weight");
        const struct file_tensor *tensor = model_file_tensor(file, "h.0.attn.c_attn.weight");
        assert_int_equal(tensor->type, models[i].type);
        assert_int_equal(tensor->n_dims, 2);
        assert_int_equal(tensor->dims[0], 3 * models[i].n_embd); /* innermost first */
        assert_int_equal(tensor->dims[1], models[i].n_embd);
        assert_int_equal(tensor->dims[2], 1);
        assert_int_equal(gen_tokenizer_n_vocab(file->tokenizer), 512);
        model_file_free(file);
    }
}

static void test_shapes(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    struct model_file *file = open_header(
        directory,
        "{\"d\":{\"data_offsets\":[4,28],\"shape\":[3,2,1,1],\"dtype\":\"F32\"},"
        "\"scalar\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
        "\"\xc3\xa9\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[28,30],\"x\":0}}    ",
        30);
    assert_int_equal(file->n_tensors, 3);
    const struct file_tensor *tensor = &file->tensors[0];
    assert_string_equal(tensor->name, "d");
    assert_int_equal(tensor->n_dims, 4);
    assert_int_equal(tensor->dims[2], 2);
    assert_int_equal(tensor->dims[3], 3);
    tensor = model_file_tensor(file, "scalar");
    assert_int_equal(tensor->n_dims, 1);
    assert_int_equal(tensor->dims[0], 1);
    assert_ptr_equal(tensor->data + 4, file->tensors[0].data);
    assert_non_null(model_file_tensor(file, "\xc3\xa9"));
    model_file_free(file);
    fixture_directory_remove(directory);
}

static void test_old_buffers(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    struct model_file *file = open_header(
        directory,
        "{\"h.0.attn.bias\":{\"dtype\":\"BOOL\",\"shape\":[1,1,4,4],\"data_offsets\":[0,16]},"
        "\"transformer.h.0.attn.masked_bias\":{\"dtype\":\"I64\",\"shape\":[],"
        "\"data_offsets\":[16,24]},"
        "\"h.1.attn.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}}",
        32);
    assert_int_equal(file->n_tensors, 1); /* the one in a type of weights */
    assert_null(model_file_tensor(file, "h.0.attn.bias"));
    assert_true(safetensors_is_old_buffer("h.0.attn.bias"));
    assert_true(safetensors_is_old_buffer("h.0.attn.masked_bias"));
    assert_false(safetensors_is_old_buffer("h.0.attn.c_attn.bias"));
    assert_false(safetensors_is_old_buffer("bias"));
    model_file_free(file);
    fixture_directory_remove(directory);
}

/* 60,000 tensors, in the header in the opposite order of their data. */
static void test_many(void **state) {
    (void)state;
    const int n = 60000;
    const char *directory = fixture_directory_new();
    struct gen_bytes header = {0};
    for (int i = 0; i < n; i++) {
        char line[160];
        snprintf(line, sizeof line,
                 "%c\"some.unknown.%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                 i > 0 ? ',' : '{', i, (n - 1 - i) * 4, (n - i) * 4);
        fixture_text(&header, line);
    }
    fixture_put(&header, "}", 2);
    clock_t start = clock();
    struct model_file *file = open_header(directory, header.data, (size_t)n * 4);
    double taken = (double)(clock() - start) / CLOCKS_PER_SEC;
    assert_int_equal(file->n_tensors, n);
    assert_non_null(model_file_tensor(file, "some.unknown.59999"));
    model_file_free(file);
    gen_bytes_release(&header);
    fixture_directory_remove(directory);
    print_message("# 60000 tensors in %.3f s, writing the file included\n", taken);
    assert_true(taken < 2);
}

static void test_shards(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_bytes header = {0}, weights = {0};
    struct model_file *file = NULL;
    const char *directory = fixture_directory_new();
    fixture_write_model(directory);
    assert_int_equal(rename(fixture_path(directory, "model.safetensors"),
                            fixture_path(directory, "model-1-of-2.safetensors")),
                     0);
    fixture_text(&header, "{\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                          "\"h.0.attn.bias\":{\"dtype\":\"U8\",\"shape\":[4],"
                          "\"data_offsets\":[8,12]}}");
    fixture_safetensors(&weights, &header, 12);
    fixture_write(directory, "model-2-of-2.safetensors", &weights);
    fixture_write_text(directory, "model.safetensors.index.json",
                       "{\"metadata\": {\"total_size\": 172}, \"weight_map\": {"
                       "\"c\": \"model-2-of-2.safetensors\", \"a\": \"model-1-of-2.safetensors\", "
                       "\"h.0.attn.bias\": \"model-2-of-2.safetensors\", "
                       "\"b\": \"model-1-of-2.safetensors\"}}");
    if (model_file_open(&file, directory, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(file->n_maps, 2);
    assert_int_equal(file->n_tensors, 3);
    assert_int_equal(model_file_tensor(file, "c")->map, 0);
    assert_int_equal(model_file_tensor(file, "b")->map, 1);
    model_file_free(file);
    gen_bytes_release(&header);
    gen_bytes_release(&weights);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_models), cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_old_buffers),   cmocka_unit_test(test_many),
        cmocka_unit_test(test_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
