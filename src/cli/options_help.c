/**
 * options_help.c - printing the help of a command from its table of options: wrapped at a width,
 * defaults taken from the settings. Parsing is in options.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/options.h"
#include "cli/wrap.h"

/* What an option does begins at this column, in lines that are not too narrow for it. */
#define TEXT_AT        30
#define TEXT_AT_NARROW 8
#define NARROW         60

static void put(struct gen_bytes *out, const char *text) {
    alloc_append(out, text, strlen(text));
}

void options_describe_default(char text[OPTIONS_DEFAULT_SIZE], const struct option *option,
                              const void *settings) {
    const size_t size = OPTIONS_DEFAULT_SIZE;
    const void *value = field_at_const(settings, option->offset);
    text[0] = '\0';
    /* A number below its range means "none". */
    switch (option->kind) {
    case OPTION_INT:
        if (*(const int32_t *)value >= option->range.min) {
            snprintf(text, size, " (default: %ld)", (long)*(const int32_t *)value);
        }
        break;
    case OPTION_FLOAT:
        snprintf(text, size, " (default: %g)", (double)*(const float *)value);
        break;
    case OPTION_UINT64: /* 0 means "none" */
        if (*(const uint64_t *)value > 0) {
            snprintf(text, size, " (default: %llu)", (unsigned long long)*(const uint64_t *)value);
        }
        break;
    case OPTION_CHOICE:
        if (*(const int32_t *)value >= 0) {
            snprintf(text, size, " (default: %s)", option->choices[*(const int32_t *)value]);
        }
        break;
    default:
        break;
    }
}

static void put_option(struct gen_bytes *out, const struct option *option, const void *settings,
                       size_t width) {
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    char *names = alloc_printf("  %s--%s%s%s", option->letter != '\0' ? letter : "    ",
                               option->name, option->argument != NULL ? " " : "",
                               option->argument != NULL ? option->argument : "");
    size_t column = strlen(names);
    size_t text_at = width < NARROW ? TEXT_AT_NARROW : TEXT_AT;
    put(out, names);
    if (column + 2 > text_at) {
        put(out, "\n");
        column = 0;
    }
    char default_text[OPTIONS_DEFAULT_SIZE];
    options_describe_default(default_text, option, settings);
    char *help = alloc_printf("%s%s", option->help, default_text);
    wrap_text(out, help, column, text_at, width);
    free(help);
    free(names);
}

static void put_options(struct gen_bytes *out, const struct options_spec *spec,
                        const void *settings, size_t width) {
    bool headed = false;
    for (size_t i = 0; i < spec->n_table; i++) {
        const struct option *option = &spec->table[i];
        if (option->kind == OPTION_HEADING) {
            char *heading = alloc_printf("%s:", option->name);
            put(out, "\n");
            wrap_text(out, heading, 0, 0, width);
            free(heading);
            headed = true;
            continue;
        }
        if (!headed) {
            put(out, "\nOptions:\n");
            headed = true;
        }
        put_option(out, option, settings, width);
    }
    static const struct option common[] = {
        {.name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show this help"},
        {.name = "version", .kind = OPTION_FLAG, .help = "show the version"},
    };
    for (size_t i = 0; i < N_OF(common); i++) {
        put_option(out, &common[i], settings, width);
    }
}

/* Indented lines stay what they are; of others those that follow each other are a paragraph. */
static void put_examples(struct gen_bytes *out, const char *text, size_t width) {
    while (*text != '\0') {
        size_t n = strcspn(text, "\n") + 1;
        if (*text == ' ' || *text == '\n') {
            alloc_append(out, text, n);
        } else {
            while (text[n] != '\0' && text[n] != ' ' && text[n] != '\n') {
                n += strcspn(text + n, "\n") + 1;
            }
            char *paragraph = alloc_printf("%.*s", (int)n - 1, text);
            for (char *c = paragraph; *c != '\0'; c++) {
                *c = (char)(*c == '\n' ? ' ' : *c);
            }
            wrap_text(out, paragraph, 0, 0, width);
            free(paragraph);
        }
        text += n;
    }
}

void options_help(struct gen_bytes *out, const struct options_spec *spec, const void *settings,
                  size_t width) {
    static const char usage[] = "usage: ";
    put(out, usage);
    wrap_text(out, spec->usage, sizeof usage - 1, sizeof usage - 1, width);
    put(out, "\n");
    wrap_text(out, spec->intro, 0, 0, width);
    put_options(out, spec, settings, width);
    put(out, "\nExamples:\n");
    put_examples(out, spec->examples, width);
}

size_t options_n_examples(const struct options_spec *spec) {
    const char *end = strstr(spec->examples, "\n\n");
    return end != NULL ? (size_t)(end - spec->examples) + 1 : strlen(spec->examples);
}
