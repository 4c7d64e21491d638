/**
 * test_vocab.c - learning a vocabulary: by hand, against a plain version, against Hugging Face's
 * trainer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/rng.h"
#include "gen_train.h"
#include "tokenizer/bpe_train.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer_files.h"

/* Id of the first merge: before it come <|endoftext|> and the bytes. */
#define FIRST_MERGE 257

/* ---- learning from a string --------------------------------------------------------------- */

struct how {
    int32_t size;
    uint64_t min_frequency;
    int n_threads;
    size_t piece; /* the text is fed in pieces of so many bytes; 0: in one */
};

static struct gen_tokenizer *learn(const char *text, size_t n, struct how how,
                                   struct gen_vocab_counts *counts) {
    struct gen_error err = {0};
    struct gen_vocab_learner *learner = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_vocab_options options = gen_vocab_options_default();
    options.size = how.size;
    options.min_frequency = how.min_frequency;
    options.n_threads = how.n_threads;
    assert_int_equal(gen_vocab_learner_new(&learner, &options, &err), GEN_OK);
    size_t piece = how.piece > 0 ? how.piece : n;
    for (size_t at = 0; at < n; at += piece) {
        size_t length = n - at < piece ? n - at : piece;
        assert_int_equal(gen_vocab_learner_add(learner, text + at, length, &err), GEN_OK);
    }
    if (gen_vocab_learner_learn(learner, &tokenizer, counts, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    gen_vocab_learner_free(learner);
    return tokenizer;
}

/* The tokens that were learned, each followed by '|'. */
static void check_learned(const char *text, uint64_t min_frequency, const char *expected) {
    char found[512] = "";
    struct how how = {.size = 300, .min_frequency = min_frequency, .n_threads = 1};
    struct gen_tokenizer *tokenizer = learn(text, strlen(text), how, NULL);
    for (int32_t id = FIRST_MERGE; id < gen_tokenizer_n_vocab(tokenizer); id++) {
        size_t n = 0;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        snprintf(found + strlen(found), sizeof found - strlen(found), "%.*s|", (int)n, piece);
    }
    gen_tokenizer_free(tokenizer);
    assert_string_equal(found, expected);
}

static void test_by_hand(void **state) {
    (void)state;
    check_learned("x", 1, "");
    check_learned("ab", 1, "ab|");
    check_learned("ab", 2, "");
    check_learned("ab\nab", 2, "ab|");
    check_learned("abc\nabc\nbc", 2, "bc|abc|");
    /* From the tests of Hugging Face's trainer. */
    check_learned("roses\nare\nred\nvoilets\nblue\nBERT\nis\nbig\nand\nso\nGPT\nare\nis", 2,
                  "re|are|is|");
}

/* Of pairs that are equally frequent the smaller ids go first; a space's id is beyond ASCII. */
static void test_ties(void **state) {
    (void)state;
    check_learned("dc\nba\nbc\ncb", 1, "ba|bc|cb|dc|");
    check_learned("zy a\nzy a", 2, "zy| a|");
    check_learned("ab cd ef\n", 1, "ab|cd|ef| cd| ef|");
}

/* Overlapping pairs count each, and are merged from the left. */
static void test_runs(void **state) {
    (void)state;
    check_learned("aaa\nbc", 2, "aa|");
    check_learned("aaaa\n", 1, "aa|aaaa|");
    check_learned("aaaaa\n", 1, "aa|aaa|aaaaa|");
    check_learned("abababab\n", 2, "ab|abab|");
}

/* White space ends with its line. */
static void test_lines(void **state) {
    (void)state;
    check_learned("a\n\n\nb\n\n\n", 1, "");
    check_learned("x  \n  y\nx  \n  y\n", 2, " y| \n|  \n|");
}

/* Lines that divide documents are no text; anywhere else their spelling is. */
static void test_separators(void **state) {
    (void)state;
    check_learned("<|endoftext|>\nab\n<|endoftext|>\r\nab\n<|endoftext|>", 1, "ab|");
    check_learned("<|endoftext|>x\nab\nab", 2, "ab|");
    check_learned("x<|endoftext|>ab<|endoftext|>ab <|endoftext|>\n", 1, "ab|");
    check_learned(" <|endoftext|\n", 1, "<||do|en|ex|ft| <||doft|endoft|ext|endoftext|");
}

static void assert_same(const struct gen_tokenizer *a, const struct gen_tokenizer *b) {
    assert_int_equal(gen_tokenizer_n_vocab(a), gen_tokenizer_n_vocab(b));
    assert_int_equal(tokenizer_n_merges(a), tokenizer_n_merges(b));
    for (size_t rank = 0; rank < tokenizer_n_merges(a); rank++) {
        int32_t pair_a[2];
        int32_t pair_b[2];
        tokenizer_merge(a, rank, &pair_a[0], &pair_a[1]);
        tokenizer_merge(b, rank, &pair_b[0], &pair_b[1]);
        assert_memory_equal(pair_a, pair_b, sizeof pair_a);
    }
}

/* ---- a plain version ---------------------------------------------------------------------- */

/* A text as tokens, -1 between words; every merge counts all pairs anew. */
struct plain {
    int32_t *ids;
    size_t n;
};

/* The pair to merge next among ids below `limit`; its count. */
static uint64_t best_pair(const struct plain *plain, int32_t limit, int32_t best[2]) {
    size_t side = (size_t)limit;
    uint64_t *counts = calloc(side * side, sizeof *counts);
    uint64_t most = 0;
    assert_non_null(counts);
    for (size_t i = 0; i + 1 < plain->n; i++) {
        if (plain->ids[i] >= 0 && plain->ids[i + 1] >= 0) {
            counts[(size_t)plain->ids[i] * side + (size_t)plain->ids[i + 1]]++;
        }
    }
    for (size_t i = 0; i < side * side; i++) {
        if (counts[i] > most) {
            most = counts[i];
            best[0] = (int32_t)(i / side);
            best[1] = (int32_t)(i % side);
        }
    }
    free(counts);
    return most;
}

static void merge_plainly(struct plain *plain, const int32_t pair[2], int32_t result) {
    size_t n = 0;
    for (size_t i = 0; i < plain->n; i++) {
        bool here = plain->ids[i] == pair[0] && i + 1 < plain->n && plain->ids[i + 1] == pair[1];
        plain->ids[n++] = here ? result : plain->ids[i];
        i += here ? 1 : 0;
    }
    plain->n = n;
}

/* Whether what was learned from the text is what the plain version finds, merge by merge. */
static void check_against_plain(const char *text, size_t n, const struct gen_tokenizer *found) {
    struct plain plain = {calloc(2 * n, sizeof *plain.ids), 0};
    assert_non_null(plain.ids);
    for (const char *at = text, *line = text; at < text + n; at = line) {
        line = memchr(at, '\n', (size_t)(text + n - at));
        line = line == NULL ? text + n : line + 1;
        while (at < line) {
            size_t length = pretokenize_word(at, (size_t)(line - at));
            for (size_t i = 0; i < length; i++) {
                struct gen_ids id = {0};
                assert_int_equal(gen_tokenizer_encode(found, at + i, 1, false, &id, NULL), GEN_OK);
                plain.ids[plain.n++] = id.data[0];
                gen_ids_release(&id);
            }
            plain.ids[plain.n++] = -1;
            at += length;
        }
    }
    for (size_t rank = 0; rank < tokenizer_n_merges(found); rank++) {
        int32_t wanted[2] = {-1, -1};
        int32_t pair[2];
        assert_true(best_pair(&plain, FIRST_MERGE + (int32_t)rank, wanted) >= 2);
        tokenizer_merge(found, rank, &pair[0], &pair[1]);
        assert_memory_equal(pair, wanted, sizeof pair);
        merge_plainly(&plain, pair, FIRST_MERGE + (int32_t)rank);
    }
    free(plain.ids);
}

static void test_against_plain(void **state) {
    (void)state;
    static const char *const alphabets[] = {"ab", "aaaaab ", "abc\n", "ab.- \n"};
    struct rng rng;
    rng_init(&rng, 7, 1);
    for (size_t i = 0; i < sizeof alphabets / sizeof *alphabets; i++) {
        char text[3000];
        for (size_t k = 0; k < sizeof text; k++) {
            text[k] = alphabets[i][rng_u32(&rng) % strlen(alphabets[i])];
        }
        struct how how = {.size = 300, .min_frequency = 2, .n_threads = 1};
        struct gen_tokenizer *found = learn(text, sizeof text, how, NULL);
        check_against_plain(text, sizeof text, found);
        gen_tokenizer_free(found);
    }
}

/* ---- Hugging Face's trainer --------------------------------------------------------------- */

static void check_file(const char *path, const char *expected) {
    size_t n = 0;
    size_t n_expected = 0;
    char *text = tokenizer_files_read(path, &n);
    char *wanted = tokenizer_files_read(expected, &n_expected);
    assert_string_equal(text, wanted);
    assert_int_equal(n, n_expected);
    free(text);
    free(wanted);
}

/* The files that are written are theirs, byte for byte, and can be read again. */
static void test_files(void **state) {
    (void)state;
    static const int32_t sizes[] = {300, 1000};
    static const char *const names[] = {"merges.txt", "vocab.json", "tokenizer_config.json"};
    char directory[] = "/tmp/gen-test-vocab-XXXXXX";
    assert_non_null(mkdtemp(directory));
    size_t n = 0;
    char *text = tokenizer_files_read("tests/golden/vocab/text.txt", &n);
    for (size_t i = 0; i < 2; i++) {
        struct gen_error err = {0};
        struct gen_tokenizer *again = NULL;
        struct how how = {.size = sizes[i], .min_frequency = 2};
        struct gen_tokenizer *tokenizer = learn(text, n, how, NULL);
        assert_int_equal(gen_tokenizer_save(tokenizer, directory, &err), GEN_OK);
        for (size_t k = 0; k < 2; k++) {
            char path[100];
            char expected[100];
            snprintf(path, sizeof path, "%s/%s", directory, names[k]);
            snprintf(expected, sizeof expected, "tests/golden/vocab/%d/%s", sizes[i], names[k]);
            check_file(path, expected);
        }
        assert_int_equal(gen_tokenizer_open(&again, directory, &err), GEN_OK);
        assert_same(tokenizer, again);
        assert_int_equal(gen_tokenizer_eos(again), 0);
        gen_tokenizer_free(again);
        gen_tokenizer_free(tokenizer);
    }
    free(text);
    for (size_t k = 0; k < 3; k++) {
        char path[100];
        snprintf(path, sizeof path, "%s/%s", directory, names[k]);
        assert_int_equal(remove(path), 0);
    }
    assert_int_equal(rmdir(directory), 0);
}

/* ---- any threads, any pieces, any length -------------------------------------------------- */

/* A text that is many times as long as what is counted at once: the fixture and random bytes. */
static char *long_text(size_t *n) {
    size_t n_once = 0;
    char *once = tokenizer_files_read("tests/golden/vocab/text.txt", &n_once);
    size_t n_random = 100000;
    *n = 60 * n_once + n_random;
    char *text = malloc(*n);
    assert_non_null(text);
    for (size_t i = 0; i < 60; i++) {
        memcpy(text + i * n_once, once, n_once);
    }
    struct rng rng;
    rng_init(&rng, 1, 2);
    for (size_t i = *n - n_random; i < *n; i++) {
        text[i] = (char)(rng_u32(&rng) & 0xFF);
    }
    free(once);
    return text;
}

static void test_threads_and_pieces(void **state) {
    (void)state;
    static const struct how ways[] = {
        {600, 2, 2, 0}, {600, 2, 5, 0}, {600, 2, 1, 1}, {600, 2, 3, 65536}, {600, 2, 2, 99991}};
    size_t n = 0;
    char *text = long_text(&n);
    struct gen_vocab_counts wanted;
    struct gen_tokenizer *tokenizer = learn(text, n, (struct how){600, 2, 1, 0}, &wanted);
    assert_true(wanted.n_bytes > 60 * 20000 && wanted.n_bytes < n);
    assert_true(wanted.n_tokens >= wanted.n_words && wanted.n_words > wanted.n_distinct_words);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct gen_vocab_counts counts;
        struct gen_tokenizer *other = learn(text, n, ways[i], &counts);
        assert_same(tokenizer, other);
        assert_memory_equal(&counts, &wanted, sizeof counts);
        gen_tokenizer_free(other);
    }
    gen_tokenizer_free(tokenizer);
    free(text);
}

/* A separator that other words follow on its line, where threads part right after it. */
static void test_cut_behind_separator(void **state) {
    (void)state;
    static const char line[] = "<|endoftext|> xyz\n"; /* two words */
    size_t n_line = sizeof line - 1;
    size_t n_lines = 100000;
    char *text = malloc(n_lines * n_line);
    assert_non_null(text);
    for (size_t i = 0; i < n_lines; i++) {
        memcpy(text + i * n_line, line, n_line);
    }
    struct gen_vocab_counts counts;
    gen_tokenizer_free(learn(text, n_lines * n_line, (struct how){257, 2, 2, 0}, &counts));
    assert_int_equal(counts.n_words, 2 * n_lines);
    free(text);
}

/* One word of four megabytes: more than the buffer, and no reason to take long. */
static void test_long_words(void **state) {
    (void)state;
    size_t n = (size_t)4 << 20;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'a', n);
    struct gen_vocab_counts counts;
    struct gen_tokenizer *tokenizer = learn(text, n, (struct how){400, 2, 2, 0}, &counts);
    assert_int_equal(counts.n_distinct_words, 1);
    /* Doubled as long as tokens may get: 2, 4, ... 8192. */
    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), FIRST_MERGE + 13);
    assert_int_equal(counts.n_tokens, n / BPE_TRAIN_LONGEST);
    gen_tokenizer_free(tokenizer);
    struct rng rng;
    rng_init(&rng, 3, 4);
    for (size_t i = 0; i < n; i++) {
        text[i] = (char)('a' + rng_u32(&rng) % 26);
    }
    tokenizer = learn(text, n, (struct how){2000, 2, 2, 0}, NULL);
    assert_int_equal(gen_tokenizer_n_vocab(tokenizer), 2000);
    gen_tokenizer_free(tokenizer);
    free(text);
}

/* ---- what is refused ---------------------------------------------------------------------- */

static bool stop(void *context, uint64_t done, uint64_t total) {
    (void)done;
    (void)total;
    ++*(int *)context;
    return false;
}

static void test_refused(void **state) {
    (void)state;
    static const int32_t sizes[] = {-1, 0, 256, GEN_VOCAB_MAX + 1};
    struct gen_error err = {0};
    struct gen_vocab_learner *learner = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_vocab_options options = gen_vocab_options_default();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        options.size = sizes[i];
        assert_int_equal(gen_vocab_learner_new(&learner, &options, &err), GEN_BAD_ARGUMENT);
        assert_null(learner);
    }
    options.size = 300;
    options.n_threads = -1;
    assert_int_equal(gen_vocab_learner_new(&learner, &options, &err), GEN_BAD_ARGUMENT);

    int n_calls = 0;
    options.n_threads = 1;
    options.context = &n_calls;
    options.progress = stop;
    assert_int_equal(gen_vocab_learner_new(&learner, &options, &err), GEN_OK);
    assert_int_equal(gen_vocab_learner_learn(learner, &tokenizer, NULL, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "no text"));
    assert_int_equal(gen_vocab_learner_add(learner, "ab\nab", 5, &err), GEN_OK);
    assert_int_equal(gen_vocab_learner_learn(learner, &tokenizer, NULL, &err), GEN_CANCELED);
    assert_null(tokenizer);
    assert_int_equal(n_calls, 1);
    gen_vocab_learner_free(learner);
    gen_vocab_learner_free(NULL);
}

/* Texts end where they are said to, and more can be learned from later. */
static void test_more_text(void **state) {
    (void)state;
    struct gen_error err = {0};
    struct gen_vocab_learner *learner = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_vocab_options options = gen_vocab_options_default();
    options.n_threads = 2;
    assert_int_equal(gen_vocab_learner_new(&learner, &options, &err), GEN_OK);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(gen_vocab_learner_add(learner, "ab", 2, &err), GEN_OK);
        assert_int_equal(gen_vocab_learner_end(learner, &err), GEN_OK);
        assert_int_equal(gen_vocab_learner_add(learner, "cab", 3, &err), GEN_OK);
        assert_int_equal(gen_vocab_learner_learn(learner, &tokenizer, NULL, &err), GEN_OK);
        assert_int_equal(gen_tokenizer_n_vocab(tokenizer), FIRST_MERGE + i);
        gen_tokenizer_free(tokenizer);
    }
    gen_vocab_learner_free(learner);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),    cmocka_unit_test(test_ties),
        cmocka_unit_test(test_runs),       cmocka_unit_test(test_lines),
        cmocka_unit_test(test_separators), cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_files),      cmocka_unit_test(test_threads_and_pieces),
        cmocka_unit_test(test_long_words), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_more_text),  cmocka_unit_test(test_cut_behind_separator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
