/**
 * negate.c - schemas that are made of others: what `not` of a schema is, and what if/then/else
 * and oneOf are in terms of anyOf and not. All that hold is a schema again, so nothing else knows
 * of it.
 */
#include <math.h>
#include <string.h>

#include "constrain/json/parts.h"

/* A keyword of our own: an array of texts, none of which a string is. */
#define NONE_OF "x-gen-none-of"

static cJSON *typed(const char *type) {
    cJSON *schema = cJSON_CreateObject();
    cJSON_AddStringToObject(schema, "type", type);
    return schema;
}

static void add(cJSON *list, cJSON *item) {
    if (item != NULL) {
        cJSON_AddItemToArray(list, item);
    }
}

/* {"not": {"type": types}}, which json/shape.c knows. */
static cJSON *not_type(const cJSON *types) {
    cJSON *schema = cJSON_CreateObject(), *inner = cJSON_AddObjectToObject(schema, "not");
    cJSON_AddItemToObject(inner, "type", cJSON_Duplicate(types, true));
    return schema;
}

/* A number, length or count on the other side of a bound. */
static cJSON *not_bound(const cJSON *bound) {
    static const char *const numbers[][2] = {{"minimum", "exclusiveMaximum"},
                                             {"maximum", "exclusiveMinimum"},
                                             {"exclusiveMinimum", "maximum"},
                                             {"exclusiveMaximum", "minimum"}};
    static const char *const counts[][3] = {{"minLength", "maxLength", "string"},
                                            {"maxLength", "minLength", "string"},
                                            {"minItems", "maxItems", "array"},
                                            {"maxItems", "minItems", "array"},
                                            {"minProperties", "maxProperties", "object"},
                                            {"maxProperties", "minProperties", "object"}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (strcmp(bound->string, numbers[i][0]) == 0) {
            cJSON *schema = typed("number");
            cJSON_AddNumberToObject(schema, numbers[i][1], bound->valuedouble);
            return schema;
        }
    }
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (strcmp(bound->string, counts[i][0]) == 0) {
            bool is_low = counts[i][0][1] == 'i';
            double other = bound->valuedouble + (is_low ? -1 : 1);
            cJSON *schema = typed(counts[i][2]);
            cJSON_AddNumberToObject(schema, counts[i][1], other);
            return other >= 0 ? schema : (cJSON_Delete(schema), cJSON_CreateFalse());
        }
    }
    return NULL;
}

/* Any value but this one; NULL: that cannot be said. */
static cJSON *not_value(const cJSON *value) {
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, "anyOf");
    const char *type = cJSON_IsNull(value)     ? "null"
                       : cJSON_IsBool(value)   ? "boolean"
                       : cJSON_IsNumber(value) ? "number"
                       : cJSON_IsString(value) ? "string"
                                               : NULL;
    if (type == NULL) {
        cJSON_Delete(schema);
        return NULL;
    }
    cJSON *name = cJSON_CreateString(type);
    add(list, not_type(name));
    cJSON_Delete(name);
    if (cJSON_IsBool(value)) {
        cJSON *other = cJSON_CreateObject();
        cJSON_AddBoolToObject(other, "const", !cJSON_IsTrue(value));
        add(list, other);
    } else if (cJSON_IsNumber(value)) {
        cJSON *below = typed("number"), *above = typed("number");
        cJSON_AddNumberToObject(below, "exclusiveMaximum", value->valuedouble);
        cJSON_AddNumberToObject(above, "exclusiveMinimum", value->valuedouble);
        add(list, below);
        add(list, above);
    } else if (cJSON_IsString(value)) {
        cJSON *other = typed("string"), *names = cJSON_AddArrayToObject(other, NONE_OF);
        add(names, cJSON_Duplicate(value, true));
        add(list, other);
    }
    return schema;
}

/* A value that is no text, or none of these. */
static cJSON *not_texts(cJSON *texts) {
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, "anyOf");
    cJSON *name = cJSON_CreateString("string"), *other = typed("string");
    add(list, not_type(name));
    cJSON_AddItemToObject(other, NONE_OF, texts);
    add(list, other);
    cJSON_Delete(name);
    return schema;
}

static cJSON *not_values(const cJSON *values) {
    cJSON *schema = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(schema, "allOf");
    cJSON *texts = cJSON_CreateArray();
    bool good = true;
    for (const cJSON *value = values->child; value != NULL && good; value = value->next) {
        cJSON *other = cJSON_IsString(value) ? NULL : not_value(value);
        good = other != NULL || cJSON_IsString(value);
        add(all, other);
        add(texts, cJSON_IsString(value) ? cJSON_Duplicate(value, true) : NULL);
    }
    if (good && texts->child != NULL) {
        add(all, not_texts(texts));
    } else {
        cJSON_Delete(texts);
    }
    if (!good) {
        cJSON_Delete(schema);
        schema = NULL;
    }
    return schema;
}

/* An object that lacks one of the names. */
static cJSON *not_required(const cJSON *names) {
    cJSON *schema = typed("object"), *list = cJSON_AddArrayToObject(schema, "anyOf");
    for (const cJSON *name = names->child; name != NULL; name = name->next) {
        cJSON *one = cJSON_CreateObject(), *members = cJSON_AddObjectToObject(one, "properties");
        cJSON_AddFalseToObject(members, cJSON_IsString(name) ? name->valuestring : "");
        add(list, one);
    }
    return names->child != NULL ? schema : (cJSON_Delete(schema), cJSON_CreateFalse());
}

/* An object one of whose members is there and is not what it should be. */
static cJSON *not_properties(const cJSON *properties) {
    cJSON *schema = typed("object"), *list = cJSON_AddArrayToObject(schema, "anyOf");
    for (const cJSON *item = properties->child; item != NULL; item = item->next) {
        cJSON *one = cJSON_CreateObject(), *members = cJSON_AddObjectToObject(one, "properties");
        cJSON *names = cJSON_AddArrayToObject(one, "required");
        cJSON *other = cJSON_AddObjectToObject(members, item->string);
        cJSON_AddItemToObject(other, "not", cJSON_Duplicate(item, true));
        add(names, cJSON_CreateString(item->string));
        add(list, one);
    }
    return properties->child != NULL ? schema : (cJSON_Delete(schema), cJSON_CreateFalse());
}

static cJSON *not_schema(const cJSON *schema) {
    cJSON *outer = cJSON_CreateObject();
    cJSON_AddItemToObject(outer, "not", cJSON_Duplicate(schema, true));
    return outer;
}

/* Of a list of schemas, each with `not`, as all or any of them. */
static cJSON *not_list(const cJSON *list, const char *keyword) {
    cJSON *schema = cJSON_CreateObject(), *others = cJSON_AddArrayToObject(schema, keyword);
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        add(others, not_schema(item));
    }
    return schema;
}

/* What fails one keyword; NULL: that cannot be said. */
static cJSON *not_keyword(const cJSON *keyword) {
    const char *name = keyword->string;
    if (strcmp(name, "type") == 0) {
        return not_type(keyword);
    }
    if (strcmp(name, "const") == 0) {
        return not_value(keyword);
    }
    if (strcmp(name, "enum") == 0 && cJSON_IsArray(keyword)) {
        return not_values(keyword);
    }
    if (strcmp(name, "required") == 0 && cJSON_IsArray(keyword)) {
        return not_required(keyword);
    }
    if (strcmp(name, "properties") == 0 && cJSON_IsObject(keyword)) {
        return not_properties(keyword);
    }
    if (strcmp(name, "anyOf") == 0 && cJSON_IsArray(keyword)) {
        return not_list(keyword, "allOf");
    }
    if (strcmp(name, "allOf") == 0 && cJSON_IsArray(keyword)) {
        return not_list(keyword, "anyOf");
    }
    if (strcmp(name, "not") == 0) {
        return cJSON_Duplicate(keyword, true);
    }
    return cJSON_IsNumber(keyword) ? not_bound(keyword) : NULL;
}

cJSON *schema_negate(const cJSON *schema) {
    if (cJSON_IsBool(schema)) {
        return cJSON_CreateBool(!cJSON_IsTrue(schema));
    }
    cJSON *outer = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(outer, "anyOf");
    bool good = cJSON_IsObject(schema), any = false;
    for (const cJSON *item = good ? schema->child : NULL; item != NULL && good; item = item->next) {
        if (schema_is_note(item->string)) {
            continue;
        }
        cJSON *other = not_keyword(item);
        good = other != NULL;
        any = true;
        add(list, other);
    }
    if (!good || !any) {
        cJSON_Delete(outer);
        return good ? cJSON_CreateFalse() : NULL;
    }
    return outer;
}

cJSON *schema_choose(const cJSON *schema) {
    const cJSON *when = json_member(schema, "if"), *then = json_member(schema, "then");
    const cJSON *otherwise = json_member(schema, "else");
    cJSON *outer = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(outer, "anyOf");
    for (int i = 0; i < 2; i++) {
        const cJSON *branch = i == 0 ? then : otherwise;
        cJSON *one = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(one, "allOf");
        add(all, i == 0 ? cJSON_Duplicate(when, true) : not_schema(when));
        add(all, branch != NULL ? cJSON_Duplicate(branch, true) : NULL);
        add(list, one);
    }
    return outer;
}

cJSON *schema_only_one(const cJSON *one_of, const cJSON *branch) {
    cJSON *outer = cJSON_CreateObject(), *all = cJSON_AddArrayToObject(outer, "allOf");
    add(all, cJSON_Duplicate(branch, true));
    for (const cJSON *other = one_of->child; other != NULL; other = other->next) {
        if (other != branch) {
            add(all, not_schema(other));
        }
    }
    return outer;
}
