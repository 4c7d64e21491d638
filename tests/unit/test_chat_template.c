/**
 * test_chat_template.c - chat templates: texts and ids are those of transformers' chat templates,
 * as tests/golden/chat has them; the templates of well-known models are recognized, or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/chat_template.h"
#include "format_fixture.h"
#include "tokenizer_files.h"

#define GOLDEN       "tests/golden/chat/"
#define MAX_MESSAGES 16
#define END_OF_TEXT  "<|endoftext|>"

static const struct chat_ends gpt2 = {END_OF_TEXT, END_OF_TEXT};

static cJSON *read_json(const char *path) {
    size_t n = 0;
    char *text = tokenizer_files_read(path, &n);
    cJSON *json = cJSON_ParseWithLength(text, n);
    free(text);
    assert_non_null(json);
    return json;
}

static size_t fill(struct gen_chat_message *messages, const cJSON *conversation) {
    size_t n = 0;
    for (const cJSON *at = conversation->child; at != NULL; at = at->next) {
        const char *content = cJSON_GetStringValue(cJSON_GetObjectItem(at, "content"));
        assert_true(n < MAX_MESSAGES);
        messages[n++] = (struct gen_chat_message){
            cJSON_GetStringValue(cJSON_GetObjectItem(at, "role")), content, strlen(content)};
    }
    return n;
}

/* What was expected and is not so; `null` is a conversation that is refused. */
static bool check_text(const struct gen_chat_template *template, const cJSON *conversation,
                       bool prompt, const cJSON *expected, const char *what) {
    struct gen_chat_message messages[MAX_MESSAGES];
    struct gen_bytes text = {0};
    struct gen_error err = {0};
    size_t n = fill(messages, conversation);
    enum gen_status status = gen_chat_render(template, messages, n, prompt, &text, &err);
    const char *must_be = cJSON_GetStringValue(expected);
    bool right = must_be == NULL ? status != GEN_OK
                                 : status == GEN_OK && text.n == strlen(must_be) &&
                                       (text.n == 0 || memcmp(text.data, must_be, text.n) == 0);
    if (!right) {
        print_error("%s:\n  found   %.*s (%s)\n  must be %s\n", what, (int)text.n,
                    text.n > 0 ? text.data : "", err.message,
                    must_be != NULL ? must_be : "refused");
    }
    gen_bytes_release(&text);
    return right;
}

static bool check_ids(const struct gen_chat_template *template,
                      const struct gen_tokenizer *tokenizer, const cJSON *conversation,
                      const cJSON *expected, const char *what) {
    struct gen_chat_message messages[MAX_MESSAGES];
    struct gen_ids ids = {0};
    struct gen_error err = {0};
    size_t n = fill(messages, conversation), at = 0;
    enum gen_status status = gen_chat_encode(template, tokenizer, messages, n, true, &ids, &err);
    bool right = cJSON_IsNull(expected) ? status == GEN_BAD_ARGUMENT : status == GEN_OK;
    const cJSON *id = expected->child;
    for (; right && id != NULL && at < ids.n; id = id->next) {
        right = id->valueint == ids.data[at++];
    }
    if (!right || id != NULL || at < ids.n) {
        print_error("%s: id %zu of %zu: %s\n", what, at, ids.n, err.message);
        right = false;
    }
    gen_ids_release(&ids);
    return right;
}

static void test_names(void **state) {
    (void)state;
    struct gen_tokenizer *tokenizer = NULL;
    struct gen_error err = {0};
    cJSON *golden = read_json(GOLDEN "named.json");
    const cJSON *conversations = cJSON_GetObjectItem(golden, "conversations");
    int n_wrong = 0, n_names = 0;
    if (gen_tokenizer_open(&tokenizer, GOLDEN "tokenizer.json", &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    const cJSON *item = cJSON_GetObjectItem(golden, "templates")->child;
    for (; item != NULL; item = item->next, n_names++) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(item, "name"));
        struct gen_chat_template *template = NULL;
        if (chat_template_new(&template, name, &gpt2, &err) != GEN_OK) {
            fail_msg("%s", err.message);
        }
        assert_string_equal(gen_chat_template_name(template), name);
        for (int i = 0; i < cJSON_GetArraySize(conversations); i++) {
            const cJSON *conversation = cJSON_GetArrayItem(conversations, i);
            const cJSON *open = cJSON_GetArrayItem(cJSON_GetObjectItem(item, "open"), i);
            const cJSON *closed = cJSON_GetArrayItem(cJSON_GetObjectItem(item, "closed"), i);
            const cJSON *ids = cJSON_GetArrayItem(cJSON_GetObjectItem(item, "ids"), i);
            char what[80];
            snprintf(what, sizeof what, "%s, conversation %d", name, i);
            n_wrong += !check_text(template, conversation, true, open, what);
            n_wrong += !check_text(template, conversation, false, closed, what);
            n_wrong += !check_ids(template, tokenizer, conversation, ids, what);
        }
        gen_chat_template_free(template);
    }
    assert_int_equal(n_names, CHAT_N_NAMES);
    assert_int_equal(n_wrong, 0);
    gen_tokenizer_free(tokenizer);
    cJSON_Delete(golden);
}

/* Whether the template is recognized as it must be, and then makes the same texts. */
static int check_model(const cJSON *model, const cJSON *conversations) {
    const char *what = cJSON_GetStringValue(cJSON_GetObjectItem(model, "model"));
    const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(model, "name"));
    const char *jinja = cJSON_GetStringValue(cJSON_GetObjectItem(model, "jinja"));
    const struct chat_ends ends = {cJSON_GetStringValue(cJSON_GetObjectItem(model, "bos")),
                                   cJSON_GetStringValue(cJSON_GetObjectItem(model, "eos"))};
    struct gen_chat_template *template = NULL, *made = NULL;
    struct gen_error err = {0};
    int n_wrong = 0;
    enum gen_status status =
        chat_template_recognize(&template, jinja, strlen(jinja), &ends, "model.gguf", &err);
    const char *found = status == GEN_OK ? gen_chat_template_name(template) : NULL;
    if ((name == NULL) != (found == NULL) || (name != NULL && strcmp(name, found) != 0)) {
        print_error("%s: found %s, must be %s: %s\n", what, found != NULL ? found : "none",
                    name != NULL ? name : "none", err.message);
        n_wrong++;
    }
    if (name == NULL) {
        assert_int_equal(status, GEN_UNSUPPORTED);
        assert_non_null(strstr(err.message, "--template NAME"));
    }
    gen_chat_template_free(template);
    /* The evaluator makes what Jinja does, of those that are refused, too. */
    if (chat_template_make(&made, jinja, strlen(jinja), &ends, what, NULL, &err) != GEN_OK) {
        fail_msg("%s: %s", what, err.message);
    }
    for (int i = 0; i < cJSON_GetArraySize(conversations); i++) {
        const cJSON *conversation = cJSON_GetArrayItem(conversations, i);
        const cJSON *open = cJSON_GetArrayItem(cJSON_GetObjectItem(model, "open"), i);
        const cJSON *closed = cJSON_GetArrayItem(cJSON_GetObjectItem(model, "closed"), i);
        n_wrong += !check_text(made, conversation, true, open, what);
        n_wrong += !check_text(made, conversation, false, closed, what);
    }
    gen_chat_template_free(made);
    return n_wrong;
}

static void test_models(void **state) {
    (void)state;
    cJSON *golden = read_json(GOLDEN "models.json");
    const cJSON *conversations = cJSON_GetObjectItem(golden, "conversations");
    const cJSON *model = cJSON_GetObjectItem(golden, "models")->child;
    int n_wrong = 0, n = 0;
    for (; model != NULL; model = model->next, n++) {
        n_wrong += check_model(model, conversations);
    }
    assert_true(n >= 20);
    assert_int_equal(n_wrong, 0);
    cJSON_Delete(golden);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
