/**
 * test_documents.c - where documents end in files of text and of JSON lines, and which files of
 * token ids are believed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "corpus_fixture.h"
#include "data/dataset.h"
#include "format_fixture.h"
#include "gen.h"
#include "text/documents.h"
#include "text/lines.h"

/* The ids of the file decode to `text`, in which `$` means the end of a document. */
static void check(const struct corpus_fixture *fixture, const char *name,
                  const struct gen_bytes *file, const char *text, uint64_t n_documents) {
    struct dataset dataset = {0};
    struct gen_error err = {0};
    fixture_write(fixture->directory, name, file);
    if (corpus_fixture_open(fixture, name, "text", 0, &dataset, &err) != GEN_OK) {
        fail_msg("%s: %s", name, err.message);
    }
    struct gen_bytes found = {0};
    struct token_span span = {&dataset, 0, dataset.n};
    for (size_t i = 0; i < dataset.n; i++) {
        int32_t id;
        token_span_read(&id, &span, i, 1);
        if (id == gen_tokenizer_eos(fixture->tokenizer)) {
            gen_bytes_append(&found, "$", 1);
        } else {
            assert_int_equal(gen_tokenizer_decode(fixture->tokenizer, &id, 1, &found, &err),
                             GEN_OK);
        }
    }
    gen_bytes_append(&found, "", 1);
    assert_int_equal(found.n - 1, strlen(text));
    assert_memory_equal(found.data, text, found.n);
    assert_int_equal(dataset.n_documents, n_documents);
    gen_bytes_release(&found);
    dataset_release(&dataset);
}

static void check_text(const struct corpus_fixture *fixture, const char *name, const char *file,
                       const char *text, uint64_t n_documents) {
    struct gen_bytes bytes = {0};
    fixture_text(&bytes, file);
    check(fixture, name, &bytes, text, n_documents);
    gen_bytes_release(&bytes);
}

static void test_separators(void **state) {
    const struct corpus_fixture *fixture = *state;
    check_text(fixture, "inside", "a<|endoftext|>b <|endoftext|> c", "a$b $ c$", 3);
    check_text(fixture, "line-ends", "a\n<|endoftext|>b<|endoftext|>\r\nc\r\n<|endoftext|>\n\nd\n",
               "a$b$c$\nd$", 4);
    check_text(fixture, "twice", "<|endoftext|><|endoftext|>a<|endoftext|><|endoftext|>", "a$", 1);
    check_text(fixture, "nearly", "<|endoftext|<|endoftext||><<|endoftext|>b<|endoftex",
               "<|endoftext|<|endoftext||><$b<|endoftex$", 2);
    check_text(fixture, "x.jsonl",
               "{\"text\":\"a<|endoftext|>b\\n<|endoftext|>\\r\\nc\\n\"}\n"
               "{\"text\":\"<|endoftext|>\"}\n{\"text\":\"d\"}",
               "a$b$c\n$d$", 4);
}

static void test_marks(void **state) {
    const struct corpus_fixture *fixture = *state;
    check_text(fixture, "marked", "\xef\xbb\xbf<|endoftext|>\na\n<|endoftext|>\nb\n", "a$b$", 2);
    check_text(fixture, "marked.jsonl", "\xef\xbb\xbf{\"text\":\"a\"}\r\n", "a$", 1);
    struct dataset dataset;
    struct gen_error err;
    fixture_write_text(fixture->directory, "wide",
                       "\xff\xfe"
                       "a");
    assert_int_equal(corpus_fixture_open(fixture, "wide", "text", 0, &dataset, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "iconv -f UTF-16"));
    fixture_write_text(fixture->directory, "none", "\xef\xbb\xbf");
    assert_int_equal(corpus_fixture_open(fixture, "none", "text", 0, &dataset, &err), GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "there is no text"));
}

static void test_json_lines(void **state) {
    const struct corpus_fixture *fixture = *state;
    static const char *const names[] = {"data.json", "DATA.JSONL", "a.NdJson"};
    for (size_t i = 0; i < 3; i++) {
        check_text(fixture, names[i], "{\"text\":\"a\"}\n", "a$", 1);
    }
    check_text(fixture, "half.jsonl", "{\"text\":\"a\\ud800b\\udc00\\ud83d\\ude00\\\\ud800\"}\n",
               "a\xef\xbf\xbd"
               "b\xef\xbf\xbd\xf0\x9f\x98\x80\\ud800$",
               1);
    struct dataset dataset;
    struct gen_error err;
    fixture_write_text(fixture->directory, "array.json", "[\n{\"text\":\"a\"}\n]\n");
    assert_int_equal(corpus_fixture_open(fixture, "array.json", "text", 0, &dataset, &err),
                     GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "line 1 is an array"));
    assert_non_null(strstr(err.message, "jq -c '.[]'"));
    fixture_write_text(fixture->directory, "field.jsonl", "{\"content\":\"a\",\"id\":1}\n");
    assert_int_equal(corpus_fixture_open(fixture, "field.jsonl", "text", 0, &dataset, &err),
                     GEN_BAD_FILE);
    assert_non_null(strstr(err.message, "no member \"text\", but \"content\", \"id\""));
}

/* A document is cut at a megabyte, but not so that the line end before a separator comes in. */
static void test_cut_before_separator(void **state) {
    const struct corpus_fixture *fixture = *state;
    struct gen_bytes file = {0};
    struct gen_bytes text = {0};
    while (text.n < ((size_t)1 << 20) - 1) {
        fixture_text(&text, "a");
    }
    fixture_put(&file, text.data, text.n);
    fixture_text(&file, "\n<|endoftext|>\nb");
    fixture_text(&text, "$b$");
    fixture_put(&text, "", 1);
    check(fixture, "long", &file, text.data, 2);
    gen_bytes_release(&file);
    gen_bytes_release(&text);
}

/* ---- files of ids that somebody changed --------------------------------------------------*/

/* Make all ids `id`, and the digest right again, in a file of ids of `width` bytes. */
static void forge(struct gen_bytes *cache, uint32_t id, uint32_t width) {
    unsigned char *bytes = (unsigned char *)cache->data;
    size_t n_bytes = cache->n - 40;
    uint64_t n =
        width == bytes_u32(bytes + n_bytes + 24) ? bytes_u64(bytes + n_bytes) : n_bytes / width;
    for (size_t i = 0; i < n; i++) {
        if (width == 2) {
            bytes_put_u16(bytes + 2 * i, (uint16_t)id);
        } else {
            bytes_put_u32(bytes + 4 * i, id);
        }
    }
    struct digest digest = {0};
    digest_add(&digest, bytes, n_bytes);
    bytes_put_u64(bytes + n_bytes, n);
    bytes_put_u64(bytes + n_bytes + 8, digest_value(&digest));
    bytes_put_u32(bytes + n_bytes + 24, width);
}

static void test_forged(void **state) {
    const struct corpus_fixture *fixture = *state;
    struct dataset dataset;
    struct gen_error err;
    fixture_write_text(fixture->directory, "text", "Once upon a time there was a file of ids.\n");
    assert_int_equal(corpus_fixture_open(fixture, "text", "text", 0, &dataset, &err), GEN_OK);
    struct gen_bytes whole = {0};
    fixture_put(&whole, dataset.map.data, dataset.map.size);
    uint64_t key = dataset.key;
    uint64_t n_vocab = (uint64_t)gen_tokenizer_n_vocab(fixture->tokenizer);
    char name[64];
    snprintf(name, sizeof name, "cache.tokens-%016llx", (unsigned long long)dataset.file_key);
    dataset_release(&dataset);
    const struct {
        uint32_t id, width;
        uint64_t expected;
        mode_t mode;
        bool taken;
    } cases[] = {{5, 2, 0, 0644, true},          {5, 2, key, 0644, false},
                 {5, 2, 0, 0666, false},         {(uint32_t)n_vocab, 2, 0, 0644, false},
                 {0xffff, 2, 0, 0644, false},    {5, 4, 0, 0644, false},
                 {0x80000000, 4, 0, 0644, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gen_bytes forged = {0};
        fixture_put(&forged, whole.data, whole.n);
        forge(&forged, cases[i].id, cases[i].width);
        fixture_write(fixture->directory, name, &forged);
        assert_int_equal(chmod(fixture_path(fixture->directory, name), cases[i].mode), 0);
        assert_int_equal(
            corpus_fixture_open(fixture, "text", "text", cases[i].expected, &dataset, &err),
            GEN_OK);
        assert_int_equal(dataset.key == key, !cases[i].taken);
        assert_int_equal(dataset.map.size, whole.n);
        assert_int_equal(memcmp(dataset.map.data, whole.data, whole.n) == 0, !cases[i].taken);
        dataset_release(&dataset);
        gen_bytes_release(&forged);
    }
    gen_bytes_release(&whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_separators), cmocka_unit_test(test_marks),
        cmocka_unit_test(test_json_lines), cmocka_unit_test(test_cut_before_separator),
        cmocka_unit_test(test_forged),
    };
    return cmocka_run_group_tests(tests, corpus_fixture_set_up, corpus_fixture_tear_down);
}
