/**
 * test_offsets.c - where tokens are in their text, as transformers says it (tests/golden/
 * offsets.json), and the encoder for many texts: the ids of each are those that it has alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "added_set.h"
#include "base/rng.h"
#include "tokenizer_files.h"

static const char *golden_path(void) {
    const char *path = getenv("OFFSETS");
    return path != NULL ? path : "tests/golden/offsets.json";
}

static struct gen_encoder *new_encoder(const struct gen_tokenizer *tokenizer) {
    struct gen_encoder *encoder;
    struct gen_error err;
    assert_int_equal(gen_encoder_new(&encoder, tokenizer, &err), GEN_OK);
    return encoder;
}

/* Whether a text has these ids at these places, in characters. */
static bool check(struct gen_encoder *encoder, const char *text, const cJSON *expected_ids,
                  const cJSON *expected) {
    struct gen_ids ids = {0};
    struct gen_spans spans = {0};
    struct gen_error err = {0};
    size_t n = strlen(text);
    if (gen_encoder_encode(encoder, text, n, true, &ids, &spans, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    gen_spans_count_characters(spans.data, spans.n, text, n);
    bool good = ids.n == (size_t)cJSON_GetArraySize(expected) && spans.n == ids.n;
    const cJSON *id = expected_ids->child, *span = expected->child;
    for (size_t i = 0; good && i < spans.n; i++, id = id->next, span = span->next) {
        good = ids.data[i] == id->valueint && (int)spans.data[i].begin == span->child->valueint &&
               (int)spans.data[i].end == span->child->next->valueint;
    }
    if (!good) {
        char *wanted = cJSON_PrintUnformatted(expected);
        print_error("\"%s\":", text);
        for (size_t i = 0; i < spans.n; i++) {
            print_error(" [%zu,%zu]", spans.data[i].begin, spans.data[i].end);
        }
        print_error(", not %s\n", wanted);
        cJSON_free(wanted);
    }
    gen_ids_release(&ids);
    gen_spans_release(&spans);
    return good;
}

static void test_golden(void **state) {
    (void)state;
    size_t n = 0, n_cases = 0, n_bad = 0;
    char *text = tokenizer_files_read(golden_path(), &n);
    cJSON *sets = cJSON_Parse(text);
    assert_non_null(sets);
    for (const cJSON *set = sets->child; set != NULL; set = set->next) {
        struct gen_tokenizer *tokenizer = added_set_open(set);
        struct gen_encoder *encoder = new_encoder(tokenizer);
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(set, "cases")) {
            n_bad += !check(encoder, cJSON_GetObjectItem(item, "text")->valuestring,
                            cJSON_GetObjectItem(item, "ids"), cJSON_GetObjectItem(item, "offsets"));
            n_cases++;
        }
        gen_encoder_free(encoder);
        gen_tokenizer_free(tokenizer);
    }
    print_message("# %zu texts\n", n_cases);
    assert_true(n_cases > 300);
    assert_int_equal(n_bad, 0);
    cJSON_Delete(sets);
    free(text);
}

/* Bytes that are no UTF-8 are characters of their own, and byte spans follow each other. */
static void test_broken_bytes(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    struct gen_encoder *encoder = new_encoder(tokenizer);
    const char text[] = "a\xff\xc3\xc3\xa9\xf0\x9f\x98 \0b\xed\xa0\x80";
    size_t n = sizeof text - 1;
    struct gen_ids ids = {0};
    struct gen_spans spans = {0};
    struct gen_error err;
    assert_int_equal(gen_encoder_encode(encoder, text, n, false, &ids, &spans, &err), GEN_OK);
    assert_int_equal(spans.n, ids.n);
    size_t at = 0;
    for (size_t i = 0; i < spans.n; i++) {
        size_t length;
        const char *piece = gen_tokenizer_piece(tokenizer, ids.data[i], &length);
        assert_int_equal(spans.data[i].begin, at);
        assert_int_equal(spans.data[i].end, at + length);
        assert_memory_equal(text + at, piece, length);
        at += length;
    }
    assert_int_equal(at, n);
    gen_spans_count_characters(spans.data, spans.n, text, n);
    assert_int_equal(spans.data[0].begin, 0);
    assert_int_equal(spans.data[spans.n - 1].end, 13);
    gen_ids_release(&ids);
    gen_spans_release(&spans);
    gen_encoder_free(encoder);
    gen_tokenizer_free(tokenizer);
}

/* More words than an encoder keeps: it begins anew, and nobody sees that. */
static void test_many_texts(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    struct gen_encoder *encoder = new_encoder(tokenizer);
    struct gen_ids ids = {0}, alone = {0};
    struct gen_error err;
    struct rng rng;
    rng_init(&rng, 7, 1);
    for (int i = 0; i < 12000; i++) {
        char text[400];
        size_t n = rng_u32(&rng) % sizeof text;
        for (size_t j = 0; j < n; j++) {
            uint32_t drawn = rng_u32(&rng);
            text[j] = drawn % 19 == 0 ? ' ' : (char)('a' + drawn / 19 % 5);
        }
        ids.n = alone.n = 0;
        assert_int_equal(gen_encoder_encode(encoder, text, n, false, &ids, NULL, &err), GEN_OK);
        assert_int_equal(gen_tokenizer_encode(tokenizer, text, n, false, &alone, &err), GEN_OK);
        assert_int_equal(ids.n, alone.n);
        if (ids.n > 0) {
            assert_memory_equal(ids.data, alone.data, ids.n * sizeof *ids.data);
        }
    }
    gen_ids_release(&ids);
    gen_ids_release(&alone);
    gen_encoder_free(encoder);
    gen_tokenizer_free(tokenizer);
}

/* A text that is refused leaves ids and spans as they were, and the encoder fit for the next. */
static void test_refused(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    struct gen_encoder *encoder = new_encoder(tokenizer);
    struct gen_ids ids = {0};
    struct gen_spans spans = {0};
    struct gen_error err;
    tokenizer_limit(tokenizer, 511);
    assert_int_equal(gen_encoder_encode(encoder, "ab", 2, true, &ids, &spans, &err), GEN_OK);
    size_t n = ids.n;
    assert_int_equal(gen_encoder_encode(encoder, "the<|endoftext|>", 16, true, &ids, &spans, &err),
                     GEN_UNSUPPORTED);
    assert_int_equal(ids.n, n);
    assert_int_equal(spans.n, n);
    assert_int_equal(gen_encoder_encode(encoder, "the", 3, true, &ids, &spans, &err), GEN_OK);
    assert_int_equal(spans.n, ids.n);
    assert_int_equal(spans.data[n].begin, 0);
    gen_ids_release(&ids);
    gen_spans_release(&spans);
    gen_encoder_free(encoder);
    gen_tokenizer_free(tokenizer);
}

static void test_special(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    assert_true(gen_tokenizer_is_special(tokenizer, 511));
    assert_false(gen_tokenizer_is_special(tokenizer, 0));
    assert_false(gen_tokenizer_is_special(tokenizer, 512));
    assert_false(gen_tokenizer_is_special(tokenizer, -1));
    gen_tokenizer_free(tokenizer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),     cmocka_unit_test(test_broken_bytes),
        cmocka_unit_test(test_many_texts), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_special),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
