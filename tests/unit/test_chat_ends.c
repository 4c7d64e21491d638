/**
 * test_chat_ends.c - whatever a model's files call the beginning and the end of a text, recognizing
 * its chat template comes to an end: these texts are left out where templates are compared, also
 * where they are pieces of what the template says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/size.h"
#include "data/chat_template.h"

static const char *const ends[] = {"",
                                   "a",
                                   "User: First\nAssistant:",
                                   "First",
                                   "Assistant:",
                                   "User:",
                                   "<|im_start|>assistant\n",
                                   "<|im_end|>",
                                   "### Response:\n",
                                   "[INST]",
                                   " [/INST]",
                                   "<|assistant|>\n",
                                   "\n",
                                   "First\n"};

/* `plain` without the beginning of an answer. */
static const char without_prompt[] =
    "{% for message in messages %}{{ message['role'] | capitalize + "
    "': ' + message['content'] + '\n' }}{% endfor %}";

static size_t n_recognized(const char *jinja) {
    size_t n = 0;
    for (size_t bos = 0; bos < N_OF(ends); bos++) {
        for (size_t eos = 0; eos < N_OF(ends); eos++) {
            const struct chat_ends both = {ends[bos], ends[eos]};
            struct gen_chat_template *template = NULL;
            struct gen_error err;
            n += chat_template_recognize(&template, jinja, strlen(jinja), &both, "file", &err) ==
                 GEN_OK;
            gen_chat_template_free(template);
        }
    }
    return n;
}

static void test_ends(void **state) {
    (void)state;
    for (size_t i = 0; i < CHAT_N_NAMES; i++) {
        assert_true(n_recognized(chat_names[i].jinja) > 0);
    }
    assert_true(n_recognized(without_prompt) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
