/**
 * keywords.c - the table of the keywords of JSON Schema: which say something of a value's
 * form, and of values of which types.
 */
#include "constrain/json/keywords.h"

#include <string.h>

#include "base/size.h"

#define AT(member) offsetof(struct shape, member)

static const struct keyword keywords[] = {
    {"$schema", KEYWORD_NOTE, 0, 0},
    {"$comment", KEYWORD_NOTE, 0, 0},
    {"$defs", KEYWORD_NOTE, 0, 0},
    {"$anchor", KEYWORD_NOTE, 0, 0},
    {"$vocabulary", KEYWORD_REFUSED, JSON_ALL, 0},
    {"$id", KEYWORD_SPECIAL, JSON_ALL, 0},
    {"$dynamicAnchor", KEYWORD_REFUSED, JSON_ALL, 0},
    {"$dynamicRef", KEYWORD_REFUSED, JSON_ALL, 0},
    {"$recursiveRef", KEYWORD_REFUSED, JSON_ALL, 0},
    {"definitions", KEYWORD_NOTE, 0, 0},
    {"title", KEYWORD_NOTE, 0, 0},
    {"description", KEYWORD_NOTE, 0, 0},
    {"default", KEYWORD_NOTE, 0, 0},
    {"example", KEYWORD_NOTE, 0, 0},
    {"examples", KEYWORD_NOTE, 0, 0},
    {"deprecated", KEYWORD_NOTE, 0, 0},
    {"readOnly", KEYWORD_NOTE, 0, 0},
    {"writeOnly", KEYWORD_NOTE, 0, 0},
    {"contentEncoding", KEYWORD_NOTE, 0, 0},
    {"contentMediaType", KEYWORD_NOTE, 0, 0},
    {"contentSchema", KEYWORD_NOTE, 0, 0},
    {"$ref", KEYWORD_ELSE, 0, 0},
    {"allOf", KEYWORD_ELSE, 0, 0},
    {"dependentRequired", KEYWORD_ELSE, 0, 0},
    {"dependentSchemas", KEYWORD_ELSE, 0, 0},
    {"properties", KEYWORD_ELSE, 0, 0},
    {"required", KEYWORD_ELSE, 0, 0},
    {"additionalProperties", KEYWORD_ELSE, 0, 0},
    {"items", KEYWORD_ELSE, 0, 0},
    {"prefixItems", KEYWORD_ELSE, 0, 0},
    {"additionalItems", KEYWORD_ELSE, 0, 0},
    {"type", KEYWORD_SPECIAL, 0, 0},
    {"enum", KEYWORD_SPECIAL, 0, 0},
    {"const", KEYWORD_SPECIAL, 0, 0},
    {"anyOf", KEYWORD_SPECIAL, 0, 0},
    {"oneOf", KEYWORD_SPECIAL, 0, 0},
    {"not", KEYWORD_SPECIAL, JSON_ALL, 0},
    {"if", KEYWORD_ELSE, 0, 0},
    {"then", KEYWORD_ELSE, 0, 0},
    {"else", KEYWORD_ELSE, 0, 0},
    {"dependencies", KEYWORD_SPECIAL, JSON_OBJECT, 0},
    {"minimum", KEYWORD_SPECIAL, JSON_NUMBER, 0},
    {"maximum", KEYWORD_SPECIAL, JSON_NUMBER, 0},
    {"exclusiveMinimum", KEYWORD_SPECIAL, JSON_NUMBER, 0},
    {"exclusiveMaximum", KEYWORD_SPECIAL, JSON_NUMBER, 0},
    {"multipleOf", KEYWORD_SPECIAL, JSON_NUMBER, 0},
    {"minLength", KEYWORD_COUNT, JSON_STRING, AT(min_length)},
    {"maxLength", KEYWORD_LIMIT, JSON_STRING, AT(max_length)},
    {"pattern", KEYWORD_SPECIAL, JSON_STRING, 0},
    {"format", KEYWORD_SPECIAL, JSON_STRING, 0},
    {"minItems", KEYWORD_COUNT, JSON_ARRAY, AT(min_items)},
    {"maxItems", KEYWORD_LIMIT, JSON_ARRAY, AT(max_items)},
    {"uniqueItems", KEYWORD_SPECIAL, JSON_ARRAY, 0},
    {"contains", KEYWORD_SPECIAL, JSON_ARRAY, 0},
    {"minContains", KEYWORD_SPECIAL, JSON_ARRAY, 0},
    {"maxContains", KEYWORD_SPECIAL, JSON_ARRAY, 0},
    {"unevaluatedItems", KEYWORD_REFUSED, JSON_ARRAY, 0},
    {"minProperties", KEYWORD_COUNT, JSON_OBJECT, AT(min_members)},
    {"maxProperties", KEYWORD_LIMIT, JSON_OBJECT, AT(max_members)},
    {"patternProperties", KEYWORD_ELSE, 0, 0},
    {"propertyNames", KEYWORD_SPECIAL, JSON_OBJECT, 0},
    {"unevaluatedProperties", KEYWORD_REFUSED, JSON_OBJECT, 0},
    {"x-gen-none-of", KEYWORD_SPECIAL, JSON_STRING, 0}, /* json/negate.c */
};

const struct keyword *json_keyword(const char *name) {
    for (size_t i = 0; i < N_OF(keywords); i++) {
        if (strcmp(keywords[i].name, name) == 0) {
            return &keywords[i];
        }
    }
    return NULL;
}

bool schema_is_note(const char *name) {
    const struct keyword *keyword = json_keyword(name);
    return keyword != NULL ? keyword->kind == KEYWORD_NOTE : strncmp(name, "x-", 2) == 0;
}
