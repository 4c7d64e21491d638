/**
 * test_added_tokens.c - added tokens, ordinary and special, in every form they come in; texts that
 * need a token or a row that is not there; a tokenizer in two forms in one directory. The ids are
 * those of Hugging Face's tokenizers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format/model_file.h"
#include "format/tokenizer_files.h"
#include "format_fixture.h"
#include "gen_train.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer_files.h"

/* ---- tokenizers made by hand ---------------------------------------------------------------- */

static void add(struct tokenizer_builder *builder, uint64_t id, const char *text, unsigned kind) {
    struct gen_error err = {0};
    if (tokenizer_builder_token(builder, id, text, strlen(text), kind, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
}

static struct gen_tokenizer *finish(struct tokenizer_builder *builder) {
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_error err = {0};
    if (tokenizer_builder_finish(builder, &tokenizer, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    tokenizer_builder_free(builder);
    return tokenizer;
}

static struct tokenizer_builder *new_builder(void) {
    struct tokenizer_builder *builder = NULL;
    assert_int_equal(tokenizer_builder_new(&builder, "dir", NULL), GEN_OK);
    return builder;
}

static void check_ids(const struct gen_tokenizer *tokenizer, const char *text, bool special,
                      const int32_t *ids, size_t n) {
    struct gen_ids found = {0};
    struct gen_bytes back = {0};
    struct gen_error err = {0};
    if (gen_tokenizer_encode(tokenizer, text, strlen(text), special, &found, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(found.n, n);
    assert_memory_equal(found.data, ids, n * sizeof *ids);
    assert_int_equal(gen_tokenizer_decode(tokenizer, found.data, found.n, &back, NULL), GEN_OK);
    assert_int_equal(back.n, strlen(text));
    assert_memory_equal(back.data, text, back.n);
    gen_ids_release(&found);
    gen_bytes_release(&back);
}

#define CHECK_IDS(tokenizer, text, special, ...)                                                   \
    check_ids(tokenizer, text, special, (const int32_t[]){__VA_ARGS__},                            \
              sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t))

static void check_text_refused(const struct gen_tokenizer *tokenizer, const char *text,
                               const char *part) {
    struct gen_ids ids = {0};
    struct gen_error err = {0};
    const int32_t before = 7;
    assert_int_equal(gen_ids_append(&ids, &before, 1), GEN_OK);
    assert_int_equal(gen_tokenizer_encode(tokenizer, text, strlen(text), false, &ids, &err),
                     GEN_UNSUPPORTED);
    if (strstr(err.message, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, part);
    }
    assert_int_equal(ids.n, 1);
    gen_ids_release(&ids);
}

/* Leftmost, of several there the longest; special ones on request; late ones in what is left. */
static void test_where_they_match(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder();
    tokenizer_files_add_bytes(builder);
    add(builder, 256, "<x>", TOKENIZER_ADDED | TOKENIZER_LATE);
    add(builder, 257, "<x>y", TOKENIZER_ADDED | TOKENIZER_LATE);
    add(builder, 258, "<|s|>", TOKENIZER_SPECIAL);
    add(builder, 259, "y<", TOKENIZER_ADDED);
    add(builder, 260, "<|s|", TOKENIZER_ADDED | TOKENIZER_LATE);
    struct gen_tokenizer *tokenizer = finish(builder);
    CHECK_IDS(tokenizer, "a<x>b", false, 'a', 256, 'b');
    CHECK_IDS(tokenizer, "<x>y", false, 257);
    CHECK_IDS(tokenizer, "<x>y<", false, 256, 259); /* 259 is no late one: it is found first */
    CHECK_IDS(tokenizer, "<x<x>", false, '<', 'x', 256);
    CHECK_IDS(tokenizer, "<|s|>", false, 260, '>');
    CHECK_IDS(tokenizer, "<|s|><x>", true, 258, 256);
    CHECK_IDS(tokenizer, "<|s", true, '<', '|', 's');
    assert_int_equal(tokenizer_kind(tokenizer, 256), TOKENIZER_ADDED | TOKENIZER_LATE);
    assert_false(tokenizer_is_special(tokenizer, 256));
    assert_int_equal(gen_tokenizer_longest(tokenizer), 5);
    gen_tokenizer_free(tokenizer);
}

static void test_missing_bytes(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder();
    add(builder, 0, "<|endoftext|>", TOKENIZER_SPECIAL);
    add(builder, 1, "a", 0);
    add(builder, 2, "b", 0);
    add(builder, 3, "ab", 0);
    add(builder, 4, "\xC4\x80", TOKENIZER_SPECIAL); /* plain text, not the byte 00 */
    add(builder, 5, "<c>", TOKENIZER_ADDED);
    assert_int_equal(tokenizer_builder_merge_line(builder, "a b", 3, NULL), GEN_OK);
    struct gen_tokenizer *tokenizer = finish(builder);
    CHECK_IDS(tokenizer, "abba", false, 3, 2, 1);
    CHECK_IDS(tokenizer, "a<c>b", false, 1, 5, 2); /* its letters need no tokens */
    check_text_refused(tokenizer, "abc", "the character \"c\" (U+0063)");
    check_text_refused(tokenizer, "\xC3\xAF", "the character");
    gen_tokenizer_free(tokenizer);
}

static void test_missing_rows(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder();
    tokenizer_files_add_bytes(builder);
    add(builder, 256, "[PAD]", TOKENIZER_ADDED);
    struct gen_tokenizer *tokenizer = finish(builder);
    CHECK_IDS(tokenizer, "[PAD]", false, 256);
    tokenizer_limit(tokenizer, 256);
    check_text_refused(tokenizer, "a[PAD]", "the token 256, \"[PAD]\"");
    CHECK_IDS(tokenizer, "[PAD", false, '[', 'P', 'A', 'D');
    tokenizer_limit(tokenizer, 257);
    CHECK_IDS(tokenizer, "[PAD]", false, 256);
    gen_tokenizer_free(tokenizer);
}

/* The last of two equal merges counts, and it alone is written. */
static void test_merge_twice(void **state) {
    (void)state;
    struct tokenizer_builder *builder = new_builder();
    tokenizer_files_add_bytes(builder);
    add(builder, 256, "ab", 0);
    add(builder, 257, "bc", 0);
    tokenizer_builder_last_merge(builder);
    const char *const merges[] = {"a b", "b c", "a b"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(tokenizer_builder_merge_line(builder, merges[i], 3, NULL), GEN_OK);
    }
    struct gen_tokenizer *tokenizer = finish(builder);
    CHECK_IDS(tokenizer, "abc", false, 'a', 257);
    CHECK_IDS(tokenizer, "ab", false, 256);
    assert_int_equal(tokenizer_n_merges(tokenizer), 2);
    gen_tokenizer_free(tokenizer);
}

/* ---- directories ---------------------------------------------------------------------------- */

static struct gen_tokenizer *open_directory(const char *directory) {
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_error err = {0};
    if (gen_tokenizer_open(&tokenizer, directory, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return tokenizer;
}

static void write_pair(const char *directory) {
    struct gen_bytes text = {0};
    fixture_vocab(&text);
    fixture_write(directory, "vocab.json", &text);
    text.n = 0;
    fixture_merges(&text);
    fixture_write(directory, "merges.txt", &text);
    gen_bytes_release(&text);
}

static void write_json(const char *directory, const char *old, const char *now) {
    struct gen_bytes text = {0};
    fixture_tokenizer_json(&text);
    if (old != NULL) {
        fixture_replace(&text, old, now);
    }
    fixture_write(directory, "tokenizer.json", &text);
    gen_bytes_release(&text);
}

static void check_note(const struct gen_tokenizer *tokenizer, const char *part) {
    assert_int_equal(gen_tokenizer_n_notes(tokenizer), part != NULL ? 1 : 0);
    if (part == NULL) {
        return;
    }
    struct gen_note note = gen_tokenizer_note(tokenizer, 0);
    assert_false(note.verbose_only);
    if (strstr(note.text, part) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", note.text, part);
    }
}

#define ADD_USER                                                                                   \
    "\"added_tokens\": [{\"id\": 259, \"content\": \"<|user|>\", \"special\": true}, "             \
    "{\"id\": 260, \"content\": \"<w>\", \"special\": false}, "

static void test_tokenizer_json_wins(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    write_pair(directory);
    write_json(directory, NULL, NULL);
    struct gen_tokenizer *tokenizer = open_directory(directory);
    check_note(tokenizer, NULL); /* they agree */
    gen_tokenizer_free(tokenizer);

    write_json(directory, "\"added_tokens\": [", ADD_USER);
    tokenizer = open_directory(directory);
    CHECK_IDS(tokenizer, "hel<|user|><w>", true, 257, 259, 260);
    CHECK_IDS(tokenizer, "<w>", false, 260);
    check_note(tokenizer, "vocab.json and merges.txt next to it lack token 259, \"<|user|>\"");
    gen_tokenizer_free(tokenizer);

    /* The other files say the same of the pair. */
    fixture_write_text(directory, "added_tokens.json", "{\"<|user|>\": 259, \"<w>\": 260}");
    fixture_write_text(directory, "special_tokens_map.json",
                       "{\"additional_special_tokens\": [\"<|user|>\"]}");
    tokenizer = open_directory(directory);
    check_note(tokenizer, NULL);
    gen_tokenizer_free(tokenizer);

    fixture_write_text(directory, "merges.txt", "#version: 0.2\nh e\n");
    tokenizer = open_directory(directory);
    check_note(tokenizer, "have 1 merges, not 2");
    gen_tokenizer_free(tokenizer);
    fixture_write_text(directory, "merges.txt", "#version: 0.2\nx\n");
    tokenizer = open_directory(directory);
    check_note(tokenizer, "not sound");
    gen_tokenizer_free(tokenizer);
    fixture_directory_remove(directory);
}

/* What AutoTokenizer makes of the same files. */
static void test_side_files(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    write_pair(directory);
    fixture_write_text(directory, "added_tokens.json",
                       "{\"<a>\": 259, \"<b>\": 260, \"<p>\": 261}");
    fixture_write_text(directory, "tokenizer_config.json",
                       "{\"pad_token\": \"<p>\", \"added_tokens_decoder\": {\"260\": {\"content\": "
                       "\"<b>\", \"special\": true}}}");
    struct gen_tokenizer *tokenizer = open_directory(directory);
    CHECK_IDS(tokenizer, "<a>", false, 259);
    CHECK_IDS(tokenizer, "<b>", true, 260);
    CHECK_IDS(tokenizer, "<b>", false, '<', 'b', '>');
    CHECK_IDS(tokenizer, "<p>", true, 261);
    CHECK_IDS(tokenizer, "<p>", false, '<', 'p', '>');

    /* Written and read they are the same. */
    const char *other = fixture_path(directory, "out");
    struct gen_error err = {0};
    assert_int_equal(gen_tokenizer_save(tokenizer, other, &err), GEN_OK);
    struct gen_tokenizer *again = open_directory(other);
    struct error_quoted difference;
    assert_null(tokenizer_difference(&difference, tokenizer, again));
    assert_null(tokenizer_difference(&difference, again, tokenizer));
    gen_tokenizer_free(again);
    gen_tokenizer_free(tokenizer);
    fixture_directory_remove(other);
    fixture_directory_remove(directory);
}

/* ---- forms of tokenizer.json that mean the same --------------------------------------------- */

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}"
#define WHOLE_SPLIT                                                                                \
    "{\"type\": \"Split\", \"behavior\": \"Isolated\", \"invert\": false, \"pattern\": "           \
    "{\"Regex\": \"'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| "                              \
    "?[^\\\\s\\\\p{L}\\\\p{N}]+|\\\\s+(?!\\\\S)|\\\\s+\"}}"

/* A tokenizer.json of these parts. */
static enum gen_status open_parts(const char *normalizer, const char *pre, const char *post,
                                  struct gen_error *err) {
    const char *directory = fixture_directory_new();
    struct gen_bytes text = {0};
    fixture_text(&text, "{\"added_tokens\": [], \"normalizer\": ");
    fixture_text(&text, normalizer);
    fixture_text(&text, ", \"pre_tokenizer\": ");
    fixture_text(&text, pre);
    fixture_text(&text, ", \"post_processor\": ");
    fixture_text(&text, post);
    fixture_text(&text, ", \"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": ");
    fixture_vocab(&text);
    fixture_text(&text, "}}");
    fixture_write(directory, "tokenizer.json", &text);
    gen_bytes_release(&text);
    struct gen_tokenizer *tokenizer = NULL;
    enum gen_status status = gen_tokenizer_open(&tokenizer, directory, err);
    gen_tokenizer_free(tokenizer);
    fixture_directory_remove(directory);
    return status;
}

static void test_sequences(void **state) {
    (void)state;
    static const char one[] = "{\"type\": \"Sequence\", \"pretokenizers\": [" BYTE_LEVEL "]}";
    static const char split[] =
        "{\"type\": \"Sequence\", \"pretokenizers\": [" WHOLE_SPLIT
        ", {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}]}";
    static const char twice[] =
        "{\"type\": \"Sequence\", \"pretokenizers\": [" WHOLE_SPLIT ", " BYTE_LEVEL "]}";
    static const char after[] = "{\"type\": \"Sequence\", \"pretokenizers\": [" BYTE_LEVEL
                                ", {\"type\": \"Digits\", \"individual_digits\": true}]}";
    static const char empty[] = "{\"type\": \"Sequence\", \"pretokenizers\": []}";
    static const char no_normalizer[] = "{\"type\": \"Sequence\", \"normalizers\": []}";
    static const char lower[] =
        "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Lowercase\"}]}";
    static const char post[] = "{\"type\": \"Sequence\", \"processors\": [" BYTE_LEVEL "]}";
    static const char bert[] = "{\"type\": \"Sequence\", \"processors\": [" BYTE_LEVEL
                               ", {\"type\": \"BertProcessing\"}]}";
    struct gen_error err = {0};
    assert_int_equal(open_parts("null", one, "null", &err), GEN_OK);
    assert_int_equal(open_parts("null", split, "null", &err), GEN_OK);
    assert_int_equal(open_parts(no_normalizer, one, post, &err), GEN_OK);
    assert_int_equal(open_parts("null", twice, "null", &err), GEN_UNSUPPORTED);
    assert_non_null(strstr(err.message, "use_regex"));
    assert_int_equal(open_parts("null", after, "null", &err), GEN_UNSUPPORTED);
    assert_int_equal(open_parts("null", empty, "null", &err), GEN_UNSUPPORTED);
    assert_int_equal(open_parts(lower, one, "null", &err), GEN_UNSUPPORTED);
    assert_non_null(strstr(err.message, "Lowercase"));
    assert_int_equal(open_parts("null", one, bert, &err), GEN_UNSUPPORTED);
    assert_non_null(strstr(err.message, "BertProcessing"));
}

/* ---- GGUF ----------------------------------------------------------------------------------- */

/* A file in which another process writes after its settings were read: what was read counts. */
static void test_changed_while_read(void **state) {
    (void)state;
    static const char end[] = TOKENIZER_END_OF_TEXT;
    const char *directory = fixture_directory_new();
    struct gen_bytes image = {0};
    struct model_file *file = NULL;
    struct gen_error err = {0};
    fixture_gguf_start(&image, 0, 7);
    fixture_gguf_tokenizer(&image, FIXTURE_N_TOKENS);
    fixture_write(directory, "x.gguf", &image);
    if (model_file_begin(&file, fixture_path(directory, "x.gguf"), &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    size_t at = fixture_find(&image, end, strlen(end));
    memset(image.data + at - 8, 0xFF, 8 + strlen(end));
    FILE *writer = fopen(fixture_path(directory, "x.gguf"), "r+b");
    assert_non_null(writer);
    assert_int_equal(fwrite(image.data, 1, image.n, writer), image.n);
    assert_int_equal(fclose(writer), 0);
    if (model_file_read_tokenizer(file, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    size_t n = 0;
    const char *piece =
        gen_tokenizer_piece(file->tokenizer, gen_tokenizer_eos(file->tokenizer), &n);
    assert_int_equal(n, strlen(end));
    assert_memory_equal(piece, end, n);
    model_file_free(file);
    gen_bytes_release(&image);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_they_match),    cmocka_unit_test(test_missing_bytes),
        cmocka_unit_test(test_missing_rows),        cmocka_unit_test(test_merge_twice),
        cmocka_unit_test(test_tokenizer_json_wins), cmocka_unit_test(test_side_files),
        cmocka_unit_test(test_sequences),           cmocka_unit_test(test_changed_while_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
