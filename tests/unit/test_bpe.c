/**
 * test_bpe.c - merging: both ways must agree with a plain reference, in n log n steps for any word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tokenizer/bpe.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer_files.h"

static uint32_t random_state = 1;

static uint32_t random_below(uint32_t n) {
    random_state = random_state * 1664525U + 1013904223U;
    return (random_state >> 8) % n;
}

/* The definition, word for word: find the lowest rank, leftmost first, merge, begin again. The
 * merges are searched one by one, so it knows nothing of the pair table either. */
static size_t reference(const struct gen_tokenizer *vocab, int32_t *ids, const char *word,
                        size_t n) {
    for (size_t i = 0; i < n; i++) {
        ids[i] = vocab->byte_ids[(unsigned char)word[i]];
    }
    for (size_t rank = 0; rank < vocab->n_merges;) {
        const struct vocab_merge *merge = &vocab->merges[rank];
        size_t at = 0;
        while (at + 1 < n && !(ids[at] == merge->left && ids[at + 1] == merge->right)) {
            at++;
        }
        if (at + 1 >= n) {
            rank++;
            continue;
        }
        ids[at] = merge->result;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
        rank = 0;
    }
    return n;
}

static void check_word(const struct gen_tokenizer *vocab, struct bpe_scratch *scratch,
                       const char *word, size_t n) {
    int32_t expected[BPE_SHORT];
    int32_t ids[BPE_SHORT];
    struct gen_ids appended = {0};
    size_t n_expected = reference(vocab, expected, word, n);
    assert_int_equal(bpe_short(vocab, ids, word, n), n_expected);
    assert_memory_equal(ids, expected, n_expected * sizeof *ids);
    assert_int_equal(bpe_long(vocab, scratch, &appended, word, n, NULL), GEN_OK);
    assert_int_equal(appended.n, n_expected);
    assert_memory_equal(appended.data, expected, n_expected * sizeof *ids);
    gen_ids_release(&appended);
}

static void check_random_words(const struct gen_tokenizer *vocab, const char *alphabet,
                               int n_words) {
    struct bpe_scratch scratch = {0};
    for (int i = 0; i < n_words; i++) {
        char word[BPE_SHORT];
        size_t n = 1 + random_below(BPE_SHORT);
        for (size_t at = 0; at < n; at++) {
            word[at] = alphabet[random_below((uint32_t)strlen(alphabet))];
        }
        check_word(vocab, &scratch, word, n);
    }
    bpe_scratch_release(&scratch);
}

static void test_trained_merges(void **state) {
    (void)state;
    struct gen_tokenizer *vocab = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    check_random_words(vocab, "etaoinshrdlu ", 300);
    check_random_words(vocab, "the ", 300);
    check_random_words(vocab, "ing", 300);
    gen_tokenizer_free(vocab);
}

/* A vocabulary of the bytes and the results of `merges`, which are all different. */
static struct gen_tokenizer *vocabulary_of(const char *const *merges, size_t n) {
    struct tokenizer_builder *builder = NULL;
    struct gen_tokenizer *vocab = NULL;
    assert_int_equal(tokenizer_builder_new(&builder, "test", NULL), GEN_OK);
    tokenizer_files_add_bytes(builder);
    for (size_t i = 0; i < n; i++) {
        const char *merge = merges[i];
        size_t length = strlen(merge);
        size_t left = strcspn(merge, " ");
        char result[64];
        memcpy(result, merge, left);
        memcpy(result + left, merge + left + 1, length - left);
        assert_int_equal(tokenizer_builder_token(builder, 256 + i, result, length - 1, false, NULL),
                         GEN_OK);
        assert_int_equal(tokenizer_builder_merge_line(builder, merge, length, NULL), GEN_OK);
    }
    assert_int_equal(tokenizer_builder_finish(builder, &vocab, NULL), GEN_OK);
    tokenizer_builder_free(builder);
    return vocab;
}

/* Merges no training would give: a part ranks after what is made of it, so that a merge brings
 * up pairs of a lower rank, and pairs that overlap. */
static void test_odd_merges(void **state) {
    (void)state;
    static const char *const merges[] = {"ab a",  "a b",   "aa a", "a a",   "b b",
                                         "bb ab", "aba b", "c c",  "cc cc", "b c"};
    struct gen_tokenizer *vocab = vocabulary_of(merges, sizeof merges / sizeof *merges);
    check_random_words(vocab, "a", 60);
    check_random_words(vocab, "ab", 1000);
    check_random_words(vocab, "abc", 1000);
    check_random_words(vocab, "bc", 300);
    gen_tokenizer_free(vocab);
}

static void test_leftmost_first(void **state) {
    (void)state;
    static const char *const merges[] = {"a a"};
    struct gen_tokenizer *vocab = vocabulary_of(merges, 1);
    int32_t ids[BPE_SHORT];
    assert_int_equal(bpe_short(vocab, ids, "aaa", 3), 2);
    assert_int_equal(ids[0], 256);
    assert_int_equal(ids[1], 'a');
    gen_tokenizer_free(vocab);
}

/* Moves within the heap, for one word of n bytes. */
static uint64_t steps_of(const struct gen_tokenizer *vocab, const char *word, size_t n) {
    struct bpe_scratch scratch = {0};
    struct gen_ids ids = {0};
    assert_int_equal(bpe_long(vocab, &scratch, &ids, word, n, NULL), GEN_OK);
    uint64_t steps = scratch.steps;
    gen_ids_release(&ids);
    bpe_scratch_release(&scratch);
    return steps;
}

/* Each byte brings at most two pairs into the heap, and each goes through it at most once in and
 * once out: 4 n log2(2 n) moves at the most. */
static void test_long_words_take_n_log_n(void **state) {
    (void)state;
    struct gen_tokenizer *vocab = tokenizer_files_open(TOKENIZER_FILES_SMALL);
    size_t n = (size_t)1 << 19;
    char *word = malloc(n);
    assert_non_null(word);
    static const char *const repeated[] = {"a", "the", "ing", "atenthereing", "ab"};
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
        size_t length = strlen(repeated[i]);
        for (size_t at = 0; at < n; at++) {
            word[at] = repeated[i][at % length];
        }
        assert_in_range(steps_of(vocab, word, n), 0, 4 * n * 20);
    }
    for (size_t at = 0; at < n; at++) {
        word[at] = "etaoinshrdlu"[random_below(12)];
    }
    uint64_t steps = steps_of(vocab, word, n);
    assert_in_range(steps, n, 4 * n * 20);
    free(word);
    gen_tokenizer_free(vocab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trained_merges),
        cmocka_unit_test(test_odd_merges),
        cmocka_unit_test(test_leftmost_first),
        cmocka_unit_test(test_long_words_take_n_log_n),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
