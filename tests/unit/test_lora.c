/* Adapters of low rank: their gradients against those of the weights they are added to and against
 * differences of the loss, the same bits every way, and their files. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "format_fixture.h"
#include "model/adapter.h"
#include "train/lora.h"
#include "train/pass.h"

#define N_SEQUENCES 2
#define N_POSITIONS 24
#define N_ROWS      (N_SEQUENCES * N_POSITIONS)
#define RANK        3
#define GOLDEN      "tests/golden/"

/* ---- what a pass needs -----------------------------------------------------------------------*/

struct rig {
    struct params params;
    struct lora lora;
    struct compute compute;
    struct train_pass *pass;
    float *gradients;
    int32_t ids[N_ROWS], targets[N_ROWS];
};

static struct gen_config small_config(void) {
    return (struct gen_config){.n_vocab = 70,
                               .n_ctx = N_POSITIONS,
                               .n_embd = 36,
                               .n_head = 3,
                               .n_layer = 2,
                               .n_inner = 50,
                               .activation = GEN_GELU_NEW,
                               .layer_norm_epsilon = 1e-5f,
                               .scale_attn_weights = true,
                               .tie_word_embeddings = true};
}

static struct lora_options all_targets(void) {
    return (struct lora_options){.rank = RANK, .alpha = 6, .targets = {true, true, true, true}};
}

/* Both factors of every pair are there, as after some steps. */
static void fill_lora(struct lora *lora) {
    lora_randomize(lora, 4);
    struct rng rng;
    rng_init(&rng, 8, 9);
    for (size_t i = 1; i < lora->params.n_tensors; i += 2) {
        const struct param_tensor *b = &lora->params.tensors[i];
        for (size_t in = 0; in < b->n_in; in++) {
            for (size_t out = 0; out < b->n_out; out++) {
                lora->params.values[params_index(b, in, out)] = 0.3f * rng_float(&rng) - 0.1f;
            }
        }
    }
}

/* With `lora` NULL all weights learn. */
static void rig_init(struct rig *rig, const struct lora_options *lora, const char *kernels,
                     int n_threads, bool recompute, float dropout) {
    struct gen_config config = small_config();
    struct gen_error err;
    const struct kernels *set = NULL;
    *rig = (struct rig){0};
    assert_int_equal(kernels_choose(&set, kernels, &err), GEN_OK);
    assert_true(compute_init(&rig->compute, set, n_threads, 1));
    assert_int_equal(params_init(&rig->params, &config, &err), GEN_OK);
    params_randomize(&rig->params, 5);
    for (size_t i = 0; i < rig->params.n_tensors; i++) {
        const struct param_tensor *tensor = &rig->params.tensors[i];
        for (size_t j = 0; tensor->n_in > 1 && j < tensor->n; j++) {
            rig->params.values[tensor->offset + j] *= 8;
        }
    }
    struct train_pass_options options = {.max_sequences = N_SEQUENCES,
                                         .max_positions = N_POSITIONS,
                                         .recompute = recompute,
                                         .dropout = dropout};
    if (lora != NULL) {
        assert_int_equal(lora_init(&rig->lora, &config, lora, &err), GEN_OK);
        fill_lora(&rig->lora);
        options.lora = &rig->lora;
    }
    assert_int_equal(train_pass_new(&rig->pass, &rig->params, &options, &rig->compute, &err),
                     GEN_OK);
    rig->gradients = params_new_array(lora != NULL ? &rig->lora.params : &rig->params);
    assert_non_null(rig->gradients);
    for (size_t i = 0; i < N_ROWS; i++) {
        rig->ids[i] = (int32_t)((7 * i * i + 31 * i + 5) % 70);
        rig->targets[i] = i % 5 == 4 ? TRAIN_NO_TARGET : (int32_t)((3 * i + 11) % 70);
    }
}

static void rig_release(struct rig *rig) {
    train_pass_free(rig->pass);
    compute_release(&rig->compute);
    params_free_array(rig->lora.pairs != NULL ? &rig->lora.params : &rig->params, rig->gradients);
    lora_release(&rig->lora);
    params_release(&rig->params);
}

static double run(struct rig *rig, size_t first, size_t n, bool learns) {
    struct train_batch batch = {rig->ids + first * N_POSITIONS, rig->targets + first * N_POSITIONS,
                                n, N_POSITIONS};
    struct train_step step = {.scale = 0.02f,
                              .seed = 3,
                              .first_sequence = first,
                              .begins = first == 0,
                              .ends = first + n == N_SEQUENCES};
    double loss = 0;
    size_t n_counted = 0;
    struct gen_error err;
    if (train_pass_run(rig->pass, &rig->params, learns ? rig->gradients : NULL, &batch, &step,
                       &loss, &n_counted, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return loss * 0.02;
}

static const struct param_tensor *base_of(const struct params *params,
                                          const struct param_tensor *pair) {
    for (size_t i = 0; i < params->n_tensors; i++) {
        if (params->tensors[i].spec == pair->spec && params->tensors[i].layer == pair->layer) {
            return &params->tensors[i];
        }
    }
    fail_msg("no tensor %s", pair->spec->hf);
    return NULL;
}

/* ---- against the gradients of the weights ----------------------------------------------------*/

/* w += scale a b, so that the rig without adapters computes the same. */
static void merge(struct rig *plain, const struct lora *lora) {
    for (size_t i = 0; i < lora->params.n_tensors; i += 2) {
        const struct param_tensor *a = &lora->params.tensors[i];
        const struct param_tensor *b = &lora->params.tensors[i + 1];
        const struct param_tensor *w = base_of(&plain->params, a);
        for (size_t in = 0; in < w->n_in; in++) {
            for (size_t out = 0; out < w->n_out; out++) {
                double sum = 0;
                for (size_t r = 0; r < a->n_out; r++) {
                    sum += (double)lora->params.values[params_index(a, in, r)] *
                           (double)lora->params.values[params_index(b, r, out)];
                }
                plain->params.values[params_index(w, in, out)] += (float)(sum * lora->scale);
            }
        }
    }
}

/* By the chain rule: d_a = scale d_w b^T, d_b = scale a^T d_w. */
static double wanted_number(const struct rig *rig, const struct rig *plain, size_t pair, bool is_b,
                            size_t in, size_t out) {
    const struct lora *lora = &rig->lora;
    const struct param_tensor *a = &lora->params.tensors[pair];
    const struct param_tensor *b = &lora->params.tensors[pair + 1];
    const struct param_tensor *w = base_of(&plain->params, a);
    double sum = 0;
    for (size_t k = 0; k < (is_b ? w->n_in : w->n_out); k++) {
        size_t at = is_b ? params_index(w, k, out) : params_index(w, in, k);
        size_t other = is_b ? params_index(a, k, in) : params_index(b, out, k);
        sum += (double)plain->gradients[at] * (double)lora->params.values[other];
    }
    return sum * lora->scale;
}

static void gradients_follow_from_the_weights(void **state) {
    (void)state;
    struct lora_options options = all_targets();
    struct rig rig, plain;
    rig_init(&rig, &options, NULL, 2, false, 0);
    rig_init(&plain, NULL, NULL, 2, false, 0);
    merge(&plain, &rig.lora);
    double loss = run(&rig, 0, N_SEQUENCES, true);
    assert_true(fabs(loss - run(&plain, 0, N_SEQUENCES, true)) < 1e-5 * loss);
    assert_int_equal(rig.lora.params.n_tensors, 2 * 4 * 2);
    for (size_t i = 0; i < rig.lora.params.n_tensors; i++) {
        const struct param_tensor *tensor = &rig.lora.params.tensors[i];
        double error = 0;
        double size = 0;
        for (size_t in = 0; in < tensor->n_in; in++) {
            for (size_t out = 0; out < tensor->n_out; out++) {
                double wanted = wanted_number(&rig, &plain, i / 2 * 2, i % 2 == 1, in, out);
                double found = (double)rig.gradients[params_index(tensor, in, out)];
                error += (found - wanted) * (found - wanted);
                size += wanted * wanted;
            }
        }
        assert_true(size > 0);
        if (!(sqrt(error / size) < 1e-4)) {
            fail_msg("%s %c, layer %d: off by %g", tensor->spec->hf, i % 2 == 1 ? 'b' : 'a',
                     tensor->layer, sqrt(error / size));
        }
    }
    rig_release(&rig);
    rig_release(&plain);
}

/* ---- against differences ---------------------------------------------------------------------*/

static void gradients_equal_differences(void **state) {
    (void)state;
    struct lora_options options = all_targets();
    struct rig rig;
    rig_init(&rig, &options, NULL, 1, false, 0);
    run(&rig, 0, N_SEQUENCES, true);
    struct params *params = &rig.lora.params;
    for (size_t i = 0; i < params->n_tensors; i++) {
        const struct param_tensor *tensor = &params->tensors[i];
        double squares = 0;
        for (size_t j = tensor->offset; j < tensor->offset + tensor->n; j++) {
            squares += (double)rig.gradients[j] * (double)rig.gradients[j];
        }
        float step = (float)(1e-2 / sqrt(squares));
        double loss[2];
        for (int side = 0; side < 2; side++) {
            for (size_t j = tensor->offset; j < tensor->offset + tensor->n; j++) {
                params->values[j] += (side == 0 ? -step : 2 * step) * rig.gradients[j];
            }
            loss[side] = run(&rig, 0, N_SEQUENCES, false);
        }
        for (size_t j = tensor->offset; j < tensor->offset + tensor->n; j++) {
            params->values[j] -= step * rig.gradients[j];
        }
        double slope = (loss[1] - loss[0]) / (2 * (double)step);
        if (!(fabs(slope - squares) < 0.02 * squares)) {
            fail_msg("tensor %zu: slope %g, the gradient says %g", i, slope, squares);
        }
    }
    rig_release(&rig);
}

/* ---- the same bits ---------------------------------------------------------------------------*/

static void same_bits_every_way(void **state) {
    (void)state;
    static const struct {
        const char *kernels;
        int n_threads;
        bool one_by_one, recompute;
    } ways[] = {{"generic", 1, false, false}, {"avx2", 1, false, false},
                {"avx512", 1, false, false},  {"neon", 1, false, false},
                {NULL, 2, false, false},      {NULL, 3, true, false},
                {NULL, 1, true, true}};
    struct lora_options options = all_targets();
    options.targets[role_linear_index(ROLE_ATTN_OUT)] = false;
    float *wanted = NULL;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        if (ways[i].kernels != NULL && kernels_by_name(ways[i].kernels) == NULL) {
            continue;
        }
        struct rig rig;
        rig_init(&rig, &options, ways[i].kernels, ways[i].n_threads, ways[i].recompute, 0.2f);
        assert_int_equal(rig.lora.params.n_tensors, 2 * 3 * 2);
        size_t size = rig.lora.params.n_values * sizeof *wanted;
        for (size_t first = 0; first < N_SEQUENCES; first += ways[i].one_by_one ? 1 : N_SEQUENCES) {
            run(&rig, first, ways[i].one_by_one ? 1 : N_SEQUENCES, true);
        }
        if (wanted == NULL) {
            wanted = malloc(size);
            assert_non_null(wanted);
            memcpy(wanted, rig.gradients, size);
        }
        assert_memory_equal(rig.gradients, wanted, size);
        rig_release(&rig);
    }
    free(wanted);
}

/* What is new changes nothing: b begins as 0. */
static void fresh_adapters_add_nothing(void **state) {
    (void)state;
    struct lora_options options = all_targets();
    struct rig rig, plain;
    rig_init(&rig, &options, NULL, 1, false, 0);
    rig_init(&plain, NULL, NULL, 1, false, 0);
    memset(rig.lora.params.values, 0, rig.lora.params.n_values * sizeof(float));
    lora_randomize(&rig.lora, 1);
    assert_true(run(&rig, 0, N_SEQUENCES, false) == run(&plain, 0, N_SEQUENCES, false));
    double squares = 0;
    const struct param_tensor *a = &rig.lora.params.tensors[0];
    for (size_t i = 0; i < a->n_in; i++) {
        float value = rig.lora.params.values[params_index(a, i, 0)];
        assert_true(fabsf(value) <= 1.0f / 6);
        squares += (double)value * (double)value;
    }
    assert_true(squares / (double)a->n_in > 0.3 * (1.0 / 36) / 3);
    rig_release(&rig);
    rig_release(&plain);
}

/* ---- files -----------------------------------------------------------------------------------*/

static void what_is_written_is_read(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    struct lora_options options = all_targets();
    options.targets[role_linear_index(ROLE_UP)] = false;
    struct rig rig;
    struct gen_error err;
    rig_init(&rig, &options, NULL, 1, false, 0);
    const char *path = fixture_path(directory, "adapter.gguf");
    assert_int_equal(lora_write(path, &rig.lora, NULL, &err), GEN_OK);
    struct adapter *adapter;
    if (adapter_open(&adapter, path, &rig.params.config, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    struct rig merged;
    rig_init(&merged, NULL, NULL, 1, false, 0);
    merge(&merged, &rig.lora);
    int n_found = 0;
    for (size_t i = 0; i < rig.params.n_tensors; i++) {
        const struct param_tensor *w = &rig.params.tensors[i];
        struct adapter_pair pair;
        if (!adapter_find(&pair, adapter, w->spec, w->layer)) {
            continue;
        }
        n_found++;
        assert_int_equal(pair.rank, RANK);
        float *rows = malloc(w->n_in * w->n_out * sizeof *rows);
        float *wanted = malloc(w->n_in * w->n_out * sizeof *wanted);
        assert_true(rows != NULL && wanted != NULL);
        params_get(rows, rig.params.values, w, false);
        params_get(wanted, merged.params.values, w, false);
        assert_true(adapter_add(&pair, rows, 0, 7)); /* in two parts */
        assert_true(adapter_add(&pair, rows + 7 * w->n_in, 7, w->n_out - 7));
        for (size_t j = 0; j < w->n_in * w->n_out; j++) {
            assert_true(fabsf(rows[j] - wanted[j]) < 1e-5f);
        }
        free(rows);
        free(wanted);
    }
    assert_int_equal(n_found, 2 * 3);
    adapter_free(adapter);
    rig_release(&rig);
    rig_release(&merged);
    fixture_directory_remove(directory);
}

/* An adapter that another program wrote does what PyTorch makes of it. */
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
    struct gen_config config = small_config();
    config.n_embd = 4;
    config.n_head = 1;
    config.n_inner = 16;
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
        fail_msg("status %d, \"%s\"; wanted is \"%s\"", status, err.message, words);
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
        cmocka_unit_test(gradients_follow_from_the_weights),
        cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(same_bits_every_way),
        cmocka_unit_test(fresh_adapters_add_nothing),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(adapters_of_others_are_merged),
        cmocka_unit_test(bad_adapters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
