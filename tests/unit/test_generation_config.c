/**
 * test_generation_config.c - what is kept of the settings of generation in a model's files, and
 * what is said of it. How gen takes them is tests/cli/rules.bats's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/size.h"
#include "format/generation_config.h"

static const struct {
    const char *json, *kept, *said; /* NULL: nothing */
} cases[] = {
    {"{}", NULL, NULL},
    {"{\"eos_token_id\":5,\"transformers_version\":\"5\",\"pad_token_id\":0}", NULL, NULL},
    {"{\"top_k\":null,\"early_stopping\":false,\"suppress_tokens\":[],\"sequence_bias\":{}}", NULL,
     NULL},
    {"{\"do_sample\":false}", "{\"do_sample\":false}", "F asks for do_sample false"},
    {"{\"top_p\":0.95,\"temperature\":1.0,\"do_sample\":true}",
     "{\"do_sample\":true,\"temperature\":1,\"top_p\":0.95}",
     "F asks for do_sample true, temperature 1, top_p 0.95"},
    {"{\"sequence_bias\":[[[1],-Infinity],[[2],Infinity],[[3],NaN]]}",
     "{\"sequence_bias\":[[[1],\"-inf\"],[[2],\"inf\"],[[3],\"inf\"]]}",
     "F asks for sequence_bias [[[1],\"-inf\"],[[2],\"inf\"],[[3],\"inf\"]]"},
    {"{\"suppress_tokens\":[1,2]}", "{\"suppress_tokens\":[1,2]}",
     "F asks for suppress_tokens [1,2]"},
    {"{\"suppress_tokens\":[100000,200000,300000,400000,500000,600000]}",
     "{\"suppress_tokens\":[100000,200000,300000,400000,500000,600000]}",
     "F asks for suppress_tokens"},
    {"{\"stop_strings\":\"\\u001b[2J\"}", "{\"stop_strings\":\"\\u001b[2J\"}",
     "F asks for stop_strings \"\\x5cu001b[2J\""},
};

static void check(const char *found, const char *expected) {
    if ((found == NULL) != (expected == NULL) ||
        (expected != NULL && strcmp(found, expected) != 0)) {
        fail_msg("%s, not %s", found != NULL ? found : "nothing",
                 expected != NULL ? expected : "nothing");
    }
}

static void test_kept(void **state) {
    (void)state;
    struct model_file file = {0};
    for (size_t i = 0; i < N_OF(cases); i++) {
        cJSON *object = NULL;
        assert_int_equal(
            json_parse_python(&object, cases[i].json, strlen(cases[i].json), "case", NULL), GEN_OK);
        assert_int_equal(generation_config_keep(&file, object, "F", NULL), GEN_OK);
        check(file.generation, cases[i].kept);
        check(file.unheeded, cases[i].said);
        cJSON_Delete(object);
    }
    memory_free(file.generation);
    memory_free(file.unheeded);
}

/* What config.json has counts no more where there is a generation_config.json. */
static void test_replaced(void **state) {
    (void)state;
    struct model_file file = {0};
    cJSON *old = cJSON_Parse("{\"top_k\":3}"), *new = cJSON_Parse("{\"eos_token_id\":7}");
    assert_int_equal(generation_config_take(&file, old, "config.json", NULL), GEN_OK);
    assert_string_equal(file.generation, "{\"top_k\":3}");
    assert_int_equal(generation_config_take(&file, new, "generation_config.json", NULL), GEN_OK);
    assert_null(file.generation);
    assert_null(file.unheeded);
    assert_int_equal(file.eos_ids.n, 1);
    gen_ids_release(&file.eos_ids);
    cJSON_Delete(old);
    cJSON_Delete(new);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_replaced),
    };
    return cmocka_run_group_tests_name("generation config", tests, NULL, NULL);
}
