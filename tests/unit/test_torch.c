/**
 * test_torch.c - models that torch.save() wrote (golden/torch), against the logits of transformers
 * and PyTorch: both forms, shards, tensors in odd places, checkpoints of nanoGPT; and what gen
 * convert makes of them.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "format/model_file.h"
#include "format/torch/torch.h"
#include "format_fixture.h"
#include "gen.h"
#include "tokenizer_files.h"

#define TORCH "tests/golden/torch/"

/* transformers and gen sum in different orders. */
#define LOGIT_BOUND 2e-5

static cJSON *read_cases(void) {
    size_t n = 0;
    char *text = tokenizer_files_read(TORCH "expected.json", &n);
    cJSON *root = cJSON_ParseWithLength(text, n);
    free(text);
    assert_non_null(root);
    return root;
}

/* The logits after the last id; the caller frees them. */
static float *logits_of(const struct gen_model *model, const cJSON *ids) {
    struct gen_error err = {0};
    struct gen_session *session = NULL;
    struct gen_row rows[16] = {{0}};
    size_t n = 0, n_vocab = (size_t)gen_model_config(model)->n_vocab;
    const cJSON *id = NULL;
    cJSON_ArrayForEach(id, ids) rows[n++].id = id->valueint;
    rows[n - 1].want_logits = true;
    struct gen_session_options options = gen_session_options_default();
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    assert_int_equal(gen_session_eval(session, rows, n, &err), GEN_OK);
    float *copy = malloc(n_vocab * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, gen_session_logits(session, n - 1), n_vocab * sizeof *copy);
    gen_session_free(session);
    return copy;
}

static struct gen_model *open_model(const char *path) {
    struct gen_error err = {0};
    struct gen_model *model = NULL;
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s: %s", path, err.message);
    }
    return model;
}

static void check_logits(const char *name, const struct gen_model *model, const cJSON *item) {
    float *logits = logits_of(model, cJSON_GetObjectItem(item, "ids"));
    const cJSON *expected = cJSON_GetObjectItem(item, "logits"), *logit = NULL;
    int32_t i = 0;
    assert_int_equal(gen_model_config(model)->n_vocab, cJSON_GetArraySize(expected));
    cJSON_ArrayForEach(logit, expected) {
        double off = fabs((double)logits[i] - logit->valuedouble);
        if (!(off < LOGIT_BOUND)) {
            fail_msg("%s: logit %d is %g off", name, (int)i, off);
        }
        i++;
    }
    free(logits);
}

/* A GGUF of it has the same bits, and the same tokens. */
static void check_converted(const char *path, const struct gen_model *model, const cJSON *item) {
    struct gen_error err = {0};
    const char *directory = fixture_directory_new();
    const char *gguf = fixture_path(directory, "converted.gguf");
    assert_int_equal(gen_convert(path, gguf, NULL, &err), GEN_OK);
    struct gen_model *converted = open_model(gguf);
    const cJSON *ids = cJSON_GetObjectItem(item, "ids");
    float *before = logits_of(model, ids), *after = logits_of(converted, ids);
    size_t n_vocab = (size_t)gen_model_config(model)->n_vocab;
    assert_int_equal(gen_model_config(converted)->n_vocab, n_vocab);
    assert_memory_equal(before, after, n_vocab * sizeof *before);
    const struct gen_tokenizer *old = gen_model_tokenizer(model);
    const struct gen_tokenizer *new = gen_model_tokenizer(converted);
    assert_true((old == NULL) == (new == NULL));
    for (int32_t id = 0; old != NULL && id < (int32_t)n_vocab; id++) {
        size_t n_old = 0, n_new = 0;
        const char *was = gen_tokenizer_piece(old, id, &n_old);
        const char *is = gen_tokenizer_piece(new, id, &n_new);
        assert_int_equal(n_old, n_new);
        assert_memory_equal(was, is, n_old);
    }
    free(before);
    free(after);
    gen_model_free(converted);
    fixture_directory_remove(directory);
}

static void test_goldens(void **state) {
    (void)state;
    cJSON *root = read_cases();
    const cJSON *item = NULL;
    size_t n = 0;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "cases")) {
        char path[200];
        const char *name = cJSON_GetObjectItem(item, "name")->valuestring;
        snprintf(path, sizeof path, TORCH "%s", name);
        struct gen_model *model = open_model(path);
        bool nano = cJSON_GetObjectItem(item, "n_vocab") != NULL;
        check_logits(name, model, item);
        assert_string_equal(gen_model_format(model), nano ? "pytorch (nanoGPT)" : "pytorch");
        assert_int_equal(gen_model_config(model)->activation, nano ? GEN_GELU : GEN_GELU_NEW);
        assert_true(gen_model_config(model)->tie_word_embeddings);
        assert_int_equal(gen_model_n_notes(model), 0);
        check_converted(path, model, item);
        gen_model_free(model);
        n++;
    }
    assert_int_equal(n, 6);
    cJSON_Delete(root);
}

static const cJSON *case_of(const cJSON *root, const char *name) {
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "cases")) {
        if (strcmp(cJSON_GetObjectItem(item, "name")->valuestring, name) == 0) {
            break;
        }
    }
    assert_non_null(item);
    return item;
}

/* The file instead of its directory. */
static void test_files(void **state) {
    (void)state;
    static const char *const cases[][2] = {{"zip", "zip/pytorch_model.bin"},
                                           {"legacy", "legacy/pytorch_model.bin"},
                                           {"characters", "characters/ckpt.pt"}};
    cJSON *root = read_cases();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200];
        snprintf(path, sizeof path, TORCH "%s", cases[i][1]);
        struct gen_model *model = open_model(path);
        check_logits(path, model, case_of(root, cases[i][0]));
        gen_model_free(model);
    }
    cJSON_Delete(root);
}

static void link_to(const char *directory, const char *from, const char *name) {
    char top[1000], target[2000];
    assert_non_null(getcwd(top, sizeof top));
    snprintf(target, sizeof target, "%s/%s", top, from);
    assert_int_equal(symlink(target, fixture_path(directory, name)), 0);
}

/* Links, as in the Hub's cache; and safetensors go before PyTorch's files. */
static void test_preferred(void **state) {
    (void)state;
    cJSON *root = read_cases();
    const char *directory = fixture_directory_new();
    link_to(directory, TORCH "zip/config.json", "config.json");
    link_to(directory, TORCH "zip/pytorch_model.bin", "pytorch_model.bin");
    struct gen_model *model = open_model(directory);
    check_logits("links", model, case_of(root, "zip"));
    gen_model_free(model);
    fixture_write_text(directory, "model.safetensors", "");
    assert_true(fixture_refused("safetensors first", directory, "model.safetensors", "is empty"));
    /* Named as a file it is read all the same. */
    model = open_model(fixture_path(directory, "pytorch_model.bin"));
    gen_model_free(model);
    remove(fixture_path(directory, "model.safetensors"));
    fixture_write_text(directory, "pytorch_model.bin.index.json", "{}");
    model = open_model(directory);
    gen_model_free(model);
    fixture_directory_remove(directory);
    cJSON_Delete(root);
}

/* Numbers that lie in a row are used where they are in the file. */
static void test_in_place(void **state) {
    (void)state;
    struct gen_error err = {0};
    static const char *const names[] = {"zip", "legacy", "characters"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct model_file *file = NULL;
        char path[200];
        snprintf(path, sizeof path, TORCH "%s", names[i]);
        assert_int_equal(model_file_open(&file, path, &err), GEN_OK);
        assert_true(file->n_tensors > 20);
        for (size_t t = 0; t < file->n_tensors; t++) {
            const struct file_tensor *tensor = &file->tensors[t];
            const struct file_map *map = &file->maps[tensor->map];
            bool made = !map->mapped; /* the biases of nanoGPT that are none */
            assert_true(!made || strstr(tensor->name, ".bias") != NULL);
            assert_true(made || (tensor->data >= map->data &&
                                 tensor->data + tensor->size <= map->data + map->size));
        }
        const struct file_tensor *wte = model_file_tensor(file, "transformer.wte.weight");
        assert_ptr_equal(wte->data, model_file_tensor(file, "lm_head.weight")->data);
        model_file_free(file);
    }
}

/* ---- characters ------------------------------------------------------------------------------*/

static void check_ids(const struct gen_tokenizer *tokenizer, const char *text, const int32_t *ids,
                      size_t n) {
    struct gen_error err = {0};
    struct gen_ids found = {0};
    assert_int_equal(gen_tokenizer_encode(tokenizer, text, strlen(text), false, &found, &err),
                     GEN_OK);
    assert_int_equal(found.n, n);
    assert_memory_equal(found.data, ids, n * sizeof *ids);
    struct gen_bytes back = {0};
    assert_int_equal(gen_tokenizer_decode(tokenizer, ids, n, &back, &err), GEN_OK);
    assert_int_equal(back.n, strlen(text));
    assert_memory_equal(back.data, text, back.n);
    gen_ids_release(&found);
    gen_bytes_release(&back);
}

static void test_characters(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_ids none = {0};
    static const char *const paths[] = {TORCH "characters", TORCH "characters/meta.pkl",
                                        TORCH "characters/ckpt.pt"};
    /* "\n !abcdefghijklmnop\u00e9\u4e2d\U0001f600" in this order */
    static const int32_t ids[] = {10, 7, 19, 20, 21, 1, 0, 2, 3, 3};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(gen_tokenizer_open(&tokenizer, paths[i], &err), GEN_OK);
        assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 22);
        assert_int_equal(gen_tokenizer_eos(tokenizer), -1);
        check_ids(tokenizer, "he\u00e9\u4e2d\U0001f600 \n!aa", ids, 10);
        assert_int_equal(gen_tokenizer_encode(tokenizer, "he\u00e8", 4, false, &none, &err),
                         GEN_UNSUPPORTED);
        assert_non_null(strstr(err.message, "\"\u00e8\""));
        assert_int_equal(none.n, 0);
        gen_tokenizer_free(tokenizer);
    }
}

/* ---- check sums ------------------------------------------------------------------------------*/

static void count_wrong(void *context, const char *sentence) {
    assert_non_null(strstr(sentence, "CRC-32"));
    ++*(int *)context;
}

static void check_sums_of(const char *path, uint64_t n_expected, int n_wrong_expected) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    uint64_t n = 0;
    int n_wrong = 0;
    assert_int_equal(model_file_open(&file, path, &err), GEN_OK);
    assert_int_equal(torch_check_sums(file, &n, count_wrong, &n_wrong, &err), GEN_OK);
    assert_int_equal(n, n_expected);
    assert_int_equal(n_wrong, n_wrong_expected);
    model_file_free(file);
}

static void test_check_sums(void **state) {
    (void)state;
    static const struct {
        const char *name;
        uint64_t n;
    } cases[] = {{"zip", 34}, {"sharded", 41}, {"characters", 67}, {"legacy", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200];
        snprintf(path, sizeof path, TORCH "%s", cases[i].name);
        check_sums_of(path, cases[i].n, 0);
    }
    /* A number changed: the file opens, but its sum is wrong. */
    struct gen_bytes weights = {0};
    size_t n = 0;
    char *bytes = tokenizer_files_read(TORCH "zip/pytorch_model.bin", &n);
    fixture_put(&weights, bytes, n);
    weights.data[n / 2] = (char)(weights.data[n / 2] ^ 1);
    const char *directory = fixture_directory_new();
    link_to(directory, TORCH "zip/config.json", "config.json");
    fixture_write(directory, "pytorch_model.bin", &weights);
    check_sums_of(directory, cases[0].n, 1);
    fixture_directory_remove(directory);
    gen_bytes_release(&weights);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_goldens),    cmocka_unit_test(test_files),
        cmocka_unit_test(test_preferred),  cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_characters), cmocka_unit_test(test_check_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
