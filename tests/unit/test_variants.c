/**
 * test_variants.c - variants of a golden model against the logits that transformers computes
 * (golden/variants.json): names of activation functions, a tied model saved as lm_head only, one
 * with an lm_head of its own although the configuration ties it.
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

#include "base/bytes.h"
#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

#define BASE "tests/golden/models/base"

enum { ROWS = 512, ROW = 64 * 4 };

static void read_base(struct gen_bytes *out, const char *name) {
    char path[200];
    size_t n = 0;
    snprintf(path, sizeof path, BASE "/%s", name);
    char *text = tokenizer_files_read(path, &n);
    fixture_put(out, text, n);
    free(text);
}

/* model.safetensors with another header, and more data after its own. */
static void change_weights(const char *directory, const char *what) {
    struct gen_bytes old = {0}, header = {0}, weights = {0};
    read_base(&old, "model.safetensors");
    size_t n = (size_t)bytes_u64((const unsigned char *)old.data), n_data = old.n - 8 - n;
    fixture_put(&header, old.data + 8, n);
    bool own = strcmp(what, "own_head") == 0;
    if (own) {
        char tensor[200];
        while (header.data[header.n - 1] != '}') {
            header.n--;
        }
        header.n--;
        snprintf(tensor, sizeof tensor,
                 ",\"lm_head.weight\":{\"dtype\":\"F32\",\"shape\":[512,64],\"data_offsets\":[%zu,%"
                 "zu]}}",
                 n_data, n_data + ROWS * ROW);
        fixture_text(&header, tensor);
    } else if (strcmp(what, "only_head") == 0) {
        fixture_replace(&header, "\"wte.weight\"", "\"lm_head.weight\"");
    }
    fixture_safetensors(&weights, &header, 0);
    fixture_put(&weights, old.data + 8 + n, n_data);
    for (size_t row = ROWS; own && row-- > 0;) { /* wte is the first tensor */
        fixture_put(&weights, old.data + 8 + n + row * ROW, ROW);
    }
    fixture_write(directory, "model.safetensors", &weights);
    gen_bytes_release(&old);
    gen_bytes_release(&header);
    gen_bytes_release(&weights);
}

static void write_variant(const char *directory, const char *what, const char *activation) {
    struct gen_bytes config = {0};
    char line[100];
    read_base(&config, "config.json");
    if (activation != NULL) {
        snprintf(line, sizeof line, "\"activation_function\": \"%s\"", activation);
        fixture_replace(&config, "\"activation_function\": \"gelu_new\"", line);
    }
    fixture_write(directory, "config.json", &config);
    gen_bytes_release(&config);
    change_weights(directory, what);
}

static const char *text_of(const cJSON *item, const char *name) {
    const cJSON *member = cJSON_GetObjectItem(item, name);
    return member != NULL ? member->valuestring : NULL;
}

static double worst_difference(const struct gen_model *model, const cJSON *root,
                               const cJSON *expected) {
    struct gen_error err = {0};
    struct gen_session *session = NULL;
    struct gen_row rows[8] = {{0}};
    size_t n = 0;
    const cJSON *id = NULL;
    cJSON_ArrayForEach(id, cJSON_GetObjectItem(root, "ids")) rows[n++].id = id->valueint;
    rows[n - 1].want_logits = true;
    struct gen_session_options options = gen_session_options_default();
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    assert_int_equal(gen_session_eval(session, rows, n, &err), GEN_OK);
    const float *logits = gen_session_logits(session, n - 1);
    double worst = 0;
    const cJSON *logit = expected->child;
    cJSON_ArrayForEach(id, cJSON_GetObjectItem(root, "shown")) {
        worst = fmax(worst, fabs((double)logits[id->valueint] - logit->valuedouble));
        logit = logit->next;
    }
    gen_session_free(session);
    return worst;
}

static bool has_tensor(const struct gen_model *model, const char *name) {
    for (size_t i = 0; i < gen_model_n_tensors(model); i++) {
        if (strcmp(gen_model_tensor(model, i).name, name) == 0) {
            return true;
        }
    }
    return false;
}

/* A GGUF of it must have an output matrix of its own just where the model is untied, and the same
 * logits. */
static void check_converted(const char *directory, const cJSON *root, const cJSON *expected,
                            bool own) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    const char *path = fixture_path(directory, "converted.gguf");
    assert_int_equal(gen_convert(directory, path, NULL, &err), GEN_OK);
    assert_int_equal(gen_model_open(&model, path, NULL, &err), GEN_OK);
    assert_true(has_tensor(model, "output.weight") == own);
    assert_true(worst_difference(model, root, expected) < 2e-5);
    gen_model_free(model);
}

static void check_variant(const cJSON *root, const cJSON *item) {
    const char *what = text_of(item, "what"), *activation = text_of(item, "activation");
    const cJSON *expected = cJSON_GetObjectItem(item, "logits");
    bool own = strcmp(what, "own_head") == 0;
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    const char *directory = fixture_directory_new();
    write_variant(directory, what, activation);
    if (gen_model_open(&model, directory, NULL, &err) != GEN_OK) {
        fail_msg("%s: %s", what, err.message);
    }
    double worst = worst_difference(model, root, expected);
    if (!(worst < 2e-5)) {
        fail_msg("%s: a logit is %g off", what, worst);
    }
    assert_true(gen_model_config(model)->tie_word_embeddings == !own);
    assert_int_equal(gen_model_n_notes(model), own);
    if (own) {
        struct gen_note note = gen_model_note(model, 0);
        assert_false(note.verbose_only);
        assert_non_null(strstr(note.text, "/model.safetensors: lm_head.weight has other numbers"));
    }
    gen_model_free(model);
    if (activation == NULL) {
        check_converted(directory, root, expected, own);
    }
    fixture_directory_remove(directory);
}

static void test_against_transformers(void **state) {
    (void)state;
    size_t n = 0;
    char *text = tokenizer_files_read("tests/golden/variants.json", &n);
    cJSON *root = cJSON_ParseWithLength(text, n);
    assert_non_null(root);
    n = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "cases")) {
        check_variant(root, item);
        n++;
    }
    assert_int_equal(n, 13);
    cJSON_Delete(root);
    free(text);
}

/* What is shown and written is the first name of the same function. */
static void test_shown_name(void **state) {
    (void)state;
    static const char *const names[][2] = {{"gelu_fast", "gelu_new"},
                                           {"gelu_accurate", "gelu_new"},
                                           {"gelu_python_tanh", "gelu_new"},
                                           {"gelu_python", "gelu"},
                                           {"swish", "silu"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct gen_model *model = NULL;
        struct gen_error err = {0};
        const char *directory = fixture_directory_new();
        write_variant(directory, "", names[i][0]);
        assert_int_equal(gen_model_open(&model, directory, NULL, &err), GEN_OK);
        assert_string_equal(gen_activation_name(gen_model_config(model)->activation), names[i][1]);
        gen_model_free(model);
        fixture_directory_remove(directory);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_transformers),
        cmocka_unit_test(test_shown_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
