/**
 * names.c - names of members that patternProperties and propertyNames speak of.
 */
#include <string.h>

#include "base/error.h"
#include "constrain/json/forms.h"

static bool counts(const struct schema_member *member) {
    return (member->done & SCHEMA_ONLY_REF) == 0;
}

/* The form of a pattern; n of all where it is new. */
static size_t find_pattern(const struct schema_names *it, const char *pattern) {
    size_t at = 0;
    while (at < it->n_patterns && strcmp(it->patterns[at], pattern) != 0) {
        at++;
    }
    return at;
}

static bool add_patterns(struct schema_builder *builder, struct schema_names *it,
                         const cJSON *patterns) {
    if (!cJSON_IsObject(patterns)) {
        schema_refuse(builder, "patternProperties must be an object");
        return false;
    }
    bool good = true;
    for (const cJSON *item = patterns->child; item != NULL && good; item = item->next) {
        if (find_pattern(it, item->string) == it->n_patterns) {
            good = schema_form_regex(builder, &it->languages, "patternProperties", item->string);
            if (good) {
                it->patterns[it->n_patterns++] = item->string;
            }
        }
    }
    return good;
}

/* What propertyNames says of names, which are strings. */
static bool add_names(struct schema_builder *builder, struct schema_names *it,
                      const cJSON *schema) {
    struct schema_set set = {0};
    schema_set_add(builder, &set, schema, 0);
    schema_set_expand(builder, &set);
    const struct shape shape = schema_shape(builder, &set);
    schema_set_release(&set);
    bool is_never = set.never || (shape.types & JSON_STRING) == 0;
    if (shape.alternatives_of != NULL || schema_refused(&shape, JSON_STRING) != NULL) {
        schema_refuse(builder, "the keyword \"propertyNames\" is not supported with anyOf, oneOf "
                               "and what strings cannot have");
    }
    if (builder->failed) {
        return false;
    }
    if (is_never) {
        it->wanted.mask |= 1; /* form 0, which all have */
        return true;
    }
    return schema_forms_of(builder, &it->languages, &shape, &it->wanted);
}

bool schema_names_init(struct schema_builder *builder, struct schema_names *it,
                       const struct schema_set *set, const char *const *names, size_t n) {
    *it = (struct schema_names){0};
    bool good = true;
    for (size_t i = 0; i < set->n && good; i++) {
        it->any = it->any || (counts(&set->members[i]) &&
                              (json_member(set->members[i].schema, "patternProperties") != NULL ||
                               json_member(set->members[i].schema, "propertyNames") != NULL));
    }
    if (!it->any) {
        return true;
    }
    good = schema_form_length(builder, &it->languages, 0, SYNTAX_NO_LIMIT) &&
           schema_form_texts(builder, &it->languages, names, n);
    /* Patterns first: theirs are the forms from 2 on. */
    for (size_t i = 0; i < set->n && good; i++) {
        const cJSON *patterns = json_member(set->members[i].schema, "patternProperties");
        good = patterns == NULL || !counts(&set->members[i]) || add_patterns(builder, it, patterns);
    }
    for (size_t i = 0; i < set->n && good; i++) {
        const cJSON *of_names = json_member(set->members[i].schema, "propertyNames");
        good = of_names == NULL || !counts(&set->members[i]) || add_names(builder, it, of_names);
    }
    return good && schema_forms_build(builder, &it->languages);
}

static bool is_allowed(const struct schema_names *it, unsigned forms) {
    return (forms & it->wanted.mask) == it->wanted.forms;
}

bool schema_names_forms(struct schema_builder *builder, const struct schema_names *it,
                        const char *name, unsigned *forms) {
    struct syntax syntax;
    bool good = syntax_init(&syntax);
    *forms = 0;
    if (good) {
        /* The name as it is spelled. */
        json_text_quoted(&syntax, name);
        good = !syntax.no_memory &&
               languages_forms(&it->languages, syntax.bytes.data, syntax.bytes.n, forms) &&
               is_allowed(it, *forms);
    }
    builder->syntax->no_memory = builder->syntax->no_memory || syntax.no_memory;
    syntax_release(&syntax);
    return good;
}

bool schema_names_add(struct schema_builder *builder, const struct schema_names *it,
                      struct schema_set *values, const cJSON *schema, unsigned forms) {
    const cJSON *patterns = json_member(schema, "patternProperties");
    bool found = false;
    for (const cJSON *item = cJSON_IsObject(patterns) ? patterns->child : NULL; item != NULL;
         item = item->next) {
        if ((forms >> (2 + find_pattern(it, item->string)) & 1) != 0) {
            schema_set_add(builder, values, item, 0);
            found = true;
        }
    }
    return found;
}

void schema_names_release(struct schema_names *it) {
    languages_release(&it->languages);
}
