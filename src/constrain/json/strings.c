/**
 * strings.c - strings of a JSON schema: lengths, patterns, formats, and names that are not
 * some others.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "constrain/json/forms.h"
#include "constrain/regex/regex.h"

#define LONGEST_NAME 1000

/* ---- strings ---------------------------------------------------------------------------------*/

static uint32_t in_quotes(struct syntax *syntax, uint32_t node) {
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, syntax_bytes(syntax, "\"", 1));
    syntax_append(syntax, list, node);
    syntax_append(syntax, list, syntax_bytes(syntax, "\"", 1));
    return list;
}

static uint32_t matching(struct schema_builder *builder, const char *what, const char *regex) {
    uint32_t node = 0;
    struct gen_error err = {0};
    if (regex_parse(&node, builder->syntax, regex, strlen(regex), json_text_chars, true, &err) !=
        GEN_OK) {
        struct error_quoted quoted;
        schema_refuse(builder, "%s \"%s\": %s", what, error_quote(&quoted, regex, strlen(regex)),
                      err.message);
    }
    return in_quotes(builder->syntax, node);
}

/* A string that is none of the texts of an array. */
static uint32_t other_texts(struct schema_builder *builder, const cJSON *texts) {
    size_t n = 0;
    const char **names = memory_new((size_t)cJSON_GetArraySize(texts) + 1, sizeof *names);
    if (names == NULL) {
        builder->syntax->no_memory = true;
        return 0;
    }
    for (const cJSON *text = texts->child; text != NULL; text = text->next) {
        names[n++] = text->valuestring;
    }
    uint32_t node = schema_other_names(builder, names, n);
    memory_free(names);
    return node;
}

/* A string with several forms at once. */
static uint32_t several_forms(struct schema_builder *builder, const struct shape *shape) {
    struct languages languages = {0};
    struct forms_wanted wanted = {0};
    uint32_t node = 0;
    if (schema_form_length(builder, &languages, 0, SYNTAX_NO_LIMIT) &&
        schema_forms_of(builder, &languages, shape, &wanted) &&
        schema_forms_build(builder, &languages)) {
        node = languages_emit(&languages, builder->syntax, wanted.mask, wanted.forms);
    }
    languages_release(&languages);
    return node;
}

uint32_t schema_string(struct schema_builder *builder, const struct shape *shape) {
    struct syntax *syntax = builder->syntax;
    bool has_length = shape->min_length > 0 || shape->max_length != SYNTAX_NO_LIMIT;
    size_t n_forms = shape->n_patterns + (shape->format != NULL ? 1 : 0) + shape->n_none_of;
    if (shape->min_length > shape->max_length) {
        return syntax_list(syntax, SYNTAX_CHOICE);
    }
    if (n_forms == 0) {
        return !has_length ? syntax_use(syntax, builder->text.string)
                           : in_quotes(syntax, syntax_repeat(syntax, json_text_any_char(syntax),
                                                             shape->min_length, shape->max_length));
    }
    if (n_forms > 1 || has_length) {
        return several_forms(builder, shape);
    }
    if (shape->n_none_of > 0) {
        return other_texts(builder, shape->none_of[0]);
    }
    if (shape->n_patterns > 0) {
        return matching(builder, "pattern", shape->patterns[0]->valuestring);
    }
    const char *regex = schema_format_regex(shape->format);
    if (regex == NULL) {
        struct error_quoted quoted;
        schema_refuse(builder, "the format \"%s\" is not supported",
                      error_quote(&quoted, shape->format, strlen(shape->format)));
        return 0;
    }
    return matching(builder, "format", regex);
}

/* ---- names -----------------------------------------------------------------------------------*/

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static uint32_t any_rest(struct syntax *syntax) {
    return syntax_repeat(syntax, json_text_chars(syntax, NULL, 0, true), 0, SYNTAX_NO_LIMIT);
}

/* What is none of these names, which are sorted and agree in the bytes before `at`. */
static uint32_t none_of(struct syntax *syntax, const char *const *names, size_t n, size_t at) {
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    struct syntax_range *known = memory_new(n + 1, sizeof *known);
    size_t n_known = 0;
    if (known == NULL) {
        syntax->no_memory = true;
        return list;
    }
    if (n > 0 && names[0][at] == '\0') {
        names++;
        n--;
    } else {
        syntax_append(syntax, list, syntax_empty(syntax));
    }
    for (size_t i = 0; i < n && !syntax->no_memory;) {
        uint32_t code = 0;
        const char *next = names[i] + at;
        int length = bytes_utf8((const unsigned char *)next, strlen(next), &code);
        size_t end = i + 1;
        while (end < n && strncmp(names[end] + at, next, (size_t)length) == 0) {
            end++;
        }
        known[n_known++] = (struct syntax_range){code, code};
        uint32_t pair = syntax_list(syntax, SYNTAX_SEQUENCE);
        syntax_append(syntax, pair, json_text_chars(syntax, &known[n_known - 1], 1, false));
        syntax_append(syntax, pair, none_of(syntax, names + i, end - i, at + (size_t)length));
        syntax_append(syntax, list, pair);
        i = end;
    }
    uint32_t other = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, other, json_text_chars(syntax, known, n_known, true));
    syntax_append(syntax, other, any_rest(syntax));
    syntax_append(syntax, list, other);
    memory_free(known);
    return list;
}

uint32_t schema_other_names(struct schema_builder *builder, const char *const *names, size_t n) {
    struct syntax *syntax = builder->syntax;
    const char **sorted = memory_new(n + 1, sizeof *sorted);
    if (sorted == NULL) {
        syntax->no_memory = true;
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        sorted[i] = names[i];
        if (strlen(names[i]) > LONGEST_NAME) {
            schema_refuse(builder, "a name has more than %d bytes", LONGEST_NAME);
        }
    }
    if (n > 1) {
        qsort(sorted, n, sizeof *sorted, by_text);
    }
    uint32_t node = builder->failed ? 0 : in_quotes(syntax, none_of(syntax, sorted, n, 0));
    memory_free(sorted);
    return node;
}
