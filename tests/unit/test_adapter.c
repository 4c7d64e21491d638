/**
 * test_adapter.c - files of adapters: one that another program wrote does what PyTorch makes of it,
 * and one that is wrong is refused with its name.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "format/gguf_write.h"
#include "format_fixture.h"
#include "model/adapter.h"

#define GOLDEN "tests/golden/"

static void adapters_of_others_are_merged(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "merged.gguf"));
    struct gen_error err;
    struct gen_convert_options options = gen_convert_options_default();
    options.lora = GOLDEN "lora/adapter.gguf";
    if (gen_convert(GOLDEN "models/base", path, &options, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    struct gen_model *model;
    struct gen_session *session;
    const struct gen_session_options defaults = gen_session_options_default();
    assert_int_equal(gen_model_open(&model, path, NULL, &err), GEN_OK);
    assert_int_equal(gen_session_new(&session, model, &defaults, &err), GEN_OK);
    struct gen_row rows[20];
    for (int i = 0; i < 20; i++) {
        rows[i] = (struct gen_row){.id = 1 + 7 * i, .want_logits = i == 19};
    }
    assert_int_equal(gen_session_eval(session, rows, 20, &err), GEN_OK);
    float wanted[512];
    FILE *file = fopen(GOLDEN "lora/logits.f32", "rb");
    assert_non_null(file);
    assert_int_equal(fread(wanted, sizeof *wanted, 512, file), 512);
    fclose(file);
    for (size_t i = 0; i < 512; i++) {
        float found = gen_session_logits(session, 19)[i];
        if (!(fabsf(found - wanted[i]) < 1e-4f)) {
            fail_msg("logit %zu is %g, PyTorch has %g", i, (double)found, (double)wanted[i]);
        }
    }
    gen_session_free(session);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

/* An adapter file, built here: one pair for blk.0.attn_output.weight of width 4. */
struct plan {
    const char *type, *architecture, *kind;
    bool no_alpha, alpha_is_text;
    const char *names[2];
    uint64_t a[2], b[2];
    float number;
};

static struct plan good_plan(void) {
    return (struct plan){
        .type = "adapter",
        .architecture = "gpt2",
        .kind = "lora",
        .names = {"blk.0.attn_output.weight.lora_a", "blk.0.attn_output.weight.lora_b"},
        .a = {4, 2},
        .b = {2, 4},
        .number = 1};
}

static void write_adapter(const char *path, const struct plan *plan) {
    struct gguf_writer *writer;
    assert_int_equal(gguf_writer_new(&writer, path, NULL), GEN_OK);
    if (plan->type != NULL) {
        gguf_writer_string(writer, "general.type", plan->type, strlen(plan->type), NULL);
    }
    gguf_writer_string(writer, "general.architecture", plan->architecture,
                       strlen(plan->architecture), NULL);
    gguf_writer_string(writer, "adapter.type", plan->kind, strlen(plan->kind), NULL);
    if (plan->alpha_is_text) {
        gguf_writer_string(writer, "adapter.lora.alpha", "16", 2, NULL);
    } else if (!plan->no_alpha) {
        gguf_writer_f32(writer, "adapter.lora.alpha", 16, NULL);
    }
    const uint64_t *dims[2] = {plan->a, plan->b};
    for (int i = 0; i < 2 && plan->names[i] != NULL; i++) {
        gguf_writer_tensor(writer, plan->names[i], TENSOR_F32, 2, dims[i], NULL);
    }
    for (int i = 0; i < 2 && plan->names[i] != NULL; i++) {
        for (uint64_t j = 0; j < dims[i][0] * dims[i][1]; j++) {
            gguf_writer_data(writer, &plan->number, sizeof plan->number, NULL);
        }
    }
    assert_int_equal(gguf_writer_commit(writer, NULL), GEN_OK);
    gguf_writer_free(writer);
}

static void check_plan(const char *directory, const struct plan *plan, const char *words) {
    const struct gen_config config = {
        .n_vocab = 70, .n_ctx = 24, .n_embd = 4, .n_head = 1, .n_layer = 2, .n_inner = 16};
    struct gen_error err = {0};
    struct adapter *adapter;
    const char *path = fixture_path(directory, "adapter.gguf");
    write_adapter(path, plan);
    enum gen_status status = adapter_open(&adapter, path, &config, &err);
    if (words == NULL) {
        assert_int_equal(status, GEN_OK);
        adapter_free(adapter);
        return;
    }
    assert_null(adapter);
    if (status == GEN_OK || strstr(err.message, words) == NULL ||
        fixture_message_problem(&err, "adapter.gguf") != NULL) {
        fail_msg("status %d, \"%s\"; it must hold \"%s\"", status, err.message, words);
    }
}

static void bad_adapters_are_refused(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    struct plan plan = good_plan();
    check_plan(directory, &plan, NULL);
    plan.type = "model";
    check_plan(directory, &plan, "general.type is \"model\"");
    plan.type = NULL;
    check_plan(directory, &plan, "general.type is \"\"");
    plan = good_plan();
    plan.architecture = "llama";
    check_plan(directory, &plan, "general.architecture is \"llama\"");
    plan = good_plan();
    plan.kind = "control\nvector";
    check_plan(directory, &plan, "adapter.type is \"control");
    plan = good_plan();
    plan.no_alpha = true;
    check_plan(directory, &plan, "has no adapter.lora.alpha");
    plan.alpha_is_text = true;
    check_plan(directory, &plan, "adapter.lora.alpha");
    plan = good_plan();
    plan.a[0] = 5;
    check_plan(directory, &plan, "has the shape [2, 5], but must have [2, 4]");
    plan = good_plan();
    plan.b[0] = 3;
    check_plan(directory, &plan, "has the shape [4, 3], but must have [4, 2]");
    plan = good_plan();
    plan.b[1] = 1;
    check_plan(directory, &plan, "has the shape [1, 2], but must have [4, 2]");
    plan = good_plan(); /* 65,537 is the first rank that finetune does not make either */
    plan.a[1] = plan.b[0] = 65537;
    check_plan(directory, &plan, "has rank 65537, but at most 65536 is read");
    plan = good_plan();
    plan.names[1] = NULL;
    check_plan(directory, &plan, "but not blk.0.attn_output.weight.lora_b");
    plan.names[0] = NULL;
    check_plan(directory, &plan, "has no tensors");
    plan = good_plan();
    plan.names[1] = "blk.2.attn_output.weight.lora_b";
    plan.names[0] = "blk.2.attn_output.weight.lora_a";
    check_plan(directory, &plan, "tensor blk.2.attn_output.weight.lora_a is for no matrix");
    plan.names[0] = "token_embd.weight.lora_a";
    plan.names[1] = "token_embd.weight.lora_b";
    check_plan(directory, &plan, "is for no matrix of a layer");
    plan = good_plan();
    plan.number = NAN;
    check_plan(directory, &plan, "has a number that is not finite");
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adapters_of_others_are_merged),
        cmocka_unit_test(bad_adapters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
