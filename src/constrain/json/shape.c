/**
 * shape.c - what a set of schemas says together: the keywords of all of them as one shape.
 * Every keyword is in the table; what is not is refused, as is what is not supported, where it
 * could mean something.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "constrain/json/keywords.h"

/* ---- keywords with a case of their own -------------------------------------------------------*/

static void refuse_here(struct shape *shape, const struct keyword *keyword) {
    for (unsigned i = 0; i < N_OF(shape->refused); i++) {
        bool speaks_of = (keyword->types >> i & 1) != 0;
        if (speaks_of && shape->refused[i] == NULL) {
            shape->refused[i] = keyword->name;
        }
    }
}

const char *schema_refused(const struct shape *shape, unsigned types) {
    for (unsigned i = 0; i < N_OF(shape->refused); i++) {
        if ((types >> i & 1) != 0 && shape->refused[i] != NULL) {
            return shape->refused[i];
        }
    }
    return NULL;
}

static unsigned type_bit(const char *name) {
    static const char *const names[] = {"null", "boolean", "object", "array", "number", "string"};
    for (unsigned i = 0; i < N_OF(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return 1u << i;
        }
    }
    return 0;
}

/* What `type` says: bits, and whether numbers are whole ones only. */
static unsigned types_of(struct schema_builder *builder, const cJSON *type, bool *integer) {
    unsigned types = 0;
    bool whole = false;
    const cJSON *item = cJSON_IsArray(type) ? type->child : type;
    for (; item != NULL; item = cJSON_IsArray(type) ? item->next : NULL) {
        const char *name = cJSON_IsString(item) ? item->valuestring : "";
        unsigned bit = type_bit(name);
        if (bit == 0 && strcmp(name, "integer") != 0) {
            struct error_quoted quoted;
            schema_refuse(builder, "type \"%s\" is none of JSON",
                          error_quote(&quoted, name, strlen(name)));
        }
        whole = whole || bit == 0;
        types |= bit;
    }
    *integer = whole && (types & JSON_NUMBER) == 0;
    return types | (whole ? (unsigned)JSON_NUMBER : 0);
}

static void take_bound(struct schema_builder *builder, struct shape *shape, const cJSON *item) {
    bool is_low = strstr(item->string, "inimum") != NULL;
    bool out = strncmp(item->string, "exclusive", 9) == 0;
    double value = item->valuedouble;
    if (!cJSON_IsNumber(item)) {
        schema_refuse(builder, "%s is %s, but must be a number", item->string, json_kind(item));
    } else if (is_low && (!shape->has_low || value > shape->low || (value == shape->low && out))) {
        shape->has_low = true;
        shape->low = value;
        shape->low_out = out;
    } else if (!is_low &&
               (!shape->has_high || value < shape->high || (value == shape->high && out))) {
        shape->has_high = true;
        shape->high = value;
        shape->high_out = out;
    }
}

static void take_not(struct schema_builder *builder, struct shape *shape,
                     const struct keyword *keyword, const cJSON * not ) {
    const cJSON *type = json_member(not, "type");
    if (type != NULL && not ->child->next == NULL) {
        bool integer = false;
        unsigned types = types_of(builder, type, &integer);
        shape->types &= ~(integer ? types & ~(unsigned)JSON_NUMBER : types);
        shape->is_fraction = shape->is_fraction || integer;
    } else if (schema_made_of(builder, not ) == NULL) {
        refuse_here(shape, keyword);
    }
}

static void take_values(struct schema_builder *builder, struct shape *shape, const cJSON *item) {
    if (strcmp(item->string, "enum") == 0 && !cJSON_IsArray(item)) {
        schema_refuse(builder, "enum is %s, but must be an array", json_kind(item));
    }
    shape->values = shape->values == NULL ? item : shape->values;
}

static void take_alternatives(struct schema_builder *builder, struct shape *shape,
                              const struct schema_member *member, const cJSON *item) {
    bool is_any = strcmp(item->string, "anyOf") == 0;
    if (!cJSON_IsArray(item) || item->child == NULL) {
        schema_refuse(builder, "%s must be an array of schemas", item->string);
    } else if ((member->done & (is_any ? SCHEMA_ANY_OF : SCHEMA_ONE_OF)) == 0 &&
               shape->alternatives_of == NULL) {
        shape->any_of = is_any ? item : NULL;
        shape->one_of = is_any ? NULL : item;
        shape->alternatives_of = member->schema;
    }
}

static void take_pattern(struct schema_builder *builder, struct shape *shape, const cJSON *item) {
    if (!cJSON_IsString(item)) {
        schema_refuse(builder, "pattern is %s, but must be text", json_kind(item));
        return;
    }
    for (size_t i = 0; i < shape->n_patterns; i++) {
        if (strcmp(shape->patterns[i]->valuestring, item->valuestring) == 0) {
            return;
        }
    }
    if (shape->n_patterns < N_OF(shape->patterns)) {
        shape->patterns[shape->n_patterns++] = item;
    } else {
        schema_refuse(builder, "more than 4 patterns hold at one place");
    }
}

/* Whether a schema has references, which its $id would change. */
static bool has_refs(const cJSON *at) {
    bool found = at->string != NULL && strcmp(at->string, "$ref") == 0;
    for (const cJSON *child = cJSON_IsObject(at) || cJSON_IsArray(at) ? at->child : NULL;
         child != NULL && !found; child = child->next) {
        found = has_refs(child);
    }
    return found;
}

static void take_contains(struct schema_builder *builder, struct shape *shape,
                          const struct schema_member *member, const cJSON *item) {
    int64_t value = -1;
    bool is_low = strcmp(item->string, "minContains") == 0;
    if (!json_is_integer(item, &value) || value < 0 || value > 100000) {
        schema_refuse(builder, "%s must be a whole number from 0 to 100000", item->string);
    } else if (json_member(member->schema, "contains") != NULL) {
        *(is_low ? &shape->min_contains : &shape->max_contains) = (uint32_t)value;
    }
}

/* A text of the array, which json/negate.c made, is none that a string may be. */
static void take_none_of(struct schema_builder *builder, struct shape *shape, const cJSON *item) {
    bool good = cJSON_IsArray(item);
    for (const cJSON *text = good ? item->child : NULL; text != NULL; text = text->next) {
        good = good && cJSON_IsString(text);
    }
    if (good && shape->n_none_of < N_OF(shape->none_of)) {
        shape->none_of[shape->n_none_of++] = item;
    } else {
        schema_refuse(builder, "more than 4 times not and oneOf speak of texts at one place");
    }
}

/* Keywords of arrays, objects and numbers. */
static void take_parts(struct schema_builder *builder, struct shape *shape,
                       const struct schema_member *member, const struct keyword *keyword,
                       const cJSON *item) {
    const char *name = item->string;
    if (strcmp(name, "uniqueItems") == 0) {
        if (!cJSON_IsFalse(item)) {
            refuse_here(shape, keyword);
        }
    } else if (strcmp(name, "contains") == 0) {
        if (shape->contains != NULL) {
            refuse_here(shape, keyword);
        }
        shape->contains = item;
    } else if (strcmp(name, "minContains") == 0 || strcmp(name, "maxContains") == 0) {
        take_contains(builder, shape, member, item);
    } else if (strcmp(name, "dependencies") == 0) {
        if (!builder->is_old) {
            refuse_here(shape, keyword);
        }
    } else if (strcmp(name, "propertyNames") == 0) {
        if (cJSON_IsFalse(item)) {
            shape->max_members = 0;
        }
    } else {
        take_bound(builder, shape, item);
    }
}

static void take_special(struct schema_builder *builder, struct shape *shape,
                         const struct schema_member *member, const struct keyword *keyword,
                         const cJSON *item) {
    const char *name = item->string;
    if (strcmp(name, "type") == 0) {
        bool integer = false;
        shape->types &= types_of(builder, item, &integer);
        shape->is_integer = shape->is_integer || integer;
    } else if (strcmp(name, "enum") == 0 || strcmp(name, "const") == 0) {
        take_values(builder, shape, item);
    } else if (strcmp(name, "anyOf") == 0 || strcmp(name, "oneOf") == 0) {
        take_alternatives(builder, shape, member, item);
    } else if (strcmp(name, "pattern") == 0) {
        take_pattern(builder, shape, item);
    } else if (strcmp(name, "not") == 0) {
        take_not(builder, shape, keyword, item);
    } else if (strcmp(name, "multipleOf") == 0) {
        double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
        if (shape->multiple != 0 && shape->multiple != value) {
            refuse_here(shape, keyword);
        }
        shape->multiple = value;
        if (!(value > 0)) {
            schema_refuse(builder, "multipleOf must be a number above 0");
        }
    } else if (strcmp(name, "format") == 0) {
        const char *format = cJSON_IsString(item) ? item->valuestring : "";
        if (shape->format != NULL && strcmp(shape->format, format) != 0) {
            refuse_here(shape, keyword);
        }
        shape->format = format;
    } else if (strcmp(name, "x-gen-none-of") == 0) {
        take_none_of(builder, shape, item);
    } else if (strcmp(name, "$id") == 0) {
        bool is_anchor = cJSON_IsString(item) && item->valuestring[0] == '#';
        if (member->schema != builder->root && !is_anchor && has_refs(member->schema)) {
            refuse_here(shape, keyword);
        }
    } else {
        take_parts(builder, shape, member, keyword, item);
    }
}

/* ---- all of a set ----------------------------------------------------------------------------*/

static void take_count(struct schema_builder *builder, struct shape *shape,
                       const struct keyword *keyword, const cJSON *item) {
    int64_t value = -1;
    uint32_t *count = (uint32_t *)((char *)shape + keyword->at);
    if (!json_is_integer(item, &value) || value < 0) {
        schema_refuse(builder, "%s must be a whole number from 0 up", keyword->name);
        return;
    }
    uint32_t bound = value < SYNTAX_NO_LIMIT ? (uint32_t)value : SYNTAX_NO_LIMIT - 1;
    bool stricter = keyword->kind == KEYWORD_COUNT ? bound > *count : bound < *count;
    *count = stricter ? bound : *count;
}

static void take_keyword(struct schema_builder *builder, struct shape *shape,
                         const struct schema_member *member, const cJSON *item) {
    const struct keyword *keyword = json_keyword(item->string);
    if (keyword == NULL) {
        struct error_quoted name;
        if (strncmp(item->string, "x-", 2) != 0) {
            schema_refuse(builder,
                          "the keyword \"%s\" is not known (names of your own must begin "
                          "with x-)",
                          error_quote(&name, item->string, strlen(item->string)));
        }
        return;
    }
    switch (keyword->kind) {
    case KEYWORD_COUNT:
    case KEYWORD_LIMIT:
        take_count(builder, shape, keyword, item);
        break;
    case KEYWORD_SPECIAL:
        take_special(builder, shape, member, keyword, item);
        break;
    case KEYWORD_REFUSED:
        refuse_here(shape, keyword);
        break;
    default:
        break;
    }
}

struct shape schema_shape(struct schema_builder *builder, const struct schema_set *set) {
    struct shape shape = {.types = set->never ? 0 : JSON_ALL,
                          .max_length = SYNTAX_NO_LIMIT,
                          .max_items = SYNTAX_NO_LIMIT,
                          .max_members = SYNTAX_NO_LIMIT,
                          .min_contains = 1,
                          .max_contains = SYNTAX_NO_LIMIT};
    for (size_t i = 0; i < set->n && !builder->failed; i++) {
        const struct schema_member *member = &set->members[i];
        if ((member->done & SCHEMA_ONLY_REF) != 0) {
            continue;
        }
        for (const cJSON *item = member->schema->child; item != NULL; item = item->next) {
            take_keyword(builder, &shape, member, item);
        }
    }
    return shape;
}

/* ---- whether a value fulfils it --------------------------------------------------------------*/

static unsigned type_of_value(const cJSON *value) {
    return cJSON_IsNull(value)     ? JSON_NULL
           : cJSON_IsBool(value)   ? JSON_BOOLEAN
           : cJSON_IsObject(value) ? JSON_OBJECT
           : cJSON_IsArray(value)  ? JSON_ARRAY
           : cJSON_IsNumber(value) ? JSON_NUMBER
                                   : JSON_STRING;
}

static bool is_among(const cJSON *values, const cJSON *value) {
    if (strcmp(values->string, "const") == 0) {
        return cJSON_Compare(values, value, true);
    }
    for (const cJSON *item = values->child; item != NULL; item = item->next) {
        if (cJSON_Compare(item, value, true)) {
            return true;
        }
    }
    return false;
}

static uint32_t length_of(const char *text) {
    uint32_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80 ? 1 : 0;
    }
    return n;
}

static bool number_fits(const struct shape *shape, double value) {
    bool low = !shape->has_low || value > shape->low || (value == shape->low && !shape->low_out);
    bool high =
        !shape->has_high || value < shape->high || (value == shape->high && !shape->high_out);
    bool whole = value == floor(value);
    return low && high && (!shape->is_integer || whole) && (!shape->is_fraction || !whole) &&
           (shape->multiple == 0 || fmod(value, shape->multiple) == 0);
}

/* Whether the parts of a value are spoken of. */
static bool has_parts(const struct schema_set *set, const char *const *names, size_t n) {
    for (size_t i = 0; i < set->n; i++) {
        for (size_t k = 0; k < n; k++) {
            if (json_member(set->members[i].schema, names[k]) != NULL) {
                return true;
            }
        }
    }
    return false;
}

int schema_fits(struct schema_builder *builder, const struct schema_set *set, const cJSON *value) {
    static const char *const of_arrays[] = {"items", "prefixItems", "additionalItems", "contains"};
    static const char *const of_objects[] = {"properties", "additionalProperties",
                                             "patternProperties", "propertyNames"};
    const struct shape shape = schema_shape(builder, set);
    unsigned type = type_of_value(value);
    uint32_t n =
        cJSON_IsArray(value) || cJSON_IsObject(value) ? (uint32_t)cJSON_GetArraySize(value) : 0;
    for (size_t i = 0; i < set->n; i++) {
        const cJSON *values = json_member(set->members[i].schema, "enum");
        const cJSON *constant = json_member(set->members[i].schema, "const");
        if ((values != NULL && cJSON_IsArray(values) && !is_among(values, value)) ||
            (constant != NULL && !is_among(constant, value))) {
            return 0;
        }
        const cJSON *required = json_member(set->members[i].schema, "required");
        for (const cJSON *name = cJSON_IsArray(required) ? required->child : NULL;
             name != NULL && type == JSON_OBJECT; name = name->next) {
            if (cJSON_IsString(name) && json_member(value, name->valuestring) == NULL) {
                return 0;
            }
        }
    }
    if ((shape.types & type) == 0 ||
        (type == JSON_NUMBER && !number_fits(&shape, value->valuedouble)) ||
        (type == JSON_ARRAY && (n < shape.min_items || n > shape.max_items)) ||
        (type == JSON_OBJECT && (n < shape.min_members || n > shape.max_members))) {
        return 0;
    }
    if (type == JSON_STRING) {
        uint32_t length = length_of(value->valuestring);
        if (length < shape.min_length || length > shape.max_length) {
            return 0;
        }
    }
    bool unsaid = (type == JSON_STRING &&
                   (shape.n_patterns > 0 || shape.format != NULL || shape.n_none_of > 0)) ||
                  (type == JSON_ARRAY && has_parts(set, of_arrays, N_OF(of_arrays))) ||
                  (type == JSON_OBJECT && has_parts(set, of_objects, N_OF(of_objects))) ||
                  schema_refused(&shape, type) != NULL;
    if (unsaid) {
        schema_refuse(builder, "enum and const next to keywords that speak of the parts of their "
                               "values are not supported");
        return -1;
    }
    return 1;
}

/* ---- whether two sets exclude each other -----------------------------------------------------*/

static const cJSON *first_value(const cJSON *values) {
    return strcmp(values->string, "const") == 0 ? values : values->child;
}

static bool values_differ(const cJSON *a, const cJSON *b) {
    bool is_const = strcmp(a->string, "const") == 0;
    for (const cJSON *item = first_value(a); item != NULL; item = is_const ? NULL : item->next) {
        if (is_among(b, item)) {
            return false;
        }
    }
    return true;
}

static bool is_required(const struct schema_set *set, const char *name) {
    for (size_t i = 0; i < set->n; i++) {
        const cJSON *required = json_member(set->members[i].schema, "required");
        for (const cJSON *item = cJSON_IsArray(required) ? required->child : NULL; item != NULL;
             item = item->next) {
            if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
                return true;
            }
        }
    }
    return false;
}

/* The schemas of a member of objects, as far as `properties` names it. */
static void member_set(struct schema_builder *builder, struct schema_set *to,
                       const struct schema_set *set, const char *name) {
    for (size_t i = 0; i < set->n; i++) {
        const cJSON *schema = json_member(json_member(set->members[i].schema, "properties"), name);
        if (schema != NULL) {
            schema_set_add(builder, to, schema, 0);
        }
    }
    schema_set_expand(builder, to);
}

/* Whether a member that one of them has, or must not have, tells them apart. */
static bool objects_differ(struct schema_builder *builder, const struct schema_set *a,
                           const struct schema_set *b, int depth) {
    for (size_t i = 0; i < a->n; i++) {
        const cJSON *properties = json_member(a->members[i].schema, "properties");
        for (const cJSON *item = cJSON_IsObject(properties) ? properties->child : NULL;
             item != NULL; item = item->next) {
            struct schema_set of_a = {0}, of_b = {0};
            bool in_a = is_required(a, item->string), in_b = is_required(b, item->string);
            member_set(builder, &of_a, a, item->string);
            member_set(builder, &of_b, b, item->string);
            bool differ = (in_a && of_b.never) || (in_b && of_a.never) ||
                          (in_a && in_b && schema_sets_differ(builder, &of_a, &of_b, depth + 1));
            schema_set_release(&of_a);
            schema_set_release(&of_b);
            if (differ) {
                return true;
            }
        }
    }
    return false;
}

bool schema_sets_differ(struct schema_builder *builder, const struct schema_set *a,
                        const struct schema_set *b, int depth) {
    const struct shape of_a = schema_shape(builder, a), of_b = schema_shape(builder, b);
    if (a->never || b->never || depth > 8) {
        return a->never || b->never;
    }
    if (of_a.values != NULL && of_b.values != NULL && values_differ(of_a.values, of_b.values)) {
        return true;
    }
    unsigned common = of_a.types & of_b.types;
    bool apart = (of_a.has_low && of_b.has_high && of_a.low > of_b.high) ||
                 (of_b.has_low && of_a.has_high && of_b.low > of_a.high) ||
                 (of_a.has_low && of_b.has_high && of_a.low == of_b.high &&
                  (of_a.low_out || of_b.high_out)) ||
                 (of_b.has_low && of_a.has_high && of_b.low == of_a.high &&
                  (of_b.low_out || of_a.high_out)) ||
                 (of_a.is_integer && of_b.is_fraction) || (of_a.is_fraction && of_b.is_integer);
    common &= ~(apart ? (unsigned)JSON_NUMBER : 0);
    if (of_a.min_length > of_b.max_length || of_b.min_length > of_a.max_length) {
        common &= ~(unsigned)JSON_STRING;
    }
    if (of_a.min_items > of_b.max_items || of_b.min_items > of_a.max_items) {
        common &= ~(unsigned)JSON_ARRAY;
    }
    if ((common & JSON_OBJECT) != 0 &&
        (objects_differ(builder, a, b, depth) || objects_differ(builder, b, a, depth))) {
        common &= ~(unsigned)JSON_OBJECT;
    }
    return common == 0;
}
