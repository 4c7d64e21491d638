/**
 * test_dataset.c - what training reads: documents, token ids in their file, the order of sequences;
 * and the arithmetic of the optimizer where a formula is easily held against another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "base/digest.h"
#include "base/memory.h"
#include "corpus_fixture.h"
#include "data/dataset.h"
#include "format_fixture.h"
#include "gen.h"
#include "train/optimizer/adamw.h"
#include "train/optimizer/schedule.h"

/* ---- documents ---------------------------------------------------------------------------*/

/* The ids of the file must be those of the documents, each with end-of-text after it. */
static void check_file(const struct corpus_fixture *fixture, const char *name,
                       const struct gen_bytes *text, const char *const *documents,
                       size_t n_documents) {
    struct gen_ids wanted = {0};
    struct gen_error err = {0};
    int32_t eos = gen_tokenizer_eos(fixture->tokenizer);
    for (size_t i = 0; i < n_documents; i++) {
        gen_tokenizer_encode(fixture->tokenizer, documents[i], strlen(documents[i]), false, &wanted,
                             &err);
        gen_ids_append(&wanted, &eos, 1);
    }
    fixture_write(fixture->directory, name, text);
    struct dataset dataset;
    if (corpus_fixture_open(fixture, name, "text", 0, &dataset, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    struct token_span span = {&dataset, 0, dataset.n};
    int32_t *ids = memory_new(dataset.n, sizeof *ids);
    token_span_read(ids, &span, 0, dataset.n);
    assert_int_equal(dataset.n, wanted.n);
    assert_memory_equal(ids, wanted.data, wanted.n * sizeof *ids);
    memory_free(ids);
    dataset_release(&dataset);
    gen_ids_release(&wanted);
}

static void check_text(const struct corpus_fixture *fixture, const char *name, const char *text,
                       const char *const *documents, size_t n_documents) {
    struct gen_bytes bytes = {0};
    fixture_text(&bytes, text);
    check_file(fixture, name, &bytes, documents, n_documents);
    gen_bytes_release(&bytes);
}

static void test_documents(void **state) {
    const struct corpus_fixture *fixture = *state;
    const char *const two[] = {"One.", "Two,\nthree."};
    const char *const spaced[] = {"a ", " b\n "};
    check_text(fixture, "plain", "One.\n<|endoftext|>\nTwo,\nthree.\n", two, 2);
    check_text(fixture, "no-newline", "One.\n<|endoftext|>\nTwo,\nthree.", two, 2);
    check_text(fixture, "empty-ones",
               "<|endoftext|>\n<|endoftext|>\nOne.\n<|endoftext|>\n<|endoftext|>\n"
               "Two,\nthree.\n<|endoftext|>\n<|endoftext|>",
               two, 2);
    check_text(fixture, "carriage-return", "One.\r\n<|endoftext|>\r\nTwo,\nthree.\r\n", two, 2);
    check_text(fixture, "not-alone", "a <|endoftext|> b\n <|endoftext|>\n", spaced, 2);
    check_text(fixture, "lines.jsonl",
               "{\"text\":\"One.\"}\n\n  \r\n{\"n\":1,\"text\":\"Two,\\nthree.\"}\n{\"text\":\"\"}",
               two, 2);
}

/* Longer than a piece, in several: the ids are those of the whole. */
static void test_long_document(void **state) {
    const struct corpus_fixture *fixture = *state;
    struct gen_bytes text = {0};
    /* Most lines are such that a cut before them would change a word. */
    const char *const lines[] = {"x \n",      "yz \n",
                                 "\n",        "   then  it 'd snow \xc2\xa0\n",
                                 "fall \r\n", "caf\xc3\xa9 na\xc3\xafve \n",
                                 "12 \n"};
    for (size_t i = 0; text.n < 6500000; i++) {
        fixture_text(&text, lines[(i * i + i / 7) % 7]);
    }
    fixture_text(&text, "end");
    fixture_put(&text, "", 1);
    const char *const document[] = {text.data};
    text.n--;
    check_file(fixture, "long", &text, document, 1);
    gen_bytes_release(&text);
}

static void refuse_file(const struct corpus_fixture *fixture, const char *name,
                        const struct gen_bytes *text, const char *words) {
    fixture_write(fixture->directory, name, text);
    struct dataset dataset = {0};
    struct gen_error err = {0};
    assert_int_equal(corpus_fixture_open(fixture, name, "text", 0, &dataset, &err), GEN_BAD_FILE);
    const char *problem = fixture_message_problem(&err, name);
    if (problem != NULL || strstr(err.message, words) == NULL) {
        fail_msg("\"%s\" (%s); wanted was \"%s\"", err.message, problem, words);
    }
}

static void test_bad_text(void **state) {
    const struct corpus_fixture *fixture = *state;
    struct gen_bytes text = {0};
    refuse_file(fixture, "nothing", &text, "there is no text in it");
    fixture_text(&text, "\n<|endoftext|>\n\n");
    refuse_file(fixture, "newlines", &text, "there is no text in it");
    text.n = 0;
    fixture_text(&text, "fine\n<|endoftext|>\nalso fine\nnot \xff\n");
    refuse_file(fixture, "latin", &text, "line 4 is not valid UTF-8 at byte ff");
    text.n = 0;
    fixture_put(&text, "a\nb\0c\n", 6);
    refuse_file(fixture, "binary", &text, "line 2 has a NUL byte");
    text.n = 0;
    fixture_text(&text, "{\"text\":\"a\"}\n{\"texts\":\"b\"}\n");
    refuse_file(fixture, "field.jsonl", &text, "line 2 has no member \"text\"");
    text.n = 0;
    fixture_text(&text, "{\"text\":\"a\"}\n\n{\"text\":\"b\"\n");
    refuse_file(fixture, "broken.jsonl", &text, "line 3");
    gen_bytes_release(&text);
}

/* ---- the file of ids ---------------------------------------------------------------------*/

static void test_cache(void **state) {
    const struct corpus_fixture *fixture = *state;
    struct dataset dataset;
    struct gen_error err;
    fixture_write_text(fixture->directory, "text", "Once upon a time there was a file of ids.\n");
    assert_int_equal(corpus_fixture_open(fixture, "text", "text", 0, &dataset, &err), GEN_OK);
    char name[64];
    snprintf(name, sizeof name, "cache.tokens-%016llx", (unsigned long long)dataset.file_key);
    assert_int_equal(file_kind_of(fixture_path(fixture->directory, name)), FILE_REGULAR);
    assert_int_equal(dataset.width, 2);
    struct gen_bytes whole = {0};
    fixture_put(&whole, dataset.map.data, dataset.map.size);
    uint64_t key = dataset.key;
    dataset_release(&dataset);
    /* Whatever is done to it, it is made again. */
    for (size_t i = 0; i < whole.n; i += 3) {
        whole.data[i] ^= 4;
        fixture_write(fixture->directory, name, &whole);
        whole.data[i] ^= 4;
        assert_int_equal(corpus_fixture_open(fixture, "text", "text", 0, &dataset, &err), GEN_OK);
        assert_int_equal(dataset.map.size, whole.n);
        assert_memory_equal(dataset.map.data, whole.data, whole.n);
        dataset_release(&dataset);
        struct gen_bytes part = {.data = whole.data, .n = i};
        fixture_write(fixture->directory, name, &part);
        assert_int_equal(corpus_fixture_open(fixture, "text", "text", 0, &dataset, &err), GEN_OK);
        dataset_release(&dataset);
    }
    /* Other text, other file. */
    fixture_write_text(fixture->directory, "text", "Once upon a time there was a file of idz.\n");
    assert_int_equal(corpus_fixture_open(fixture, "text", "text", 0, &dataset, &err), GEN_OK);
    assert_true(dataset.key != key);
    dataset_release(&dataset);
    gen_bytes_release(&whole);
}

/* ---- the order ---------------------------------------------------------------------------*/

#define N_IDS 1003

static void check_order(const struct corpus_fixture *fixture, size_t n_ctx) {
    unsigned char bytes[2 * N_IDS + 8];
    for (size_t i = 0; i < N_IDS; i++) {
        bytes[2 * i] = (unsigned char)i;
        bytes[2 * i + 1] = (unsigned char)(i >> 8);
    }
    (void)fixture;
    struct dataset dataset = {.map = {.data = bytes}, .n = N_IDS, .width = 2};
    struct token_span span = {&dataset, 0, N_IDS};
    struct data_order order, other;
    struct gen_error err;
    assert_int_equal(data_order_init(&order, &span, n_ctx, 5, "data", &err), GEN_OK);
    assert_int_equal(data_order_init(&other, &span, n_ctx, 5, "data", &err), GEN_OK);
    int32_t ids[N_IDS], targets[N_IDS], again[N_IDS];
    size_t n_moved = 0;
    size_t n_offsets = 0; /* other than the epoch's before */
    for (uint64_t epoch = 0; epoch < 4; epoch++) {
        unsigned char seen[N_IDS] = {0};
        size_t offset = order.offset;
        for (uint64_t i = 0; i < order.n_windows; i++) {
            data_order_read(&order, epoch * order.n_windows + i, ids, targets);
            for (size_t at = 0; at < n_ctx; at++) {
                assert_int_equal(seen[ids[at]]++, 0);
                assert_int_equal(ids[at], ids[0] + (int32_t)at);
                assert_int_equal(targets[at], ids[at] + 1);
            }
            n_moved += (size_t)ids[0] != order.offset + i * n_ctx;
        }
        n_offsets += order.offset != offset;
        assert_int_equal(seen[order.offset], 1);
        assert_true(order.offset == 0 || seen[order.offset - 1] == 0);
        size_t n_seen = 0;
        for (size_t i = 0; i < N_IDS; i++) {
            n_seen += seen[i];
        }
        assert_true(n_seen + 2 * n_ctx >= N_IDS);
    }
    assert_true(n_moved > 0 || order.n_windows < 3);
    assert_true(n_offsets > 0 || n_ctx < 16 || n_ctx > 100);
    /* Any sequence can be read at once. */
    uint64_t sequence = 3 * order.n_windows - 1;
    data_order_read(&other, sequence, again, targets);
    data_order_read(&order, sequence, ids, targets);
    assert_memory_equal(ids, again, n_ctx * sizeof *ids);
    data_order_release(&order);
    data_order_release(&other);
}

static void test_order(void **state) {
    check_order(*state, 1);
    check_order(*state, 16);
    check_order(*state, 100);
    check_order(*state, 501);
    check_order(*state, 1002);
    struct dataset dataset = {.n = N_IDS, .width = 2};
    struct token_span span = {&dataset, 0, N_IDS};
    struct data_order order;
    struct gen_error err;
    assert_int_equal(data_order_init(&order, &span, 1003, 5, "data", &err), GEN_BAD_ARGUMENT);
    assert_null(fixture_message_problem(&err, "data"));
}

/* ---- digest, schedule, norm --------------------------------------------------------------*/

static void test_digest(void **state) {
    (void)state;
    unsigned char bytes[100];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 37);
    }
    struct digest whole = {0};
    digest_add(&whole, bytes, sizeof bytes);
    for (size_t piece = 1; piece < 30; piece++) {
        struct digest parts = {0};
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            digest_add(&parts, bytes + at, sizeof bytes - at < piece ? sizeof bytes - at : piece);
        }
        assert_true(digest_value(&parts) == digest_value(&whole));
    }
    struct digest shorter = {0};
    digest_add(&shorter, bytes, sizeof bytes - 1);
    assert_true(digest_value(&shorter) != digest_value(&whole));
}

static void test_schedule(void **state) {
    (void)state;
    struct schedule schedule = {.kind = GEN_SCHEDULE_COSINE,
                                .peak = 1,
                                .least = 0.1,
                                .n_steps = 110,
                                .n_warmup = 10,
                                .decay_share = 0.2};
    const double pi = 3.14159265358979323846;
    for (uint64_t step = 0; step < 110; step++) {
        double wanted = step < 10 ? (double)(step + 1) / 10
                                  : 0.1 + 0.45 * (1 + cos(pi * (double)(step - 10) / 100));
        assert_true(fabs(schedule_rate(&schedule, step) - wanted) < 1e-14);
    }
    schedule.kind = GEN_SCHEDULE_WSD;
    for (uint64_t step = 0; step < 110; step++) {
        double wanted = step < 10   ? (double)(step + 1) / 10
                        : step < 88 ? 1
                                    : 0.1 + 0.9 * (1 - sqrt((double)(step - 88) / 22));
        assert_true(fabs(schedule_rate(&schedule, step) - wanted) < 1e-14);
    }
    schedule.kind = GEN_SCHEDULE_CONSTANT;
    assert_true(schedule_rate(&schedule, 109) == 1);
    /* Nothing but decay, nothing but warm-up. */
    schedule.kind = GEN_SCHEDULE_WSD;
    schedule.decay_share = 1;
    assert_true(schedule_rate(&schedule, 10) == 1);
    schedule.n_warmup = 110;
    assert_true(schedule_rate(&schedule, 109) == 1);
}

static void test_norm(void **state) {
    (void)state;
    const size_t n = ((size_t)1 << 24) + 100003;
    float *x = memory_new(n, sizeof *x);
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        x[i] = (float)((i * 7919) % 1000) / 500 - 1;
        sum += (double)x[i] * (double)x[i];
    }
    static const char *const sets[] = {"generic", "avx2", "avx512", "neon"};
    double norm = 0;
    for (size_t i = 0; i < 2 * sizeof sets / sizeof *sets; i++) {
        const struct kernels *set = kernels_by_name(sets[i / 2]);
        struct compute compute;
        if (set != NULL) {
            assert_true(compute_init(&compute, set, i % 2 == 0 ? 1 : 3, 0));
            double found = adamw_norm(x, n, &compute);
            norm = norm == 0 ? found : norm;
            assert_true(found == norm);
            compute_release(&compute);
        }
    }
    assert_true(fabs(norm - sqrt(sum)) < 1e-9 * norm);
    memory_free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_documents), cmocka_unit_test(test_long_document),
        cmocka_unit_test(test_bad_text),  cmocka_unit_test(test_cache),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_digest),
        cmocka_unit_test(test_schedule),  cmocka_unit_test(test_norm),
    };
    return cmocka_run_group_tests(tests, corpus_fixture_set_up, corpus_fixture_tear_down);
}
