/**
 * test_train_pass.c - gradients of a whole model: against PyTorch's, against differences of the
 * loss, and our own promise, the same bits whatever the batches, threads and kernels.
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

#include <cmocka.h>

#include "base/rng.h"
#include "model/model.h"
#include "train/gradient/pass.h"

#define N_SEQUENCES 2
#define N_POSITIONS 40
#define N_ROWS      (N_SEQUENCES * N_POSITIONS)

/* ---- what a pass needs -----------------------------------------------------------------------*/

struct rig {
    struct params params;
    struct compute compute;
    struct train_pass *pass;
    float *gradients;
    int32_t ids[N_ROWS + 1], targets[N_ROWS];
};

/* As tests/golden/make_gradients.py makes them. */
static void make_batch(struct rig *rig) {
    uint64_t n_vocab = (uint64_t)rig->params.config.n_vocab;
    for (uint64_t i = 0; i <= N_ROWS; i++) {
        rig->ids[i] = (int32_t)((7 * i * i + 31 * i + 5) % n_vocab);
    }
    for (size_t i = 0; i < N_ROWS; i++) {
        rig->targets[i] = i % 11 == 10 ? NO_TARGET : rig->ids[i + 1];
    }
}

/* At least 1, to divide by. */
static size_t count_targets(const struct rig *rig) {
    size_t n = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        n += rig->targets[i] != NO_TARGET;
    }
    return n > 0 ? n : 1;
}

/* The params are there; make all else. */
static void rig_finish(struct rig *rig, const char *kernels, int n_threads,
                       const struct train_pass_options *options) {
    struct gen_error err;
    const struct kernels *set = NULL;
    assert_int_equal(kernels_choose(&set, kernels, &err), GEN_OK);
    assert_true(compute_init(&rig->compute, set, n_threads, 1));
    if (train_pass_new(&rig->pass, &rig->params, options, &rig->compute, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    rig->gradients = params_new_array(&rig->params);
    assert_non_null(rig->gradients);
    make_batch(rig);
}

static void rig_release(struct rig *rig) {
    train_pass_free(rig->pass);
    compute_release(&rig->compute);
    params_free_array(&rig->params, rig->gradients);
    params_release(&rig->params);
}

static struct train_pass_options options_default(void) {
    return (struct train_pass_options){.max_sequences = N_SEQUENCES, .max_positions = N_POSITIONS};
}

/* Sequences first ... first + n - 1; the loss is the mean over the positions that count. */
static double run(struct rig *rig, size_t first, size_t n, bool learns) {
    struct train_batch batch = {rig->ids + first * N_POSITIONS, rig->targets + first * N_POSITIONS,
                                n, N_POSITIONS};
    struct train_step step = {.scale = 1.0f / (float)count_targets(rig),
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
    return loss / (double)count_targets(rig);
}

/* ---- against PyTorch -------------------------------------------------------------------------*/

struct reader {
    const float *data;
    size_t n, at;
};

static float next(struct reader *reader) {
    assert_true(reader->at < reader->n);
    return reader->data[reader->at++];
}

/* Norm-wise relative error of a tensor's gradient, over the numbers that the fixture has. */
static double tensor_error(const struct rig *rig, const struct param_tensor *tensor,
                           struct reader *wanted) {
    size_t n = tensor->n_in * tensor->n_out;
    float *found = malloc(n * sizeof *found);
    assert_non_null(found);
    params_get(found, rig->gradients, tensor, true);
    double squares = 0;
    for (size_t i = 0; i < n; i++) {
        squares += (double)found[i] * (double)found[i];
    }
    double norm = (double)next(wanted);
    double worst = fabs(sqrt(squares) - norm) / norm;
    double error = 0;
    double size = 0;
    for (size_t i = 0; i < n; i += (n + 255) / 256) {
        double value = (double)next(wanted);
        error += (found[i] - value) * (found[i] - value);
        size += value * value;
    }
    free(found);
    return size > 0 ? fmax(worst, sqrt(error / size)) : worst;
}

static float *read_floats(const char *path, size_t *n) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return NULL;
    }
    assert_int_equal(fseek(file, 0, SEEK_END), 0);
    *n = (size_t)ftell(file) / sizeof(float);
    rewind(file);
    float *data = malloc(*n * sizeof *data);
    assert_non_null(data);
    assert_int_equal(fread(data, sizeof *data, *n, file), *n);
    fclose(file);
    return data;
}

static void rig_load(struct rig *rig, const char *path, const char *kernels, int n_threads,
                     const struct train_pass_options *options) {
    struct gen_error err;
    struct gen_model *model;
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK ||
        params_init(&rig->params, gen_model_config(model), &err) != GEN_OK ||
        params_load(&rig->params, model->source, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    gen_model_free(model);
    rig_finish(rig, kernels, n_threads, options);
}

/* Whether there is a fixture for the model. */
static bool check_model(const char *directory, const char *name, double *worst_of_all) {
    char path[512];
    snprintf(path, sizeof path, "tests/golden/gradients/%s.bin", name);
    struct reader wanted = {0};
    float *data = read_floats(path, &wanted.n);
    if (data == NULL) {
        return false;
    }
    wanted.data = data;
    snprintf(path, sizeof path, "%s/%s", directory, name);
    struct rig rig;
    struct train_pass_options options = options_default();
    rig_load(&rig, path, NULL, 2, &options);
    assert_true(fabs(run(&rig, 0, N_SEQUENCES, true) - (double)next(&wanted)) < 1e-5);
    double worst = 0;
    for (size_t i = 0; i < rig.params.n_tensors; i++) {
        const struct param_tensor *tensor = &rig.params.tensors[i];
        double error = tensor_error(&rig, tensor, &wanted);
        if (!(error <= 1e-4)) {
            fail_msg("%s: the gradient of %s, layer %d, is off by %g of its norm", name,
                     tensor->spec->hf, tensor->layer, error);
        }
        worst = fmax(worst, error);
    }
    assert_int_equal(wanted.at, wanted.n);
    rig_release(&rig);
    free(data);
    *worst_of_all = fmax(worst, *worst_of_all);
    return true;
}

static size_t check_models(const char *directory, double *worst) {
    DIR *entries = opendir(directory);
    size_t n = 0;
    struct dirent *entry;
    while (entries != NULL && (entry = readdir(entries)) != NULL) {
        n += entry->d_name[0] != '.' && check_model(directory, entry->d_name, worst);
    }
    if (entries != NULL) {
        closedir(entries);
    }
    return n;
}

static void gradients_equal_pytorchs(void **state) {
    (void)state;
    double worst = 0;
    assert_true(check_models("tests/golden/models", &worst) >= 9);
    const char *shared = getenv("GEN_SHARED");
    char path[512];
    snprintf(path, sizeof path, "%s/golden/models", shared != NULL ? shared : "../shared");
    size_t n = check_models(path, &worst);
    if (n == 0) {
        print_message("skipped: the maintainers' models are not there\n");
    }
    print_message("gradients of %zu more models: worst relative error of a tensor %.2g\n", n,
                  worst);
}

/* ---- against differences ---------------------------------------------------------------------*/

static struct gen_config odd_config(void) {
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

/* The same with a local layer, and with queries, keys and values without bias. Scores are scaled
 * all the same, as with such weights softmax is too steep for differences otherwise. */
static struct gen_config local_config(void) {
    struct gen_config config = odd_config();
    config.arch = "gpt_neo";
    config.window = 9;
    config.local_layers = 2;
    return config;
}

static void rig_random(struct rig *rig, const struct gen_config *config, const char *kernels,
                       int n_threads, const struct train_pass_options *options) {
    assert_int_equal(params_init(&rig->params, config, NULL), GEN_OK);
    params_randomize(&rig->params, 5);
    /* Ten times the usual deviation, and biases: every term shall matter. */
    struct rng rng;
    rng_init(&rng, 1, 2);
    for (size_t i = 0; i < rig->params.n_tensors; i++) {
        const struct param_tensor *tensor = &rig->params.tensors[i];
        for (size_t j = 0; j < tensor->n; j++) {
            float *value = &rig->params.values[tensor->offset + j];
            *value = tensor->n_in == 1 ? *value + 0.2f * rng_float(&rng) : *value * 10;
        }
    }
    rig_finish(rig, kernels, n_threads, options);
}

/* The slope of the loss along the gradient is the square of the gradient's norm: for each tensor
 * by itself. */
static void check_slope(struct rig *rig, const struct param_tensor *tensor) {
    float *values = rig->params.values + tensor->offset;
    const float *gradient = rig->gradients + tensor->offset;
    double squares = 0;
    for (size_t i = 0; i < tensor->n; i++) {
        squares += (double)gradient[i] * (double)gradient[i];
    }
    float step = (float)(2e-2 / sqrt(squares));
    float *kept = malloc(tensor->n * sizeof *kept);
    assert_non_null(kept);
    memcpy(kept, values, tensor->n * sizeof *kept);
    double loss[2];
    for (int side = 0; side < 2; side++) {
        for (size_t i = 0; i < tensor->n; i++) {
            values[i] = kept[i] + (side == 0 ? -step : step) * gradient[i];
        }
        loss[side] = run(rig, 0, N_SEQUENCES, false);
    }
    memcpy(values, kept, tensor->n * sizeof *kept);
    free(kept);
    double slope = (loss[1] - loss[0]) / (2 * (double)step);
    if (!(fabs(slope - squares) < 0.02 * squares)) {
        fail_msg("%s, layer %d: slope %g, the gradient says %g", tensor->spec->hf, tensor->layer,
                 slope, squares);
    }
}

static void gradients_equal_differences(void **state) {
    (void)state;
    for (int way = 0; way < 4; way++) {
        struct gen_config config = way < 2 ? odd_config() : local_config();
        config.tie_word_embeddings = way % 2 == 1;
        struct train_pass_options options = options_default();
        struct rig rig;
        rig_random(&rig, &config, NULL, 1, &options);
        run(&rig, 0, N_SEQUENCES, true);
        for (size_t i = 0; i < rig.params.n_tensors; i++) {
            check_slope(&rig, &rig.params.tensors[i]);
        }
        rig_release(&rig);
    }
}

/* ---- the same bits ---------------------------------------------------------------------------*/

struct way {
    const char *kernels;
    int n_threads;
    bool one_by_one, recompute;
};

static const struct way ways[] = {
    {"generic", 1, false, false}, {"avx2", 1, false, false},  {"avx512", 1, false, false},
    {"neon", 1, false, false},    {NULL, 2, false, false},    {NULL, 3, true, false},
    {NULL, 1, true, true},        {"generic", 2, true, true},
};

static float *gradients_by(const struct gen_config *config, const struct way *way, float dropout,
                           double *loss) {
    if (way->kernels != NULL && kernels_by_name(way->kernels) == NULL) {
        return NULL;
    }
    struct train_pass_options options = options_default();
    options.recompute = way->recompute;
    options.dropout = dropout;
    struct rig rig;
    rig_random(&rig, config, way->kernels, way->n_threads, &options);
    if (way->one_by_one) {
        *loss = run(&rig, 0, 1, true);
        *loss += run(&rig, 1, 1, true);
    } else {
        *loss = run(&rig, 0, N_SEQUENCES, true);
    }
    float *gradients = malloc(rig.params.n_values * sizeof *gradients);
    assert_non_null(gradients);
    memcpy(gradients, rig.gradients, rig.params.n_values * sizeof *gradients);
    rig_release(&rig);
    return gradients;
}

static void check_ways(const struct gen_config *config, float dropout) {
    struct params shape;
    assert_int_equal(params_init(&shape, config, NULL), GEN_OK);
    double wanted_loss;
    float *wanted = gradients_by(config, &ways[0], dropout, &wanted_loss);
    for (size_t i = 1; i < sizeof ways / sizeof *ways; i++) {
        double loss;
        float *found = gradients_by(config, &ways[i], dropout, &loss);
        for (size_t t = 0; found != NULL && t < shape.n_tensors; t++) {
            const struct param_tensor *tensor = &shape.tensors[t];
            if (memcmp(found + tensor->offset, wanted + tensor->offset,
                       tensor->n * sizeof *found) != 0) {
                fail_msg("%s, layer %d: not the same bits in way %zu", tensor->spec->hf,
                         tensor->layer, i);
            }
        }
        assert_true(found == NULL || fabs(loss - wanted_loss) < 1e-12);
        free(found);
    }
    free(wanted);
    params_release(&shape);
}

static void same_bits_every_way(void **state) {
    (void)state;
    static const enum gen_activation activations[] = {GEN_GELU_NEW, GEN_GELU, GEN_SILU,
                                                      GEN_QUICK_GELU, GEN_RELU};
    struct gen_config config = odd_config();
    for (size_t i = 0; i < sizeof activations / sizeof *activations; i++) {
        config.activation = activations[i];
        config.tie_word_embeddings = i % 2 == 0;
        check_ways(&config, i < 2 ? 0.0f : 0.2f);
    }
    config = local_config();
    check_ways(&config, 0.0f);
    check_ways(&config, 0.2f);
}

/* Columns that the last panel of a matrix lacks are 0 and stay so. */
static void nothing_grows_in_padding(void **state) {
    (void)state;
    struct gen_config config = odd_config();
    struct train_pass_options options = options_default();
    struct rig rig;
    rig_random(&rig, &config, NULL, 2, &options);
    run(&rig, 0, N_SEQUENCES, true);
    for (size_t i = 0; i < rig.params.n_tensors; i++) {
        const struct param_tensor *tensor = &rig.params.tensors[i];
        size_t last = tensor->n_out / 16 * 16 * tensor->n_in;
        for (size_t j = last; tensor->panels && j < tensor->n; j++) {
            if (j % 16 >= tensor->n_out % 16) {
                assert_true(rig.gradients[tensor->offset + j] == 0.0f);
            }
        }
    }
    rig_release(&rig);
}

/* What no step may see again. */
static void spoil_gradients(struct rig *rig) {
    for (size_t i = 0; i < rig->params.n_tensors; i++) {
        const struct param_tensor *tensor = &rig->params.tensors[i];
        for (size_t out = 0; out < tensor->n_out; out++) {
            for (size_t in = 0; in < tensor->n_in; in++) {
                rig->gradients[params_index(tensor, in, out)] = NAN;
            }
        }
    }
}

static void uncount(struct rig *rig, size_t n_sequences) {
    for (size_t i = 0; i < n_sequences * N_POSITIONS; i++) {
        rig->targets[i] = NO_TARGET;
    }
}

/* A step's gradients, with one sequence after the other the same bits as with all together. */
static void check_step(struct rig *rig, bool all_zero) {
    size_t n = rig->params.n_values;
    float *together = malloc(n * sizeof *together);
    assert_non_null(together);
    spoil_gradients(rig);
    run(rig, 0, N_SEQUENCES, true);
    memcpy(together, rig->gradients, n * sizeof *together);
    spoil_gradients(rig);
    for (size_t i = 0; i < N_SEQUENCES; i++) {
        run(rig, i, 1, true);
    }
    assert_memory_equal(rig->gradients, together, n * sizeof *together);
    for (size_t i = 0; i < n; i++) {
        assert_true(all_zero ? together[i] == 0.0f : !isnan(together[i]));
    }
    free(together);
}

/* Nothing of the step before is left, not even where nothing counts, in all of it or in the first
 * batch. */
static void a_step_that_begins_forgets(void **state) {
    (void)state;
    struct gen_config config = odd_config();
    struct train_pass_options options = options_default();
    for (int tied = 0; tied < 2; tied++) {
        config.tie_word_embeddings = tied == 1;
        struct rig rig;
        rig_random(&rig, &config, NULL, 2, &options);
        check_step(&rig, false);
        run(&rig, 0, 1, true); /* a step that does not end */
        uncount(&rig, 1);
        check_step(&rig, false);
        uncount(&rig, N_SEQUENCES);
        check_step(&rig, true);
        rig_release(&rig);
    }
}

/* ---- the loss --------------------------------------------------------------------------------*/

static double session_loss(struct gen_model *model, const struct rig *rig) {
    struct gen_session_options options = gen_session_options_default();
    options.n_slots = N_SEQUENCES;
    struct gen_session *session;
    assert_int_equal(gen_session_new(&session, model, &options, NULL), GEN_OK);
    struct gen_row rows[N_ROWS];
    for (size_t i = 0; i < N_ROWS; i++) {
        rows[i] = (struct gen_row){rig->ids[i], (int32_t)(i / N_POSITIONS), true};
    }
    assert_int_equal(gen_session_eval(session, rows, N_ROWS, NULL), GEN_OK);
    double loss = 0;
    for (size_t i = 0; i < N_ROWS; i++) {
        const float *logits = gen_session_logits(session, i);
        double sum = 0;
        for (int32_t id = 0; id < rig->params.config.n_vocab; id++) {
            sum += exp((double)logits[id]);
        }
        if (rig->targets[i] != NO_TARGET) {
            loss += log(sum) - (double)logits[rig->targets[i]];
        }
    }
    gen_session_free(session);
    return loss / (double)count_targets(rig);
}

static void loss_is_that_of_a_session(void **state) {
    (void)state;
    static const char *const names[] = {"base",      "untied",    "odd-width", "f16",
                                        "neo-mixed", "neo-local", "neo-words"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "tests/golden/models/%s", names[i]);
        struct gen_model *model;
        assert_int_equal(gen_model_open(&model, path, NULL, NULL), GEN_OK);
        struct train_pass_options options = options_default();
        options.forward_only = i % 2 == 0;
        struct rig rig;
        rig_load(&rig, path, NULL, 2, &options);
        double loss = run(&rig, 0, N_SEQUENCES, false);
        assert_true(fabs(loss - session_loss(model, &rig)) < 1e-6);
        rig_release(&rig);
        gen_model_free(model);
    }
}

/* Dropout changes what is learned, not what is measured. */
static void dropout_is_for_learning(void **state) {
    (void)state;
    struct gen_config config = odd_config();
    struct train_pass_options options = options_default();
    options.dropout = 0.3f;
    struct rig rig;
    rig_random(&rig, &config, NULL, 1, &options);
    double measured = run(&rig, 0, N_SEQUENCES, false);
    double learned = run(&rig, 0, N_SEQUENCES, true);
    assert_true(fabs(measured - learned) > 1e-6);
    assert_true(run(&rig, 0, N_SEQUENCES, true) == learned);
    rig_release(&rig);
    options.dropout = 0.0f;
    rig_random(&rig, &config, NULL, 1, &options);
    assert_true(run(&rig, 0, N_SEQUENCES, false) == measured);
    assert_true(run(&rig, 0, N_SEQUENCES, true) == measured);
    rig_release(&rig);
}

/* ---- refusals --------------------------------------------------------------------------------*/

static void bad_batches_are_refused(void **state) {
    (void)state;
    struct gen_config config = odd_config();
    struct train_pass_options options = options_default();
    struct rig rig;
    rig_random(&rig, &config, NULL, 1, &options);
    struct train_batch batch = {rig.ids, rig.targets, N_SEQUENCES, N_POSITIONS};
    struct train_step step = {.scale = 1, .begins = true, .ends = true};
    double loss = 0;
    size_t n = 0;
    struct gen_error err;
    struct train_batch larger = batch;
    larger.n_sequences++;
    assert_int_equal(train_pass_run(rig.pass, &rig.params, NULL, &larger, &step, &loss, &n, &err),
                     GEN_BAD_ARGUMENT);
    rig.ids[3] = config.n_vocab;
    assert_int_equal(train_pass_run(rig.pass, &rig.params, NULL, &batch, &step, &loss, &n, &err),
                     GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "70"));
    rig.ids[3] = 0;
    rig.targets[3] = -2;
    assert_int_equal(train_pass_run(rig.pass, &rig.params, NULL, &batch, &step, &loss, &n, &err),
                     GEN_BAD_ARGUMENT);
    struct train_pass *pass;
    options.max_positions = N_POSITIONS + 1;
    assert_int_equal(train_pass_new(&pass, &rig.params, &options, &rig.compute, &err),
                     GEN_BAD_ARGUMENT);
    options = options_default();
    options.max_sequences = SIZE_MAX / 8;
    assert_int_equal(train_pass_new(&pass, &rig.params, &options, &rig.compute, &err),
                     GEN_NO_MEMORY);
    assert_true(train_pass_bytes(&config, &options) == UINT64_MAX);
    rig_release(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_pytorchs),   cmocka_unit_test(gradients_equal_differences),
        cmocka_unit_test(same_bits_every_way),        cmocka_unit_test(nothing_grows_in_padding),
        cmocka_unit_test(a_step_that_begins_forgets), cmocka_unit_test(loss_is_that_of_a_session),
        cmocka_unit_test(dropout_is_for_learning),    cmocka_unit_test(bad_batches_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
