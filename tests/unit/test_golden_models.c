/**
 * test_golden_models.c - models of other people's making against what transformers computed with
 * them: every logit, every greedy id; and our own promise, the same bits whatever the batch,
 * threads and kernels.
 */
#include <dirent.h>
#include <math.h>
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

#include "gen.h"
#include "tokenizer_files.h"

#define TOLERANCE 2e-4
/* With keys and values rounded to 11 bits. */
#define TOLERANCE_KV_F16 0.1

/* ---- reading expectations --------------------------------------------------------------------*/

struct prompt {
    int32_t ids[512];
    size_t n;
};

static struct prompt read_ids(const cJSON *array) {
    struct prompt prompt = {.n = 0};
    const cJSON *id;
    assert_true(cJSON_IsArray(array));
    cJSON_ArrayForEach(id, array) {
        assert_true(prompt.n < sizeof prompt.ids / sizeof *prompt.ids);
        prompt.ids[prompt.n++] = (int32_t)id->valuedouble;
    }
    return prompt;
}

static char *join(char *out, size_t size, const char *directory, const char *name) {
    assert_true(snprintf(out, size, "%s/%s", directory, name) < (int)size);
    return out;
}

/* ---- evaluating ------------------------------------------------------------------------------*/

static struct gen_session *new_session(const struct gen_model *model, int n_threads,
                                       const char *kernels, const char *kv_type, int32_t n_slots) {
    struct gen_session_options options = gen_session_options_default();
    options.kv_type = kv_type;
    options.n_threads = n_threads;
    options.kernels = kernels;
    options.n_slots = n_slots;
    struct gen_error err;
    struct gen_session *session;
    if (gen_session_new(&session, model, &options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return session;
}

/* Logits of every position of a prompt in slot `slot`, `chunk` rows per call: [n][n_vocab]. */
static float *all_logits(struct gen_session *session, int32_t n_vocab, const struct prompt *prompt,
                         size_t chunk, int32_t slot) {
    float *logits = malloc(prompt->n * (size_t)n_vocab * sizeof *logits);
    assert_non_null(logits);
    gen_session_truncate(session, slot, 0);
    for (size_t first = 0; first < prompt->n; first += chunk) {
        struct gen_row rows[512];
        size_t n = prompt->n - first < chunk ? prompt->n - first : chunk;
        for (size_t i = 0; i < n; i++) {
            rows[i] = (struct gen_row){prompt->ids[first + i], slot, true};
        }
        struct gen_error err;
        if (gen_session_eval(session, rows, n, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
        for (size_t i = 0; i < n; i++) {
            const float *row = gen_session_logits(session, i);
            assert_non_null(row);
            memcpy(logits + (first + i) * (size_t)n_vocab, row, (size_t)n_vocab * sizeof *row);
        }
    }
    assert_int_equal(gen_session_length(session, slot), prompt->n);
    return logits;
}

static void assert_same_bits(const float *a, const float *b, size_t n, const char *what) {
    if (memcmp(a, b, n * sizeof *a) != 0) {
        fail_msg("%s: not the same bits", what);
    }
}

static double worst_error(const float *found, const float *wanted, size_t n) {
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)found[i] - (double)wanted[i]);
        worst = !(error <= worst) ? error : worst;
    }
    return worst;
}

static int32_t argmax(const float *logits, int32_t n) {
    int32_t best = 0;
    for (int32_t i = 1; i < n; i++) {
        best = logits[i] > logits[best] ? i : best;
    }
    return best;
}

static void check_greedy(struct gen_session *session, int32_t n_vocab, const struct prompt *start,
                         const struct prompt *wanted) {
    gen_session_truncate(session, 0, 0);
    float *logits = all_logits(session, n_vocab, start, 512, 0);
    int32_t id = argmax(logits + (start->n - 1) * (size_t)n_vocab, n_vocab);
    free(logits);
    for (size_t i = start->n; i < wanted->n; i++) {
        assert_int_equal(id, wanted->ids[i]);
        struct gen_row row = {id, 0, true};
        assert_int_equal(gen_session_eval(session, &row, 1, NULL), GEN_OK);
        id = argmax(gen_session_logits(session, 0), n_vocab);
    }
}

/* ---- the same bits ---------------------------------------------------------------------------*/

static void check_chunks(struct gen_session *session, int32_t n_vocab, const struct prompt *prompt,
                         const float *wanted) {
    static const size_t chunks[] = {1, 3, 7, 8, 16, 17};
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        float *found = all_logits(session, n_vocab, prompt, chunks[i], 0);
        assert_same_bits(found, wanted, prompt->n * (size_t)n_vocab, "in chunks");
        free(found);
    }
}

/* Two copies of the prompt and its reverse, their rows mixed in one batch. */
static void check_mixed(const struct gen_model *model, const char *kv_type, int32_t n_vocab,
                        const struct prompt *prompt, const float *wanted) {
    struct gen_session *session = new_session(model, 2, NULL, kv_type, 3);
    struct gen_row rows[3 * 512];
    size_t n = 0;
    for (size_t i = 0; i < prompt->n; i++) {
        rows[n++] = (struct gen_row){prompt->ids[i], 2, true};
        rows[n++] = (struct gen_row){prompt->ids[prompt->n - 1 - i], 0, false};
        if (i % 3 == 2 || i + 1 == prompt->n) { /* the other copy in runs of three */
            for (size_t j = i - i % 3; j <= i; j++) {
                rows[n++] = (struct gen_row){prompt->ids[j], 1, true};
            }
        }
    }
    assert_int_equal(gen_session_eval(session, rows, n, NULL), GEN_OK);
    size_t seen[3] = {0};
    for (size_t i = 0; i < n; i++) {
        const float *logits = gen_session_logits(session, i);
        size_t position = seen[rows[i].slot]++;
        if (rows[i].slot == 0) {
            assert_null(logits);
        } else {
            assert_same_bits(logits, wanted + position * (size_t)n_vocab, (size_t)n_vocab,
                             "mixed batch");
        }
    }
    gen_session_free(session);
}

static void check_threads_and_kernels(const struct gen_model *model, const char *kv_type,
                                      int32_t n_vocab, const struct prompt *prompt,
                                      const float *wanted) {
    static const struct {
        int n_threads;
        const char *kernels;
    } ways[] = {{1, NULL},   {3, NULL},     {7, NULL},  {1, "generic"},
                {2, "avx2"}, {1, "avx512"}, {2, "neon"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct gen_session_options options = gen_session_options_default();
        options.n_threads = ways[i].n_threads;
        options.kernels = ways[i].kernels;
        options.kv_type = kv_type;
        struct gen_session *session;
        if (gen_session_new(&session, model, &options, NULL) != GEN_OK) {
            assert_non_null(ways[i].kernels); /* not for this machine */
            continue;
        }
        float *found = all_logits(session, n_vocab, prompt, 512, 0);
        assert_same_bits(found, wanted, prompt->n * (size_t)n_vocab, "threads and kernels");
        free(found);
        gen_session_free(session);
    }
}

/* ---- one model -------------------------------------------------------------------------------*/

static struct gen_model *open_model(const char *path) {
    struct gen_error err;
    struct gen_model *model;
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return model;
}

/* Check the prompts against the expected rows; returns the greatest error. */
static double check_prompts(const struct gen_model *model, const char *kv_type,
                            const cJSON *prompts, const float *expected, size_t n_expected,
                            bool same_bits) {
    int32_t n_vocab = gen_model_config(model)->n_vocab;
    struct gen_session *session = new_session(model, 0, NULL, kv_type, 1);
    size_t row = 0;
    double worst = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, prompts) {
        struct prompt prompt =
            read_ids(cJSON_IsArray(item) ? item : cJSON_GetObjectItemCaseSensitive(item, "prompt"));
        assert_true((row + prompt.n) * (size_t)n_vocab <= n_expected);
        float *logits = all_logits(session, n_vocab, &prompt, 512, 0);
        double error =
            worst_error(logits, expected + row * (size_t)n_vocab, prompt.n * (size_t)n_vocab);
        worst = error > worst || error != error ? error : worst;
        if (same_bits) {
            check_chunks(session, n_vocab, &prompt, logits);
            check_mixed(model, kv_type, n_vocab, &prompt, logits);
            check_threads_and_kernels(model, kv_type, n_vocab, &prompt, logits);
        }
        free(logits);
        row += prompt.n;
    }
    assert_int_equal(row * (size_t)n_vocab, n_expected);
    gen_session_free(session);
    return worst;
}

static void check_all_greedy(const struct gen_model *model, const cJSON *expected) {
    struct gen_session *session = new_session(model, 2, NULL, NULL, 1);
    int32_t n_vocab = gen_model_config(model)->n_vocab;
    const cJSON *one = cJSON_GetObjectItemCaseSensitive(expected, "greedy");
    if (one != NULL) {
        struct prompt start = read_ids(cJSON_GetObjectItemCaseSensitive(one, "prompt"));
        struct prompt wanted = read_ids(cJSON_GetObjectItemCaseSensitive(one, "ids"));
        check_greedy(session, n_vocab, &start, &wanted);
    }
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(expected, "cases")) {
        struct prompt start = read_ids(cJSON_GetObjectItemCaseSensitive(item, "prompt"));
        struct prompt wanted = read_ids(cJSON_GetObjectItemCaseSensitive(item, "greedy_ids"));
        check_greedy(session, n_vocab, &start, &wanted);
    }
    gen_session_free(session);
}

/* The model at `path` against DIRECTORY/expected.json and expected_logits.f32. */
static void check_model(const char *path, const char *directory, bool same_bits) {
    char name[4096];
    size_t n;
    char *text = tokenizer_files_read(join(name, sizeof name, directory, "expected.json"), &n);
    cJSON *expected = cJSON_ParseWithLength(text, n);
    assert_non_null(expected);
    char *raw = tokenizer_files_read(join(name, sizeof name, directory, "expected_logits.f32"), &n);
    float *logits = malloc(n);
    assert_non_null(logits);
    memcpy(logits, raw, n);
    const cJSON *prompts = cJSON_GetObjectItemCaseSensitive(expected, "prompts");
    if (prompts == NULL) {
        prompts = cJSON_GetObjectItemCaseSensitive(expected, "cases");
    }
    struct gen_model *model = open_model(path);
    double worst = check_prompts(model, NULL, prompts, logits, n / sizeof *logits, same_bits);
    double rounded = check_prompts(model, "f16", prompts, logits, n / sizeof *logits, same_bits);
    print_message("%-60s logits within %.2g, with keys and values of f16 %.2g\n", path, worst,
                  rounded);
    assert_true(worst <= TOLERANCE);
    assert_true(rounded > worst && rounded <= TOLERANCE_KV_F16);
    check_all_greedy(model, expected);
    gen_model_free(model);
    cJSON_Delete(expected);
    free(text);
    free(raw);
    free(logits);
}

/* The directory as it is, and as the GGUF that gen makes of it: there, too, bits must not move. */
static void check_directory(const char *directory) {
    check_model(directory, directory, true);
    char gguf[] = "/tmp/gen-golden-XXXXXX";
    int descriptor = mkstemp(gguf);
    assert_true(descriptor >= 0);
    close(descriptor);
    struct gen_error err;
    if (gen_convert(directory, gguf, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    check_model(gguf, directory, false);
    struct gen_model *a = open_model(directory);
    struct gen_model *b = open_model(gguf);
    struct prompt prompt = {{7, 300, 12, 12, 88, 401, 3}, 7};
    int32_t n_vocab = gen_model_config(a)->n_vocab;
    for (size_t i = 0; i < prompt.n; i++) {
        prompt.ids[i] %= n_vocab;
    }
    struct gen_session *session = new_session(a, 1, NULL, NULL, 1);
    float *wanted = all_logits(session, n_vocab, &prompt, 512, 0);
    gen_session_free(session);
    session = new_session(b, 2, NULL, NULL, 1);
    float *found = all_logits(session, n_vocab, &prompt, 512, 0);
    gen_session_free(session);
    assert_same_bits(found, wanted, prompt.n * (size_t)n_vocab, "directory and GGUF");
    free(wanted);
    free(found);
    gen_model_free(a);
    gen_model_free(b);
    unlink(gguf);
}

static void check_directories(const char *parent) {
    DIR *list = opendir(parent);
    assert_non_null(list);
    int n = 0;
    struct dirent *entry;
    while ((entry = readdir(list)) != NULL) {
        char directory[4096];
        struct stat status;
        join(directory, sizeof directory, parent, entry->d_name);
        if (entry->d_name[0] != '.' && stat(directory, &status) == 0 && S_ISDIR(status.st_mode)) {
            check_directory(directory);
            n++;
        }
    }
    closedir(list);
    assert_true(n >= 9);
}

static void test_committed_models(void **state) {
    (void)state;
    check_directories("tests/golden/models");
}

static void test_shared_models(void **state) {
    (void)state;
    char path[4096];
    if (tokenizer_files_shared(path, "golden/models") == NULL) {
        skip();
    }
    check_directories(path);
}

static void test_shared_tales(void **state) {
    (void)state;
    char path[4096];
    if (tokenizer_files_shared(path, "models/tales-2m") == NULL) {
        skip();
    }
    check_model(path, path, false);
}

/* ---- the session's manners -------------------------------------------------------------------*/

static void test_bad_rows(void **state) {
    (void)state;
    struct gen_model *model = open_model("tests/golden/models/base");
    struct gen_session *session = new_session(model, 1, NULL, NULL, 2);
    struct gen_error err;
    struct gen_row rows[65];
    for (int i = 0; i < 65; i++) {
        rows[i] = (struct gen_row){i, 0, false};
    }
    assert_int_equal(gen_session_eval(session, rows, 65, &err), GEN_CONTEXT_FULL);
    assert_int_equal(gen_session_length(session, 0), 0);
    rows[3].id = 512;
    assert_int_equal(gen_session_eval(session, rows, 5, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "512"));
    rows[3].id = -1;
    assert_int_equal(gen_session_eval(session, rows, 5, &err), GEN_BAD_ARGUMENT);
    rows[3].id = 3;
    rows[4].slot = 2;
    assert_int_equal(gen_session_eval(session, rows, 5, &err), GEN_BAD_ARGUMENT);
    rows[4].slot = -1;
    assert_int_equal(gen_session_eval(session, rows, 5, &err), GEN_BAD_ARGUMENT);
    assert_int_equal(gen_session_length(session, 0), 0);
    rows[4].slot = 0;
    assert_int_equal(gen_session_eval(session, rows, 64, &err), GEN_OK);
    assert_int_equal(gen_session_length(session, 0), 64);
    assert_null(gen_session_logits(session, 0));
    assert_null(gen_session_logits(session, 64));
    assert_int_equal(gen_session_eval(session, rows, 1, &err), GEN_CONTEXT_FULL);
    gen_session_truncate(session, 0, 70);
    assert_int_equal(gen_session_length(session, 0), 64);
    gen_session_truncate(session, 0, 10);
    assert_int_equal(gen_session_length(session, 0), 10);
    assert_int_equal(gen_session_eval(session, rows, 0, &err), GEN_OK);
    gen_session_free(session);
    struct gen_session_options options = gen_session_options_default();
    options.n_ctx = 65;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_BAD_ARGUMENT);
    options.n_ctx = 0;
    options.n_slots = 0;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_BAD_ARGUMENT);
    options.n_slots = 1;
    options.n_threads = -1;
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_BAD_ARGUMENT);
    options.n_threads = 1;
    options.kernels = "abacus";
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_BAD_ARGUMENT);
    gen_model_free(model);
}

/* Going back and on again gives the bits of going straight on. */
static void test_truncate(void **state) {
    (void)state;
    struct gen_model *model = open_model("tests/golden/models/base");
    struct gen_session *session = new_session(model, 1, NULL, NULL, 1);
    struct prompt straight = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18}, 18};
    struct prompt astray = straight;
    for (size_t i = 5; i < astray.n; i++) {
        astray.ids[i] = 400;
    }
    float *wanted = all_logits(session, 512, &straight, 512, 0);
    free(all_logits(session, 512, &astray, 512, 0));
    gen_session_truncate(session, 0, 5);
    struct gen_row rows[13];
    for (size_t i = 0; i < 13; i++) {
        rows[i] = (struct gen_row){straight.ids[5 + i], 0, true};
    }
    assert_int_equal(gen_session_eval(session, rows, 13, NULL), GEN_OK);
    for (size_t i = 0; i < 13; i++) {
        assert_same_bits(gen_session_logits(session, i), wanted + (5 + i) * 512, 512, "truncated");
    }
    free(wanted);
    gen_session_free(session);
    gen_model_free(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_committed_models), cmocka_unit_test(test_shared_models),
        cmocka_unit_test(test_shared_tales),     cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_truncate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
