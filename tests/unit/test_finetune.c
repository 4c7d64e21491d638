/* gen_finetune and what it is made of: templates, pairs, their order, early stopping, same bits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "format_fixture.h"
#include "gen_train.h"
#include "train/pair_order.h"
#include "train/pass.h"

#define MODEL "tests/golden/models/base"

/* ---- templates -------------------------------------------------------------------------------*/

static void assert_bytes(const struct gen_bytes *found, const char *wanted) {
    assert_int_equal(found->n, strlen(wanted));
    assert_memory_equal(found->n > 0 ? found->data : "", wanted, found->n);
}

static void check_template(const char *pattern, const char *before, const char *between,
                           const char *lead, const char *after) {
    struct pair_template template;
    assert_int_equal(pair_template_init(&template, pattern, "a", "b", NULL), GEN_OK);
    assert_bytes(&template.before, before);
    assert_bytes(&template.between, between);
    assert_bytes(&template.lead, lead);
    assert_bytes(&template.after, after);
    pair_template_release(&template);
}

static void refuse_template(const char *pattern) {
    struct pair_template template;
    struct gen_error err;
    assert_int_equal(pair_template_init(&template, pattern, "a", "b", &err), GEN_BAD_ARGUMENT);
    assert_null(fixture_message_problem(&err, "{a}"));
    pair_template_release(&template);
}

static void templates_are_cut(void **state) {
    (void)state;
    check_template("{a}{b}", "", "", "", "");
    check_template("Q: {a}\\nA: {b}!\\n", "Q: ", "\nA:", " ", "!\n");
    check_template("\\\\n{a}\\t{b}\\x", "\\n", "\t", "", "\\x");
    check_template("{a}  {b}", "", "  ", "", "");
    check_template("{a} {b}", "", "", " ", "");
    refuse_template("");
    refuse_template("{a}");
    refuse_template("{b}{a}");
    refuse_template("{a}{b}{b}");
    refuse_template("{a}{a}{b}");
    refuse_template("{A}{b}\n");
}

/* ---- pairs -----------------------------------------------------------------------------------*/

static bool go_on(void *context, uint64_t done, uint64_t total) {
    (void)context;
    return done <= total;
}

struct reader_rig {
    struct gen_tokenizer *tokenizer;
    struct pair_template pair, message;
    struct pairs_reader reader;
};

static void reader_init(struct reader_rig *rig, const char *pair, size_t max_positions) {
    *rig = (struct reader_rig){0};
    assert_int_equal(gen_tokenizer_open(&rig->tokenizer, MODEL, NULL), GEN_OK);
    assert_int_equal(pair_template_init(&rig->pair, pair, "prompt", "completion", NULL), GEN_OK);
    assert_int_equal(
        pair_template_init(&rig->message, "{role}: {content}\\n", "role", "content", NULL), GEN_OK);
    rig->reader = (struct pairs_reader){.tokenizer = rig->tokenizer,
                                        .pair = &rig->pair,
                                        .message = &rig->message,
                                        .max_positions = max_positions,
                                        .progress = go_on};
}

static void reader_release(struct reader_rig *rig) {
    gen_tokenizer_free(rig->tokenizer);
    pair_template_release(&rig->pair);
    pair_template_release(&rig->message);
}

static enum gen_status read_text(struct pairs *pairs, const struct reader_rig *rig,
                                 const char *text, struct gen_error *err) {
    struct file_map map = {.data = (const unsigned char *)text, .size = strlen(text)};
    *pairs = (struct pairs){0};
    return pairs_read(pairs, &rig->reader, &map, "some.jsonl", err);
}

/* The pair's text with what counts in brackets and end-of-text as |. */
static void assert_pair(const struct reader_rig *rig, const struct pairs *pairs, size_t i,
                        const char *wanted) {
    const struct pair *pair = &pairs->all[i];
    int32_t ids[200], targets[200];
    struct gen_bytes text = {0};
    assert_true(pair->n <= 200);
    pairs_get(ids, targets, pairs, i);
    bool counted = false;
    for (size_t at = 0; at <= pair_positions(pair); at++) {
        bool counts = at > 0 && targets[at - 1] != TRAIN_NO_TARGET;
        int32_t id = at < pair_positions(pair) ? ids[at] : targets[at - 1];
        if (counts) {
            assert_int_equal(targets[at - 1], id);
        }
        if (counts != counted) {
            gen_bytes_append(&text, counts ? "[" : "]", 1);
        }
        counted = counts;
        if (id == gen_tokenizer_eos(rig->tokenizer)) {
            gen_bytes_append(&text, "|", 1);
        } else {
            assert_int_equal(gen_tokenizer_decode(rig->tokenizer, &id, 1, &text, NULL), GEN_OK);
        }
    }
    gen_bytes_append(&text, counted ? "]" : "?", 1);
    gen_bytes_append(&text, "", 1);
    assert_string_equal(text.data, wanted);
    gen_bytes_release(&text);
}

static void completions_count(void **state) {
    (void)state;
    struct reader_rig rig;
    struct pairs pairs;
    struct gen_error err;
    reader_init(&rig, "Q: {prompt}\\nA: {completion}.", 60);
    assert_int_equal(
        read_text(&pairs, &rig,
                  "{\"prompt\":\"one\",\"completion\":\"two\"}\n"
                  " \r\n"
                  "{\"completion\":\"\",\"prompt\":\"\",\"more\":[1]}\r\n"
                  "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
                  "{\"role\":\"assistant\",\"content\":\"ho\"},"
                  "{\"role\":\"user\",\"content\":\"so\"},"
                  "{\"role\":\"assistant\",\"content\":\"la\"},"
                  "{\"role\":\"user\",\"content\":\"unanswered\"}]}\n"
                  "{\"prompt\":\"this one is so long that it does not fit, because it goes on and "
                  "on, and then once more it goes on and on and on, and on and on and "
                  "on about nothing at all\",\"completion\":\"x\"}\n"
                  "{\"prompt\":\"last\",\"completion\":\"line <|endoftext|>\"}",
                  &err),
        GEN_OK);
    assert_int_equal(pairs.n, 4);
    assert_int_equal(pairs.n_left_out, 1);
    assert_pair(&rig, &pairs, 0, "Q: one\nA:[ two.|]");
    assert_pair(&rig, &pairs, 1, "Q: \nA:[ .|]");
    assert_pair(&rig, &pairs, 2, "user: hi\nassistant:[ ho|]user: so\nassistant:[ la|]");
    assert_pair(&rig, &pairs, 3, "Q: last\nA:[ line <|endoftext|>.|]");
    for (size_t i = 0; i < 4; i++) {
        assert_true(pair_positions(&pairs.all[i]) <= pairs.longest);
    }
    pairs_release(&pairs);
    reader_release(&rig);
    /* With nothing before the completion there is still something to predict it from. */
    reader_init(&rig, "{prompt}{completion}", 60);
    assert_int_equal(read_text(&pairs, &rig, "{\"prompt\":\"\",\"completion\":\"yes\"}", &err),
                     GEN_OK);
    assert_pair(&rig, &pairs, 0, "|[yes|]");
    pairs_release(&pairs);
    reader_release(&rig);
}

static void bad_lines_are_named(void **state) {
    (void)state;
    static const char *const lines[][2] = {
        {"{\"prompt\":\"a\"}", "must be an object"},
        {"{\"prompt\":1,\"completion\":\"b\"}", "must be an object"},
        {"[]", "is an array, but each line must be an object"},
        {"{\"prompt\":\"a\",\"completion\":\"b\",\"messages\":[]}", "must be an object"},
        {"{\"prompt\":\"a\",", "line 2"},
        {"{\"prompt\":\"a\\u0000\",\"completion\":\"b\"}", "line 2"},
        {"{\"prompt\":\"\xff\",\"completion\":\"b\"}", "line 2"},
        {"{\"messages\":[]}", "no message has the role \"assistant\""},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"b\"}]}", "no message has the role"},
        {"{\"messages\":[{\"role\":\"user\"}]}", "a message is without"},
        {"{\"messages\":[\"hello\"]}", "a message is without"},
        {"{\"messages\":{}}", "must be an object"},
    };
    struct reader_rig rig;
    reader_init(&rig, "{prompt}{completion}", 60);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[200];
        snprintf(text, sizeof text, "{\"prompt\":\"a\",\"completion\":\"b\"}\n%s\n", lines[i][0]);
        struct pairs pairs;
        struct gen_error err = {0};
        assert_int_equal(read_text(&pairs, &rig, text, &err), GEN_BAD_FILE);
        if (strstr(err.message, "some.jsonl: line 2") == NULL ||
            strstr(err.message, lines[i][1]) == NULL ||
            fixture_message_problem(&err, "some.jsonl") != NULL) {
            fail_msg("%s: \"%s\"", lines[i][0], err.message);
        }
        pairs_release(&pairs);
    }
    reader_release(&rig);
}

/* ---- order -----------------------------------------------------------------------------------*/

#define N_PAIRS 103

static void make_pairs(struct pairs *pairs) {
    *pairs = (struct pairs){.n = N_PAIRS};
    pairs->all = memory_new(N_PAIRS, sizeof *pairs->all);
    for (size_t i = 0; i < N_PAIRS; i++) {
        pairs->all[i] = (struct pair){.n = 5 + i * 37 % 20};
    }
}

static void epochs_have_every_pair_once(void **state) {
    (void)state;
    struct pairs pairs;
    make_pairs(&pairs);
    struct pair_set learned, held;
    assert_int_equal(pair_set_divide(&learned, &held, &pairs, 0.1, 5, NULL), GEN_OK);
    assert_int_equal(held.n, 10);
    assert_int_equal(learned.n, N_PAIRS - 10);
    struct pair_order order, other;
    assert_int_equal(pair_order_init(&order, &learned, 4, 5, NULL), GEN_OK);
    assert_int_equal(pair_order_init(&other, &learned, 4, 6, NULL), GEN_OK);
    assert_int_equal(order.n_full, 23);
    assert_int_equal(order.n_steps, 24); /* the last has one */
    size_t waste = 0;
    size_t n_same = 0;
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        int seen[N_PAIRS] = {0};
        for (uint64_t i = 0; i < 93; i++) {
            size_t pair = pair_order_at(&order, epoch * 93 + i);
            seen[pair]++;
            assert_int_equal(seen[pair], 1);
            n_same += pair == pair_order_at(&other, epoch * 93 + i);
            n_same += epoch > 0 && pair == pair_order_at(&order, (epoch - 1) * 93 + i);
            assert_int_equal(pair, pair_order_at(&order, epoch * 93 + i));
            size_t last = pair_order_at(&order, epoch * 93 + (i < 92 ? i / 4 * 4 + 3 : i));
            waste += pairs.all[last].n - pairs.all[pair].n;
        }
        for (size_t i = 0; i < held.n; i++) {
            assert_int_equal(seen[held.which[i]], 0);
            seen[held.which[i]]++;
        }
        for (size_t i = 0; i < N_PAIRS; i++) {
            assert_int_equal(seen[i], 1);
        }
    }
    assert_true(n_same < 40);
    assert_true(waste < 3 * 92); /* less than one position a pair */
    for (size_t i = 1; i < held.n; i++) {
        assert_true(pairs.all[held.which[i - 1]].n <= pairs.all[held.which[i]].n);
    }
    pair_order_release(&order);
    pair_order_release(&other);
    pair_set_release(&learned);
    pair_set_release(&held);
    pairs_release(&pairs);
}

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
        fail_msg("status %d, \"%s\"; wanted is \"%s\"", status, err.message, words);
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
    refuse(directory, &options, ".state: has "); /* so many numbers that learn */
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_cut),         cmocka_unit_test(completions_count),
        cmocka_unit_test(bad_lines_are_named),       cmocka_unit_test(epochs_have_every_pair_once),
        cmocka_unit_test(same_bits_every_way),       cmocka_unit_test(same_bits_with_adapters),
        cmocka_unit_test(the_best_is_kept),          cmocka_unit_test(pairs_are_learned_by_heart),
        cmocka_unit_test(wrong_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
