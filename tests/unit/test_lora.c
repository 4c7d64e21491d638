/**
 * test_lora.c - adapters of low rank: their gradients against those of the weights they are added
 * to and against differences of the loss, the same bits every way, and that what is written is
 * read. Adapters of other programs, and bad ones, are in test_adapter.c.
 */
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
#include "train/gradient/lora.h"
#include "train/gradient/pass.h"

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

/* With `lora` NULL all weights are trainable. */
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
        rig->targets[i] = i % 5 == 4 ? NO_TARGET : (int32_t)((3 * i + 11) % 70);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_follow_from_the_weights),
        cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(same_bits_every_way),
        cmocka_unit_test(fresh_adapters_add_nothing),
        cmocka_unit_test(what_is_written_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
