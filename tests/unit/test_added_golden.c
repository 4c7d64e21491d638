/**
 * test_added_golden.c - added tokens in odd places of texts: their ids are those of transformers,
 * as tests/golden/added_tokens.json has them.
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
#include "tokenizer_files.h"

static const char *golden_path(void) {
    const char *path = getenv("ADDED_TOKENS");
    return path != NULL ? path : "tests/golden/added_tokens.json";
}

static bool check(const struct gen_tokenizer *tokenizer, const char *text, bool special,
                  const cJSON *expected) {
    struct gen_ids ids = {0};
    struct gen_error err = {0};
    if (gen_tokenizer_encode(tokenizer, text, strlen(text), special, &ids, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    bool good = ids.n == (size_t)cJSON_GetArraySize(expected);
    const cJSON *id = expected->child;
    for (size_t i = 0; good && i < ids.n; i++, id = id->next) {
        good = ids.data[i] == id->valueint;
    }
    if (!good) {
        char *wanted = cJSON_PrintUnformatted(expected);
        print_error("\"%s\"%s:", text, special ? "" : " (plain)");
        for (size_t i = 0; i < ids.n; i++) {
            print_error(" %d", (int)ids.data[i]);
        }
        print_error(", not %s\n", wanted);
        cJSON_free(wanted);
    }
    gen_ids_release(&ids);
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
        const cJSON *item;
        cJSON_ArrayForEach(item, cJSON_GetObjectItem(set, "cases")) {
            const char *content = cJSON_GetObjectItem(item, "text")->valuestring;
            const cJSON *ids = cJSON_GetObjectItem(item, "ids");
            const cJSON *plain = cJSON_GetObjectItem(item, "plain");
            n_bad += !check(tokenizer, content, true, ids);
            n_bad += !check(tokenizer, content, false, plain != NULL ? plain : ids);
            n_cases++;
        }
        gen_tokenizer_free(tokenizer);
    }
    print_message("# %zu texts with added tokens\n", n_cases);
    assert_true(n_cases > 500);
    assert_int_equal(n_bad, 0);
    cJSON_Delete(sets);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
