/**
 * test_default_model.c - the model that is built into the program, as a file: what its card says of
 * it, and what it makes of a tale that it has never seen, against what transformers makes of it
 * with the same weights.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "gen.h"
#include "tokenizer_files.h"

#define MODEL "models/tales-6m.gguf"

static struct gen_model *open_model(void) {
    struct gen_error err;
    struct gen_model *model;
    if (gen_model_open(&model, MODEL, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return model;
}

static void test_card(void **state) {
    (void)state;
    struct stat file;
    assert_int_equal(stat(MODEL, &file), 0);
    assert_true(file.st_size <= 9000000);
    struct gen_model *model = open_model();
    uint64_t n = gen_model_n_parameters(model);
    assert_true(n >= 5000000 && n <= 8000000);
    const struct gen_config *config = gen_model_config(model);
    assert_int_equal(config->n_layer, 6);
    assert_int_equal(config->n_embd, 256);
    assert_int_equal(config->n_ctx, 512);
    assert_int_equal(config->n_vocab, 4096);
    gen_model_free(model);
}

/* -ln of the probability of `id`, from logits. */
static double surprise(const float *logits, size_t n, int32_t id) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += exp((double)logits[i] - (double)logits[id]);
    }
    return log(sum);
}

static void test_tale(void **state) {
    (void)state;
    size_t n_text;
    size_t n_json;
    char *text = tokenizer_files_read("tests/golden/tale.txt", &n_text);
    char *expected = tokenizer_files_read("tests/golden/default_model.json", &n_json);
    cJSON *json = cJSON_Parse(expected);
    assert_non_null(json);
    const cJSON *wanted = cJSON_GetObjectItem(json, "ids");
    size_t n = (size_t)cJSON_GetArraySize(wanted);
    struct gen_model *model = open_model();
    struct gen_ids ids = {0};
    assert_int_equal(
        gen_tokenizer_encode(gen_model_tokenizer(model), text, n_text, false, &ids, NULL), GEN_OK);
    assert_true(n > 500 && ids.n >= n);
    struct gen_row *rows = calloc(n, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(ids.data[i], cJSON_GetArrayItem(wanted, (int)i)->valueint);
        rows[i] = (struct gen_row){ids.data[i], 0, true};
    }
    struct gen_session_options options = gen_session_options_default();
    struct gen_session *session;
    assert_int_equal(gen_session_new(&session, model, &options, NULL), GEN_OK);
    assert_int_equal(gen_session_eval(session, rows, n, NULL), GEN_OK);
    double sum = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        sum += surprise(gen_session_logits(session, i), (size_t)gen_model_config(model)->n_vocab,
                        ids.data[i + 1]);
    }
    double nats = cJSON_GetObjectItem(json, "nats_per_token")->valuedouble;
    double found = sum / (double)(n - 1);
    printf("# the tale: %.4f nats a token, with transformers %.4f\n", found, nats);
    assert_true(fabs(found - nats) < 0.003 * nats);
    gen_session_free(session);
    gen_model_free(model);
    gen_ids_release(&ids);
    cJSON_Delete(json);
    free(rows);
    free(expected);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_card), cmocka_unit_test(test_tale)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
