/**
 * test_habits.c - every setting of transformers' GenerationConfig and every option of llama.cpp's
 * programs is taken, or answered with what to do here; what the tables of cli/habits.c say fits the
 * tables of options. The names in golden/habits are from those programs (make_habits.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/command.h"

/** What options_parse() finds wrong with `NAME VALUE` on the command line; "" if nothing. */
static void parse(struct gen_error *err, const struct command *command, const char *name,
                  const char *value) {
    char written[100], argument[100];
    snprintf(written, sizeof written, "%s%s", name[0] == '-' ? "" : "--", name);
    snprintf(argument, sizeof argument, "%s", value);
    char *argv[] = {written, argument};
    struct options_parsed parsed;
    void *settings = calloc(1, command->settings_size);
    command->set_defaults(settings);
    *err = (struct gen_error){.status = GEN_OK};
    options_parse(settings, &parsed, command->spec, command->name, 2, argv, err);
    options_release(settings, &parsed, command->spec);
    free(settings);
}

static size_t check_names(const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char name[100];
    size_t n = 0;
    while (fgets(name, sizeof name, file) != NULL) {
        struct gen_error err;
        name[strcspn(name, "\n")] = '\0';
        parse(&err, &generate_command, name, "1");
        if (strstr(err.message, "unknown option") != NULL) {
            fail_msg("%s: %s", name, err.message);
        }
        n++;
    }
    fclose(file);
    return n;
}

static void each_name_of_others_is_known(void **state) {
    (void)state;
    assert_in_range(check_names("tests/golden/habits/transformers.txt"), 60, 1000);
    assert_in_range(check_names("tests/golden/habits/llama_cpp.txt"), 300, 1000);
}

static bool has_option(const struct command *command, const char *name) {
    for (size_t i = 0; i < command->spec->n_table; i++) {
        const struct option *option = &command->spec->table[i];
        if (option->kind != OPTION_HEADING && strcmp(option->name, name) == 0) {
            return true;
        }
    }
    return false;
}

/** Whether an earlier row of the same name takes the place of this one. */
static bool is_hidden(const struct habit *habits, const struct habit *row) {
    return habits_find(habits, row->name, strlen(row->name)) != row;
}

static void rows_fit_the_options_of_their_command(void **state) {
    (void)state;
    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct habit *habits = commands[i]->spec->habits;
        /* Of the rows that commands share one may be what only one of them has. */
        bool is_shared = habits == habits_train || habits == habits_eval;
        for (const struct habit *row = habits; row != NULL && row->name != NULL; row++) {
            bool good = (row->alias == NULL) != (row->say == NULL) &&
                        (row->alias == NULL || has_option(commands[i], row->alias)) &&
                        (is_shared || !has_option(commands[i], row->name)) &&
                        !is_hidden(habits, row) && (row->say == NULL || strlen(row->say) < 100);
            if (!good) {
                fail_msg("%s: %s", commands[i]->name, row->name);
            }
        }
    }
}

static void names_of_transformers_trainer(void **state) {
    (void)state;
    static const char *const taken[][2] = {
        {"--learning_rate", "1e-4"}, {"--num_train_epochs", "3"}, {"--max_steps", "10"},
        {"--warmup_steps", "5"},     {"--eval_steps", "10"},      {"--save_steps", "10"},
        {"--adam_beta2", "0.9"},     {"--max_grad_norm", "1"},    {"--weight_decay", "0"},
    };
    static const char *const answered[] = {
        "--logging_steps", "--report_to", "--optim", "--gradient_checkpointing", "--bf16",
    };
    struct gen_error err;
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        parse(&err, &finetune_command, taken[i][0], taken[i][1]);
        assert_string_equal(err.message, "");
        parse(&err, &train_command, taken[i][0], taken[i][1]);
        assert_string_equal(err.message, "");
    }
    for (size_t i = 0; i < sizeof answered / sizeof *answered; i++) {
        parse(&err, &train_command, answered[i], "1");
        assert_non_null(strstr(err.message, "no option --"));
    }
}

static void a_star_stands_for_anything(void **state) {
    (void)state;
    static const struct habit rows[] = {
        {"rope-*", NULL, "a"}, {"*-draft", NULL, "b"}, {"rope", NULL, "c"}, {NULL, NULL, NULL}};
    assert_string_equal(habits_find(rows, "rope_scale", 10)->say, "a");
    assert_string_equal(habits_find(rows, "rope", 4)->say, "c");
    assert_string_equal(habits_find(rows, "model_draft", 11)->say, "b");
    assert_null(habits_find(rows, "rop", 3));
    assert_null(habits_find(rows, "draft", 5));
    assert_null(habits_find(rows, "ropes", 5));
    assert_null(habits_find(rows, "", 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_of_others_is_known),
        cmocka_unit_test(rows_fit_the_options_of_their_command),
        cmocka_unit_test(names_of_transformers_trainer),
        cmocka_unit_test(a_star_stands_for_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
