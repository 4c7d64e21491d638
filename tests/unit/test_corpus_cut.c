/**
 * test_corpus_cut.c - a document of more than a megabyte, which is tokenized in pieces: its ids are
 * those of the text as a whole, also where lines begin or end with added tokens.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/corpus.h"
#include "format_fixture.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer_files.h"

#define TEXT_BYTES ((size_t)3 << 20)

static enum gen_status take(void *context, const int32_t *ids, size_t n, struct gen_error *err) {
    (void)err;
    return gen_ids_append(context, ids, n);
}

static enum gen_status progress(void *context, uint64_t done, struct gen_error *err) {
    (void)context;
    (void)done;
    (void)err;
    return GEN_OK;
}

static struct gen_tokenizer *new_tokenizer(const char *added, unsigned kind) {
    struct tokenizer_builder *builder = NULL;
    struct gen_tokenizer *tokenizer = NULL;
    assert_int_equal(tokenizer_builder_new(&builder, "test", NULL), GEN_OK);
    tokenizer_files_add_bytes(builder);
    assert_int_equal(
        tokenizer_builder_token(builder, 256, "<|endoftext|>", 13, TOKENIZER_SPECIAL, NULL),
        GEN_OK);
    assert_int_equal(tokenizer_builder_token(builder, 257, added, strlen(added), kind, NULL),
                     GEN_OK);
    assert_int_equal(tokenizer_builder_finish(builder, &tokenizer, NULL), GEN_OK);
    tokenizer_builder_free(builder);
    return tokenizer;
}

/* Lines like `line`, and one in fifty that may be cut anywhere. */
static void write_text(const char *directory, const char *line, struct gen_bytes *text) {
    for (size_t i = 1; text->n < TEXT_BYTES; i++) {
        fixture_text(text, i % 50 == 0 ? "nothing of the kind\nnor here\n" : line);
    }
    fixture_write(directory, "text.txt", text);
}

static void check(const char *line, const char *added, unsigned kind, bool special) {
    struct gen_bytes text = {0};
    struct gen_ids expected = {0}, found = {0};
    struct gen_tokenizer *tokenizer = new_tokenizer(added, kind);
    struct thread_pool *pool = thread_pool_new(1);
    const char *directory = fixture_directory_new();
    write_text(directory, line, &text);
    const char *path = fixture_path(directory, "text.txt");
    struct corpus corpus;
    struct corpus_sink sink = {.context = &found, .take = take, .progress = progress};
    assert_int_equal(corpus_open(&corpus, &path, 1, "text", NULL), GEN_OK);
    corpus.special = special;
    assert_int_equal(corpus_tokenize(&corpus, tokenizer, pool, &sink, NULL), GEN_OK);
    /* The last line's end is no part of the document, and end-of-text comes after it. */
    assert_int_equal(
        gen_tokenizer_encode(tokenizer, text.data, text.n - 1, special, &expected, NULL), GEN_OK);
    assert_int_equal(found.n, expected.n + 1);
    assert_memory_equal(found.data, expected.data, expected.n * sizeof *expected.data);
    corpus_release(&corpus);
    fixture_directory_remove(directory);
    thread_pool_free(pool);
    gen_tokenizer_free(tokenizer);
    gen_ids_release(&found);
    gen_ids_release(&expected);
    gen_bytes_release(&text);
}

static void test_across(void **state) {
    (void)state;
    check("User: the king asks\n", "\nUser:", TOKENIZER_ADDED, false);
    check("User: the king asks\n", "asks\nU", TOKENIZER_ADDED | TOKENIZER_LATE, false);
    check("User: the king asks\n", "\nUser:", TOKENIZER_SPECIAL, true);
    check("User: the king asks\n", "\nUser:", TOKENIZER_SPECIAL, false);
}

static void test_around(void **state) {
    (void)state;
    check("<mask> the king asks\n", "<mask>", TOKENIZER_ADDED | TOKENIZER_LSTRIP, false);
    check("the king asks <end>\n", "<end>", TOKENIZER_ADDED | TOKENIZER_RSTRIP, false);
    check("the king asks\n", " asks\n", TOKENIZER_ADDED | TOKENIZER_SINGLE_WORD, false);
    check("the king asks\n", "the", TOKENIZER_ADDED | TOKENIZER_SINGLE_WORD, false);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_across),
                                       cmocka_unit_test(test_around)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
