/**
 * test_train_golden.c - ten steps of gen_train against the same ten of PyTorch, with AdamW and with
 * Muon: losses, gradients' lengths, learning rates, and the weights that come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <math.h>

#include "arch/arch.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/model_file.h"
#include "format_fixture.h"
#include "gen_train.h"

#define MODEL "tests/golden/models/base"
#define TEXT  "tests/golden/train/text.txt"
#define STEPS "tests/golden/train/steps.json"
#define MUON  "tests/golden/train/steps-muon.json"

#define MAX_STEPS 10

/* What was heard of the run. */
struct heard {
    struct gen_train_report steps[MAX_STEPS];
    uint64_t n;
};

static bool on_step(void *context, const struct gen_train_report *report) {
    struct heard *heard = context;
    assert_true(heard->n < MAX_STEPS);
    heard->steps[heard->n++] = *report;
    assert_int_equal(report->step, heard->n);
    return true;
}

static cJSON *read_steps(const char *path) {
    char *text = NULL;
    size_t n = 0;
    assert_int_equal(file_read(&text, &n, path, (size_t)1 << 20, NULL), GEN_OK);
    cJSON *root = cJSON_Parse(text);
    assert_non_null(root);
    memory_free(text);
    return root;
}

static void assert_close(double found, double wanted, double error) {
    if (!(fabs(found - wanted) <= error)) {
        fail_msg("%.9g, PyTorch has %.9g", found, wanted);
    }
}

static double number(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

/* The sum of magnitudes of every tensor, whatever the order they are stored in. The bias of the
 * keys has a gradient of 0 but for rounding, which AdamW takes for a direction: left out. (No bias
 * is Muon's.) */
static void check_weights(const char *path, const cJSON *sums) {
    struct model_file *file = NULL;
    struct gen_error err;
    assert_int_equal(model_file_open(&file, path, &err), GEN_OK);
    int n = 0;
    for (size_t i = 0; i < arch_gpt2.n_tensors; i++) {
        for (int32_t layer = 0; layer < 8; layer++) {
            char name[TENSOR_NAME_SIZE];
            char hf[TENSOR_NAME_SIZE + 20];
            tensor_spec_name(name, &arch_gpt2.tensors[i], NAMES_HF, layer);
            snprintf(hf, sizeof hf, "transformer.%s", name);
            tensor_spec_name(name, &arch_gpt2.tensors[i], NAMES_GGUF, layer);
            const struct file_tensor *tensor = model_file_tensor(file, name);
            const cJSON *wanted = cJSON_GetObjectItemCaseSensitive(sums, hf);
            n += wanted != NULL && strstr(name, "attn_qkv.bias") != NULL;
            if (strstr(name, "attn_qkv.bias") != NULL || tensor == NULL || wanted == NULL ||
                (layer > 0 && !arch_gpt2.tensors[i].per_layer)) {
                continue;
            }
            double sum = 0;
            for (size_t at = 0; at < tensor->size; at += sizeof(float)) {
                float value;
                memcpy(&value, tensor->data + at, sizeof value);
                sum += fabs((double)value);
            }
            if (fabs(sum - wanted->valuedouble) > 1e-4 * wanted->valuedouble) {
                fail_msg("%s: sum of magnitudes %.9g, PyTorch has %.9g", hf, sum,
                         wanted->valuedouble);
            }
            n++;
        }
    }
    assert_int_equal(n, cJSON_GetArraySize(sums));
    model_file_free(file);
}

/* Ten steps with the same data, weights and options as tests/golden/make_train_steps.py. */
static void check_pytorch(const char *fixture, enum gen_optimizer optimizer) {
    const char *directory = fixture_directory_new();
    cJSON *root = read_steps(fixture);
    const cJSON *steps = cJSON_GetObjectItemCaseSensitive(root, "steps");
    const char *const data[] = {TEXT};
    int32_t n_positions = (int32_t)number(root, "n_positions");
    struct gen_train_options options = gen_train_options_default();
    options.data = data;
    options.n_data = 1;
    options.init = MODEL;
    options.shape.n_ctx = n_positions;
    options.batch_size = (uint64_t)(number(root, "n_sequences") * n_positions);
    options.n_steps = (uint64_t)cJSON_GetArraySize(steps);
    options.n_warmup = (uint64_t)number(root, "n_warmup");
    options.learning_rate = (float)number(root, "rate");
    options.least_rate = (float)number(root, "least");
    options.weight_decay = (float)number(root, "decay");
    options.clip = (float)number(root, "clip");
    options.optimizer = optimizer;
    struct heard heard = {0};
    const struct gen_train_watch watch = {.context = &heard, .step = on_step};
    struct gen_error err = {0};
    if (gen_train(fixture_path(directory, "m.gguf"), &options, &watch, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(heard.n, options.n_steps);
    const cJSON *step = steps->child;
    for (uint64_t i = 0; i < options.n_steps; i++, step = step->next) {
        assert_close(heard.steps[i].loss, number(step, "loss"), 1e-4);
        assert_close(heard.steps[i].gradient_norm, number(step, "grad_norm"), 1e-4);
        assert_close(heard.steps[i].learning_rate, number(step, "lr"), 1e-9);
    }
    check_weights(fixture_path(directory, "m.gguf"),
                  cJSON_GetObjectItemCaseSensitive(root, "sums"));
    cJSON_Delete(root);
    fixture_directory_remove(directory);
}

static void test_pytorch(void **state) {
    (void)state;
    check_pytorch(STEPS, GEN_OPTIMIZER_ADAMW);
}

static void test_pytorch_muon(void **state) {
    (void)state;
    check_pytorch(MUON, GEN_OPTIMIZER_MUON);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pytorch),
        cmocka_unit_test(test_pytorch_muon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
