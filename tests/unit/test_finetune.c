/**
 * test_finetune.c - gen_finetune: runs that are stopped, go on and keep the best, the same bits
 * every way, options. What it reads, and in which order, is tested in test_pairs.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "format_fixture.h"
#include "gen_train.h"

#define MODEL "tests/golden/models/base"

/* ---- runs ------------------------------------------------------------------------------------*/

struct heard {
    uint64_t first_step, last_step, n_steps, stop_after, best_step, n_left_out, n_valid;
    double loss, valid_loss, best_loss;
    bool has_best;
    int n_valids;
};

static void on_plan(void *context, const struct gen_train_plan *plan) {
    struct heard *heard = context;
    heard->first_step = plan->first_step;
    heard->n_steps = plan->n_steps;
    heard->n_left_out = plan->n_left_out;
    heard->n_valid = plan->n_valid_sequences;
    heard->has_best = plan->has_best;
    heard->best_loss = plan->best_loss;
}

static bool on_began(void *context, const struct gen_train_report *report) {
    struct heard *heard = context;
    assert_true(report->is_best); /* the model to begin with was trained */
    heard->has_best = true;
    heard->best_loss = report->valid_loss;
    heard->best_step = report->step;
    return true;
}

static bool on_step(void *context, const struct gen_train_report *report) {
    struct heard *heard = context;
    heard->last_step = report->step;
    heard->loss = report->loss;
    if (report->has_valid) {
        heard->n_valids++;
        heard->valid_loss = report->valid_loss;
        assert_int_equal(report->is_best,
                         !heard->has_best || report->valid_loss < heard->best_loss);
        heard->has_best = true;
        if (report->is_best) {
            heard->best_loss = report->valid_loss;
            heard->best_step = report->step;
        }
    }
    return report->step != heard->stop_after;
}

static enum gen_status run(const char *directory, const struct gen_finetune_options *options,
                           struct heard *heard, uint64_t stop_after, struct gen_error *err) {
    *heard = (struct heard){.stop_after = stop_after};
    const struct gen_train_watch watch = {
        .context = heard, .plan = on_plan, .began = on_began, .step = on_step};
    return gen_finetune(fixture_path(directory, "m.gguf"), options, &watch, err);
}

static void run_well(const char *directory, const struct gen_finetune_options *options,
                     struct heard *heard) {
    struct gen_error err = {0};
    if (run(directory, options, heard, 0, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
}

/* Pairs of many lengths. */
static const char *make_data(const char *directory, const char *name, int first, int n) {
    struct gen_bytes text = {0};
    for (int i = first; i < first + n; i++) {
        char line[200];
        snprintf(line, sizeof line,
                 "{\"prompt\":\"There were %d%.*s\",\"completion\":\" and %d more\"}\n", i,
                 i * 7 % 30, " kings and queens in the castle", i * i % 17);
        fixture_text(&text, line);
    }
    fixture_write(directory, name, &text);
    gen_bytes_release(&text);
    return fixture_path(directory, name);
}

static struct gen_finetune_options small_run(const char *const *data) {
    struct gen_finetune_options options = gen_finetune_options_default();
    options.train.init = MODEL;
    options.train.data = data;
    options.train.n_data = 1;
    options.train.valid_share = 0.2f;
    options.train.batch_size = 5;
    options.train.learning_rate = 1e-3f;
    options.train.dropout = 0.1f;
    options.train.seed = 3;
    return options;
}

static void take_file(const char *directory, const char *name, char **bytes, size_t *n) {
    assert_int_equal(file_read(bytes, n, fixture_path(directory, name), (size_t)1 << 26, NULL),
                     GEN_OK);
}

/* Model and state are those kept; both are removed. */
static void assert_result(const char *directory, char *const kept[2], const size_t n_kept[2]) {
    static const char *const names[2] = {"m.gguf", "m.gguf.state"};
    for (int i = 0; i < 2; i++) {
        char *bytes;
        size_t n;
        take_file(directory, names[i], &bytes, &n);
        assert_int_equal(n, n_kept[i]);
        assert_memory_equal(bytes, kept[i], n);
        memory_free(bytes);
        assert_int_equal(remove(fixture_path(directory, names[i])), 0);
    }
}

static void check_same_bits(int32_t rank, enum gen_optimizer optimizer) {
    const char *directory = fixture_directory_new();
    char path[512];
    snprintf(path, sizeof path, "%s", make_data(directory, "pairs.jsonl", 0, 25));
    const char *const data[] = {path};
    struct gen_finetune_options options = small_run(data);
    options.lora_rank = rank;
    options.train.optimizer = optimizer;
    struct heard heard;
    char *kept[2];
    size_t n_kept[2];
    run_well(directory, &options, &heard);
    assert_int_equal(heard.n_steps, 3 * 4);
    assert_int_equal(heard.last_step, 12);
    assert_int_equal(heard.n_valids, 3);
    assert_int_equal(heard.n_valid, 5);
    take_file(directory, "m.gguf", &kept[0], &n_kept[0]);
    take_file(directory, "m.gguf.state", &kept[1], &n_kept[1]);
    assert_result(directory, kept, n_kept);
    for (int way = 0; way < 4; way++) {
        struct gen_finetune_options other = options;
        other.train.n_threads = way == 0 ? 1 : 2;
        other.train.micro_batch = way; /* 1: nothing is filled up */
        other.train.checkpoint_activations = way == 2;
        other.train.kernels = way == 3 ? "generic" : NULL;
        run_well(directory, &other, &heard);
        assert_result(directory, kept, n_kept);
    }
    /* Cut off twice. */
    struct gen_error err;
    options.train.resume = true;
    assert_int_equal(run(directory, &options, &heard, 4, &err), GEN_CANCELED);
    assert_int_equal(run(directory, &options, &heard, 9, &err), GEN_CANCELED);
    assert_int_equal(heard.first_step, 4);
    run_well(directory, &options, &heard);
    assert_int_equal(heard.first_step, 9);
    assert_result(directory, kept, n_kept);
    memory_free(kept[0]);
    memory_free(kept[1]);
    fixture_directory_remove(directory);
}

static void same_bits_every_way(void **state) {
    (void)state;
    check_same_bits(0, GEN_OPTIMIZER_ADAMW);
}

static void same_bits_with_adapters(void **state) {
    (void)state;
    check_same_bits(3, GEN_OPTIMIZER_ADAMW);
    check_same_bits(3, GEN_OPTIMIZER_MUON);
}

/* Loss of the model in m.gguf on the pairs of `name`. */
static double loss_of(const char *directory, const char *name) {
    char model[512];
    char path[512];
    snprintf(model, sizeof model, "%s", fixture_path(directory, "kept.gguf"));
    snprintf(path, sizeof path, "%s", fixture_path(directory, name));
    assert_int_equal(rename(fixture_path(directory, "m.gguf"), model), 0);
    assert_int_equal(remove(fixture_path(directory, "m.gguf.state")), 0);
    const char *const data[] = {path};
    struct gen_finetune_options options = small_run(data);
    options.train.init = model;
    options.train.valid_share = 0;
    options.train.valid = data;
    options.train.n_valid = 1;
    options.train.learning_rate = 0;
    options.train.n_steps = 1;
    struct heard heard;
    run_well(directory, &options, &heard);
    return heard.valid_loss;
}

/* Learned much too fast, it gets worse; what is kept is the best. */
static void the_best_is_kept(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    char paths[2][512];
    snprintf(paths[0], sizeof paths[0], "%s", make_data(directory, "pairs.jsonl", 0, 20));
    snprintf(paths[1], sizeof paths[1], "%s", make_data(directory, "valid.jsonl", 50, 10));
    const char *const data[] = {paths[0]};
    const char *const valid[] = {paths[1]};
    struct gen_finetune_options options = small_run(data);
    options.train.valid_share = 0;
    options.train.valid = valid;
    options.train.n_valid = 1;
    options.train.valid_every = 2;
    options.train.schedule = GEN_SCHEDULE_CONSTANT;
    options.train.learning_rate = 0.03f;
    options.train.n_steps = 400;
    options.patience = 3;
    struct heard heard;
    run_well(directory, &options, &heard);
    assert_true(heard.last_step < 400);
    assert_int_equal(heard.last_step, heard.best_step + 3 * 2);
    assert_true(heard.best_loss < heard.valid_loss);
    /* A run that was stopped early is done. */
    options.train.resume = true;
    uint64_t best_step = heard.best_step;
    double best_loss = heard.best_loss;
    run_well(directory, &options, &heard);
    assert_int_equal(heard.first_step, best_step + 3 * 2);
    assert_int_equal(heard.last_step, 0);
    assert_true(fabs(loss_of(directory, "valid.jsonl") - best_loss) < 1e-6);
    fixture_directory_remove(directory);
}

static void check_learning(int32_t rank, enum gen_optimizer optimizer) {
    const char *directory = fixture_directory_new();
    char path[512];
    snprintf(path, sizeof path, "%s", make_data(directory, "pairs.jsonl", 0, 8));
    const char *const data[] = {path};
    struct gen_finetune_options options = small_run(data);
    options.train.valid_share = 0;
    options.train.dropout = 0;
    options.train.batch_size = 8;
    options.train.learning_rate = rank > 0 ? 0.03f : 0.01f;
    options.train.optimizer = optimizer;
    options.lora_rank = rank;
    options.n_epochs = 80;
    struct heard heard;
    run_well(directory, &options, &heard);
    if (!(heard.loss < 0.05)) {
        fail_msg("rank %d, %s: loss %g", rank, gen_optimizer_name(optimizer), heard.loss);
    }
    fixture_directory_remove(directory);
}

static void pairs_are_learned_by_heart(void **state) {
    (void)state;
    check_learning(0, GEN_OPTIMIZER_ADAMW);
    check_learning(0, GEN_OPTIMIZER_MUON);
    check_learning(8, GEN_OPTIMIZER_ADAMW);
    check_learning(8, GEN_OPTIMIZER_MUON);
}

/* ---- wrong options ---------------------------------------------------------------------------*/

static void refuse(const char *directory, const struct gen_finetune_options *options,
                   const char *words) {
    struct heard heard;
    struct gen_error err = {0};
    enum gen_status status = run(directory, options, &heard, 0, &err);
    if (status == GEN_OK || strstr(err.message, words) == NULL) {
        fail_msg("status %d, \"%s\"; must be \"%s\"", status, err.message, words);
    }
}

static void wrong_options_are_refused(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    char path[512];
    snprintf(path, sizeof path, "%s", make_data(directory, "pairs.jsonl", 0, 10));
    const char *const data[] = {path};
    struct gen_finetune_options good = small_run(data);
    struct gen_finetune_options options = good;
    options.train.init = NULL;
    refuse(directory, &options, "no model to fine-tune");
    options = good;
    options.lora_rank = -1;
    refuse(directory, &options, "lora_rank is -1");
    options.lora_rank = 2;
    options.lora_alpha = NAN;
    refuse(directory, &options, "lora_alpha nan");
    options = good;
    options.lora_targets = "mlp.c_fc,mlp";
    refuse(directory, &options, "target \"mlp\" is unknown");
    options = good;
    options.n_epochs = 0;
    refuse(directory, &options, "n_epochs is 0");
    options = good;
    options.train.valid_share = 0;
    options.patience = 2;
    refuse(directory, &options, "stopping early needs pairs");
    options = good;
    options.pair_template = "{prompt}";
    refuse(directory, &options, "{completion}");
    options = good;
    options.train.shape.n_ctx = 2;
    refuse(directory, &options, "there is no pair in it that fits a context of 2 tokens");
    options = good;
    char one[512];
    snprintf(one, sizeof one, "%s", make_data(directory, "one.jsonl", 0, 1));
    const char *const single[] = {one};
    options.train.data = single;
    refuse(directory, &options, "no pair is left to learn from");
    options = good;
    options.train.sample_every = 5;
    options.lora_rank = 2;
    refuse(directory, &options, "no samples");
    /* A state of full tuning is none of adapters. */
    struct heard heard;
    run_well(directory, &good, &heard);
    refuse(directory, &good, "there is a run already");
    options = good;
    options.train.resume = true;
    options.lora_rank = 2;
    refuse(directory, &options, "trainable numbers");
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_every_way),       cmocka_unit_test(same_bits_with_adapters),
        cmocka_unit_test(the_best_is_kept),          cmocka_unit_test(pairs_are_learned_by_heart),
        cmocka_unit_test(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
