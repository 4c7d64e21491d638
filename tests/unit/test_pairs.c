/**
 * test_pairs.c - what fine-tuning reads: templates, pairs and conversations as ids of which some
 * count, and the order of the pairs in an epoch.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "data/pair_order.h"
#include "format_fixture.h"
#include "train/gradient/pass.h"

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
        bool counts = at > 0 && targets[at - 1] != NO_TARGET;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(templates_are_cut),
        cmocka_unit_test(completions_count),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(epochs_have_every_pair_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
