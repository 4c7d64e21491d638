/**
 * options_help.c - printing the help of a command from its table of options: wrapped at 79 columns,
 * defaults taken from the settings. Parsing is in options.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/field.h"
#include "base/size.h"
#include "cli/alloc.h"
#include "cli/options.h"

/* The help fills lines of at most LINE columns; what an option does begins at column TEXT_AT. */
#define LINE    79
#define TEXT_AT 30

static void put(struct text_out *out, const char *text) {
    text_out_write(out, text, strlen(text));
}

static void put_blanks(struct text_out *out, size_t n) {
    for (; n > 0; n--) {
        put(out, " ");
    }
}

/* Write `text`, broken between words, from `column` on; continued lines begin at `indent`. */
static void put_wrapped(struct text_out *out, const char *text, size_t column, size_t indent) {
    while (*text != '\0') {
        size_t n = strcspn(text, " \n");
        if (column > indent && column + 1 + n > LINE) {
            put(out, "\n");
            column = 0;
        }
        if (column < indent) {
            put_blanks(out, indent - column);
            column = indent;
        } else if (column > indent) {
            put(out, " ");
            column++;
        }
        text_out_write(out, text, n);
        column += n;
        text += n;
        if (*text == '\n') {
            put(out, "\n");
            column = 0;
        }
        text += *text != '\0' ? 1 : 0;
    }
    put(out, "\n");
}

/* The default of a number or a choice as " (default: X)", or "". */
static void describe_default(char *text, size_t size, const struct option *option,
                             const void *settings) {
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

static void put_option(struct text_out *out, const struct option *option, const void *settings) {
    char names[80];
    char letter[] = {'-', option->letter, ',', ' ', '\0'};
    int n = snprintf(names, sizeof names, "  %s--%s%s%s", option->letter != '\0' ? letter : "    ",
                     option->name, option->argument != NULL ? " " : "",
                     option->argument != NULL ? option->argument : "");
    size_t column = n > 0 ? (size_t)n : 0;
    put(out, names);
    if (column + 2 > TEXT_AT) {
        put(out, "\n");
        column = 0;
    }
    char default_text[60];
    describe_default(default_text, sizeof default_text, option, settings);
    char *help = alloc_printf("%s%s", option->help, default_text);
    put_blanks(out, TEXT_AT - column);
    put_wrapped(out, help, TEXT_AT, TEXT_AT);
    free(help);
}

void options_help(struct text_out *out, const struct options_spec *spec, const void *settings) {
    put(out, "usage: ");
    put(out, spec->usage);
    put(out, "\n\n");
    put_wrapped(out, spec->intro, 0, 0);
    bool headed = false;
    for (size_t i = 0; i < spec->n_table; i++) {
        const struct option *option = &spec->table[i];
        if (option->kind == OPTION_HEADING) {
            put(out, "\n");
            put(out, option->name);
            put(out, ":\n");
            headed = true;
            continue;
        }
        if (!headed) {
            put(out, "\nOptions:\n");
            headed = true;
        }
        put_option(out, option, settings);
    }
    static const struct option common[] = {
        {.name = "help", .letter = 'h', .kind = OPTION_FLAG, .help = "show this help"},
        {.name = "version", .kind = OPTION_FLAG, .help = "show the version"},
    };
    for (size_t i = 0; i < N_OF(common); i++) {
        put_option(out, &common[i], settings);
    }
    put(out, "\nExamples:\n");
    put(out, spec->examples);
}
