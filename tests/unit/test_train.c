/**
 * test_train.c - gen_train: it learns, promises the same bits, goes on from states and refuses what
 * is wrong. test_train_golden.c has the comparison with PyTorch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "arch/tensors.h"
#include "base/file.h"
#include "base/memory.h"
#include "format_fixture.h"
#include "gen_train.h"
#include "tensor/kernels/kernels.h"
#include "train/checkpoint.h"

#define MODEL "tests/golden/models/base"
#define TEXT  "tests/golden/train/text.txt"

/* ---- runs --------------------------------------------------------------------------------*/

#define MAX_STEPS 400

/* What was heard of a run. */
struct heard {
    double loss[MAX_STEPS + 1];
    double valid_loss, valid_bits;
    uint64_t first_step, last_step;
    uint64_t stop_after; /* a step, or 0 */
    int n_saved, n_samples;
};

static void on_plan(void *context, const struct gen_train_plan *plan) {
    struct heard *heard = context;
    heard->first_step = plan->first_step;
    assert_true(plan->n_parameters > 0);
    assert_true(plan->micro_batch >= 1);
}

static bool on_step(void *context, const struct gen_train_report *report) {
    struct heard *heard = context;
    assert_true(report->step >= 1 && report->step <= MAX_STEPS);
    heard->last_step = report->step;
    heard->loss[report->step] = report->loss;
    if (report->has_valid) {
        heard->valid_loss = report->valid_loss;
        heard->valid_bits = report->valid_bits;
    }
    return report->step != heard->stop_after;
}

static bool on_sample(void *context, uint64_t step, const struct gen_model *model) {
    struct heard *heard = context;
    struct gen_session *session;
    struct gen_error err;
    const struct gen_session_options options = gen_session_options_default();
    const struct gen_row row = {.id = 1, .want_logits = true};
    assert_int_equal(gen_session_new(&session, model, &options, &err), GEN_OK);
    assert_int_equal(gen_session_eval(session, &row, 1, &err), GEN_OK);
    assert_true(isfinite(gen_session_logits(session, 0)[0]));
    assert_non_null(gen_model_tokenizer(model));
    gen_session_free(session);
    assert_int_equal(step, heard->last_step);
    heard->n_samples++;
    return true;
}

static void on_saved(void *context, uint64_t step) {
    struct heard *heard = context;
    assert_int_equal(step, heard->last_step);
    heard->n_saved++;
}

static enum gen_status run(const char *path, const struct gen_train_options *options,
                           struct heard *heard, uint64_t stop_after, struct gen_error *err) {
    *heard = (struct heard){.stop_after = stop_after};
    const struct gen_train_watch watch = {
        .context = heard, .plan = on_plan, .step = on_step, .sample = on_sample, .saved = on_saved};
    return gen_train(path, options, &watch, err);
}

static void run_well(const char *path, const struct gen_train_options *options,
                     struct heard *heard) {
    struct gen_error err = {0};
    enum gen_status status = run(path, options, heard, 0, &err);
    if (status != GEN_OK) {
        fail_msg("%s", err.message);
    }
}

/* ---- learning ----------------------------------------------------------------------------*/

/* A kilobyte of text is learned by heart. */
static void test_overfit(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    struct gen_train_options options = gen_train_options_default();
    options.data = data;
    options.n_data = 1;
    options.vocab = MODEL;
    options.shape = (struct gen_train_shape){.n_layer = 2, .n_head = 2, .n_embd = 32, .n_ctx = 32};
    options.batch_size = 192;
    options.n_steps = 150;
    options.n_warmup = 10;
    options.learning_rate = 0.01f;
    options.weight_decay = 0;
    options.sample_every = 50;
    struct heard heard;
    run_well(fixture_path(directory, "m.gguf"), &options, &heard);
    assert_true(heard.loss[1] > 5.5);
    assert_true(heard.loss[150] < 0.05);
    assert_int_equal(heard.n_samples, 3);
    assert_int_equal(heard.n_saved, 1);
    fixture_directory_remove(directory);
}

/* ---- same bits ---------------------------------------------------------------------------*/

static struct gen_train_options small_run(const char *const *data) {
    struct gen_train_options options = gen_train_options_default();
    options.data = data;
    options.n_data = 1;
    options.vocab = MODEL;
    options.shape = (struct gen_train_shape){.n_layer = 2, .n_head = 2, .n_embd = 20, .n_ctx = 16};
    options.valid_share = 0.25f;
    options.batch_size = 70; /* five sequences */
    options.n_steps = 30;
    options.n_warmup = 5;
    options.schedule = GEN_SCHEDULE_WSD;
    options.dropout = 0.1f;
    options.seed = 7;
    return options;
}

/* The model keeps its name: it is in the file. */
static void run_in(const char *directory, const char *name,
                   const struct gen_train_options *options) {
    struct heard heard;
    run_well(fixture_path(directory, "m.gguf"), options, &heard);
    char from[512];
    snprintf(from, sizeof from, "%s", fixture_path(directory, "m.gguf"));
    assert_int_equal(rename(from, fixture_path(directory, name)), 0);
    assert_int_equal(remove(fixture_path(directory, "m.gguf.state")), 0);
}

static void check_threads(enum gen_optimizer optimizer, int32_t n_embd) {
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    struct gen_train_options options = small_run(data);
    options.optimizer = optimizer;
    options.shape.n_embd = n_embd;
    options.n_steps = 12;
    options.n_threads = 1;
    run_in(directory, "one", &options);
    options.n_threads = 2;
    run_in(directory, "two", &options);
    fixture_assert_same_files(directory, "one", "two");
    options.n_threads = 3;
    run_in(directory, "three", &options);
    fixture_assert_same_files(directory, "one", "three");
    options.micro_batch = 2;
    run_in(directory, "micro", &options);
    fixture_assert_same_files(directory, "one", "micro");
    options.checkpoint_activations = true;
    run_in(directory, "recompute", &options);
    fixture_assert_same_files(directory, "one", "recompute");
    static const char *const sets[] = {"generic", "avx2", "avx512", "neon"};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        if (kernels_by_name(sets[i]) != NULL) {
            options.kernels = sets[i];
            run_in(directory, sets[i], &options);
            fixture_assert_same_files(directory, "one", sets[i]);
        }
    }
    fixture_directory_remove(directory);
}

static void test_threads(void **state) {
    (void)state;
    check_threads(GEN_OPTIMIZER_ADAMW, 20);
    check_threads(GEN_OPTIMIZER_MUON, 20);
    check_threads(GEN_OPTIMIZER_MUON, 50);
}

static void check_resume(enum gen_optimizer optimizer) {
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    struct gen_train_options options = small_run(data);
    options.optimizer = optimizer;
    run_in(directory, "whole", &options);
    options.resume = true;
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    struct heard heard;
    struct gen_error err;
    assert_int_equal(run(path, &options, &heard, 4, &err), GEN_CANCELED);
    assert_int_equal(heard.n_saved, 1);
    options.checkpoint_every = 3;
    assert_int_equal(run(path, &options, &heard, 17, &err), GEN_CANCELED);
    assert_int_equal(heard.first_step, 4);
    assert_int_equal(heard.last_step, 17);
    run_well(path, &options, &heard);
    assert_int_equal(heard.first_step, 17);
    fixture_assert_same_files(directory, "whole", "m.gguf");
    fixture_directory_remove(directory);
}

static void test_resume(void **state) {
    (void)state;
    check_resume(GEN_OPTIMIZER_ADAMW);
    check_resume(GEN_OPTIMIZER_MUON);
}

/* Other data are read from their beginning, the same from where the run was. */
static void test_other_data(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    char path[512], state_path[512];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    snprintf(state_path, sizeof state_path, "%s", fixture_path(directory, "m.gguf.state"));
    const char *const data[] = {TEXT};
    const char *const other[] = {"README.md"};
    struct gen_train_options options = small_run(data);
    options.resume = true;
    const uint64_t wanted[] = {20, 40, 20, 40};
    for (uint64_t i = 0; i < 4; i++) {
        options.data = i < 2 ? data : other;
        options.n_steps = 4 * (i + 1);
        struct heard heard;
        run_well(path, &options, &heard);
        struct saved_state saved;
        assert_int_equal(saved_state_open(&saved, state_path, NULL), GEN_OK);
        assert_int_equal(saved.checkpoint.n_sequences, wanted[i]);
        assert_int_equal(saved.checkpoint.n_tokens, (i + 1) * 20 * 16);
        saved_state_close(&saved);
    }
    fixture_directory_remove(directory);
}

/* ---- what a state is held against --------------------------------------------------------*/

static void refuse(const char *path, const struct gen_train_options *options,
                   enum gen_status wanted, const char *words) {
    struct heard heard;
    struct gen_error err = {0};
    enum gen_status status = run(path, options, &heard, 0, &err);
    if (status != wanted || strstr(err.message, words) == NULL) {
        fail_msg("status %d, \"%s\"; wanted %d and \"%s\"", status, err.message, wanted, words);
    }
    assert_int_equal(heard.n_saved, 0);
}

static void test_changed_options(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    struct gen_train_options options = small_run(data);
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    struct heard heard;
    run_well(path, &options, &heard);
    refuse(path, &options, GEN_BAD_ARGUMENT, "there is a run already");
    options.resume = true;
    struct gen_train_options changed = options;
    changed.shape.n_layer = 3;
    refuse(path, &changed, GEN_BAD_ARGUMENT, "n_layer is 2, the options ask for 3");
    changed.shape.n_layer = 0;
    changed.preset = "small";
    refuse(path, &changed, GEN_BAD_ARGUMENT, "n_layer is 2, the preset small has 8");
    changed = options;
    changed.shape.n_ctx = 8;
    refuse(path, &changed, GEN_BAD_ARGUMENT, "n_ctx is 16, the options ask for 8");
    changed = options;
    changed.seed = 9;
    refuse(path, &changed, GEN_BAD_ARGUMENT, "seed 7, the options have 9");
    changed = options;
    changed.optimizer = GEN_OPTIMIZER_MUON;
    refuse(path, &changed, GEN_BAD_ARGUMENT, "the optimizer adamw, the options have muon");
    changed = options;
    changed.n_steps = 20;
    refuse(path, &changed, GEN_BAD_ARGUMENT, "made 30 steps, the options ask for 20");
    changed = options;
    changed.vocab = NULL;
    changed.vocab_size = 300;
    refuse(path, &changed, GEN_BAD_ARGUMENT, "vocabulary has 512 tokens, the options ask for 300");
    changed = options;
    changed.vocab = NULL;
    changed.init = MODEL;
    refuse(path, &changed, GEN_BAD_ARGUMENT,
           "its n_ctx is 16, that of tests/golden/models/base is 64");
    /* More steps, another rate, no vocabulary named: it is in the model. */
    changed = options;
    changed.n_steps = 35;
    changed.learning_rate = 0.001f;
    changed.vocab = NULL;
    changed.shape = (struct gen_train_shape){.n_ctx = 16};
    run_well(path, &changed, &heard);
    assert_int_equal(heard.first_step, 30);
    assert_int_equal(heard.last_step, 35);
    fixture_directory_remove(directory);
}

/* A byte changed anywhere in the state, or its end missing, is found. */
static void test_damaged_state(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    const char *const data[] = {TEXT};
    struct gen_train_options options = small_run(data);
    options.n_steps = 1;
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    struct heard heard;
    run_well(path, &options, &heard);
    options.resume = true;
    options.n_steps = 2;
    char *bytes = NULL;
    size_t n = 0;
    assert_int_equal(
        file_read(&bytes, &n, fixture_path(directory, "m.gguf.state"), (size_t)1 << 26, NULL),
        GEN_OK);
    struct gen_bytes image = {0};
    fixture_put(&image, bytes, n);
    const size_t places[] = {0, 9, 13, 20, 70, n / 2, n - 1};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        image.data[places[i]] ^= 1;
        fixture_write(directory, "m.gguf.state", &image);
        struct gen_error err = {0};
        assert_int_not_equal(run(path, &options, &heard, 0, &err), GEN_OK);
        assert_null(fixture_message_problem(&err, "m.gguf.state"));
        image.data[places[i]] ^= 1;
    }
    const size_t lengths[] = {0, 7, 15, 40, n / 2, n - 1};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        image.n = lengths[i];
        fixture_write(directory, "m.gguf.state", &image);
        struct gen_error err = {0};
        assert_int_equal(run(path, &options, &heard, 0, &err), GEN_BAD_FILE);
    }
    image.n = n;
    fixture_write(directory, "m.gguf.state", &image);
    run_well(path, &options, &heard);
    gen_bytes_release(&image);
    memory_free(bytes);
    fixture_directory_remove(directory);
}

static void test_bad_options(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    char path[512];
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    const char *const data[] = {TEXT};
    struct gen_train_options options = small_run(data);
    options.shape.n_head = 3;
    refuse(path, &options, GEN_BAD_ARGUMENT, "n_head 3 does not divide n_embd 20");
    options = small_run(data);
    options.shape.n_ctx = 512;
    refuse(path, &options, GEN_BAD_ARGUMENT, "a sequence of n_ctx 512 needs 513");
    options = small_run(data);
    options.batch_size = (uint64_t)1 << 32;
    refuse(path, &options, GEN_BAD_ARGUMENT,
           "a batch of 4294967296 tokens is 268435456 sequences of n_ctx 16, but there are 9 (ask "
           "for 144");
    options.batch_size = UINT64_MAX;
    refuse(path, &options, GEN_BAD_ARGUMENT, "must be at most 2^32");
    options = small_run(data);
    options.preset = "huge";
    refuse(path, &options, GEN_BAD_ARGUMENT, "preset \"huge\" is unknown");
    options = small_run(data);
    options.vocab = NULL;
    options.vocab_size = 100;
    refuse(path, &options, GEN_BAD_ARGUMENT, "257");
    options = small_run(data);
    options.vocab_size = 300;
    refuse(path, &options, GEN_BAD_ARGUMENT, "vocab_size is 300, but vocab brings a vocabulary");
    options = small_run(data);
    options.vocab = NULL;
    options.init = MODEL;
    options.vocab_size = 300;
    refuse(path, &options, GEN_BAD_ARGUMENT, "vocab_size is 300, but init brings a vocabulary");
    options = small_run(data);
    options.dropout = 1;
    refuse(path, &options, GEN_BAD_ARGUMENT, "dropout is 1, but must be 0 to below 1");
    options = small_run(data);
    options.learning_rate = NAN;
    refuse(path, &options, GEN_BAD_ARGUMENT, "learning_rate is nan");
    options = small_run(data);
    options.optimizer = (enum gen_optimizer)2;
    refuse(path, &options, GEN_BAD_ARGUMENT, "optimizer 2 is unknown");
    options = small_run(data);
    options.momentum = 1;
    refuse(path, &options, GEN_BAD_ARGUMENT, "momentum is 1, but must be 0 to below 1");
    options = small_run(data);
    options.n_data = 0;
    refuse(path, &options, GEN_BAD_ARGUMENT, "no data");
    options = small_run(data);
    options.learning_rate = 1000;
    options.clip = 0;
    options.n_warmup = 0;
    options.schedule = GEN_SCHEDULE_CONSTANT;
    refuse(path, &options, GEN_UNSUPPORTED, "is not finite");
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overfit),         cmocka_unit_test(test_threads),
        cmocka_unit_test(test_resume),          cmocka_unit_test(test_other_data),
        cmocka_unit_test(test_changed_options), cmocka_unit_test(test_damaged_state),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
