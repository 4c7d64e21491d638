/**
 * test_malformed_whole_hf.c - whole models in a Hugging Face directory, with every setting and
 * every tensor wrong in every way: each must be refused with one line that names the file in the
 * directory and the key or tensor. The tables multiply: a key by what it must not be, a tensor by
 * what can be wrong with one, a file by what may lie there instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "format_fixture.h"
#include "whole_check.h"
#include "whole_model.h"

static void must_refuse(const char *what, const struct whole_model *model, const char *file,
                        const char *expected) {
    char path[300];
    const char *directory = fixture_directory_new();
    whole_write(directory, model);
    snprintf(path, sizeof path, "/%s: ", file);
    whole_must_refuse(what, directory, path, expected);
    fixture_directory_remove(directory);
}

/* ---- config.json: keys by values --------------------------------------------------------------
 */

static const char *const not_sizes[] = {"null",  "-1",       "0",          "1.5",
                                        "\"2\"", "true",     "[]",         "[2]",
                                        "{}",    "1e300",    "2147483648", "9007199254740993",
                                        "NaN",   "Infinity", "-Infinity",  "\"\""};
static const char *const not_bools[] = {"null", "0", "1", "\"true\"", "[]", "{}", "1.5", "NaN"};
static const char *const not_epsilons[] = {"null",     "-1",        "2",     "\"1e-5\"",
                                           "true",     "[]",        "{}",    "NaN",
                                           "Infinity", "-Infinity", "1e300", "-1e-9"};
static const char *const not_activations[] = {
    "null",        "1",         "true",          "[]",          "{}",
    "\"\"",        "\"GELU\"",  "\"gelu_10\"",   "\"mish\"",    "\"relu2\"",
    "\"relu6\"",   "\"tanh\"",  "\"linear\"",    "\"sigmoid\"", "\"prelu\"",
    "\"laplace\"", "\"xielu\"", "\"gelu_new \"", "\"\\u0007\"", "[\"gelu\"]"};
static const char *const not_types[] = {"null", "1",        "[]",           "{}",       "true",
                                        "\"\"", "\"GPT2\"", "\"gpt_neox\"", "\"llama\""};
static const char *const not_ids[] = {"\"x\"", "1.5", "true", "{}", "-2", "1e300", "NaN"};
static const char *const not_empty[] = {"1", "true", "\"x\"", "{\"a\": 1}", "[1]"};

#define LIST(values) values, sizeof(values) / sizeof *(values)

static const struct {
    const char *key;
    const char *const *values;
    size_t n;
} keys[] = {
    {"vocab_size", LIST(not_sizes)},
    {"n_positions", LIST(not_sizes)},
    {"n_embd", LIST(not_sizes)},
    {"n_head", LIST(not_sizes)},
    {"n_layer", LIST(not_sizes)},
    {"n_inner", not_sizes + 1, sizeof not_sizes / sizeof *not_sizes - 1},
    {"max_position_embeddings", LIST(not_sizes)},
    {"hidden_size", LIST(not_sizes)},
    {"num_attention_heads", LIST(not_sizes)},
    {"num_hidden_layers", LIST(not_sizes)},
    {"layer_norm_epsilon", LIST(not_epsilons)},
    {"activation_function", LIST(not_activations)},
    {"scale_attn_weights", LIST(not_bools)},
    {"scale_attn_by_inverse_layer_idx", LIST(not_bools)},
    {"tie_word_embeddings", LIST(not_bools)},
    {"add_cross_attention", LIST(not_bools)},
    {"is_encoder_decoder", not_bools + 1, sizeof not_bools / sizeof *not_bools - 1},
    {"model_type", LIST(not_types)},
    {"bos_token_id", LIST(not_ids)},
    {"eos_token_id", LIST(not_ids)},
    {"quantization_config", LIST(not_empty)},
    {"auto_map", LIST(not_empty)},
    {"pruned_heads", LIST(not_empty)},
    {"rope_scaling", LIST(not_empty)},
};

static void test_keys(void **state) {
    (void)state;
    struct whole_model model;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (size_t v = 0; v < keys[i].n; v++) {
            char what[120];
            snprintf(what, sizeof what, "%s: %s", keys[i].key, keys[i].values[v]);
            whole_init(&model, false);
            whole_json(&model, keys[i].key, keys[i].values[v]);
            must_refuse(what, &model, "config.json", keys[i].key);
            whole_release(&model);
        }
    }
    whole_report("malformed: keys of config.json");
}

/* Values that are fine alone, but not with the others or the tensors. */
static void test_contradictions(void **state) {
    (void)state;
    static const struct {
        const char *key, *json, *file, *expected;
    } cases[] = {
        {"vocab_size", NULL, "model.safetensors", "wte.weight"},
        {"n_positions", NULL, "model.safetensors", "wpe.weight"},
        {"n_embd", NULL, "model.safetensors", "wte.weight"},
        {"n_head", NULL, "config.json", "n_head 12"},
        {"n_layer", NULL, "model.safetensors", "h.2.ln_1.weight"},
        {"vocab_size", "260", "model.safetensors", "wte.weight"},
        {"n_positions", "9", "model.safetensors", "wpe.weight"},
        {"n_positions", "7", "model.safetensors", "wpe.weight"},
        {"n_embd", "10", "model.safetensors", "wte.weight"},
        {"n_head", "3", "config.json", "n_head 3"},
        {"n_head", "16", "config.json", "n_head 16"},
        {"n_layer", "3", "model.safetensors", "h.2.ln_1.weight"},
        {"n_inner", "31", "model.safetensors", "mlp.c_fc.weight"},
        {"n_inner", "64", "model.safetensors", "mlp.c_fc.weight"},
        {"hidden_size", "16", "config.json", "hidden_size"},
        {"num_hidden_layers", "1", "config.json", "num_hidden_layers"},
        {"num_attention_heads", "1", "config.json", "num_attention_heads"},
        {"max_position_embeddings", "16", "config.json", "max_position_embeddings"},
        {"tie_word_embeddings", "false", "model.safetensors", "lm_head.weight"},
        {"add_cross_attention", "true", "config.json", "add_cross_attention"},
        {"is_encoder_decoder", "true", "config.json", "is_encoder_decoder"},
    };
    struct whole_model model;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        whole_init(&model, false);
        whole_json(&model, cases[i].key, cases[i].json);
        must_refuse(cases[i].expected, &model, cases[i].file, cases[i].expected);
        whole_release(&model);
    }
    whole_report("malformed: settings against each other and the tensors");
}

/* ---- tensors by faults ------------------------------------------------------------------------
 */

static bool spoil(struct whole_model *model, const char *name, int fault) {
    static const char *const others[] = {"I32", "U32", "I64", "F8_E4M3", "BOOL", "F4", "C64"};
    struct whole_tensor *tensor = whole_tensor(model, name);
    char prefixed[100];
    switch (fault) {
    case 0:
        whole_remove(model, name);
        return true;
    case 1: /* one more dimension */
        tensor->dims[tensor->n_dims++] = 1;
        return true;
    case 2: /* turned around, or a row of a matrix */
        if (tensor->n_dims == 2 && tensor->dims[0] == tensor->dims[1]) {
            return false;
        }
        tensor->dims[tensor->n_dims == 2 ? 2 : 1] = tensor->dims[0];
        tensor->dims[0] = tensor->n_dims == 2 ? tensor->dims[1] : 1;
        tensor->dims[1] = tensor->n_dims == 2 ? tensor->dims[2] : tensor->dims[1];
        tensor->n_dims = 2;
        return true;
    case 3: /* half as long */
        tensor->dims[0] = (tensor->dims[0] + 1) / 2;
        tensor->size = 4 * tensor->dims[0] * (tensor->n_dims == 2 ? tensor->dims[1] : 1);
        return true;
    case 4: /* flat */
        if (tensor->n_dims == 1) {
            return false;
        }
        tensor->dims[0] *= tensor->dims[1];
        tensor->n_dims = 1;
        return true;
    case 5:
        bytes_put_u32(tensor->data + tensor->size - 4, 0x7FC00000); /* NaN */
        return true;
    case 6:
        bytes_put_u32(tensor->data, 0xFF800000); /* -infinity */
        return true;
    case 7:
        tensor->dims[0] = 0;
        tensor->size = 0;
        return true;
    case 8: /* too large for float */
        whole_retype(tensor, "F64");
        bytes_put_u64(tensor->data, 0x7FE0000000000000);
        return true;
    case 9: /* under both names */
        snprintf(prefixed, sizeof prefixed, "transformer.%s", name);
        whole_add(model, prefixed, "F32", tensor->n_dims, tensor->dims, tensor->size);
        return true;
    case 10: /* five dimensions */
        for (; tensor->n_dims < 5; tensor->n_dims++) {
            tensor->dims[tensor->n_dims] = 1;
        }
        return true;
    default: {
        const char *dtype = others[fault - 11];
        size_t n = tensor->size / 4;
        snprintf(tensor->dtype, sizeof tensor->dtype, "%s", dtype);
        tensor->size = strcmp(dtype, "F4") == 0                                      ? n / 2
                       : strcmp(dtype, "I64") == 0 || strcmp(dtype, "C64") == 0      ? 8 * n
                       : strcmp(dtype, "F8_E4M3") == 0 || strcmp(dtype, "BOOL") == 0 ? n
                                                                                     : 4 * n;
        unsigned char *data = realloc(tensor->data, tensor->size + 1);
        assert_non_null(data);
        memset(data, 0, tensor->size + 1);
        tensor->data = data;
        return n % 2 == 0;
    }
    }
}
#define N_FAULTS 18

static void test_tensors(void **state) {
    (void)state;
    struct whole_model model;
    for (size_t i = 0; i < WHOLE_N_TENSORS; i++) {
        for (int fault = 0; fault < N_FAULTS; fault++) {
            char what[120], name[80];
            whole_init(&model, false);
            snprintf(name, sizeof name, "%s", model.tensors[i].name);
            snprintf(what, sizeof what, "%s, fault %d", name, fault);
            if (spoil(&model, name, fault)) {
                must_refuse(what, &model, "model.safetensors", name);
            }
            whole_release(&model);
        }
    }
    whole_report("malformed: tensors of a directory");
}

/* ---- files by what may lie there --------------------------------------------------------------
 */

static const struct {
    const char *what, *text;
    size_t n;
    const char *expected;
} instead[] = {
#define T(text) text, sizeof(text) - 1
    {"nothing", T(""), "is empty"},
    {"a git-lfs pointer", T("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"),
     "git lfs pull"},
    {"a web page", T("<!DOCTYPE html>\n<html><body>Log in</body></html>"), "web page"},
    {"a web page after space", T("\n\n  <html lang=en><head>"), "web page"},
    {"an error in XML", T("<?xml version=\"1.0\"?><Error>AccessDenied</Error>"), "web page"},
    {"a ZIP", T("PK\3\4\24\0\0\0"), "ZIP"},
    {"a pickle", T("\x80\2}q\0."), "PyTorch"},
    {"HDF5", T("\x89HDF\r\n\x1a\n\0\0\0\0"), "HDF5"},
    {"gzip", T("\x1f\x8b\x08\0\0\0\0\0\0\0"), "gzip"},
    {"zstd", T("\x28\xb5\x2f\xfd\0\0\0\0\0"), "zstd"},
    {"an array", T("[]"), NULL},
    {"text", T("hello world, this is no model"), NULL},
    {"a brace", T("{"), NULL},
    {"half a member", T("{\"a"), NULL},
    {"two values", T("{} {}"), NULL},
    {"UTF-16", T("\xff\xfe{\0}\0"), NULL},
    {"UTF-16, big-endian", T("\0{\0}"), NULL},
    {"a byte order mark", T("\xef\xbb\xbf{}"), NULL},
    {"bad UTF-8", T("{\"a\": \"\xff\"}"), NULL},
    {"an overlong character", T("{\"a\": \"\xc0\xaf\"}"), NULL},
    {"a member twice", T("{\"a\": 1, \"a\": 2}"), NULL},
    {"a member twice, deep", T("{\"b\": [{\"a\": 1, \"a\": 2}]}"), NULL},
    {"U+0000", T("{\"a\": \"\\u0000\"}"), NULL},
    {"half a surrogate pair", T("{\"a\": \"\\ud800\"}"), NULL},
    {"a comma too many", T("{\"a\": 1,}"), NULL},
    {"single quotes", T("{'a': 1}"), NULL},
    {"a comment", T("// x\n{}"), NULL},
    {"a number with a leading zero", T("{\"a\": 01}"), NULL},
    {"a control character", T("{\"a\": \"\x1b[2J\"}"), NULL},
    {"NUL bytes", T("\0\0\0\0\0\0\0\0\0\0\0\0"), NULL},
    {"65 levels",
     T("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
       "[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"),
     NULL},
};

static void test_instead(void **state) {
    (void)state;
    static const char *const files[] = {"config.json",    "model.safetensors",
                                        "vocab.json",     "merges.txt",
                                        "tokenizer.json", "model.safetensors.index.json"};
    struct whole_model model;
    whole_init(&model, false);
    for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
        for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
            bool is_merges = strcmp(files[f], "merges.txt") == 0;
            bool is_weights = strcmp(files[f], "model.safetensors") == 0;
            bool is_text = i >= 10;
            if (is_merges) { /* the tokenizer's own tests have these */
                continue;
            }
            const char *directory = fixture_directory_new();
            char what[120], path[100];
            whole_write(directory, &model);
            if (strcmp(files[f], "tokenizer.json") == 0) {
                remove(fixture_path(directory, "vocab.json"));
                remove(fixture_path(directory, "merges.txt"));
            } else if (f == 5) {
                remove(fixture_path(directory, "model.safetensors"));
            }
            struct gen_bytes text = {0};
            fixture_put(&text, instead[i].text, instead[i].n);
            fixture_write(directory, files[f], &text);
            snprintf(what, sizeof what, "%s for %s", instead[i].what, files[f]);
            snprintf(path, sizeof path, "/%s: ", files[f]);
            whole_must_refuse(what, directory, path,
                              is_text && is_weights ? NULL : instead[i].expected);
            gen_bytes_release(&text);
            fixture_directory_remove(directory);
        }
    }
    whole_release(&model);
    whole_report("malformed: files that are something else");
}

/* ---- model.safetensors: every boundary --------------------------------------------------------
 */

static void test_cuts(void **state) {
    (void)state;
    struct whole_model model;
    struct gen_bytes whole = {0};
    const char *directory = fixture_directory_new();
    whole_init(&model, false);
    whole_write(directory, &model);
    whole_safetensors(&whole, model.tensors, model.n_tensors);
    size_t full = whole.n, at = 8 + (size_t)bytes_u64((const unsigned char *)whole.data);
    size_t cuts[WHOLE_N_TENSORS + 8], n = 0;
    cuts[n++] = 1;
    cuts[n++] = 7;
    cuts[n++] = 8;
    cuts[n++] = 9;
    cuts[n++] = at / 2;
    cuts[n++] = at - 1;
    for (size_t i = 0; i < model.n_tensors; i++) {
        cuts[n++] = at;
        at += model.tensors[i].size;
    }
    cuts[n++] = full - 1;
    for (size_t i = 0; i < n; i++) {
        whole.n = cuts[i];
        fixture_write(directory, "model.safetensors", &whole);
        whole_must_refuse("cut", directory, "/model.safetensors: ", NULL);
    }
    whole.n = full;
    fixture_put(&whole, "x", 1);
    fixture_write(directory, "model.safetensors", &whole);
    whole_must_refuse("longer", directory, "/model.safetensors: ", "belong to nothing: 1");
    gen_bytes_release(&whole);
    whole_release(&model);
    fixture_directory_remove(directory);
    whole_report("malformed: lengths of model.safetensors");
}

/* ---- shards -----------------------------------------------------------------------------------
 */

/* Two shards; the index is written with a change: leave out, move or rename one tensor. */
static void write_shards(const char *directory, const struct whole_model *model, size_t changed,
                         int change) {
    struct gen_bytes index = {0};
    size_t half = model->n_tensors / 2;
    whole_write_shards(directory, model, half, 0);
    fixture_text(&index, "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {\"x.attn.bias\": "
                         "\"" WHOLE_SHARD_1 "\"");
    for (size_t i = 0; i < model->n_tensors; i++) {
        char line[200];
        bool second = (i >= half) != (i == changed && change == 1);
        snprintf(line, sizeof line, ", \"%s%s\": \"%s\"", model->tensors[i].name,
                 i == changed && change == 2 ? "x" : "",
                 i == changed && change == 3 ? "missing.safetensors"
                 : second                    ? WHOLE_SHARD_2
                                             : WHOLE_SHARD_1);
        if (i != changed || change != 0) {
            fixture_text(&index, line);
        }
    }
    fixture_text(&index, "}}");
    fixture_write(directory, "model.safetensors.index.json", &index);
    gen_bytes_release(&index);
}

static void test_shards(void **state) {
    (void)state;
    struct whole_model model;
    for (size_t i = 0; i < WHOLE_N_TENSORS; i++) {
        for (int change = 0; change < 4; change++) {
            char what[100];
            whole_init(&model, false);
            const char *directory = fixture_directory_new();
            whole_write(directory, &model);
            write_shards(directory, &model, i, change);
            snprintf(what, sizeof what, "%s in the index, change %d", model.tensors[i].name,
                     change);
            whole_must_refuse(what, directory,
                              change == 3 ? "/missing.safetensors: "
                                          : "/model.safetensors.index.json: ",
                              change == 3 ? "cannot open" : model.tensors[i].name);
            fixture_directory_remove(directory);
            whole_release(&model);
        }
    }
    whole_report("malformed: shards and their index");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_instead),
        cmocka_unit_test(test_cuts),    cmocka_unit_test(test_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
