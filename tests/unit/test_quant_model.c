/**
 * test_quant_model.c - models with weights of block formats: the types a conversion chooses, what
 * comes back, what a broken file gets.
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

#include "arch/arch.h"
#include "base/bytes.h"
#include "format/model_file.h"
#include "format_fixture.h"
#include "gen.h"
#include "model/forward.h"
#include "model/recipe.h"
#include "tensor/quant/quant.h"
#include "tokenizer_files.h"

#define BASE "tests/golden/models/base"

/* ---- recipes -------------------------------------------------------------------------------- */

/* What llama_model_quantize() of llama.cpp 0.3.36's build makes of a GPT-2 with tied embeddings:
 * type of token_embd, of attn_output and ffn_up, of attn_qkv, of ffn_down; the latter two also in
 * layers that get more bits. */
struct mix {
    const char *recipe;
    int32_t n_embd, n_layer;
    const char *better; /* a digit or letter for each such layer: 0 ... 9, a, b */
    const char *embd, *other, *qkv, *down, *better_qkv, *better_down;
};

static const struct mix mixes[] = {
    {"q8_0", 768, 12, "", "Q8_0", "Q8_0", "Q8_0", "Q8_0", "", ""},
    {"q4_0", 768, 12, "", "Q6_K", "Q4_0", "Q4_0", "Q4_0", "", ""},
    {"q4_1", 768, 12, "", "Q6_K", "Q4_1", "Q4_1", "Q4_1", "", ""},
    {"q5_0", 768, 12, "", "Q6_K", "Q5_0", "Q5_0", "Q5_0", "", ""},
    {"q5_1", 768, 12, "", "Q6_K", "Q5_1", "Q5_1", "Q5_1", "", ""},
    {"q4_k_m", 768, 12, "0369ab", "Q6_K", "Q4_K", "Q4_K", "Q4_K", "Q6_K", "Q6_K"},
    {"q5_k_m", 768, 12, "0369ab", "Q6_K", "Q5_K", "Q5_K", "Q5_K", "Q6_K", "Q6_K"},
    {"q6_k", 768, 12, "", "Q6_K", "Q6_K", "Q6_K", "Q6_K", "", ""},
    {"iq4_nl", 768, 12, "", "Q6_K", "IQ4_NL", "IQ4_NL", "IQ4_NL", "", ""}, /* our own */
    {"q4_0", 192, 4, "", "Q8_0", "Q4_0", "Q4_0", "Q4_0", "", ""},
    {"q4_k_m", 192, 4, "23", "Q8_0", "Q5_0", "Q5_0", "Q4_K", "Q8_0", "Q6_K"},
    {"q5_k_m", 192, 4, "23", "Q8_0", "Q5_1", "Q5_1", "Q5_K", "Q8_0", "Q6_K"},
    {"q6_k", 192, 4, "", "Q8_0", "Q8_0", "Q8_0", "Q6_K", "", ""},
    {"f16", 768, 12, "", "F16", "F16", "F16", "F16", "", ""},
    {"q8_0", 60, 2, "", "F16", "F16", "F16", "F16", "", ""}, /* by the rule, not by llama.cpp */
};

static const char *wanted_type(const struct mix *mix, const char *tensor, int32_t layer) {
    bool better = strchr(mix->better, "0123456789ab"[layer]) != NULL;
    if (strstr(tensor, "norm") != NULL || strstr(tensor, "bias") != NULL) {
        return "F32";
    }
    if (strstr(tensor, "position_embd") != NULL) {
        return "F32"; /* convert_hf_to_gguf.py keeps it, too */
    }
    if (strstr(tensor, "token_embd") != NULL) {
        return mix->embd;
    }
    if (strstr(tensor, "attn_qkv") != NULL) {
        return better ? mix->better_qkv : mix->qkv;
    }
    if (strstr(tensor, "ffn_down") != NULL) {
        return better ? mix->better_down : mix->down;
    }
    return mix->other;
}

static void test_mixes(void **state) {
    (void)state;
    for (size_t m = 0; m < sizeof mixes / sizeof *mixes; m++) {
        const struct mix *mix = &mixes[m];
        const struct gen_config config = {.n_vocab = 50257,
                                          .n_ctx = 1024,
                                          .n_embd = mix->n_embd,
                                          .n_inner = 4 * mix->n_embd,
                                          .n_layer = mix->n_layer,
                                          .tie_word_embeddings = true};
        const struct recipe *recipe = recipe_find(mix->recipe);
        assert_non_null(recipe);
        for (size_t i = 0; i < arch_gpt2.n_tensors; i++) {
            const struct tensor_spec *spec = &arch_gpt2.tensors[i];
            for (int32_t layer = 0;
                 tensor_spec_exists(spec, &config) && layer < tensor_spec_count(spec, &config);
                 layer++) {
                enum tensor_type type = recipe_type(recipe, spec, layer, &config);
                assert_string_equal(tensor_type_info(type)->name,
                                    wanted_type(mix, spec->gguf, layer));
            }
        }
    }
    assert_null(recipe_find("q4_k"));
    assert_null(recipe_find("q2_k"));
}

/* ---- conversion ----------------------------------------------------------------------------- */

static void convert(const char *source, const char *target, const char *type) {
    struct gen_convert_options options = gen_convert_options_default();
    struct gen_error err = {GEN_OK, ""};
    options.type = type;
    if (gen_convert(source, target, &options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
}

enum { N_IDS = 24 };

/* Logits of a model after each of some ids, from malloc. */
static float *logits_of(const char *path, int32_t n_vocab) {
    struct gen_error err = {GEN_OK, ""};
    struct gen_model *model;
    struct gen_session *session;
    struct gen_session_options options = gen_session_options_default();
    struct gen_row rows[N_IDS];
    float *logits = malloc((size_t)n_vocab * N_IDS * sizeof *logits);
    assert_non_null(logits);
    for (int i = 0; i < N_IDS; i++) {
        rows[i] = (struct gen_row){.id = (i * 37 + 11) % n_vocab, .want_logits = true};
    }
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK ||
        gen_session_new(&session, model, &options, &err) != GEN_OK ||
        gen_session_eval(session, rows, N_IDS, &err) != GEN_OK) {
        fail_msg("%s", err.message);
        return NULL;
    }
    assert_int_equal(gen_model_config(model)->n_vocab, n_vocab);
    for (size_t i = 0; i < N_IDS; i++) {
        memcpy(logits + i * (size_t)n_vocab, gen_session_logits(session, i),
               (size_t)n_vocab * sizeof *logits);
    }
    gen_session_free(session);
    gen_model_free(model);
    return logits;
}

/* How far apart two rows of numbers are, as a part of the first one's size. */
static double apart(const float *a, const float *b, size_t n) {
    double difference = 0;
    double size = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        size += (double)a[i] * (double)a[i];
    }
    return sqrt(difference / size);
}

/* The tensors of two files are the same, bytes and all. */
static void assert_same_tensors(const char *a_path, const char *b_path) {
    struct model_file *a;
    struct model_file *b;
    assert_int_equal(model_file_open(&a, a_path, NULL), GEN_OK);
    assert_int_equal(model_file_open(&b, b_path, NULL), GEN_OK);
    assert_int_equal(a->n_tensors, b->n_tensors);
    for (size_t i = 0; i < a->n_tensors; i++) {
        assert_string_equal(a->tensors[i].name, b->tensors[i].name);
        assert_int_equal(a->tensors[i].type, b->tensors[i].type);
        assert_int_equal(a->tensors[i].size, b->tensors[i].size);
        assert_memory_equal(a->tensors[i].data, b->tensors[i].data, a->tensors[i].size);
    }
    static const char *const keys[] = {"general.file_type", "general.quantization_version"};
    for (size_t k = 0; k < 2; k++) {
        assert_int_equal(model_file_setting(a, keys[k])->value.u,
                         model_file_setting(b, keys[k])->value.u);
    }
    model_file_free(a);
    model_file_free(b);
}

static void test_convert(void **state) {
    (void)state;
    static const struct {
        const char *type;
        double reach; /* of the logits' size; what was found, and half as much again */
    } cases[] = {{"q8_0", 0.04},  {"q6_k", 0.045}, {"q5_k_m", 0.17}, {"q5_1", 0.19},  {"q5_0", 0.2},
                 {"q4_k_m", 0.2}, {"q4_1", 0.36},  {"q4_0", 0.35},   {"iq4_nl", 0.35}};
    const char *directory = fixture_directory_new();
    float *exact = logits_of(BASE, 512);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char first[512];
        char second[512];
        snprintf(first, sizeof first, "%s", fixture_path(directory, "first.gguf"));
        snprintf(second, sizeof second, "%s", fixture_path(directory, "second.gguf"));
        convert(BASE, first, cases[i].type);
        float *logits = logits_of(first, 512);
        double far = apart(exact, logits, (size_t)512 * N_IDS);
        printf("# %s: logits %.4f away\n", cases[i].type, far);
        assert_true(far < cases[i].reach);
        free(logits);
        /* Without a type, nothing is rounded again. */
        convert(first, second, NULL);
        assert_same_tensors(first, second);
        /* To another type it goes through f32. */
        convert(first, second, "f32");
        free(logits_of(second, 512));
    }
    free(exact);
    fixture_directory_remove(directory);
}

/* Rows of 60 are no whole blocks of anything. */
static void test_odd_width(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *path = fixture_path(directory, "odd.gguf");
    convert("tests/golden/models/odd-width", path, "q4_k_m");
    float *logits = logits_of(path, 512);
    float *exact = logits_of("tests/golden/models/odd-width", 512);
    assert_true(apart(exact, logits, (size_t)512 * N_IDS) < 0.01);
    free(logits);
    free(exact);
    fixture_directory_remove(directory);
}

/* Scratch is enough for every layer, where types differ from one to the other. */
static void test_mixed_layers(void **state) {
    (void)state;
    struct layer layers[3] = {0};
    struct weights weights = {.h = layers, .n_layer = 3};
    struct gen_config config = {.n_embd = 64, .n_layer = 3};
    layers[1].mlp_c_proj.matrix =
        (struct matrix){.type = TENSOR_F16, .n_in = 9999, .n_out = 64, .row_stride = MATRIX_PANEL};
    layers[2].mlp_c_fc.matrix = (struct matrix){
        .type = TENSOR_Q4_0, .n_in = 3200, .n_out = 64, .quant = {.format = &quant_q4_0}};
    size_t needed = kernels_matmul_scratch(&layers[1].mlp_c_proj.matrix);
    assert_true(needed >= 9999);
    assert_true(forward_scratch(&weights, &config, 16) >= needed);
    needed = kernels_quantized_row_bytes(&layers[2].mlp_c_fc.matrix);
    assert_true(needed >= 3200);
    assert_true(forward_inputs(&weights) >= needed);
}

/* ---- broken files --------------------------------------------------------------------------- */

/* A quantized BASE as bytes. */
static void read_quantized(struct gen_bytes *image, const char *directory, const char *type) {
    size_t n;
    const char *path = fixture_path(directory, "whole.gguf");
    convert(BASE, path, type);
    char *bytes = tokenizer_files_read(path, &n);
    fixture_put(image, bytes, n);
    free(bytes);
}

/* Where the first tensor of this type begins in the image; *name gets its name. */
static size_t find_tensor(const struct gen_bytes *image, enum tensor_type type, char name[100]) {
    struct model_file *file;
    assert_int_equal(model_file_open_memory(&file, "x", image->data, image->n, NULL), GEN_OK);
    for (size_t i = 0; i < file->n_tensors; i++) {
        if (file->tensors[i].type == type) {
            size_t at = (size_t)((const char *)file->tensors[i].data - image->data);
            snprintf(name, 100, "%s", file->tensors[i].name);
            model_file_free(file);
            return at;
        }
    }
    fail_msg("no tensor of type %s", tensor_type_info(type)->name);
    return 0;
}

/* Opening the image fails and says `first` and `second`. */
static void assert_refused(const struct gen_bytes *image, const char *first, const char *second) {
    struct gen_error err = {GEN_OK, ""};
    struct gen_model *model;
    assert_int_equal(
        gen_model_open_memory(&model, "broken.gguf", image->data, image->n, NULL, &err),
        GEN_BAD_FILE);
    assert_null(fixture_message_problem(&err, "broken.gguf"));
    if (strstr(err.message, first) == NULL || strstr(err.message, second) == NULL) {
        fail_msg("%s (must be: %s, %s)", err.message, first, second);
    }
}

static void test_broken(void **state) {
    (void)state;
    static const struct {
        const char *recipe;
        enum tensor_type type;
    } cases[] = {{"q8_0", TENSOR_Q8_0},   {"q4_0", TENSOR_Q4_0}, {"q4_1", TENSOR_Q4_1},
                 {"q5_0", TENSOR_Q5_0},   {"q5_1", TENSOR_Q5_1}, {"q4_k_m", TENSOR_Q4_K},
                 {"q5_k_m", TENSOR_Q5_K}, {"q6_k", TENSOR_Q6_K}, {"iq4_nl", TENSOR_IQ4_NL}};
    const char *directory = fixture_directory_new();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct tensor_type_info *info = tensor_type_info(cases[i].type);
        struct gen_bytes image = {0};
        char name[100];
        char index[40];
        read_quantized(&image, directory, cases[i].recipe);
        size_t at = find_tensor(&image, cases[i].type, name);
        /* A NaN for d, then an infinite m, in the third block. */
        unsigned char *block = (unsigned char *)image.data + at + 2 * info->block_bytes;
        uint16_t d = bytes_u16(block + info->quant->d_at);
        snprintf(index, sizeof index, "not finite at index %zu", 2 * info->block_size);
        bytes_put_u16(block + info->quant->d_at, 0x7e01);
        assert_refused(&image, name, index);
        bytes_put_u16(block + info->quant->d_at, d);
        if (info->quant->has_min) {
            bytes_put_u16(block + info->quant->m_at, 0xfc00);
            assert_refused(&image, name, index);
        }
        image.n -= 32; /* more than padding */
        assert_refused(&image, "beyond the end", "cut off");
        gen_bytes_release(&image);
    }
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mixes),     cmocka_unit_test(test_convert),
        cmocka_unit_test(test_odd_width), cmocka_unit_test(test_mixed_layers),
        cmocka_unit_test(test_broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
