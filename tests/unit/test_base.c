/**
 * test_base.c - the ground floor: errors, memory, hash table, random numbers, threads. Bytes, files
 * and mathematics have tests of their own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "base/error.h"
#include "base/hash_table.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/threads.h"
#include "gen.h"

/* ---- errors ------------------------------------------------------------------------------ */

/* Whether a text may go to a terminal: valid UTF-8 without controls. */
static bool is_clean(const char *text) {
    const unsigned char *at = (const unsigned char *)text;
    for (size_t left = strlen(text); left > 0;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t length = utf8proc_iterate(at, (utf8proc_ssize_t)left, &codepoint);
        if (length <= 0 || utf8proc_category(codepoint) == UTF8PROC_CATEGORY_CC ||
            utf8proc_category(codepoint) == UTF8PROC_CATEGORY_ZL ||
            utf8proc_category(codepoint) == UTF8PROC_CATEGORY_ZP) {
            return false;
        }
        at += length;
        left -= (size_t)length;
    }
    return true;
}

static void test_error_set(void **state) {
    (void)state;
    struct gen_error err;
    assert_int_equal(error_set(&err, GEN_BAD_FILE, "%s: has %d heads", "a.gguf", 7), GEN_BAD_FILE);
    assert_int_equal(err.status, GEN_BAD_FILE);
    assert_string_equal(err.message, "a.gguf: has 7 heads");
    assert_int_equal(error_set(NULL, GEN_IO_ERROR, "nobody reads this"), GEN_IO_ERROR);
    assert_int_equal(error_no_memory(&err, "the cache"), GEN_NO_MEMORY);
    assert_non_null(strstr(err.message, "the cache"));

    error_set(&err, GEN_BAD_FILE, "%s",
              "a\nb\x1b[2J\x7f"
              "c\xff\xc3\xa9\xe2\x80\xae");
    assert_true(is_clean(err.message));
    assert_non_null(strstr(err.message, "\xc3\xa9"));
    assert_null(strstr(err.message, "\xe2\x80\xae"));
}

static void test_error_cut(void **state) {
    (void)state;
    /* Characters of 1 to 4 bytes at every distance from the cut. */
    static const char *const characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    for (size_t c = 0; c < 4; c++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[2000] = "";
            memset(text, 'a', shift);
            while (strlen(text) < 1200) {
                strcat(text, characters[c]);
            }
            struct gen_error err;
            error_set(&err, GEN_BAD_FILE, "%s", text);
            size_t length = strlen(err.message);
            assert_true(length < GEN_MESSAGE_SIZE && length > GEN_MESSAGE_SIZE - 10);
            assert_string_equal(err.message + length - 3, "...");
            assert_null(strchr(err.message, '?'));
            assert_true(is_clean(err.message));
        }
    }
    char fits[GEN_MESSAGE_SIZE];
    memset(fits, 'y', sizeof fits - 1);
    fits[sizeof fits - 1] = '\0';
    struct gen_error err;
    error_set(&err, GEN_BAD_FILE, "%s", fits);
    assert_string_equal(err.message, fits);
}

static void test_error_quote(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        const char *quoted;
    } cases[] = {
        {"wte.weight", 10, "wte.weight"},
        {"", 0, ""},
        {"a\nb\tc", 5, "a\\x0ab\\x09c"},
        {"a\0b", 3, "a\\x00b"},
        {"C:\\x", 4, "C:\\x5cx"},
        {"\x7f\x1b[31m", 6, "\\x7f\\x1b[31m"},
        {"\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80", 9, "\xc3\xa9\xe4\xb8\xad\xf0\x9f\x98\x80"},
        {"\xc2\x85", 2, "\\xc2\\x85"},          /* a C1 control */
        {"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"}, /* right-to-left override */
        {"\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6"}, /* left-to-right isolate */
        {"\xef\xbb\xbf", 3, "\\xef\\xbb\\xbf"}, /* byte order mark */
        {"\xff\xfe", 2, "\\xff\\xfe"},          /* never in UTF-8 */
        {"\xc3", 1, "\\xc3"},                   /* cut off */
        {"\xc0\xaf", 2, "\\xc0\\xaf"},          /* overlong */
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, /* surrogate */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error_quoted out;
        assert_string_equal(error_quote(&out, cases[i].bytes, cases[i].n), cases[i].quoted);
    }
}

static void test_error_quote_long(void **state) {
    (void)state;
    struct error_quoted out;
    char name[400];
    for (size_t n = 90; n < sizeof name; n++) {
        memset(name, 'm', n);
        memcpy(name, "begin", 5);
        memcpy(name + n - 3, "end", 3);
        error_quote(&out, name, n);
        bool fits = n < sizeof out.text;
        assert_int_equal(strlen(out.text) == n, fits);
        assert_int_equal(strstr(out.text, "...") == NULL, fits);
        assert_memory_equal(out.text, "begin", 5);
        assert_string_equal(out.text + strlen(out.text) - 3, "end");
    }
    /* Any bytes at all: always clean and never too long. */
    struct rng rng;
    rng_init(&rng, 1, 1);
    for (int round = 0; round < 3000; round++) {
        size_t n = rng_u32(&rng) % sizeof name;
        for (size_t i = 0; i < n; i++) {
            name[i] = (char)(rng_u32(&rng) >> (round % 3 == 0 ? 24 : 25));
        }
        error_quote(&out, name, n);
        assert_true(memchr(out.text, '\0', sizeof out.text) != NULL);
        assert_true(is_clean(out.text));
    }
    char path[300];
    memset(path, '/', sizeof path);
    memcpy(path + sizeof path - 12, "/model.gguf", 12);
    error_path(&out, path);
    assert_string_equal(out.text + strlen(out.text) - 11, "/model.gguf");
}

/* ---- memory ------------------------------------------------------------------------------ */

static void test_checked_sizes(void **state) {
    (void)state;
    size_t out = 77;
    assert_true(memory_multiply(SIZE_MAX / 2, 2, &out));
    assert_true(out == SIZE_MAX - 1);
    assert_false(memory_multiply(SIZE_MAX / 2 + 1, 2, &out));
    assert_false(memory_multiply(2, SIZE_MAX / 2 + 1, &out));
    assert_false(memory_multiply(SIZE_MAX, SIZE_MAX, &out));
    assert_true(memory_multiply(SIZE_MAX, 0, &out) && out == 0);
    assert_true(memory_multiply(0, SIZE_MAX, &out) && out == 0);
    assert_true(memory_add(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    assert_false(memory_add(SIZE_MAX, 1, &out));
}

static void test_allocation(void **state) {
    (void)state;
    assert_null(memory_new(SIZE_MAX, 2));
    assert_null(memory_new(SIZE_MAX / 2, 2));
    assert_null(memory_new_aligned(SIZE_MAX, 2));
    assert_null(memory_new_aligned(SIZE_MAX, 1));
    assert_null(memory_new_aligned(SIZE_MAX / 4, 2));
    memory_free(NULL);
    memory_free_aligned(NULL, 10, 10);
    void *nothing = memory_new(0, 8);
    assert_non_null(nothing);
    memory_free(nothing);
    /* Small and large come from different places; both are zeroed, aligned and writable. */
    const size_t sizes[] = {0,        1,       63, 64, 65, 4096, (1u << 20) - 64, (1u << 20) - 1,
                            1u << 20, 3u << 20};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *p = memory_new_aligned(sizes[i], 1);
        assert_non_null(p);
        assert_true((uintptr_t)p % MEMORY_ALIGNMENT == 0);
        for (size_t k = 0; k < sizes[i]; k++) {
            assert_true(p[k] == 0);
        }
        memset(p, 0xff, sizes[i]);
        memory_free_aligned(p, sizes[i], 1);
    }
    char *copy = memory_copy_string("a\0bc", 3);
    assert_memory_equal(copy, "a\0b\0", 4);
    memory_free(copy);
    assert_null(memory_copy_string("", SIZE_MAX));
}

static void test_growth(void **state) {
    (void)state;
    int *array = NULL;
    size_t capacity = 0;
    size_t moves = 0;
    for (size_t n = 0; n < 1000000; n++) {
        size_t before = capacity;
        assert_true(memory_grow(&array, &capacity, n + 1, sizeof *array));
        assert_true(capacity > n);
        moves += capacity != before;
        array[n] = (int)n;
    }
    for (int n = 0; n < 1000000; n++) {
        assert_true(array[n] == n);
    }
    assert_true(moves < 40);
    int *old = array;
    size_t old_capacity = capacity;
    assert_false(memory_grow(&array, &capacity, SIZE_MAX, sizeof *array));
    assert_false(memory_grow(&array, &capacity, SIZE_MAX / 4, 16));
    assert_ptr_equal(array, old);
    assert_int_equal(capacity, old_capacity);
    memory_free(array);
}

static void test_arrays(void **state) {
    (void)state;
    struct gen_ids ids = {0};
    struct gen_bytes bytes = {0};
    const int32_t three[] = {1, 2, 3};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(gen_ids_append(&ids, three, 3), GEN_OK);
        assert_int_equal(gen_bytes_append(&bytes, "ab", 2), GEN_OK);
    }
    assert_int_equal(gen_ids_append(&ids, NULL, 0), GEN_OK);
    assert_int_equal(ids.n, 300);
    assert_int_equal(ids.data[299], 3);
    assert_int_equal(bytes.n, 200);
    assert_int_equal(gen_ids_append(&ids, three, SIZE_MAX / 4), GEN_NO_MEMORY);
    assert_int_equal(gen_bytes_append(&bytes, "", SIZE_MAX), GEN_NO_MEMORY);
    assert_int_equal(ids.n, 300);
    assert_int_equal(bytes.n, 200);
    gen_ids_release(&ids);
    gen_bytes_release(&bytes);
    gen_ids_release(NULL);
    gen_bytes_release(NULL);
    assert_true(ids.data == NULL && ids.n == 0 && ids.capacity == 0);
}

/* ---- hash table -------------------------------------------------------------------------- */

static void test_hash_table(void **state) {
    (void)state;
    struct hash_table table = {0};
    uint32_t value = 0;
    assert_false(hash_table_find(&table, "none", 4, &value));
    assert_int_equal(hash_table_add(&table, "", 0, 5), HASH_ADDED);
    assert_int_equal(hash_table_add(&table, "a\0b", 3, 6), HASH_ADDED);
    assert_int_equal(hash_table_add(&table, "a\0c", 3, 7), HASH_ADDED);
    assert_int_equal(hash_table_add(&table, "a", 1, 8), HASH_ADDED);
    assert_int_equal(hash_table_add(&table, "a", 1, 9), HASH_EXISTS);
    assert_true(hash_table_find(&table, "", 0, &value) && value == 5);
    assert_true(hash_table_find(&table, "a\0b", 3, &value) && value == 6);
    assert_true(hash_table_find(&table, "a\0c", 3, &value) && value == 7);
    assert_true(hash_table_find(&table, "a", 1, &value) && value == 8);
    assert_false(hash_table_find(&table, "a\0", 2, &value));
    assert_int_equal(table.n, 4);
    hash_table_release(&table);
    hash_table_release(&table);
    assert_false(hash_table_reserve(&table, SIZE_MAX / 2));
    assert_true(table.entries == NULL);
}

static void test_hash_table_many(void **state) {
    (void)state;
    enum { N = 200000, WIDTH = 24 };
    char *keys = memory_new(N, WIDTH);
    assert_non_null(keys);
    struct hash_table table = {0};
    for (uint32_t i = 0; i < N; i++) {
        char *key = keys + (size_t)i * WIDTH;
        size_t n = (size_t)snprintf(key, WIDTH, "blk.%u.attn_qkv", i);
        assert_int_equal(hash_table_add(&table, key, n, i), HASH_ADDED);
    }
    assert_int_equal(table.n, N);
    for (uint32_t i = 0; i < N; i++) {
        /* Looked up by equal bytes at another address. */
        char key[WIDTH];
        size_t n = (size_t)snprintf(key, sizeof key, "blk.%u.attn_qkv", i);
        uint32_t value;
        assert_true(hash_table_find(&table, key, n, &value) && value == i);
        assert_false(hash_table_find(&table, key, n - 1, &value));
    }
    hash_table_release(&table);
    memory_free(keys);
}

/* Keys of all lengths, short and long ones, that differ in one byte or in length alone. */
static void test_hash_table_lengths(void **state) {
    (void)state;
    enum { LONGEST = 40 };
    static char keys[LONGEST + 1][LONGEST + 1][LONGEST];
    struct hash_table table = {0};
    uint32_t value = 0;
    for (uint32_t n = 0; n <= LONGEST; n++) {
        for (uint32_t i = 0; i <= n; i++) {
            memset(keys[n][i], 'a', n);
            if (i < n) {
                keys[n][i][i] = 'b';
            }
            assert_int_equal(hash_table_add(&table, keys[n][i], n, n << 8 | i), HASH_ADDED);
        }
    }
    for (uint32_t n = 0; n <= LONGEST; n++) {
        for (uint32_t i = 0; i <= n; i++) {
            assert_true(hash_table_find(&table, keys[n][i], n, &value) && value == (n << 8 | i));
        }
    }
    hash_table_release(&table);
}

/* ---- random numbers ---------------------------------------------------------------------- */

static void test_rng_reference(void **state) {
    (void)state;
    /* The first numbers that the demo program of the PCG reference implementation prints. */
    static const uint32_t expected[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                        0x83d2f293, 0xbfa4784b, 0xcbed606e};
    struct rng rng;
    rng_init(&rng, 42, 54);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(rng_u32(&rng) == expected[i]);
    }
}

static void test_rng_uniform(void **state) {
    (void)state;
    struct rng rng;
    rng_init_sequence(&rng, 7, 0, 0);
    double sum = 0;
    double sum_double = 0;
    for (int i = 0; i < 100000; i++) {
        float f = rng_float(&rng);
        double d = rng_double(&rng);
        assert_true(f >= 0 && f < 1 && d >= 0 && d < 1);
        sum += (double)f;
        sum_double += d;
    }
    /* Six standard deviations of a mean of 100,000. */
    assert_true(sum > 49450 && sum < 50550);
    assert_true(sum_double > 49450 && sum_double < 50550);
    assert_true(rng_entropy() != rng_entropy());
}

static void test_rng_sequences(void **state) {
    (void)state;
    /* Neighbours in seed, prompt and sequence share no start; the same three give the same. */
    enum { SIDE = 12, N = SIDE * SIDE * SIDE };
    static uint64_t first[N];
    for (uint64_t i = 0; i < N; i++) {
        struct rng rng;
        rng_init_sequence(&rng, i / SIDE / SIDE, i / SIDE % SIDE, i % SIDE);
        first[i] = (uint64_t)rng_u32(&rng) << 32;
        first[i] |= rng_u32(&rng);
        for (uint64_t k = 0; k < i; k++) {
            assert_true(first[k] != first[i]);
        }
    }
    struct rng a;
    struct rng b;
    rng_init_sequence(&a, 3, 2, 1);
    rng_init_sequence(&b, 3, 2, 1);
    assert_true(a.state == b.state && a.increment == b.increment);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_error_set),
        cmocka_unit_test(test_error_cut),
        cmocka_unit_test(test_error_quote),
        cmocka_unit_test(test_error_quote_long),
        cmocka_unit_test(test_checked_sizes),
        cmocka_unit_test(test_allocation),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_arrays),
        cmocka_unit_test(test_hash_table),
        cmocka_unit_test(test_hash_table_many),
        cmocka_unit_test(test_hash_table_lengths),
        cmocka_unit_test(test_rng_reference),
        cmocka_unit_test(test_rng_uniform),
        cmocka_unit_test(test_rng_sequences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
