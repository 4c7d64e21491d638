/**
 * test_model.c - what a model's configuration may say and what is refused by name; conversion;
 * inspection.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

#define BASE "tests/golden/models/base"

/* A copy of BASE whose config.json has `old` replaced by `now`; for vectors of 64 and so on. */
static void write_base(const char *directory, const char *old, const char *now) {
    static const char *const names[] = {"config.json", "model.safetensors", "vocab.json",
                                        "merges.txt"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        size_t n;
        snprintf(path, sizeof path, BASE "/%s", names[i]);
        char *text = tokenizer_files_read(path, &n);
        struct gen_bytes content = {0};
        fixture_put(&content, text, n);
        if (i == 0 && old != NULL) {
            fixture_replace(&content, old, now);
        }
        fixture_write(directory, names[i], &content);
        gen_bytes_release(&content);
        free(text);
    }
}

/* Whether gen_model_open() refuses `path` with a fit sentence that has `expected` in it. */
static bool model_refused(const char *what, const char *path, const char *expected) {
    struct gen_error err = {GEN_OK, ""};
    struct gen_model *model;
    enum gen_status status = gen_model_open(&model, path, NULL, &err);
    const char *problem =
        status == GEN_OK ? "it was accepted" : fixture_message_problem(&err, path);
    gen_model_free(model);
    if (problem == NULL && (status != err.status || strstr(err.message, expected) == NULL)) {
        problem = "it does not say so";
    }
    if (problem != NULL) {
        print_error("%s: %s: %s (must be: %s)\n", what, problem, err.message, expected);
    }
    return problem == NULL;
}

struct config_case {
    const char *what;
    const char *old;
    const char *now;
    const char *expected; /* part of the message */
};

/* config.json of BASE is {"model_type": "gpt2", "architectures": [...], ...}, one member a line. */
static const struct config_case refused[] = {
    {"another model", "\"gpt2\",", "\"llama\",", "model_type is \"llama\""},
    {"model_type of another type", "\"gpt2\",", "7,", "model_type"},
    {"unknown activation", "gelu_new", "mish", "activation_function is \"mish\""},
    {"hostile activation", "gelu_new", "a\\u001bb", "a\\x1bb"},
    {"heads do not divide", "\"n_head\": 4", "\"n_head\": 5", "does not divide n_embd 64"},
    {"more heads than width", "\"n_head\": 4", "\"n_head\": 128", "does not divide"},
    {"no heads", "\"n_head\": 4", "\"n_head\": 0", "n_head"},
    {"negative heads", "\"n_head\": 4", "\"n_head\": -4", "n_head"},
    {"half a head", "\"n_head\": 4", "\"n_head\": 4.5", "n_head"},
    {"heads as text", "\"n_head\": 4", "\"n_head\": \"4\"", "n_head"},
    {"no layers", "\"n_layer\": 2", "\"n_layer\": 0", "n_layer"},
    {"a layer too many", "\"n_layer\": 2", "\"n_layer\": 3", "no tensor h.2.ln_1.weight"},
    {"a huge n_inner", "\"n_inner\": null", "\"n_inner\": 1000000", "n_inner"},
    {"a million layers", "\"n_layer\": 2", "\"n_layer\": 1000000", "n_layer"},
    {"beyond 64 bits", "\"n_layer\": 2", "\"n_layer\": 18446744073709551618", "n_layer"},
    {"other width", "\"n_embd\": 64", "\"n_embd\": 128", "wte.weight has the shape [512, 64]"},
    {"other context", "\"n_positions\": 64", "\"n_positions\": 65", "wpe.weight has the shape"},
    {"other vocabulary", "\"vocab_size\": 512", "\"vocab_size\": 513", "wte.weight has the shape"},
    {"fewer rows than tokens", "\"vocab_size\": 512", "\"vocab_size\": 500",
     "wte.weight has the shape"},
    {"other n_inner", "\"n_inner\": null", "\"n_inner\": 128", "mlp.c_fc.weight has the shape"},
    {"epsilon below 0", "1e-05", "-1e-05", "layer_norm_epsilon"},
    {"epsilon above 1", "1e-05", "1.5", "layer_norm_epsilon"},
    {"epsilon as text", "1e-05", "\"small\"", "layer_norm_epsilon"},
    {"untied without lm_head", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false",
     "no tensor lm_head.weight"},
    {"tie as a number", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": 1",
     "tie_word_embeddings"},
    {"cross attention", "{", "{\"add_cross_attention\": true,", "add_cross_attention"},
    {"quantized", "{", "{\"quantization_config\": {\"bits\": 4},", "quantization_config"},
    {"custom code", "{", "{\"auto_map\": {\"AutoModel\": \"x.Y\"},", "auto_map"},
    {"encoder and decoder", "{", "{\"is_encoder_decoder\": true,", "is_encoder_decoder"},
    {"two names, two widths", "{", "{\"hidden_size\": 65,", "they mean the same"},
    {"two names, two depths", "{", "{\"num_hidden_layers\": 3,", "they mean the same"},
};

static void test_refused_configs(void **state) {
    (void)state;
    int n_bad = 0;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        const char *directory = fixture_directory_new();
        write_base(directory, refused[i].old, refused[i].now);
        n_bad += !model_refused(refused[i].what, directory, refused[i].expected);
        fixture_directory_remove(directory);
    }
    assert_int_equal(n_bad, 0);
}

/* What does not change the result is passed over. */
static const struct config_case harmless[] = {
    {"dropout", "{", "{\"attn_pdrop\": 0.3, \"resid_pdrop\": 0.1,", NULL},
    {"no cross attention", "{", "{\"add_cross_attention\": false,", NULL},
    {"null members", "{", "{\"quantization_config\": null, \"pruned_heads\": {},", NULL},
    {"author's notes", "{", "{\"note\": [1, {\"a\": null}], \"_name\": \"x\",", NULL},
    {"the same under two names", "{", "{\"hidden_size\": 64, \"num_attention_heads\": 4,", NULL},
    {"eos beyond the vocabulary", "\"eos_token_id\": 511", "\"eos_token_id\": 50256", NULL},
    {"no eos", "\"eos_token_id\": 511", "\"eos_token_id\": null", NULL},
    {"whole number with a point", "\"n_head\": 4", "\"n_head\": 4.0", NULL},
};

static void test_harmless_configs(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++) {
        const char *directory = fixture_directory_new();
        write_base(directory, harmless[i].old, harmless[i].now);
        struct gen_error err = {GEN_OK, ""};
        struct gen_model *model;
        if (gen_model_open(&model, directory, NULL, &err) != GEN_OK) {
            fail_msg("%s: %s", harmless[i].what, err.message);
        }
        assert_int_equal(gen_model_config(model)->n_embd, 64);
        gen_model_free(model);
        fixture_directory_remove(directory);
    }
}

static struct gen_model *open_model(const char *path, bool metadata_only) {
    struct gen_model_options options = gen_model_options_default();
    options.metadata_only = metadata_only;
    struct gen_error err;
    struct gen_model *model;
    if (gen_model_open(&model, path, &options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return model;
}

/* Sizes, types and names survive a conversion. */
static void test_convert(void **state) {
    (void)state;
    static const struct {
        const char *source, *type, *stored;
    } cases[] = {{BASE, NULL, "F32"},
                 {BASE, "f16", "F16"},
                 {BASE, "bf16", "BF16"},
                 {"tests/golden/models/bf16", NULL, "BF16"},
                 {"tests/golden/models/f16", "f32", "F32"},
                 {"tests/golden/models/untied", NULL, "F32"},
                 {"tests/golden/models/odd-width", "f16", "F16"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *directory = fixture_directory_new();
        const char *target = fixture_path(directory, "model.gguf");
        struct gen_convert_options options = gen_convert_options_default();
        options.type = cases[i].type;
        struct gen_error err;
        if (gen_convert(cases[i].source, target, &options, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
        struct gen_model *a = open_model(cases[i].source, true);
        struct gen_model *b = open_model(target, true);
        assert_string_equal(gen_model_format(b), "gguf v3");
        assert_int_equal(gen_model_n_parameters(a), gen_model_n_parameters(b));
        const struct gen_config *from = gen_model_config(a);
        const struct gen_config *to = gen_model_config(b);
        assert_int_equal(from->n_vocab, to->n_vocab);
        assert_int_equal(from->n_inner, to->n_inner);
        assert_int_equal(from->tie_word_embeddings, to->tie_word_embeddings);
        assert_int_equal(from->eos_token_id, to->eos_token_id);
        assert_true(from->layer_norm_epsilon == to->layer_norm_epsilon);
        assert_string_equal(gen_model_tensor(b, 0).name, "token_embd.weight");
        assert_string_equal(gen_model_tensor(b, 0).type, cases[i].stored);
        assert_int_equal(gen_model_tensor(b, 0).dims[0], to->n_vocab);
        assert_int_equal(gen_model_tensor(b, 0).dims[1], to->n_embd);
        assert_string_equal(gen_model_tensor(b, 2).type, "F32"); /* a norm's weight */
        assert_int_equal(gen_tokenizer_n_vocab(gen_model_tokenizer(b)), 512);
        gen_model_free(a);
        gen_model_free(b);
        unlink(target);
        fixture_directory_remove(directory);
    }
}

/* A GGUF of every variant says so by keys of our own, and is read back as that variant. */
static void test_convert_variants(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    write_base(directory, "\"gelu_new\"",
               "\"quick_gelu\", \"scale_attn_weights\": false, "
               "\"scale_attn_by_inverse_layer_idx\": true");
    const char *target = fixture_path(directory, "variant.gguf");
    assert_int_equal(gen_convert(directory, target, NULL, NULL), GEN_OK);
    struct gen_model *model = open_model(target, false);
    const struct gen_config *config = gen_model_config(model);
    assert_int_equal(config->activation, GEN_QUICK_GELU);
    assert_false(config->scale_attn_weights);
    assert_true(config->scale_attn_by_inverse_layer_idx);
    gen_model_free(model);
    unlink(target);
    fixture_directory_remove(directory);
}

/* The end-of-text id stays one where no token is spelled for it, or there is no tokenizer. */
static void test_convert_eos_without_token(void **state) {
    (void)state;
    static const char *const tokens[] = {"vocab.json", "merges.txt"};
    const char *directory = fixture_directory_new();
    const char *target = fixture_path(directory, "x.gguf");
    write_base(directory, NULL, NULL);
    size_t n;
    char *text = tokenizer_files_read(BASE "/vocab.json", &n);
    struct gen_bytes vocab = {0};
    fixture_put(&vocab, text, n);
    fixture_replace(&vocab, ", \"<|endoftext|>\": 511", "");
    fixture_write(directory, "vocab.json", &vocab);
    for (size_t i = 0; i < 2; i++) {
        struct gen_error err;
        if (gen_convert(directory, target, NULL, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
        struct gen_model *model = open_model(target, true);
        assert_int_equal(gen_model_config(model)->bos_token_id, 511);
        assert_int_equal(gen_model_config(model)->eos_token_id, 511);
        assert_int_equal(gen_model_tokenizer(model) == NULL, i == 1);
        gen_model_free(model);
        unlink(fixture_path(directory, tokens[0]));
        unlink(fixture_path(directory, tokens[1]));
    }
    gen_bytes_release(&vocab);
    free(text);
    unlink(target);
    fixture_directory_remove(directory);
}

static void test_convert_failures(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *target = fixture_path(directory, "x.gguf");
    struct gen_error err;
    struct gen_convert_options options = gen_convert_options_default();
    options.type = "q9_z";
    assert_int_equal(gen_convert(BASE, target, &options, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "q9_z"));
    assert_int_equal(gen_convert(directory, target, NULL, &err), GEN_BAD_FILE);
    assert_int_equal(gen_convert(BASE, directory, NULL, &err), GEN_IO_ERROR);
    assert_int_equal(gen_convert(BASE, BASE "/model.safetensors", NULL, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "choose another name"));
    assert_int_equal(gen_convert(BASE, "/no/such/place/x.gguf", NULL, &err), GEN_IO_ERROR);
    assert_int_not_equal(access(target, F_OK), 0);
    fixture_directory_remove(directory); /* fails the test if anything was left in it */
}

/* A GGUF's tokenizer is read next to the weights; what is wrong in it is said all the same. */
static void test_bad_tokenizer(void **state) {
    (void)state;
    static const char key[] = "tokenizer.ggml.token_type";
    const char *directory = fixture_directory_new();
    char target[200];
    snprintf(target, sizeof target, "%s", fixture_path(directory, "x.gguf"));
    assert_int_equal(gen_convert(BASE, target, NULL, NULL), GEN_OK);
    size_t n;
    char *text = tokenizer_files_read(target, &n);
    size_t at = 0;
    while (at + sizeof key <= n && memcmp(text + at, key, sizeof key - 1) != 0) {
        at++;
    }
    assert_true(at + 200 < n);
    text[at + sizeof key - 1 + 4 + 4 + 8] = 99; /* after the array's type, element type and size */
    struct gen_bytes content = {0};
    fixture_put(&content, text, n);
    fixture_write(directory, "x.gguf", &content);
    assert_true(model_refused("token type", target, "of token 0 is 99, not 1 to 6"));
    gen_bytes_release(&content);
    free(text);
    unlink(target);
    fixture_directory_remove(directory);
}

static bool cancel(void *context, uint64_t done, uint64_t total) {
    (void)context;
    assert_true(done <= total);
    return false;
}

static void test_convert_canceled(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *target = fixture_path(directory, "x.gguf");
    struct gen_convert_options options = gen_convert_options_default();
    options.progress = cancel;
    assert_int_equal(gen_convert(BASE, target, &options, NULL), GEN_CANCELED);
    assert_int_not_equal(access(target, F_OK), 0);
    fixture_directory_remove(directory);
}

/* A number that is not finite is found wherever it is, and named. */
static void test_not_finite(void **state) {
    (void)state;
    static const struct {
        size_t from_end; /* bytes before the end of the file: ln_f.bias is last, 64 floats */
        uint32_t bits;
        const char *expected;
    } cases[] = {{4, 0x7fc00000u, "ln_f.bias has a number that is not finite at index 63"},
                 {256, 0x7f800000u, "ln_f.bias has a number that is not finite at index 0"},
                 {547840, 0xff800000u, "wte.weight has a number that is not finite at index 0"},
                 {547840 - 131072 + 4, 0xffc00001u,
                  "wte.weight has a number that is not finite at index 32767"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *directory = fixture_directory_new();
        write_base(directory, NULL, NULL);
        size_t n;
        char *text = tokenizer_files_read(BASE "/model.safetensors", &n);
        struct gen_bytes content = {0};
        fixture_put(&content, text, n);
        for (int byte = 0; byte < 4; byte++) {
            content.data[n - cases[i].from_end + (size_t)byte] =
                (char)(cases[i].bits >> (8 * byte) & 0xff);
        }
        fixture_write(directory, "model.safetensors", &content);
        assert_true(model_refused("not finite", directory, cases[i].expected));
        gen_bytes_release(&content);
        free(text);
        fixture_directory_remove(directory);
    }
}

static void test_inspection(void **state) {
    (void)state;
    struct gen_model *model = open_model("models/tales-6m.gguf", true);
    assert_true(gen_model_n_tensors(model) >= 52);
    bool found = false;
    for (size_t i = 0; i < gen_model_n_metadata(model); i++) {
        struct gen_metadata pair = gen_model_metadata(model, i);
        found = found ||
                (strcmp(pair.key, "general.architecture") == 0 && strcmp(pair.value, "gpt2") == 0);
    }
    assert_true(found);
    struct gen_session *session;
    assert_int_equal(
        gen_session_new(&session, model, &(struct gen_session_options){.n_slots = 1}, NULL),
        GEN_BAD_ARGUMENT);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_configs),
        cmocka_unit_test(test_harmless_configs),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_convert_variants),
        cmocka_unit_test(test_convert_eos_without_token),
        cmocka_unit_test(test_convert_failures),
        cmocka_unit_test(test_convert_canceled),
        cmocka_unit_test(test_bad_tokenizer),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_inspection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
