/**
 * members.c - arrays and objects of a JSON schema. Members of objects come in one order: those
 * of `properties` as they are written, those that only `required` names, others.
 */
#include <string.h>

#include "base/memory.h"
#include "constrain/json/forms.h"

#define MAX_PREFIX 1000
#define MAX_STATES 100000

static uint32_t word(struct syntax *syntax, const char *text) {
    return syntax_bytes(syntax, text, strlen(text));
}

/* Blanks, a word, blanks. */
static void append_word(const struct schema_builder *builder, uint32_t list, const char *text) {
    struct syntax *syntax = builder->syntax;
    syntax_append(syntax, list, json_text_blanks(&builder->text));
    syntax_append(syntax, list, word(syntax, text));
    syntax_append(syntax, list, json_text_blanks(&builder->text));
}

static uint32_t new_rule(struct schema_builder *builder, uint32_t node) {
    struct syntax *syntax = builder->syntax;
    uint32_t rule = syntax_new_rule(syntax, "schema", 6);
    if (!syntax->no_memory) {
        syntax->rules[rule].node = node;
    }
    return rule;
}

static bool counts(const struct schema_member *member) {
    return (member->done & SCHEMA_ONLY_REF) == 0;
}

/* ---- arrays ----------------------------------------------------------------------------------*/

/* The schemas of the first items, one by one; NULL: none. */
static const cJSON *prefix_of(const struct schema_builder *builder, const cJSON *schema) {
    const cJSON *items = json_member(schema, builder->is_old ? "items" : "prefixItems");
    return cJSON_IsArray(items) ? items : NULL;
}

/* The schema of all items after those; NULL: any. */
static const cJSON *rest_of(struct schema_builder *builder, const cJSON *schema) {
    const cJSON *items = json_member(schema, "items");
    const cJSON *prefix = json_member(schema, "prefixItems");
    if (prefix != NULL && !builder->is_old && !cJSON_IsArray(prefix)) {
        schema_refuse(builder, "prefixItems must be an array of schemas");
    }
    if (builder->is_old && cJSON_IsArray(items)) {
        return json_member(schema, "additionalItems");
    }
    if (cJSON_IsArray(items)) {
        schema_refuse(builder, "items is an array, which is called prefixItems since 2020-12");
    }
    return items;
}

/* The rule of the item at `at`, with one more schema unless NULL; 0: nothing can be there. */
static uint32_t item_rule(struct schema_builder *builder, const struct schema_set *set, size_t at,
                          const cJSON *more) {
    struct schema_set items = {0};
    for (size_t i = 0; i < set->n; i++) {
        const cJSON *schema = counts(&set->members[i]) ? set->members[i].schema : NULL;
        const cJSON *prefix = prefix_of(builder, schema), *found = NULL;
        size_t n = prefix != NULL ? (size_t)cJSON_GetArraySize(prefix) : 0;
        if (at < n) {
            found = cJSON_GetArrayItem(prefix, (int)at);
        } else {
            found = rest_of(builder, schema);
        }
        if (found != NULL) {
            schema_set_add(builder, &items, found, 0);
        }
    }
    if (more != NULL) {
        schema_set_add(builder, &items, more, 0);
    }
    uint32_t rule = items.never ? 0 : schema_rule_of(builder, &items);
    schema_set_release(&items);
    return rule;
}

static size_t longest_prefix(struct schema_builder *builder, const struct schema_set *set) {
    size_t longest = 0;
    for (size_t i = 0; i < set->n; i++) {
        const cJSON *prefix =
            counts(&set->members[i]) ? prefix_of(builder, set->members[i].schema) : NULL;
        size_t n = prefix != NULL ? (size_t)cJSON_GetArraySize(prefix) : 0;
        longest = n > longest ? n : longest;
    }
    if (longest > MAX_PREFIX) {
        schema_refuse(builder, "prefixItems has more than %d schemas", MAX_PREFIX);
    }
    return builder->failed ? 0 : longest;
}

/* An array with low to high items that `contains` describes, among others. */
struct containing {
    struct schema_builder *builder;
    uint32_t other, found; /* rules of items; 0: there can be none */
    uint32_t low, high, cap, first;
};

/* What may come after `count` that it describes, with a comma before it. */
static uint32_t items_after(const struct containing *it, uint32_t count, bool comma) {
    struct syntax *syntax = it->builder->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    uint32_t next = count < it->cap ? count + 1 : it->cap;
    const uint32_t rules[] = {it->other, count < it->high ? it->found : 0};
    const uint32_t then[] = {it->first + count, it->first + next};
    if (count >= it->low) {
        syntax_append(syntax, list, syntax_empty(syntax));
    }
    for (size_t i = 0; i < 2; i++) {
        if (rules[i] != 0) {
            uint32_t item = syntax_list(syntax, SYNTAX_SEQUENCE);
            if (comma) {
                append_word(it->builder, item, ",");
            }
            syntax_append(syntax, item, syntax_use(syntax, rules[i]));
            syntax_append(syntax, item, syntax_use(syntax, then[i]));
            syntax_append(syntax, list, item);
        }
    }
    return list;
}

/* The rule of items that `contains` does not describe; where that need not be said, of all. */
static uint32_t other_item(struct schema_builder *builder, const struct schema_set *set,
                           const struct shape *shape) {
    if (shape->max_contains == SYNTAX_NO_LIMIT) {
        return item_rule(builder, set, 0, NULL);
    }
    if (schema_made_of(builder, shape->contains) == NULL) {
        cJSON *negated = schema_negate(shape->contains);
        if (negated == NULL) {
            schema_refuse(builder, "the keyword \"maxContains\" is not supported with this "
                                   "\"contains\"");
            return 0;
        }
        schema_keep_made(builder, shape->contains, negated);
    }
    return builder->failed ? 0
                           : item_rule(builder, set, 0, schema_made_of(builder, shape->contains));
}

static uint32_t array_containing(struct schema_builder *builder, const struct schema_set *set,
                                 const struct shape *shape) {
    struct syntax *syntax = builder->syntax;
    struct containing it = {
        .builder = builder, .low = shape->min_contains, .high = shape->max_contains};
    it.cap = it.high != SYNTAX_NO_LIMIT ? it.high : it.low;
    if (longest_prefix(builder, set) > 0 || shape->min_items > it.low ||
        shape->max_items != SYNTAX_NO_LIMIT || it.cap > MAX_PREFIX) {
        schema_refuse(builder,
                      "the keyword \"contains\" is not supported next to prefixItems, "
                      "minItems and maxItems, nor with counts above %d",
                      MAX_PREFIX);
        return 0;
    }
    it.other = other_item(builder, set, shape);
    it.found = item_rule(builder, set, 0, shape->contains);
    for (uint32_t i = 0; i <= it.cap; i++) {
        uint32_t rule = new_rule(builder, 0);
        it.first = i == 0 ? rule : it.first;
    }
    for (uint32_t i = 0; i <= it.cap && !syntax->no_memory; i++) {
        uint32_t node = items_after(&it, i, true);
        syntax->rules[it.first + i].node = node;
    }
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, word(syntax, "["));
    syntax_append(syntax, list, json_text_blanks(&builder->text));
    syntax_append(syntax, list, items_after(&it, 0, false));
    syntax_append(syntax, list, json_text_blanks(&builder->text));
    syntax_append(syntax, list, word(syntax, "]"));
    return list;
}

/* What comes from item `at` on. */
static uint32_t items_from(struct schema_builder *builder, const struct schema_set *set, size_t at,
                           size_t n_prefix, const struct shape *shape) {
    struct syntax *syntax = builder->syntax;
    uint32_t rule = at < shape->max_items ? item_rule(builder, set, at, NULL) : 0;
    if (rule == 0 || builder->failed) {
        return at >= shape->min_items ? syntax_empty(syntax) : syntax_list(syntax, SYNTAX_CHOICE);
    }
    uint32_t item = syntax_list(syntax, SYNTAX_SEQUENCE);
    if (at > 0) {
        append_word(builder, item, ",");
    }
    syntax_append(syntax, item, syntax_use(syntax, rule));
    if (at == n_prefix && at > 0) {
        uint32_t n = (uint32_t)n_prefix;
        uint32_t low = shape->min_items > n ? shape->min_items - n : 0;
        uint32_t high =
            shape->max_items == SYNTAX_NO_LIMIT ? SYNTAX_NO_LIMIT : shape->max_items - n;
        return low > high ? syntax_list(syntax, SYNTAX_CHOICE)
                          : syntax_repeat(syntax, item, low, high);
    }
    syntax_append(syntax, item, items_from(builder, set, at + 1, n_prefix, shape));
    return at >= shape->min_items ? syntax_repeat(syntax, item, 0, 1) : item;
}

uint32_t schema_array(struct schema_builder *builder, const struct schema_set *set,
                      const struct shape *shape) {
    struct syntax *syntax = builder->syntax;
    if (shape->min_items > shape->max_items) {
        return syntax_list(syntax, SYNTAX_CHOICE);
    }
    bool is_counted = shape->min_contains > 0 || shape->max_contains != SYNTAX_NO_LIMIT;
    if (shape->contains != NULL && is_counted) {
        return array_containing(builder, set, shape);
    }
    size_t n_prefix = longest_prefix(builder, set);
    if (n_prefix == 0) {
        uint32_t rule = item_rule(builder, set, 0, NULL);
        if (rule == 0 && shape->min_items > 0) {
            return syntax_list(syntax, SYNTAX_CHOICE);
        }
        return json_text_list(&builder->text, "[", rule, shape->min_items,
                              rule != 0 ? shape->max_items : 0, "]");
    }
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, word(syntax, "["));
    syntax_append(syntax, list, json_text_blanks(&builder->text));
    syntax_append(syntax, list, items_from(builder, set, 0, n_prefix, shape));
    syntax_append(syntax, list, json_text_blanks(&builder->text));
    syntax_append(syntax, list, word(syntax, "]"));
    return list;
}

/* ---- members of objects ----------------------------------------------------------------------*/

struct named {
    const char *name;
    bool required;
    uint32_t rule; /* of "name": value; 0: it cannot be there */
};

struct object {
    struct schema_builder *builder;
    const struct schema_set *set;
    struct named *named;
    const char **names;
    size_t n, capacity, names_capacity;
    struct schema_names by_form;
    uint32_t other; /* the rule of a member with another name; 0: none can be there */
    uint32_t low, high;
    uint32_t cap, first; /* counts from here on are one; the rule of the first state */
};

static struct named *find_named(struct object *object, const char *name) {
    for (size_t i = 0; i < object->n; i++) {
        if (strcmp(object->named[i].name, name) == 0) {
            return &object->named[i];
        }
    }
    if (!memory_grow(&object->named, &object->capacity, object->n + 1, sizeof *object->named) ||
        !memory_grow(&object->names, &object->names_capacity, object->n + 1,
                     sizeof *object->names)) {
        object->builder->syntax->no_memory = object->builder->failed = true;
        return NULL;
    }
    object->names[object->n] = name;
    object->named[object->n] = (struct named){.name = name};
    return &object->named[object->n++];
}

static void find_names(struct object *object) {
    struct schema_builder *builder = object->builder;
    for (size_t i = 0; i < object->set->n; i++) {
        const cJSON *schema =
            counts(&object->set->members[i]) ? object->set->members[i].schema : NULL;
        const cJSON *properties = json_member(schema, "properties");
        if (properties != NULL && !cJSON_IsObject(properties)) {
            schema_refuse(builder, "properties must be an object");
        }
        for (const cJSON *item = properties != NULL ? properties->child : NULL;
             item != NULL && !builder->failed; item = item->next) {
            find_named(object, item->string);
        }
    }
    for (size_t i = 0; i < object->set->n; i++) {
        const cJSON *schema =
            counts(&object->set->members[i]) ? object->set->members[i].schema : NULL;
        const cJSON *required = json_member(schema, "required");
        if (required != NULL && !cJSON_IsArray(required)) {
            schema_refuse(builder, "required must be an array of names");
        }
        for (const cJSON *item = required != NULL ? required->child : NULL;
             item != NULL && !builder->failed; item = item->next) {
            struct named *named =
                cJSON_IsString(item) ? find_named(object, item->valuestring) : NULL;
            if (named != NULL) {
                named->required = true;
            } else {
                schema_refuse(builder, "required must be an array of names");
            }
        }
    }
}

/* The rule of a member's value; name NULL: of one that is not named. `forms` are its name's. */
static uint32_t value_rule(struct object *object, const char *name, unsigned forms) {
    struct schema_builder *builder = object->builder;
    struct schema_set values = {0};
    for (size_t i = 0; i < object->set->n; i++) {
        const cJSON *schema =
            counts(&object->set->members[i]) ? object->set->members[i].schema : NULL;
        const cJSON *properties = json_member(schema, "properties");
        const cJSON *found = name != NULL ? json_member(properties, name) : NULL;
        bool by_form = schema_names_add(builder, &object->by_form, &values, schema, forms);
        if (found == NULL && !by_form) {
            found = json_member(schema, "additionalProperties");
        }
        if (found != NULL) {
            schema_set_add(builder, &values, found, 0);
        }
    }
    uint32_t rule = values.never || builder->failed ? 0 : schema_rule_of(builder, &values);
    schema_set_release(&values);
    return rule;
}

/* "name": value */
static uint32_t member_rule(struct object *object, uint32_t name, uint32_t value) {
    struct syntax *syntax = object->builder->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, name);
    append_word(object->builder, list, ":");
    syntax_append(syntax, list, syntax_use(syntax, value));
    return new_rule(object->builder, list);
}

/* Members whose names are none of those that are named, by the forms of their names. */
static uint32_t others_by_form(struct object *object) {
    struct schema_builder *builder = object->builder;
    const struct schema_names *by_form = &object->by_form;
    unsigned kinds[64];
    size_t n = languages_kinds(&by_form->languages, kinds, 64);
    uint32_t list = syntax_list(builder->syntax, SYNTAX_CHOICE);
    if (n == 64) {
        schema_refuse(builder, "patternProperties overlap in more than 63 ways");
    }
    for (size_t i = 0; i < n && !builder->failed; i++) {
        bool is_named = (kinds[i] & 2) != 0;
        bool allowed = (kinds[i] & by_form->wanted.mask) == by_form->wanted.forms;
        uint32_t value = is_named || !allowed ? 0 : value_rule(object, NULL, kinds[i]);
        if (value != 0) {
            uint32_t name = languages_emit(&by_form->languages, builder->syntax, ~0u, kinds[i]);
            syntax_append(builder->syntax, list,
                          syntax_use(builder->syntax, member_rule(object, name, value)));
        }
    }
    return new_rule(builder, list);
}

static void make_members(struct object *object) {
    struct schema_builder *builder = object->builder;
    if (!schema_names_init(builder, &object->by_form, object->set, object->names, object->n)) {
        return;
    }
    for (size_t i = 0; i < object->n && !builder->failed; i++) {
        const char *name = object->named[i].name;
        unsigned forms = 0;
        bool allowed =
            !object->by_form.any || schema_names_forms(builder, &object->by_form, name, &forms);
        uint32_t value = allowed ? value_rule(object, name, forms) : 0;
        if (value != 0) {
            object->named[i].rule =
                member_rule(object, json_text_quoted(builder->syntax, name), value);
        }
    }
    if (builder->failed || object->high == 0) {
        return;
    }
    if (object->by_form.any) {
        object->other = others_by_form(object);
        return;
    }
    uint32_t value = value_rule(object, NULL, 0);
    if (value != 0) {
        object->other =
            member_rule(object, schema_other_names(builder, object->names, object->n), value);
    }
}

/* ---- objects ---------------------------------------------------------------------------------*/

static uint32_t state_of(const struct object *object, size_t at, uint32_t count) {
    count = count < object->cap ? count : object->cap;
    return object->first + (uint32_t)at * (object->cap + 1) + count;
}

/* A comma, unless it is the first, and a member. */
static uint32_t next_member(const struct object *object, uint32_t count, uint32_t rule) {
    struct syntax *syntax = object->builder->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    if (count > 0) {
        append_word(object->builder, list, ",");
    }
    syntax_append(syntax, list, syntax_use(syntax, rule));
    return list;
}

/* Members that are not named, after `count` that are. */
static uint32_t others(const struct object *object, uint32_t count) {
    struct syntax *syntax = object->builder->syntax;
    uint32_t low = object->low > count ? object->low - count : 0;
    uint32_t high = object->high == SYNTAX_NO_LIMIT ? SYNTAX_NO_LIMIT : object->high - count;
    if (object->other == 0 || high == 0) {
        return low == 0 ? syntax_empty(syntax) : syntax_list(syntax, SYNTAX_CHOICE);
    }
    if (count > 0) {
        return syntax_repeat(syntax, next_member(object, count, object->other), low, high);
    }
    uint32_t all = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, all, next_member(object, 0, object->other));
    syntax_append(syntax, all,
                  syntax_repeat(syntax, next_member(object, 1, object->other),
                                low > 0 ? low - 1 : 0, high == SYNTAX_NO_LIMIT ? high : high - 1));
    return syntax_repeat(syntax, all, low > 0 ? 1 : 0, 1);
}

/* What comes from member `at` on, where `count` are there. */
static uint32_t members_from(const struct object *object, size_t at, uint32_t count) {
    struct syntax *syntax = object->builder->syntax;
    if (at == object->n) {
        return others(object, count);
    }
    const struct named *named = &object->named[at];
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if (named->rule != 0 && count < object->high) {
        uint32_t taken = next_member(object, count, named->rule);
        syntax_append(syntax, taken, syntax_use(syntax, state_of(object, at + 1, count + 1)));
        syntax_append(syntax, list, taken);
    }
    if (!named->required) {
        syntax_append(syntax, list, syntax_use(syntax, state_of(object, at + 1, count)));
    }
    return list;
}

static uint32_t make_object(struct object *object) {
    struct syntax *syntax = object->builder->syntax;
    uint32_t bound = object->high != SYNTAX_NO_LIMIT ? object->high : object->low;
    bool counted = bound > object->n && object->high != SYNTAX_NO_LIMIT;
    object->cap = counted ? (uint32_t)object->n : bound;
    object->cap = object->cap > 0 ? object->cap : 1;
    if ((object->n + 1) * (size_t)(object->cap + 1) > MAX_STATES) {
        schema_refuse(object->builder, "an object has too many members to count them");
        return 0;
    }
    for (size_t i = 0; i < (object->n + 1) * (size_t)(object->cap + 1); i++) {
        uint32_t rule = syntax_new_rule(syntax, "members", 7);
        object->first = i == 0 ? rule : object->first;
    }
    for (size_t at = 0; at <= object->n && !syntax->no_memory; at++) {
        for (uint32_t count = 0; count <= object->cap; count++) {
            uint32_t node = members_from(object, at, count);
            syntax->rules[state_of(object, at, count)].node = node;
        }
    }
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, word(syntax, "{"));
    syntax_append(syntax, list, json_text_blanks(&object->builder->text));
    syntax_append(syntax, list, syntax_use(syntax, state_of(object, 0, 0)));
    syntax_append(syntax, list, json_text_blanks(&object->builder->text));
    syntax_append(syntax, list, word(syntax, "}"));
    return list;
}

uint32_t schema_object(struct schema_builder *builder, const struct schema_set *set,
                       const struct shape *shape) {
    struct object object = {
        .builder = builder, .set = set, .low = shape->min_members, .high = shape->max_members};
    uint32_t node = syntax_list(builder->syntax, SYNTAX_CHOICE);
    if (object.low <= object.high) {
        find_names(&object);
        make_members(&object);
        node = builder->failed ? 0 : make_object(&object);
    }
    schema_names_release(&object.by_form);
    memory_free(object.named);
    memory_free(object.names);
    return node;
}
