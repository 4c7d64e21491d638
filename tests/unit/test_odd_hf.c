/**
 * test_odd_hf.c - Hugging Face directories that are odd, but whole: each must open and compute what
 * the plain one computes. What nobody needs may be of any kind, the order of things says nothing,
 * and one thing may be said in several ways. test_odd_gguf.c has the same of GGUFs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "whole_check.h"
#include "whole_model.h"

static void extra(struct whole_model *model, const char *name, const char *dtype, int n_dims,
                  uint64_t first, size_t size) {
    uint64_t dims[6] = {first, 1, 1, 1, 1, 1};
    whole_add(model, name, dtype, n_dims, dims, size);
}

static void prefix_all(struct whole_model *model) {
    for (size_t i = 0; i < model->n_tensors; i++) {
        char name[sizeof model->tensors[i].name];
        snprintf(name, sizeof name, "transformer.%.60s", model->tensors[i].name);
        memcpy(model->tensors[i].name, name, sizeof name);
    }
}

static const struct {
    const char *what, *name, *dtype;
    int n_dims;
    uint64_t first;
    size_t size;
} extras[] = {
    {"I64 position_ids", "transformer.position_ids", "I64", 2, 8, 64},
    {"a U8 mask", "h.0.attn.bias", "U8", 4, 64, 64},
    {"a BOOL mask", "h.1.attn.bias", "BOOL", 4, 64, 64},
    {"an F32 mask", "transformer.h.0.attn.bias", "F32", 4, 16, 64},
    {"a masked_bias of no dimension", "h.0.attn.masked_bias", "F32", 0, 0, 4},
    {"F64 that is not needed", "x", "F64", 1, 3, 24},
    {"I8", "x", "I8", 1, 3, 3},
    {"I16", "x", "I16", 1, 3, 6},
    {"U16", "x", "U16", 1, 3, 6},
    {"U32", "x", "U32", 1, 3, 12},
    {"I32", "x", "I32", 1, 3, 12},
    {"U64", "x", "U64", 1, 3, 24},
    {"C64", "x", "C64", 1, 3, 24},
    {"F8_E4M3", "x", "F8_E4M3", 1, 3, 3},
    {"F8_E5M2", "x", "F8_E5M2", 1, 3, 3},
    {"F8_E8M0", "x", "F8_E8M0", 1, 3, 3},
    {"F4, two in a byte", "x", "F4", 1, 6, 3},
    {"F6, four in three bytes", "x", "F6_E2M3", 1, 4, 3},
    {"no numbers at all", "x", "F32", 2, 0, 0},
    {"no numbers, of a type that is not read", "x", "I64", 1, 0, 0},
    {"five dimensions", "x", "F32", 5, 4, 16},
    {"six dimensions", "x", "I32", 6, 4, 16},
    {"an empty name inside another layer", "h.99.ln_1.weight", "F32", 1, 8, 32},
    {"a name in letters of elsewhere", "\xce\xb2\xe2\x82\xac\xf0\x9f\x98\x80", "F32", 1, 2, 8},
    {"a head for classes", "score.weight", "F32", 2, 3, 12},
    {"lm_head under a name of its own", "lm_head.bias", "F16", 1, 3, 6},
};
enum { N_EXTRAS = sizeof extras / sizeof *extras };

static const struct {
    const char *key, *json;
} members[] = {
    {"n_ctx", "1024"},
    {"n_inner", "32"},
    {"n_inner", NULL},
    {"tie_word_embeddings", "true"},
    {"hidden_size", "8"},
    {"max_position_embeddings", "8"},
    {"num_attention_heads", "2"},
    {"num_hidden_layers", "2"},
    {"activation_function", "\"gelu_pytorch_tanh\""},
    {"activation_function", "\"gelu_python_tanh\""},
    {"activation_function", "\"gelu_fast\""},
    {"activation_function", "\"gelu_accurate\""},
    {"activation_function", NULL},
    {"layer_norm_epsilon", NULL},
    {"layer_norm_epsilon", "0.00001"},
    {"layer_norm_epsilon", "1E-5"},
    {"model_type", NULL},
    {"bos_token_id", "null"},
    {"eos_token_id", "null"},
    {"eos_token_id", "50256"},
    {"bos_token_id", "-1"},
    {"pad_token_id", "NaN"},
    {"x", "NaN"},
    {"x", "[1, -Infinity, {\"NaN\": Infinity}]"},
    {"x", "\"NaN \\\" Infinity\""},
    {"x", "1e999"},
    {"attn_pdrop", "null"},
    {"resid_pdrop", "\"x\""},
    {"quantization_config", "null"},
    {"pruned_heads", "{}"},
    {"rope_scaling", "null"},
    {"is_encoder_decoder", "null"},
    {"task_specific_params", "{\"text-generation\": {\"do_sample\": true, \"max_length\": 50}}"},
    {"id2label", "{\"0\": \"a\", \"1\": \"\\u00e9\"}"},
    {"torch_dtype", "\"float64\""},
    {"transformers_version", "\"99.0\""},
    {"scale_attn_weights", "true"},
    {"reorder_and_upcast_attn", "true"},
    {"n_head", "2.0"},
    {"\xce\xb2", "\"\xe2\x82\xac\""},
};
enum { N_MEMBERS = sizeof members / sizeof *members };

/* One oddity, by its number; false: there is no such one. */
static bool odd_tensors(struct whole_model *model, int number, const char **what) {
    static char text[100];
    switch (number - N_EXTRAS - N_MEMBERS) {
    case 0:
        *what = "all with the prefix";
        prefix_all(model);
        return true;
    case 1:
        *what = "some with the prefix";
        snprintf(model->tensors[3].name, sizeof model->tensors[3].name,
                 "transformer.h.1.ln_1.weight");
        return true;
    case 2:
        *what = "the last tensor first";
        whole_turn_around(model);
        return true;
    case 3:
        *what = "all as F64";
        for (size_t i = 0; i < model->n_tensors; i++) {
            whole_retype(&model->tensors[i], "F64");
        }
        return true;
    case 4:
        *what = "all as F64, with the prefix";
        for (size_t i = 0; i < model->n_tensors; i++) {
            whole_retype(&model->tensors[i], "F64");
        }
        prefix_all(model);
        return true;
    case 5:
        *what = "F16, BF16, F64 and F32 in turn";
        for (size_t i = 0; i < model->n_tensors; i++) {
            if (i % 4 < 3) {
                whole_retype(&model->tensors[i], i % 4 == 0 ? "F16" : i % 4 == 1 ? "BF16" : "F64");
            }
        }
        return true;
    case 6:
        *what = "an equal lm_head";
        whole_copy(model, "wte.weight", "lm_head.weight");
        return true;
    case 7:
        *what = "an equal lm_head, all with the prefix";
        prefix_all(model);
        whole_copy(model, "transformer.wte.weight", "lm_head.weight");
        return true;
    case 8:
        *what = "an equal lm_head in half precision";
        whole_retype(whole_copy(model, "wte.weight", "lm_head.weight"), "F16");
        return true;
    case 9:
        *what = "an equal lm_head, untied";
        whole_copy(model, "wte.weight", "lm_head.weight");
        whole_json(model, "tie_word_embeddings", "false");
        return true;
    case 10:
        *what = "lm_head only";
        whole_copy(model, "wte.weight", "lm_head.weight");
        whole_remove(model, "wte.weight");
        return true;
    case 11:
        *what = "lm_head only, all with the prefix";
        prefix_all(model);
        whole_copy(model, "transformer.wte.weight", "lm_head.weight");
        whole_remove(model, "transformer.wte.weight");
        return true;
    case 12:
        *what = "lm_head only, as F64";
        whole_retype(whole_copy(model, "wte.weight", "lm_head.weight"), "F64");
        whole_remove(model, "wte.weight");
        return true;
    default:
        break;
    }
    if (number < N_EXTRAS) {
        *what = extras[number].what;
        extra(model, extras[number].name, extras[number].dtype, extras[number].n_dims,
              extras[number].first, extras[number].size);
        return true;
    }
    if (number < N_EXTRAS + N_MEMBERS) {
        int i = number - N_EXTRAS;
        snprintf(text, sizeof text, "%s: %s", members[i].key,
                 members[i].json != NULL ? members[i].json : "not said");
        *what = text;
        whole_json(model, members[i].key, members[i].json);
        return true;
    }
    return false;
}

static void test_directories(void **state) {
    (void)state;
    struct whole_model model;
    double plain = 0;
    const char *what = "plain";
    for (int number = -1; what != NULL; number++) {
        whole_init(&model, false);
        if (number >= 0 && !odd_tensors(&model, number, &what)) {
            what = NULL;
        }
        const char *directory = fixture_directory_new();
        whole_write(directory, &model);
        if (number < 0) {
            assert_true(whole_runs(what, directory, &plain) && plain != 0);
        } else if (what != NULL) {
            whole_must_run(what, directory, plain);
        }
        whole_release(&model);
        fixture_directory_remove(directory);
    }
    whole_report("odd directories");
}

/* ---- odd files around the same tensors --------------------------------------------------------
 */

static void write_text(const char *directory, const char *name, const char *before,
                       const char *after, void (*make)(struct gen_bytes *)) {
    struct gen_bytes text = {0};
    fixture_text(&text, before);
    make(&text);
    fixture_text(&text, after);
    fixture_write(directory, name, &text);
    gen_bytes_release(&text);
}

static struct whole_model *shared_model;

static void make_config(struct gen_bytes *out) {
    whole_config(out, shared_model);
}

/* Two shards and their index, which names `also`, too. */
static void make_shards(const char *directory, size_t n_first, size_t n_twice, const char *also) {
    struct gen_bytes index = {0};
    whole_write_shards(directory, shared_model, n_first, n_twice);
    fixture_text(&index, "{\"weight_map\": {");
    fixture_text(&index, also);
    for (size_t i = 0; i < shared_model->n_tensors; i++) {
        char line[200];
        snprintf(line, sizeof line, "%s\"%s\": \"%s\"", i > 0 ? ", " : "",
                 shared_model->tensors[i].name, i < n_first ? WHOLE_SHARD_1 : WHOLE_SHARD_2);
        fixture_text(&index, line);
    }
    fixture_text(&index, "}}");
    fixture_write(directory, "model.safetensors.index.json", &index);
    gen_bytes_release(&index);
}

/* Change the files; returns what is odd, NULL after the last. */
static const char *odd_files(const char *directory, int number) {
    switch (number) {
    case 0:
        remove(fixture_path(directory, "vocab.json"));
        remove(fixture_path(directory, "merges.txt"));
        return "no tokenizer";
    case 1:
        remove(fixture_path(directory, "vocab.json"));
        remove(fixture_path(directory, "merges.txt"));
        write_text(directory, "tokenizer.json", "", "\n", fixture_tokenizer_json);
        return "tokenizer.json only";
    case 2:
        write_text(directory, "config.json", "\n\t \r\n", "\n\n", make_config);
        return "space around config.json";
    case 3:
        write_text(directory, "merges.txt", "", "\r\n\r\n", fixture_merges);
        return "merges.txt with empty lines at its end";
    case 4:
        make_shards(directory, 14, 0, "");
        return "two shards";
    case 5:
        make_shards(directory, 1, 0, "");
        return "uneven shards";
    case 6:
        make_shards(directory, 27, 0, "");
        return "shards, uneven the other way";
    case 7:
        make_shards(directory, 14, 1, "");
        return "a tensor in two shards";
    case 8:
        make_shards(directory, 14, 0, "\"lm_head.weight\": \"" WHOLE_SHARD_2 "\", ");
        return "an index that names a tied lm_head";
    case 9:
        make_shards(directory, 14, 0, "\"h.0.attn.bias\": \"" WHOLE_SHARD_1 "\", ");
        return "an index that names a mask";
    case 10:
        fixture_write_text(directory, "pytorch_model.bin", "PK\3\4");
        return "PyTorch's file next to it";
    case 11:
        fixture_write_text(directory, "model.gguf", "GGUF");
        return "a GGUF next to it";
    case 12:
        fixture_write_text(directory, "README.md", "---\nlicense: mit\n---\n");
        return "a card next to it";
    case 13:
        fixture_write_text(directory, "adapter_config.json", "{}");
        return "an adapter's settings next to a whole model";
    case 14:
        fixture_write_text(directory, "model.safetensors.index.json", "{}");
        return "an index next to the whole file";
    case 15:
        assert_int_equal(
            rename(fixture_path(directory, "model.safetensors"), fixture_path(directory, "blob")),
            0);
        assert_int_equal(symlink("blob", fixture_path(directory, "model.safetensors")), 0);
        return "a link, as in the Hub's cache";
    case 16:
        fixture_write_text(directory, "tokenizer_config.json",
                           "{\"model_max_length\": Infinity, \"add_prefix_space\": false}");
        return "Infinity in tokenizer_config.json";
    case 17:
        fixture_write_text(directory, "special_tokens_map.json", "{}");
        return "special_tokens_map.json";
    default:
        return NULL;
    }
}

static void test_files(void **state) {
    (void)state;
    struct whole_model model;
    double plain = 0;
    whole_init(&model, false);
    shared_model = &model;
    const char *directory = fixture_directory_new();
    whole_write(directory, &model);
    assert_true(whole_runs("plain", directory, &plain));
    fixture_directory_remove(directory);
    const char *what = "plain";
    for (int number = 0; what != NULL; number++) {
        directory = fixture_directory_new();
        whole_write(directory, &model);
        what = odd_files(directory, number);
        if (what != NULL) {
            whole_must_run(what, directory, plain);
        }
        fixture_directory_remove(directory);
    }
    whole_release(&model);
    whole_report("directories with odd files");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directories),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
