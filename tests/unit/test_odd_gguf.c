/**
 * test_odd_gguf.c - GGUFs that are odd, but whole: each must open and compute what the plain one
 * computes, as in test_odd_hf.c. And a GGUF that is written to while it is open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/model_file.h"
#include "format_fixture.h"
#include "whole_check.h"
#include "whole_model.h"

static const struct {
    const char *what, *number;
    uint64_t first;
    size_t size;
} gguf_extras[] = {
    {"I8", "24", 3, 3},
    {"I16", "25", 3, 6},
    {"I32", "26", 3, 12},
    {"I64", "27", 3, 24},
    {"F64", "28", 3, 24},
    {"Q8_K", "15", 256, 292},
    {"IQ4_NL", "20", 32, 18},
    {"IQ4_XS", "23", 256, 136},
    {"TQ1_0", "34", 256, 54},
    {"MXFP4", "39", 32, 17},
    {"NVFP4", "40", 64, 36},
    {"Q1_0", "41", 128, 18},
    {"a dimension of 0", "0", 0, 0},
    {"F16", "1", 3, 6},
};
enum { N_GGUF_EXTRAS = sizeof gguf_extras / sizeof *gguf_extras };

static const char *odd_gguf(struct whole_model *model, int number) {
    static const uint32_t alignments[] = {1, 2, 4, 8, 16, 64, 128, 4096, 65536};
    enum { N_ALIGNMENTS = sizeof alignments / sizeof *alignments };
    if (number < N_GGUF_EXTRAS) {
        uint64_t dims[2] = {gguf_extras[number].first, 1};
        whole_add(model, "x", gguf_extras[number].number, 2, dims, gguf_extras[number].size);
        return gguf_extras[number].what;
    }
    number -= N_GGUF_EXTRAS;
    if (number < N_ALIGNMENTS) {
        model->alignment = alignments[number];
        whole_key_u32(model, "general.alignment", alignments[number]);
        return "another alignment";
    }
    switch (number - N_ALIGNMENTS) {
    case 0:
        model->version = 2;
        return "version 2";
    case 1:
        whole_turn_around(model);
        return "the last tensor first";
    case 2:
        whole_key(model, "gpt2.block_count", 10, "\2\0\0\0\0\0\0\0", 8);
        return "a size of 64 bits";
    case 3:
        whole_key(model, "gpt2.block_count", 0, "\2", 1);
        return "a size of 8 bits";
    case 4:
        whole_key(model, "gpt2.block_count", 5, "\2\0\0\0", 4);
        return "a signed size";
    case 5:
        whole_key_text(model, "general.author", "somebody \xce\xb2");
        return "an author";
    case 6:
        whole_key(model, "x.list", 9, "\4\0\0\0\0\0\0\0\0\0\0\0", 12);
        return "an empty array";
    case 7:
        whole_key_text(model, "gen.activation_function", "gelu_fast");
        return "another name of the activation";
    case 8:
        whole_key(model, "split.count", 2, "\1\0", 2);
        return "one part of one";
    case 9:
        whole_key(model, "split.count", 2, "\0\0", 2);
        return "no parts";
    case 10:
        whole_key(model, "x.nan", 6, "\0\0\xc0\x7f", 4);
        return "NaN in a key that nobody reads";
    case 11:
        whole_copy(model, "token_embd.weight", "output.weight");
        return "an output matrix equal to the embedding";
    case 12:
        whole_key_text(model, "general.type", "model");
        return "a type";
    case 13:
        whole_retype(whole_tensor(model, "blk.0.attn_norm.weight"), "F16");
        whole_retype(whole_tensor(model, "output_norm.bias"), "BF16");
        whole_retype(whole_tensor(model, "position_embd.weight"), "F16");
        return "mixed types";
    default:
        return NULL;
    }
}

static void test_ggufs(void **state) {
    (void)state;
    struct whole_model model;
    double plain = 0;
    const char *what = "plain";
    const char *directory = fixture_directory_new();
    for (int number = -1; what != NULL; number++) {
        whole_init(&model, true);
        what = number >= 0 ? odd_gguf(&model, number) : "plain";
        whole_write(directory, &model);
        /* the folder around it, too */
        const char *path = number % 2 ? directory : fixture_path(directory, "model.gguf");
        if (number < 0) {
            assert_true(whole_runs(what, path, &plain) && plain != 0);
        } else if (what != NULL) {
            whole_must_run(what, path, plain);
        }
        whole_release(&model);
    }
    /* Without the padding after the last tensor. */
    struct gen_bytes bytes = {0};
    whole_init(&model, true);
    model.alignment = 4096;
    whole_key_u32(&model, "general.alignment", 4096);
    whole_gguf(&bytes, &model);
    bytes.n -= 4096 - model.tensors[model.n_tensors - 1].size;
    fixture_write(directory, "model.gguf", &bytes);
    whole_must_run("no padding", directory, plain);
    gen_bytes_release(&bytes);
    whole_release(&model);
    fixture_directory_remove(directory);
    whole_report("odd GGUFs");
}

/* ---- what others write to the file meanwhile ---------------------------------------------------
 */

/* Texts were copied out of the mapping: a file that is written to afterwards does not change them.
 */
static void test_copied_texts(void **state) {
    (void)state;
    struct whole_model model;
    struct gen_error err = {0};
    struct model_file *file = NULL;
    const char *directory = fixture_directory_new();
    whole_init(&model, true);
    whole_key_text(&model, "general.name", "a name");
    whole_write(directory, &model);
    const char *path = fixture_path(directory, "model.gguf");
    assert_int_equal(model_file_open(&file, path, &err), GEN_OK);
    const struct setting *name = model_file_setting(file, "general.name");
    const struct setting *tokens = model_file_setting(file, "tokenizer.ggml.tokens");
    struct gen_bytes before = {0};
    fixture_put(&before, tokens->value.array.data, tokens->value.array.size);
    FILE *other = fopen(path, "r+b");
    assert_non_null(other);
    for (size_t i = 0; i < file->maps[0].size; i++) {
        assert_int_not_equal(fputc(0xFF, other), EOF);
    }
    assert_int_equal(fclose(other), 0);
    assert_int_equal(file->maps[0].data[0], 0xFF); /* the mapping shows it */
    assert_int_equal(name->value.string.n, 6);
    assert_memory_equal(name->value.string.text, "a name", 6);
    assert_int_equal(tokens->value.array.size, before.n);
    assert_memory_equal(tokens->value.array.data, before.data, before.n);
    gen_bytes_release(&before);
    model_file_free(file);
    whole_release(&model);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ggufs),
        cmocka_unit_test(test_copied_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
