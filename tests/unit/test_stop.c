/** test_stop.c - stop strings, with the text cut into tokens at every position. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "base/size.h"
#include "gen.h"
#include "generate/stop.h"

#define MAX_STRINGS 4

/* What the rule in stop.h says, in the plainest way: try each end, the longest string first. */
static bool plain_search(const char *text, const char *const *stop, size_t *n_before) {
    size_t n = strlen(text);
    for (size_t end = 1; end <= n; end++) {
        size_t longest = 0;
        for (size_t i = 0; i < MAX_STRINGS && stop[i] != NULL; i++) {
            size_t n_stop = strlen(stop[i]);
            if (n_stop <= end && n_stop > longest &&
                memcmp(text + end - n_stop, stop[i], n_stop) == 0) {
                longest = n_stop;
            }
        }
        if (longest > 0) {
            *n_before = end - longest;
            return true;
        }
    }
    *n_before = n;
    return false;
}

/* The most that may be shown of a text that may go on: no stop string may begin in it. */
static size_t plain_safe(const char *text, size_t n, const char *const *stop) {
    for (size_t at = 0; at < n; at++) {
        for (size_t i = 0; i < MAX_STRINGS && stop[i] != NULL; i++) {
            if (strncmp(text + at, stop[i], n - at) == 0) {
                return at;
            }
        }
    }
    return n;
}

static struct stop_set set_of(const char *const *stop) {
    size_t n = 0;
    while (n < MAX_STRINGS && stop[n] != NULL) {
        n++;
    }
    struct stop_set set = {0};
    assert_int_equal(stop_set_init(&set, stop, n, NULL), GEN_OK);
    return set;
}

/* Push a text in pieces that end where bit i of `cuts` is set; compare at each piece. */
static void check_cut(const char *text, const char *const *stop, uint32_t cuts) {
    struct stop_set set = set_of(stop);
    struct stop_match match;
    struct gen_bytes out = {0};
    assert_true(stop_match_init(&match, &set));
    size_t n = strlen(text);
    size_t start = 0;
    bool found = false;
    for (size_t end = 1; end <= n && !found; end++) {
        if (end < n && !(cuts >> (end - 1) & 1)) {
            continue;
        }
        assert_true(stop_match_push(&match, &set, text + start, end - start, &out, &found));
        start = end;
        if (!found) {
            char so_far[64] = {0};
            memcpy(so_far, text, end);
            assert_int_equal(out.n, plain_safe(so_far, end, stop));
        }
    }
    size_t n_before = 0;
    bool expected = plain_search(text, stop, &n_before);
    assert_int_equal(found, expected);
    if (!found) {
        assert_true(stop_match_flush(&match, &out));
    }
    if (out.n != n_before || memcmp(out.data == NULL ? "" : out.data, text, n_before) != 0) {
        fail_msg("\"%s\", cuts %x: %zu bytes, not %zu", text, (unsigned)cuts, out.n, n_before);
    }
    gen_bytes_release(&out);
    stop_match_release(&match);
    stop_set_release(&set);
}

struct stop_case {
    const char *text;
    const char *stop[MAX_STRINGS];
};

static void test_every_cut(void **state) {
    (void)state;
    static const struct stop_case cases[] = {
        {"hello END you", {"END"}},
        {"hello EN", {"END"}},
        {"EEENDx", {"END"}},
        {"ENENDEND", {"END"}},
        {"END", {"END"}},
        {"xaabaaabaac", {"aabaac"}},
        {"aaaaab", {"aaab"}},
        {"xabcd", {"bc", "abcd"}},
        {"xabcd", {"bcd", "abc"}},
        {"xabc", {"bc", "abc"}},
        {"xabc", {"c", "bc", "abc"}},
        {"one\n\ntwo", {"\n\n"}},
        {"\xc3\xa9t\xc3\xa9", {"\xa9t"}},
        {"nothing", {NULL}},
        {"abababac", {"ababac", "bac", "zz"}},
    };
    for (size_t i = 0; i < N_OF(cases); i++) {
        for (uint32_t cuts = 0; cuts < 1u << (strlen(cases[i].text) - 1); cuts++) {
            check_cut(cases[i].text, cases[i].stop, cuts);
        }
    }
}

/* Random texts over two letters are full of overlaps. */
static void test_random_overlaps(void **state) {
    (void)state;
    struct rng rng;
    rng_init(&rng, 5, 1);
    for (int round = 0; round < 3000; round++) {
        char text[25] = {0};
        char strings[3][7] = {{0}};
        struct stop_case random = {.text = text};
        for (size_t i = 0; i + 1 < sizeof text; i++) {
            text[i] = "ab"[rng_u32(&rng) & 1];
        }
        for (size_t i = 0; i < N_OF(strings); i++) {
            size_t n = 1 + rng_u32(&rng) % 6 + (round % 2 ? 3 : 0);
            for (size_t j = 0; j < n && j + 1 < sizeof strings[i]; j++) {
                strings[i][j] = "ab"[rng_u32(&rng) & 1];
            }
            random.stop[i] = strings[i];
        }
        check_cut(text, random.stop, rng_u32(&rng));
    }
}

static void test_empty_is_refused(void **state) {
    (void)state;
    const char *const with_empty[] = {"a", ""};
    const char *const with_null[] = {NULL};
    struct gen_error err = {0};
    struct stop_set set = {0};
    assert_int_equal(stop_set_init(&set, with_empty, 2, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "stop string 1 is empty"));
    stop_set_release(&set);
    assert_int_equal(stop_set_init(&set, with_null, 1, &err), GEN_BAD_ARGUMENT);
    stop_set_release(&set);
}

/* A long string against a text that almost matches it at every byte takes linear time. */
static void test_long_string(void **state) {
    (void)state;
    size_t n = 1 << 18;
    char *text = malloc(n + 1);
    assert_non_null(text);
    memset(text, 'a', n);
    text[n - 1] = 'b';
    text[n] = '\0';
    const char *const stop[MAX_STRINGS] = {text};
    struct stop_set set = set_of(stop);
    struct stop_match match;
    struct gen_bytes out = {0};
    bool found = false;
    assert_true(stop_match_init(&match, &set));
    for (int round = 0; round < 4; round++) {
        assert_true(stop_match_push(&match, &set, text, n - 1, &out, &found));
        assert_false(found);
    }
    assert_int_equal(out.n, 3 * (n - 1));
    assert_true(stop_match_push(&match, &set, "b", 1, &out, &found));
    assert_true(found);
    assert_int_equal(out.n, 3 * (n - 1));
    gen_bytes_release(&out);
    stop_match_release(&match);
    stop_set_release(&set);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_random_overlaps),
        cmocka_unit_test(test_empty_is_refused),
        cmocka_unit_test(test_long_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
