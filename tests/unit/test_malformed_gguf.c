/**
 * test_malformed_gguf.c - a good GGUF broken in one place at a time: each must be refused with one
 * fit sentence that names the file; and no truncation and no changed byte may do worse than that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "format/model_file.h"
#include "format_fixture.h"

#define NAME "hostile.gguf"

/* How to break the file: overwrite bytes so many places after the end of an anchor text (the
 * first one; "" is the start of the file), cut the file off there, or add bytes at its end. */
enum action { WRITE, CUT, APPEND };

struct breaking {
    const char *what;
    enum action action;
    int offset;
    const char *anchor;
    const char *bytes;
    size_t n;
    const char *expected; /* part of the message */
};

#define B(literal) literal, sizeof(literal) - 1
#define FF4        "\xff\xff\xff\xff"
#define FF8        FF4 FF4
#define TWO_60     "\0\0\0\0\0\0\0\x10"

static const struct breaking cases[] = {
    /* header */
    {"magic", WRITE, 0, "", B("GGUX"), "is not a GGUF file"},
    {"old magic", WRITE, 0, "", B("lmgg"), "before GGUF"},
    {"zip", WRITE, 0, "", B("PK\3\4"), "as a ZIP"},
    {"big-endian", WRITE, 4, "", B("\0\0\0\3"), "big-endian"},
    {"version 0", WRITE, 4, "", B("\0\0\0\0"), "version 0"},
    {"version 1", WRITE, 4, "", B("\1\0\0\0"), "version 1"},
    {"version 4", WRITE, 4, "", B("\4\0\0\0"), "version 4"},
    {"2^60 tensors", WRITE, 8, "", B(TWO_60), "claims 1152921504606846976 tensors"},
    {"2^64-1 tensors", WRITE, 8, "", B(FF8), "claims"},
    {"2^60 settings", WRITE, 16, "", B(TWO_60), "claims"},
    {"2^64-1 settings", WRITE, 16, "", B(FF8), "claims"},
    {"one tensor too many", WRITE, 8, "", B("\3"), "dimensions"},
    {"one tensor too few", WRITE, 8, "", B("\1"), "belong to nothing"},
    {"no tensors", WRITE, 8, "", B("\0"), "belong to nothing"},
    {"one setting too many", WRITE, 16, "", B("\xe"), "header of tensor 0"},
    {"one setting too few", WRITE, 16, "", B("\xc"), "tensor"},
    {"empty file", CUT, 0, "", NULL, 0, "is empty"},
    {"3 bytes", CUT, 3, "", NULL, 0, "is not a GGUF file"},
    {"4 bytes", CUT, 4, "", NULL, 0, "ends inside its GGUF header"},
    {"23 bytes", CUT, 23, "", NULL, 0, "ends inside its GGUF header"},
    /* settings */
    {"cut in a key", CUT, 0, "general.al", NULL, 0, "claims"},
    {"cut in a value", CUT, 6, "tokenizer.ggml.eos_token_id", NULL, 0, "ends inside setting 12"},
    {"cut in the tokens", CUT, 400, "tokenizer.ggml.tokens", NULL, 0, "tokenizer.ggml.tokens"},
    {"key of 2^63 bytes", WRITE, -17, "test.flag", B("\0\0\0\0\0\0\0\x80"), "ends inside setting"},
    {"key of 2^64-1 bytes", WRITE, -17, "test.flag", B(FF8), "ends inside setting"},
    {"key of 0 bytes", WRITE, -17, "test.flag", B("\0"), "unknown type"},
    {"newline in a key", WRITE, -5, "test.flag", B("\n"), "control characters"},
    {"escape in a key", WRITE, -5, "test.flag", B("\x1b"), "control characters"},
    {"NUL in a key", WRITE, -5, "test.flag", B("\0"), "control characters"},
    {"DEL in a key", WRITE, -5, "test.flag", B("\x7f"), "control characters"},
    {"C1 control in a key", WRITE, -5, "test.flag", B("\xc2\x9b"), "control characters"},
    {"bad UTF-8 in a key", WRITE, -5, "test.flag", B("\xff"), "not valid UTF-8"},
    {"overlong UTF-8 in a key", WRITE, -5, "test.flag", B("\xc0\xaf"), "not valid UTF-8"},
    {"key twice", WRITE, -9, "test.half", B("test.flag"), "\"test.flag\" is there twice"},
    {"value type 13", WRITE, 0, "test.flag", B("\xd"), "unknown type 13"},
    {"value type 2^32-1", WRITE, 0, "test.flag", B(FF4), "unknown type 4294967295"},
    {"bool 2", WRITE, 4, "test.flag", B("\2"), "not 0 or 1"},
    {"text of 2^60 bytes", WRITE, 4, "general.architecture", B(TWO_60), "ends inside setting 0"},
    {"NUL in a text", WRITE, 14, "general.architecture", B("\0"), "NUL"},
    {"array of arrays", WRITE, 4, "test.list", B("\x9"), "array of arrays"},
    {"array of type 99", WRITE, 4, "test.list", B("\x63"), "unknown type 99"},
    {"array of 2^60", WRITE, 8, "test.list", B(TWO_60), "claims"},
    {"array of 2^63, times 2", WRITE, 8, "test.list", B("\0\0\0\0\0\0\0\x80"), "claims"},
    {"array of 2^64-1", WRITE, 8, "test.list", B(FF8), "claims"},
    {"2^60 tokens", WRITE, 8, "tokenizer.ggml.tokens", B(TWO_60), "claims"},
    {"token of 2^60 bytes", WRITE, 16, "tokenizer.ggml.tokens", B(TWO_60), "ends inside setting"},
    {"NUL in a token", WRITE, 24, "tokenizer.ggml.merges", B("\0"), "NUL"},
    {"alignment 0", WRITE, 4, "general.alignment", B("\0"), "general.alignment is 0"},
    {"alignment 3", WRITE, 4, "general.alignment", B("\3"), "general.alignment is 3"},
    {"alignment 4 of data for 32", WRITE, 4, "general.alignment", B("\4"), "nothing: 4"},
    {"alignment 48", WRITE, 4, "general.alignment", B("\x30"), "power of two"},
    {"alignment 2^31", WRITE, 4, "general.alignment", B("\0\0\0\x80"), "2147483648"},
    {"alignment as float", WRITE, 0, "general.alignment", B("\6"), "whole number"},
    {"alignment 64", WRITE, 4, "general.alignment", B("\x40"), "beyond the end"},
    /* tokenizer */
    {"tokenizer model", WRITE, 12, "tokenizer.ggml.model", B("bert"), "\"bert\""},
    {"tokenizer pre", WRITE, 12, "tokenizer.ggml.pre", B("olmo2"), "\"olmo2\""},
    {"no tokenizer model", WRITE, -1, "tokenizer.ggml.model", B("_"), "no tokenizer.ggml.model"},
    {"no tokens", WRITE, -1, "tokenizer.ggml.tokens", B("_"), "no tokenizer.ggml.tokens"},
    {"no merges", WRITE, -1, "tokenizer.ggml.merges", B("_"), "no tokenizer.ggml.merges"},
    {"types as floats", WRITE, 4, "tokenizer.ggml.token_type", B("\6"), "array of numbers"},
    {"token type 0", WRITE, 16, "tokenizer.ggml.token_type", B("\0"), "token 0 is 0"},
    {"token type 7", WRITE, 16, "tokenizer.ggml.token_type", B("\7"), "token 0 is 7"},
    {"token type -1", WRITE, 16, "tokenizer.ggml.token_type", B(FF4), "not 1 to 6"},
    {"eos out of range", WRITE, 4, "tokenizer.ggml.eos_token_id", B("\3\1"), "from 0 to 258"},
    {"eos 2^32-1", WRITE, 4, "tokenizer.ggml.eos_token_id", B(FF4), "eos_token_id is 4294967295"},
    {"eos as float", WRITE, 0, "tokenizer.ggml.eos_token_id", B("\6"), "eos_token_id"},
    {"bos out of range", WRITE, 4, "tokenizer.ggml.bos_token_id", B("\3\1"), "from 0 to 258"},
    {"token twice", WRITE, -2, "he", B("\xc2\xa1"), "given twice"},
    {"token with a space", WRITE, -1, "he", B(" "), "alphabet"},
    {"token with bad UTF-8", WRITE, -1, "he", B("\xff"), "alphabet"},
    {"merge without space", WRITE, -2, "h e", B("h"), "merge"},
    {"merge of three", WRITE, -3, "he l", B(" "), "merge"},
    {"merge of an unknown token", WRITE, -1, "he l", B("x"), "no token"},
    {"merge with an empty part", WRITE, -3, "h e", B(" h"), "merge"},
    /* tensors */
    {"cut in a tensor header", CUT, 2, "b.weight", NULL, 0, "ends inside the header of tensor 1"},
    {"cut in a tensor name", CUT, 0, "b.wei", NULL, 0, "ends inside the header of tensor 1"},
    {"cut in the dims", CUT, 9, "a.weight", NULL, 0, "ends inside the header of tensor 0"},
    {"0 dimensions", WRITE, 0, "a.weight", B("\0"), "has 0 dimensions"},
    {"5 dimensions", WRITE, 0, "a.weight", B("\5"), "has 5 dimensions"},
    {"2^32-1 dimensions", WRITE, 0, "a.weight", B(FF4), "dimensions"},
    {"dimension 2^60", WRITE, 4, "a.weight", B(TWO_60), "more bytes than the file"},
    {"dimension 2^64-1", WRITE, 4, "a.weight", B(FF8), "more bytes than the file"},
    {"dimensions 2^32 x 2^32", WRITE, 4, "a.weight", B("\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0"),
     "more bytes than the file"},
    {"dimensions 2^31 x 2^31", WRITE, 4, "a.weight", B("\0\0\0\x80\0\0\0\0\0\0\0\x80\0\0\0\0"),
     "more bytes than the file"},
    {"tensor larger than the file", WRITE, 12, "a.weight", B("\0\4"), "more bytes than the file"},
    {"type Q4_0", WRITE, 20, "a.weight", B("\2"), "not a multiple of 32 as type Q4_0 needs"},
    {"type Q8_0", WRITE, 20, "a.weight", B("\x8"), "not a multiple of 32 as type Q8_0 needs"},
    {"type Q6_K", WRITE, 20, "a.weight", B("\xe"), "not a multiple of 256 as type Q6_K needs"},
    {"rows of 128 in Q4_K", WRITE, 4, "a.weight", B("\x80\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\xc"),
     "128 numbers, not a multiple of 256"},
    {"Q8_0 of 136 bytes for 128", WRITE, 4, "a.weight", B("\x20\0\0\0\0\0\0\0\4\0\0\0\0\0\0\0\x8"),
     "overlap"},
    {"2^60 blocks of Q4_0", WRITE, 4, "a.weight", B("\0\0\0\0\0\0\0\x20\4\0\0\0\0\0\0\0\2"),
     "more bytes than the file"},
    {"type Q8_1", WRITE, 20, "a.weight", B("\x9"), "Q8_1"},
    {"type IQ4_XS", WRITE, 20, "a.weight", B("\x17"), "IQ4_XS"},
    {"type 31337", WRITE, 20, "a.weight", B("\x69\x7a"), "31337"},
    {"type F32 for F16", WRITE, 12, "b.weight", B("\0"), "beyond the end"},
    {"offset 4", WRITE, 16, "b.weight", B("\4"), "not a multiple of 32"},
    {"offset after the end", WRITE, 16, "b.weight", B("\0\1"), "beyond the end"},
    {"offset 2^64-32", WRITE, 16, "b.weight", B("\xe0\xff\xff\xff\xff\xff\xff\xff"),
     "beyond the end"},
    {"same place", WRITE, 16, "b.weight", B("\0"), "overlap"},
    {"overlap by 32 bytes", WRITE, 16, "b.weight", B("\x60"), "overlap"},
    {"overlap by a longer one", WRITE, 12, "a.weight", B("\5"), "overlap"},
    {"tensor twice", WRITE, -8, "b.weight", B("a"), "\"a.weight\" is there twice"},
    {"newline in a name", WRITE, -7, "b.weight", B("\n"), "control characters"},
    {"NUL in a name", WRITE, -1, "b.weight", B("\0"), "control characters"},
    {"escape in a name", WRITE, -7, "b.weight", B("\x1b"), "control characters"},
    {"bad UTF-8 in a name", WRITE, -7, "b.weight", B("\x80"), "not valid UTF-8"},
    {"surrogate in a name", WRITE, -7, "b.weight", B("\xed\xa0\x80"), "not valid UTF-8"},
    {"name of 2^60 bytes", WRITE, -16, "b.weight", B(TWO_60), "ends inside the header of tensor"},
    {"name of 0 bytes", WRITE, -16, "b.weight", B("\0"), "dimensions"},
    {"last byte missing", CUT, -1, NULL, NULL, 0, "beyond the end"},
    {"all data missing", CUT, -160, NULL, NULL, 0, "beyond the end"},
    {"a byte too many", APPEND, 0, NULL, B("x"), "nothing: 1"},
    {"32 bytes too many", APPEND, 0, NULL, B("0123456789abcdef0123456789abcdef"), "nothing: 32"},
};
#define N_CASES (sizeof cases / sizeof *cases)

/* Where the case strikes. The anchor "he" means the token, which has its length before it. */
static size_t place(const struct gen_bytes *image, const struct breaking *breaking) {
    size_t end = image->n;
    if (breaking->anchor != NULL && strcmp(breaking->anchor, "he") == 0) {
        end = fixture_find(image, "\2\0\0\0\0\0\0\0he", 10) + 10;
    } else if (breaking->anchor != NULL) {
        end = fixture_find(image, breaking->anchor, strlen(breaking->anchor)) +
              strlen(breaking->anchor);
    }
    return (size_t)((ptrdiff_t)end + breaking->offset);
}

static void break_image(struct gen_bytes *image, const struct breaking *breaking) {
    size_t at = place(image, breaking);
    switch (breaking->action) {
    case WRITE:
        assert_true(at + breaking->n <= image->n);
        assert_memory_not_equal(image->data + at, breaking->bytes, breaking->n);
        memcpy(image->data + at, breaking->bytes, breaking->n);
        break;
    case CUT:
        image->n = at;
        break;
    case APPEND:
        fixture_put(image, breaking->bytes, breaking->n);
        break;
    }
}

static void test_table(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    size_t n_bad = 0;
    for (size_t i = 0; i < N_CASES; i++) {
        struct gen_bytes image = {0};
        fixture_gguf(&image);
        break_image(&image, &cases[i]);
        fixture_write(directory, NAME, &image);
        n_bad +=
            !fixture_refused(cases[i].what, fixture_path(directory, NAME), NAME, cases[i].expected);
        gen_bytes_release(&image);
    }
    fixture_directory_remove(directory);
    print_message("# %zu malformed GGUFs\n", N_CASES);
    assert_int_equal(n_bad, 0);
}

/* Open a copy that ends where its memory ends, so that a sanitizer sees a read beyond it. */
static enum gen_status open_copy(const struct gen_bytes *image, size_t n) {
    struct gen_error err = {0};
    struct model_file *file = NULL;
    char *copy = malloc(n > 0 ? n : 1);
    assert_non_null(copy);
    if (n > 0) {
        memcpy(copy, image->data, n);
    }
    enum gen_status status = model_file_open_memory(&file, NAME, copy, n, &err);
    if (status == GEN_OK) {
        assert_non_null(file);
    } else {
        assert_null(fixture_message_problem(&err, NAME));
    }
    model_file_free(file);
    free(copy);
    return status;
}

static void test_every_truncation(void **state) {
    (void)state;
    struct gen_bytes image = {0};
    fixture_gguf(&image);
    for (size_t n = 0; n < image.n; n++) {
        assert_int_not_equal(open_copy(&image, n), GEN_OK);
    }
    assert_int_equal(open_copy(&image, image.n), GEN_OK);
    gen_bytes_release(&image);
}

static void test_every_changed_byte(void **state) {
    (void)state;
    static const unsigned char changes[] = {0x01, 0x80, 0xFF};
    struct gen_bytes image = {0};
    size_t n_accepted = 0;
    fixture_gguf(&image);
    size_t n_header = image.n - 160;
    for (size_t i = 0; i < n_header; i++) {
        for (size_t c = 0; c < sizeof changes; c++) {
            image.data[i] = (char)(image.data[i] ^ changes[c]);
            n_accepted += open_copy(&image, image.n) == GEN_OK;
            image.data[i] = (char)(image.data[i] ^ changes[c]);
        }
    }
    print_message("# %zu changed bytes, %zu of them harmless\n", n_header * sizeof changes,
                  n_accepted);
    gen_bytes_release(&image);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_changed_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
