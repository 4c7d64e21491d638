/**
 * forms.c - makes forms of strings, each as a tree of its own.
 */
#include "constrain/json/forms.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "constrain/regex/regex.h"

/* Add a tree, whose text is `node`. */
static bool add_form(struct schema_builder *builder, struct languages *languages,
                     struct syntax *syntax, uint32_t node) {
    struct gen_error err = {0};
    if (!syntax->no_memory) {
        syntax->rules[0].node = node;
    }
    enum gen_status status = languages_add(languages, syntax, &err);
    if (status == GEN_NO_MEMORY) {
        builder->syntax->no_memory = builder->failed = true;
    } else if (status != GEN_OK) {
        schema_refuse(builder, "%s", err.message);
    }
    return status == GEN_OK;
}

static uint32_t in_quotes(struct syntax *syntax, uint32_t node) {
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, syntax_bytes(syntax, "\"", 1));
    syntax_append(syntax, list, node);
    syntax_append(syntax, list, syntax_bytes(syntax, "\"", 1));
    return list;
}

bool schema_form_length(struct schema_builder *builder, struct languages *languages, uint32_t low,
                        uint32_t high) {
    struct syntax syntax;
    uint32_t node = 0;
    if (syntax_init(&syntax)) {
        node = in_quotes(
            &syntax, syntax_repeat(&syntax, json_text_chars(&syntax, NULL, 0, true), low, high));
    }
    return add_form(builder, languages, &syntax, node);
}

bool schema_form_regex(struct schema_builder *builder, struct languages *languages,
                       const char *what, const char *regex) {
    struct syntax syntax;
    uint32_t node = 0;
    struct gen_error err = {0};
    if (syntax_init(&syntax) &&
        regex_parse(&node, &syntax, regex, strlen(regex), json_text_chars, true, &err) != GEN_OK) {
        struct error_quoted quoted;
        schema_refuse(builder, "%s \"%s\": %s", what, error_quote(&quoted, regex, strlen(regex)),
                      err.message);
        syntax_release(&syntax);
        return false;
    }
    node = in_quotes(&syntax, node);
    return add_form(builder, languages, &syntax, node);
}

bool schema_form_texts(struct schema_builder *builder, struct languages *languages,
                       const char *const *texts, size_t n) {
    struct syntax syntax;
    uint32_t list = 0;
    if (syntax_init(&syntax)) {
        list = syntax_list(&syntax, SYNTAX_CHOICE);
        for (size_t i = 0; i < n; i++) {
            syntax_append(&syntax, list, json_text_quoted(&syntax, texts[i]));
        }
    }
    return add_form(builder, languages, &syntax, list);
}

static void want(const struct languages *languages, struct forms_wanted *wanted, bool has) {
    unsigned bit = 1u << (languages->n - 1);
    wanted->mask |= bit;
    wanted->forms |= has ? bit : 0;
}

/* The texts of an array, or one that is a text. */
static bool add_texts(struct schema_builder *builder, struct languages *languages,
                      const cJSON *values, struct forms_wanted *wanted, bool has) {
    size_t n = 0;
    bool is_list = cJSON_IsArray(values);
    size_t most = is_list ? (size_t)cJSON_GetArraySize(values) : 1;
    const char **texts = memory_new(most + 1, sizeof *texts);
    if (texts == NULL) {
        builder->syntax->no_memory = builder->failed = true;
        return false;
    }
    for (const cJSON *item = is_list ? values->child : values; item != NULL;
         item = is_list ? item->next : NULL) {
        if (cJSON_IsString(item)) {
            texts[n++] = item->valuestring;
        }
    }
    bool good = schema_form_texts(builder, languages, texts, n);
    memory_free(texts);
    if (good) {
        want(languages, wanted, has);
    }
    return good;
}

bool schema_forms_of(struct schema_builder *builder, struct languages *languages,
                     const struct shape *shape, struct forms_wanted *wanted) {
    bool good = true;
    if (shape->min_length > 0 || shape->max_length != SYNTAX_NO_LIMIT) {
        good = schema_form_length(builder, languages, shape->min_length, shape->max_length);
        want(languages, wanted, true);
    }
    for (size_t i = 0; i < shape->n_patterns && good; i++) {
        good = schema_form_regex(builder, languages, "pattern", shape->patterns[i]->valuestring);
        want(languages, wanted, true);
    }
    if (good && shape->format != NULL) {
        const char *regex = schema_format_regex(shape->format);
        struct error_quoted quoted;
        if (regex == NULL) {
            schema_refuse(builder, "the format \"%s\" is not supported",
                          error_quote(&quoted, shape->format, strlen(shape->format)));
            return false;
        }
        good = schema_form_regex(builder, languages, "format", regex);
        want(languages, wanted, true);
    }
    for (size_t i = 0; i < shape->n_none_of && good; i++) {
        good = add_texts(builder, languages, shape->none_of[i], wanted, false);
    }
    if (good && shape->values != NULL) {
        good = add_texts(builder, languages, shape->values, wanted, true);
    }
    return good;
}

bool schema_forms_build(struct schema_builder *builder, struct languages *languages) {
    struct gen_error err = {0};
    enum gen_status status = languages_build(languages, &err);
    if (status == GEN_NO_MEMORY) {
        builder->syntax->no_memory = builder->failed = true;
    } else if (status != GEN_OK) {
        schema_refuse(builder, "%s", err.message);
    }
    return status == GEN_OK;
}
