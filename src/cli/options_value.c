/**
 * options_value.c - the value of one option, from text into the settings: numbers in their range,
 * choices by name, flags, lists. Which options there are on a command line is options.c's to find.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/field.h"
#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/options.h"

_Static_assert(sizeof(int) == sizeof(int32_t), "OPTION_INT fills both int and int32_t");

/* ---- numbers ---------------------------------------------------------------------------------*/

bool options_parse_int(int64_t *value, const char *text) {
    if (text[strspn(text, "+-0123456789")] != '\0' || *text == '\0') {
        return false;
    }
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return *end == '\0' && errno == 0;
}

static bool parse_uint64(uint64_t *value, const char *text) {
    if (text[strspn(text, "0123456789")] != '\0' || *text == '\0') {
        return false;
    }
    errno = 0;
    *value = strtoull(text, NULL, 10);
    return errno == 0;
}

bool options_parse_double(double *value, const char *text) {
    if (text[strspn(text, "+-.0123456789eE")] != '\0' || *text == '\0') {
        return false;
    }
    char *end;
    *value = strtod(text, &end);
    return *end == '\0' && isfinite(*value);
}

/* "from 0 to 1", "above 0, up to 1" */
static void describe_range(char *text, size_t size, const struct option *option) {
    const struct option_range *range = &option->range;
    if (option->kind == OPTION_UINT64) {
        snprintf(text, size, "from 0 to %llu", (unsigned long long)UINT64_MAX);
    } else {
        snprintf(text, size, range->above_min ? "above %.10g, up to %.10g" : "from %.10g to %.10g",
                 range->min, range->max);
    }
}

static bool in_range(const struct option_range *range, double value) {
    return value <= range->max && (range->above_min ? value > range->min : value >= range->min);
}

/* Read the number of a numeric option into *value; false if it is none or out of range. */
static bool parse_number(void *value, const struct option *option, const char *text) {
    int64_t integer;
    double number;
    switch (option->kind) {
    case OPTION_UINT64:
        return parse_uint64(value, text);
    case OPTION_INT:
        if (!options_parse_int(&integer, text) || !in_range(&option->range, (double)integer)) {
            return false;
        }
        *(int32_t *)value = (int32_t)integer;
        return true;
    default:
        /* The float may be 0, below the range, where the text was not, and above 0.99, which is
           no float, where the text was just that. */
        if (!options_parse_double(&number, text) || number > option->range.max ||
            !in_range(&option->range, fmin((double)(float)number, option->range.max))) {
            return false;
        }
        *(float *)value = (float)number;
        return true;
    }
}

/* ---- setting ---------------------------------------------------------------------------------*/

/* Capitals do not matter: llama.cpp writes its types Q4_K_M. */
static bool set_choice(void *value, const struct option *option, const char *text,
                       struct gen_error *err) {
    struct gen_bytes all = {0};
    bool found = false;
    for (int32_t i = 0; option->choices[i] != NULL && !found; i++) {
        found = strcasecmp(option->choices[i], text) == 0;
        if (found) {
            *(int32_t *)value = i;
        }
        alloc_append(&all, i > 0 ? ", " : "", i > 0 ? 2 : 0);
        alloc_append(&all, option->choices[i], strlen(option->choices[i]));
    }
    if (!found) {
        message_set(err, GEN_BAD_ARGUMENT, "--%s: \"%.80s\" is none of its values (%.*s)",
                    option->name, text, (int)all.n, all.data);
    }
    gen_bytes_release(&all);
    return found;
}

static bool set_number(void *value, const struct option *option, const char *text,
                       struct gen_error *err) {
    if (parse_number(value, option, text)) {
        return true;
    }
    char range[100];
    describe_range(range, sizeof range, option);
    message_set(err, GEN_BAD_ARGUMENT, "--%s: \"%.80s\" is not %s %s", option->name, text,
                option->kind == OPTION_FLOAT ? "a number" : "a whole number", range);
    return false;
}

bool option_set(void *settings, const struct option *option, const char *text,
                struct gen_error *err) {
    void *value = field_at(settings, option->offset);
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)value = true;
        return true;
    case OPTION_STRING:
        *(const char **)value = text;
        return true;
    case OPTION_LIST: {
        struct option_list *list = value;
        alloc_grow(&list->data, &list->capacity, list->n + 1, sizeof *list->data);
        list->data[list->n++] = text;
        return true;
    }
    case OPTION_CHOICE:
        return set_choice(value, option, text, err);
    default:
        return set_number(value, option, text, err);
    }
}
