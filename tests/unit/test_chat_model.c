/**
 * test_chat_model.c - the chat template that a model brings, in a directory or a GGUF, good or not;
 * patterns, stops, and what comes after an answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "format_fixture.h"
#include "gen.h"
#include "model/metadata.h"
#include "model/model.h"
#include "whole_model.h"

#define CHATML                                                                                     \
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\\\n' + m.content + '<|im_end|>\\\\n' " \
    "}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\\\n' }}{% endif %}"

static const struct gen_chat_message messages[] = {{"user", "Hi", 2},
                                                   {"assistant", "Yes", 3},
                                                   {"user", "More", 4},
                                                   {"assistant", "No", 2},
                                                   {"user", "x", 1}};

static void write_model(const char *directory) {
    struct whole_model model;
    whole_init(&model, false);
    whole_write(directory, &model);
    whole_release(&model);
}

static struct gen_model *open_model(const char *path) {
    struct gen_model *model = NULL;
    struct gen_error err = {0};
    if (gen_model_open(&model, path, NULL, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return model;
}

static struct gen_chat_template *new_template(const struct gen_model *model, const char *name) {
    struct gen_chat_template *template = NULL;
    struct gen_error err = {0};
    if (gen_chat_template_new(&template, model, name, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    return template;
}

static void check_refused(const struct gen_model *model, const char *name, enum gen_status status,
                          const char *expected) {
    struct gen_chat_template *template = NULL;
    struct gen_error err = {0};
    assert_int_equal(gen_chat_template_new(&template, model, name, &err), status);
    assert_null(template);
    const char *problem = fixture_message_problem(&err, expected);
    if (problem != NULL) {
        fail_msg("%s: %s", err.message, problem);
    }
}

static void check_text(const struct gen_bytes *text, const char *expected) {
    assert_int_equal(text->n, strlen(expected));
    if (text->n > 0) {
        assert_memory_equal(text->data, expected, text->n);
    }
}

static void check_render(const struct gen_chat_template *template, size_t n, bool prompt,
                         const char *expected) {
    struct gen_bytes text = {0};
    struct gen_error err = {0};
    assert_int_equal(gen_chat_render(template, messages, n, prompt, &text, &err), GEN_OK);
    check_text(&text, expected);
    gen_bytes_release(&text);
}

static void check_after(const struct gen_chat_template *template, size_t n, size_t answer,
                        const char *expected) {
    struct gen_bytes text = {0};
    struct gen_error err = {0};
    if (gen_chat_render_after(template, messages, n, answer, &text, &err) != GEN_OK) {
        fail_msg("%s", err.message);
    }
    check_text(&text, expected);
    gen_bytes_release(&text);
}

static void test_directory(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    write_model(directory);
    struct gen_model *model = open_model(directory);
    assert_null(new_template(model, NULL));

    fixture_write_text(directory, "tokenizer_config.json", "{\"chat_template\": \"" CHATML "\"}");
    struct gen_chat_template *template = new_template(model, NULL);
    assert_string_equal(gen_chat_template_name(template), "chatml");
    check_render(template, 1, true, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
    gen_chat_template_free(template);

    fixture_write_text(directory, "tokenizer_config.json",
                       "{\"chat_template\": [{\"name\": \"tool_use\", \"template\": \"x\"}, "
                       "{\"name\": \"default\", \"template\": \"" CHATML "\"}]}");
    template = new_template(model, NULL);
    assert_string_equal(gen_chat_template_name(template), "chatml");
    gen_chat_template_free(template);

    fixture_write_text(directory, "chat_template.jinja",
                       "{% for m in messages %}{{ m.content + eos_token }}{% endfor %}\n");
    template = new_template(model, NULL);
    assert_string_equal(gen_chat_template_name(template), "dialogpt");
    check_render(template, 2, true, "Hi<|endoftext|>Yes<|endoftext|>");
    gen_chat_template_free(template);

    fixture_write_text(directory, "chat_template.jinja", "{{ messages[0].content }}");
    check_refused(model, NULL, GEN_UNSUPPORTED, "--template NAME");
    fixture_write_text(directory, "chat_template.jinja", "{% import 'x' %}");
    check_refused(model, NULL, GEN_UNSUPPORTED, "line 1: the statement \"import\"");
    fixture_write_text(directory, "chat_template.jinja", "");
    check_refused(model, NULL, GEN_UNSUPPORTED, "--template NAME");
    template = new_template(model, "zephyr");
    check_render(template, 1, true, "<|user|>\nHi<|endoftext|>\n<|assistant|>\n");
    gen_chat_template_free(template);
    gen_model_free(model);
    fixture_directory_remove(directory);
}

/* What a pattern becomes in a GGUF, and what comes back. */
static void test_taught(void **state) {
    (void)state;
    const char *directory = fixture_directory_new();
    char path[200];
    struct gen_error err = {0};
    write_model(directory);
    struct gen_model *source = open_model(directory);
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    assert_int_equal(gen_convert(directory, path, NULL, &err), GEN_OK);
    struct gen_model *model = open_model(path);
    assert_null(new_template(model, NULL));
    assert_int_equal(metadata_teach(model->source, "{role}: {content}\\n", &err), GEN_OK);
    struct gen_chat_template *template = new_template(model, NULL);
    assert_string_equal(gen_chat_template_name(template), "{role}: {content}\\n");
    assert_int_equal(gen_chat_n_stops(template), 1);
    assert_string_equal(gen_chat_stop(template, 0), "\nuser:");
    check_render(template, 3, true, "user: Hi\nassistant: Yes<|endoftext|>user: More\nassistant:");
    check_render(template, 1, false, "user: Hi\n");
    check_after(template, 3, 1, "<|endoftext|>user: More\nassistant:");
    gen_chat_template_free(template);

    /* Again, and the Jinja is as it must be for the same texts. */
    assert_int_equal(metadata_teach(model->source, "Q: {prompt}\\nA: {completion}.", &err), GEN_OK);
    template = new_template(model, NULL);
    check_render(template, 3, true, "Q: Hi\nA: Yes.<|endoftext|>Q: More\nA:");
    assert_int_equal(gen_chat_n_stops(template), 0);
    const char *jinja = NULL;
    size_t n = 0;
    assert_int_equal(
        model_file_get_string(model->source, "tokenizer.chat_template", &jinja, &n, &err), GEN_OK);
    assert_int_equal(n, strlen(gen_chat_template_jinja(template)));
    assert_memory_equal(jinja, gen_chat_template_jinja(template), n);
    const struct gen_chat_message system = {"system", "s", 1};
    struct gen_bytes text = {0};
    assert_int_equal(gen_chat_render(template, &system, 1, true, &text, &err), GEN_BAD_ARGUMENT);
    assert_non_null(strstr(err.message, "no place for a message of the role system"));
    gen_chat_template_free(template);
    gen_model_free(model);
    gen_model_free(source);
    fixture_directory_remove(directory);
}

/* A file may say anything. */
static void test_hostile(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "", "x", "{role}", "{content}{role}", "{prompt}", "{role}{content}{role}"};
    const char *directory = fixture_directory_new();
    write_model(directory);
    char path[200];
    struct gen_error err = {0};
    snprintf(path, sizeof path, "%s", fixture_path(directory, "m.gguf"));
    assert_int_equal(gen_convert(directory, path, NULL, &err), GEN_OK);
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
        struct gen_model *model = open_model(path);
        struct setting setting = {.type = SETTING_STRING};
        setting.value.string.text = patterns[i];
        setting.value.string.n = strlen(patterns[i]);
        assert_int_equal(model_file_add_setting(model->source, &setting, METADATA_TEMPLATE_KEY,
                                                strlen(METADATA_TEMPLATE_KEY), "m", &err),
                         GEN_OK);
        check_refused(model, NULL, GEN_BAD_FILE, "gen.template");
        gen_model_free(model);
    }
    struct gen_model *model = open_model(path);
    const struct setting number = {.type = SETTING_U32, .value.u = 7};
    assert_int_equal(model_file_add_setting(model->source, &number, METADATA_TEMPLATE_KEY,
                                            strlen(METADATA_TEMPLATE_KEY), "m", &err),
                     GEN_OK);
    check_refused(model, NULL, GEN_BAD_FILE, "gen.template must be a text");
    check_refused(model, "vicuna", GEN_BAD_ARGUMENT, "must be one of plain, chatml");
    check_refused(model, "{role}", GEN_BAD_ARGUMENT, "must have {role} and after it {content}");
    gen_model_free(model);
    fixture_directory_remove(directory);
}

/* For every name what comes after an answer is the end of the whole. */
static void test_after(void **state) {
    (void)state;
    static const char *const names[] = {"plain",  "chatml",   "alpaca",   "llama2",
                                        "zephyr", "dialogpt", "instruct", "{role}: {content}\\n"};
    const char *directory = fixture_directory_new();
    write_model(directory);
    struct gen_model *model = open_model(directory);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct gen_chat_template *template = new_template(model, names[i]);
        struct gen_error err = {0};
        for (size_t answer = 1; answer < 4; answer += 2) {
            struct gen_bytes whole = {0}, before = {0}, after = {0};
            assert_int_equal(gen_chat_render(template, messages, 5, true, &whole, &err), GEN_OK);
            assert_int_equal(gen_chat_render(template, messages, answer, true, &before, &err),
                             GEN_OK);
            assert_int_equal(gen_chat_render_after(template, messages, 5, answer, &after, &err),
                             GEN_OK);
            /* Before it, the answer (and the blank that it may begin with), after it. */
            size_t n_answer = whole.n - before.n - after.n;
            const struct gen_chat_message *said = &messages[answer];
            assert_true(n_answer == said->n_content || n_answer == said->n_content + 1);
            assert_memory_equal(whole.data, before.data, before.n);
            assert_memory_equal(whole.data + whole.n - after.n, after.data, after.n);
            gen_bytes_release(&whole);
            gen_bytes_release(&before);
            gen_bytes_release(&after);
        }
        struct gen_bytes none = {0};
        assert_int_equal(gen_chat_render_after(template, messages, 5, 0, &none, &err),
                         GEN_BAD_ARGUMENT);
        assert_int_equal(gen_chat_render_after(template, messages, 5, 5, &none, &err),
                         GEN_BAD_ARGUMENT);
        gen_chat_template_free(template);
    }
    gen_model_free(model);
    fixture_directory_remove(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_taught),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
