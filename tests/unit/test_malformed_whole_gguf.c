/**
 * test_malformed_whole_gguf.c - whole GGUFs with every key and every tensor wrong in every way:
 * each must be refused with one line that names the file and the key or tensor.
 * test_malformed_gguf.c has the bytes of the container.
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

static void must_refuse_bytes(const char *what, const struct gen_bytes *bytes,
                              const char *expected) {
    const char *directory = fixture_directory_new();
    fixture_write(directory, "model.gguf", bytes);
    whole_must_refuse(what, fixture_path(directory, "model.gguf"), "/model.gguf: ", expected);
    fixture_directory_remove(directory);
}

static void must_refuse(const char *what, const struct whole_model *model, const char *expected) {
    struct gen_bytes bytes = {0};
    whole_gguf(&bytes, model);
    must_refuse_bytes(what, &bytes, expected);
    gen_bytes_release(&bytes);
}

/* ---- keys by values ---------------------------------------------------------------------------
 */

/* Encoded values that no size, no switch, no number, no text may have; by name for messages. */
static const struct value {
    const char *what;
    uint32_t type;
    const char *bytes;
    size_t n;
} values[] = {
#define B(bytes) bytes, sizeof(bytes) - 1
    {"0", 4, B("\0\0\0\0")},
    {"-1", 5, B("\xff\xff\xff\xff")},
    {"2^31", 4, B("\0\0\0\x80")},
    {"2^32-1", 4, B("\xff\xff\xff\xff")},
    {"2^63", 10, B("\0\0\0\0\0\0\0\x80")},
    {"2^64-1", 10, B("\xff\xff\xff\xff\xff\xff\xff\xff")},
    {"-2^63", 11, B("\0\0\0\0\0\0\0\x80")},
    {"1.5", 6, B("\0\0\xc0\x3f")},
    {"NaN", 6, B("\0\0\xc0\x7f")},
    {"infinity", 6, B("\0\0\x80\x7f")},
    {"-infinity, double", 12, B("\0\0\0\0\0\0\xf0\xff")},
    {"true", 7, B("\1")},
    {"text", 8, B("\1\0\0\0\0\0\0\0002")},
    {"empty text", 8, B("\0\0\0\0\0\0\0\0")},
    {"an array", 9, B("\4\0\0\0\1\0\0\0\0\0\0\0\2\0\0\0")},
    {"an empty array", 9, B("\4\0\0\0\0\0\0\0\0\0\0\0")},
    {"an array of text", 9, B("\10\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0x")},
};
#define N_VALUES (sizeof values / sizeof *values)

/* What a key takes. */
enum { SIZE, EPSILON, SWITCH, TEXT, ID };

/* No value of the list is fine for a size or as a text. */
static bool is_fine(int kind, const struct value *value) {
    return kind == SWITCH ? value->type == 7
                          : (kind == EPSILON || kind == ID) && strcmp(value->what, "0") == 0;
}

static void test_keys(void **state) {
    (void)state;
    static const struct {
        const char *key;
        int kind;
    } keys[] = {
        {"gpt2.context_length", SIZE},
        {"gpt2.embedding_length", SIZE},
        {"gpt2.attention.head_count", SIZE},
        {"gpt2.block_count", SIZE},
        {"gpt2.feed_forward_length", SIZE},
        {"gpt2.attention.layer_norm_epsilon", EPSILON},
        {"gpt2.attention.head_count_kv", SIZE},
        {"gpt2.attention.key_length", SIZE},
        {"gpt2.attention.value_length", SIZE},
        {"gpt2.attention.causal", SWITCH},
        {"gen.activation_function", TEXT},
        {"gen.scale_attn_weights", SWITCH},
        {"gen.scale_attn_by_inverse_layer_idx", SWITCH},
        {"general.architecture", TEXT},
        {"general.type", TEXT},
        {"general.alignment", SIZE},
        {"tokenizer.ggml.add_bos_token", SWITCH},
        {"tokenizer.ggml.padding_token_id", ID},
        {"gen.unknown", TEXT},
    };
    struct whole_model model;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        for (size_t v = 0; v < N_VALUES; v++) {
            char what[120];
            if (is_fine(keys[i].kind, &values[v])) {
                continue;
            }
            whole_init(&model, true);
            whole_key(&model, keys[i].key, values[v].type, values[v].bytes, values[v].n);
            snprintf(what, sizeof what, "%s: %s", keys[i].key, values[v].what);
            must_refuse(what, &model, keys[i].key);
            whole_release(&model);
        }
    }
    whole_report("malformed: keys of a GGUF");
}

static void test_contradictions(void **state) {
    (void)state;
    static const char *const required[] = {"general.architecture",
                                           "gpt2.context_length",
                                           "gpt2.embedding_length",
                                           "gpt2.attention.head_count",
                                           "gpt2.block_count",
                                           "gpt2.feed_forward_length",
                                           "gpt2.attention.layer_norm_epsilon"};
    static const struct {
        const char *key;
        uint32_t value;
        const char *expected;
    } cases[] = {
        {"gpt2.context_length", 9, "position_embd.weight"},
        {"gpt2.context_length", 7, "position_embd.weight"},
        {"gpt2.embedding_length", 16, "token_embd.weight"},
        {"gpt2.attention.head_count", 3, "head 3"},
        {"gpt2.attention.head_count", 16, "head 16"},
        {"gpt2.block_count", 3, "blk.2.attn_norm.weight"},
        {"gpt2.feed_forward_length", 31, "ffn_up.weight"},
        {"gpt2.attention.head_count_kv", 1, "head_count_kv"},
        {"gpt2.attention.key_length", 8, "key_length"},
        {"gpt2.expert_count", 2, "expert_count"},
        {"gpt2.rope.dimension_count", 4, "rope.dimension_count"},
        {"split.count", 2, "part 1 of 2"},
        {"general.alignment", 3, "general.alignment"},
        {"general.alignment", 24, "general.alignment"},
        {"general.alignment", 64, "model.gguf"},
        {"tokenizer.ggml.padding_token_id", 259, "padding_token_id"},
    };
    struct whole_model model;
    for (size_t i = 0; i < sizeof required / sizeof *required; i++) {
        whole_init(&model, true);
        whole_remove_setting(&model, required[i]);
        must_refuse("missing key", &model, required[i]);
        whole_release(&model);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        whole_init(&model, true);
        whole_key_u32(&model, cases[i].key, cases[i].value);
        must_refuse(cases[i].key, &model, cases[i].expected);
        whole_release(&model);
    }
    for (uint32_t version = 0; version < 12; version++) {
        if (version != 2 && version != 3) {
            whole_init(&model, true);
            model.version = version < 8 ? version : version << 24;
            must_refuse("version", &model, version < 8 ? "version" : "big-endian");
            whole_release(&model);
        }
    }
    whole_report("malformed: keys of a GGUF against each other and the tensors");
}

/* ---- tensors by faults ------------------------------------------------------------------------
 */

static bool spoil(struct whole_model *model, const char *name, int fault) {
    /* number of the type, and bytes for 8 of its numbers; those that are not read */
    static const struct {
        const char *number;
        size_t bytes;
    } others[] = {{"24", 8},  {"25", 16}, {"26", 32}, {"27", 64}, {"28", 64},   {"4", 32},
                  {"31", 32}, {"38", 32}, {"42", 32}, {"43", 32}, {"31337", 32}};
    struct whole_tensor *tensor = whole_tensor(model, name);
    size_t n_others = sizeof others / sizeof *others;
    switch (fault) {
    case 0:
        whole_remove(model, name);
        return true;
    case 1:
        tensor->dims[tensor->n_dims++] = 1;
        return true;
    case 2:
        if (tensor->n_dims == 2 && tensor->dims[0] == tensor->dims[1]) {
            return false;
        }
        tensor->dims[2] = tensor->dims[0];
        tensor->dims[0] = tensor->n_dims == 2 ? tensor->dims[1] : tensor->dims[0] / 2;
        tensor->dims[1] = tensor->n_dims == 2 ? tensor->dims[2] : 2;
        tensor->n_dims = 2;
        return true;
    case 3:
        tensor->dims[0] /= 2;
        tensor->size /= 2;
        return true;
    case 4:
        tensor->dims[0] = 0;
        tensor->size = 0;
        return true;
    case 5:
        bytes_put_u32(tensor->data + tensor->size - 4, 0xFFC00000);
        return true;
    case 6:
        bytes_put_u32(tensor->data, 0x7F800000);
        return true;
    case 7:
        tensor->n_dims = 0;
        return true;
    case 8:
        for (; tensor->n_dims < 5; tensor->n_dims++) {
            tensor->dims[tensor->n_dims] = 1;
        }
        return true;
    case 9:
        tensor->dims[0] = (uint64_t)1 << 62;
        return true;
    case 10:
        whole_add(model, name, "F32", 1, tensor->dims, 4 * tensor->dims[0]); /* twice */
        return true;
    case 11: /* rows of 8 in blocks of 32 */
        snprintf(tensor->dtype, sizeof tensor->dtype, "8");
        return tensor->dims[0] % 32 != 0;
    default: {
        size_t other = (size_t)(fault - 12);
        assert_true(other < n_others);
        snprintf(tensor->dtype, sizeof tensor->dtype, "%s", others[other].number);
        tensor->size = tensor->size / 32 * others[other].bytes;
        unsigned char *data = calloc(tensor->size + 1, 1);
        assert_non_null(data);
        free(tensor->data);
        tensor->data = data;
        return true;
    }
    }
}
#define N_FAULTS 23

static void test_tensors(void **state) {
    (void)state;
    struct whole_model model;
    for (size_t i = 0; i < WHOLE_N_TENSORS; i++) {
        for (int fault = 0; fault < N_FAULTS; fault++) {
            char what[120], name[80];
            whole_init(&model, true);
            snprintf(name, sizeof name, "%s", model.tensors[i].name);
            snprintf(what, sizeof what, "%s, fault %d", name, fault);
            if (spoil(&model, name, fault)) {
                must_refuse(what, &model, name);
            }
            whole_release(&model);
        }
    }
    whole_report("malformed: tensors of a GGUF");
}

/* ---- lengths, and files that are something else -----------------------------------------------
 */

static void test_lengths(void **state) {
    (void)state;
    struct whole_model model;
    struct gen_bytes whole = {0};
    whole_init(&model, true);
    whole_gguf(&whole, &model);
    size_t full = whole.n, header = full;
    for (size_t i = 0; i < model.n_tensors; i++) {
        header -= (model.tensors[i].size + 31) / 32 * 32;
    }
    for (size_t i = 0; i < model.n_tensors + 40; i++) {
        whole.n = i < 40 ? header * i / 40 : whole.n;
        if (i == 40) {
            whole.n = header;
        }
        must_refuse_bytes("cut", &whole, NULL);
        if (i >= 40) {
            whole.n += (model.tensors[i - 40].size + 31) / 32 * 32;
        }
    }
    whole.n = full;
    fixture_put(&whole, "x", 1);
    must_refuse_bytes("longer", &whole, "belong to nothing: 1");
    gen_bytes_release(&whole);
    whole_release(&model);
    whole_report("malformed: lengths of a GGUF");
}

static void test_instead(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t n;
        const char *expected;
    } cases[] = {
        {B(""), "is empty"},
        {B("GGU"), "not a GGUF"},
        {B("GGUF"), "ends inside"},
        {B("GGUF\3\0\0\0"), "ends inside"},
        {B("FUGG\0\0\0\3"), "not a GGUF"},
        {B("GGML\0\0\0\0\0\0\0\0"), "not a GGUF"},
        {B("lmgg\0\0\0\0\0\0\0\0"), "from before GGUF"},
        {B("tjgg\0\0\0\0\0\0\0\0"), "from before GGUF"},
        {B("PK\3\4\24\0\0\0\10\0"), "ZIP"},
        {B("\x80\2}q\0.aaaaa"), "PyTorch"},
        {B("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"},
        {B("<!doctype html><title>Sign in</title>"), "web page"},
        {B("<html>"), "web page"},
        {B("{\"model_type\": \"gpt2\"}"), "JSON"},
        {B("\2\0\0\0\0\0\0\0{}"), "safetensors"},
        {B("\x1f\x8b\10\0\0\0\0\0"), "gzip"},
        {B("\x89HDF\r\n\x1a\n"), "HDF5"},
        {B("Once upon a time there was a text."), "not a GGUF"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gen_bytes bytes = {0};
        fixture_put(&bytes, cases[i].text, cases[i].n);
        must_refuse_bytes(cases[i].expected, &bytes, cases[i].expected);
        gen_bytes_release(&bytes);
    }
    whole_report("malformed: files that are no GGUF");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_contradictions),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_instead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
