/**
 * cmocka.h - stands in for the library of that name where tests are cross-compiled and there is
 * none for the other machine (make test-neon). It has what the tests of the kernels use of it, the
 * results are TAP. A failed assertion ends its test, not the program.
 */
#ifndef TESTS_NEON_CMOCKA_H
#define TESTS_NEON_CMOCKA_H

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

static jmp_buf cmocka_failed;

__attribute__((unused)) static inline _Noreturn void cmocka_fail(void) {
    longjmp(cmocka_failed, 1);
}

__attribute__((unused)) static int cmocka_run(const struct CMUnitTest *tests, size_t n) {
    /* What setjmp() comes back to must be in memory. */
    static volatile size_t i;
    static volatile int n_failed;
    printf("1..%zu\n", n);
    for (i = 0; i < n; i++) {
        void *state = NULL;
        if (setjmp(cmocka_failed) == 0) {
            tests[i].run(&state);
            printf("ok %zu - %s\n", i + 1, tests[i].name);
        } else {
            n_failed = n_failed + 1;
            printf("not ok %zu - %s\n", i + 1, tests[i].name);
        }
    }
    return n_failed;
}

#define cmocka_unit_test(function)                                                                 \
    { .name = #function, .run = (function) }
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cmocka_run(tests, sizeof(tests) / sizeof *(tests))

#define print_message(...) printf(__VA_ARGS__)
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        printf("# %s:%d: ", __FILE__, __LINE__);                                                   \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        cmocka_fail();                                                                             \
    } while (0)
#define assert_true(condition)                                                                     \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fail_msg("%s", #condition);                                                            \
        }                                                                                          \
    } while (0)
#define assert_false(condition)      assert_true(!(condition))
#define assert_null(pointer)         assert_true((pointer) == NULL)
#define assert_non_null(pointer)     assert_true((pointer) != NULL)
#define assert_int_equal(a, b)       assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b)   assert_true((uintmax_t)(a) != (uintmax_t)(b))
#define assert_in_range(x, min, max) assert_true((x) >= (min) && (x) <= (max))
#define assert_string_equal(a, b)    assert_true(strcmp(a, b) == 0)
#define assert_memory_equal(a, b, n) assert_true(memcmp(a, b, n) == 0)

#endif
