/**
 * sets.c - sets of schemas that hold at one place: what $ref and allOf add to them, and the
 * rule of each.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "constrain/json/parts.h"

#define MAX_RULES 20000

/* ---- references ------------------------------------------------------------------------------*/

static int hex(char byte) {
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* A step of a pointer, from after its "/", with ~0, ~1 and %HH replaced; its length. */
static size_t take_step(const char *pointer, char *out, size_t size) {
    size_t at = 0, n = 0;
    while (pointer[at] != '\0' && pointer[at] != '/' && n + 1 < size) {
        char byte = pointer[at++];
        if (byte == '%' && hex(pointer[at]) >= 0 && hex(pointer[at + 1]) >= 0) {
            byte = (char)(hex(pointer[at]) * 16 + hex(pointer[at + 1]));
            at += 2;
        }
        if (byte == '~' && (pointer[at] == '0' || pointer[at] == '1')) {
            byte = pointer[at++] == '0' ? '~' : '/';
        }
        out[n++] = byte;
    }
    out[n] = '\0';
    return at;
}

static const cJSON *follow_pointer(const cJSON *at, const char *pointer) {
    char step[256];
    while (at != NULL && *pointer == '/') {
        pointer += 1 + take_step(pointer + 1, step, sizeof step);
        if (cJSON_IsArray(at)) {
            long index = strtol(step, NULL, 10);
            at = at->child;
            for (; at != NULL && index > 0; index--) {
                at = at->next;
            }
        } else {
            at = json_member(at, step);
        }
    }
    return at;
}

static bool is_text(const cJSON *item, const char *text) {
    return cJSON_IsString(item) && strcmp(item->valuestring, text) == 0;
}

/* The schema with this $anchor, or where the name begins with "#" or is a whole URI, this $id. */
static const cJSON *find_named(const cJSON *at, const char *name, bool anchor) {
    const cJSON *id = json_member(at, "$id");
    bool is_it = anchor ? is_text(json_member(at, "$anchor"), name + 1) || is_text(id, name)
                        : is_text(id, name) && strchr(name, ':') != NULL;
    if (is_it) {
        return at;
    }
    const cJSON *found = NULL;
    for (const cJSON *child = cJSON_IsObject(at) || cJSON_IsArray(at) ? at->child : NULL;
         child != NULL && found == NULL; child = child->next) {
        bool is_value = child->string != NULL &&
                        (strcmp(child->string, "enum") == 0 || strcmp(child->string, "const") == 0);
        found = is_value ? NULL : find_named(child, name, anchor);
    }
    return found;
}

static const cJSON *resolve(struct schema_builder *builder, const cJSON *ref) {
    const char *text = cJSON_IsString(ref) ? ref->valuestring : "";
    const cJSON *id = json_member(builder->root, "$id");
    size_t n = cJSON_IsString(id) ? strcspn(id->valuestring, "#") : 0;
    if (n > 0 && strncmp(text, id->valuestring, n) == 0 && (text[n] == '#' || text[n] == '\0')) {
        text += n;
    }
    const cJSON *found = NULL;
    if (*text == '\0' || strcmp(text, "#") == 0) {
        found = cJSON_IsString(ref) ? builder->root : NULL;
    } else if (text[0] == '#' && text[1] == '/') {
        found = follow_pointer(builder->root, text + 1);
    } else {
        found = find_named(builder->root, text, text[0] == '#');
    }
    if (found == NULL) {
        struct error_quoted quoted;
        schema_refuse(builder, "$ref \"%s\" must name a schema of the same file (#/$defs/...)",
                      error_quote(&quoted, text, strlen(text)));
    }
    return found;
}

/* ---- what a member adds ----------------------------------------------------------------------*/

/* {"properties": {name: false}} */
static cJSON *without(const char *name) {
    cJSON *schema = cJSON_CreateObject(), *members = cJSON_AddObjectToObject(schema, "properties");
    cJSON_AddFalseToObject(members, name);
    return schema;
}

/* "If there is a member `name`, then ...": it is not there, or it is and the rest holds. */
static cJSON *make_dependency(const cJSON *dependency) {
    cJSON *schema = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(schema, "anyOf");
    cJSON *with = cJSON_CreateObject();
    cJSON *names = cJSON_AddArrayToObject(with, "required");
    cJSON_AddItemToArray(names, cJSON_CreateString(dependency->string));
    if (cJSON_IsArray(dependency)) {
        for (const cJSON *name = dependency->child; name != NULL; name = name->next) {
            cJSON_AddItemToArray(names, cJSON_Duplicate(name, true));
        }
    } else {
        cJSON *all = cJSON_AddArrayToObject(with, "allOf");
        cJSON_AddItemToArray(all, cJSON_Duplicate(dependency, true));
    }
    cJSON_AddItemToArray(list, without(dependency->string));
    cJSON_AddItemToArray(list, with);
    return schema;
}

static void add_dependencies(struct schema_builder *builder, struct schema_set *set,
                             const cJSON *dependencies) {
    const cJSON *dependency = cJSON_IsObject(dependencies) ? dependencies->child : NULL;
    if (dependencies != NULL && !cJSON_IsObject(dependencies)) {
        schema_refuse(builder, "%s must be an object", dependencies->string);
    }
    for (; dependency != NULL && !builder->failed; dependency = dependency->next) {
        if (schema_made_of(builder, dependency) == NULL) {
            schema_keep_made(builder, dependency, make_dependency(dependency));
        }
        schema_set_add(builder, set, schema_made_of(builder, dependency), 0);
    }
}

/* Add what does not fulfil a schema. A `not` of types stays: json/shape.c knows it. */
static void add_not(struct schema_builder *builder, struct schema_set *set, const cJSON * not ) {
    bool is_type = json_member(not, "type") != NULL && not ->child->next == NULL;
    if (!is_type && schema_made_of(builder, not ) == NULL) {
        cJSON *made = schema_negate(not );
        if (made == NULL) {
            return; /* json/shape.c refuses it, where it means something */
        }
        schema_keep_made(builder, not, made);
    }
    if (!is_type && !builder->failed) {
        schema_set_add(builder, set, schema_made_of(builder, not ), 0);
    }
}

static void expand_member(struct schema_builder *builder, struct schema_set *set, size_t at) {
    const cJSON *schema = set->members[at].schema;
    const cJSON *ref = json_member(schema, "$ref"), *all = json_member(schema, "allOf");
    if (ref != NULL) {
        const cJSON *target = resolve(builder, ref);
        if (builder->is_old) {
            set->members[at].done |= SCHEMA_ONLY_REF;
        }
        if (target != NULL) {
            schema_set_add(builder, set, target, 0);
        }
    }
    if ((set->members[at].done & SCHEMA_ONLY_REF) != 0) {
        return;
    }
    if (all != NULL && !cJSON_IsArray(all)) {
        schema_refuse(builder, "allOf must be an array of schemas");
    }
    for (const cJSON *item = all != NULL ? all->child : NULL; item != NULL && !builder->failed;
         item = item->next) {
        schema_set_add(builder, set, item, 0);
    }
    add_dependencies(builder, set, json_member(schema, "dependentRequired"));
    add_dependencies(builder, set, json_member(schema, "dependentSchemas"));
    if (builder->is_old) {
        add_dependencies(builder, set, json_member(schema, "dependencies"));
    }
    if (json_member(schema, "not") != NULL) {
        add_not(builder, set, json_member(schema, "not"));
    }
    const cJSON *when = json_member(schema, "if");
    bool chooses = when != NULL &&
                   (json_member(schema, "then") != NULL || json_member(schema, "else") != NULL);
    if (chooses && schema_made_of(builder, when) == NULL) {
        schema_keep_made(builder, when, schema_choose(schema));
    }
    if (chooses && !builder->failed) {
        schema_set_add(builder, set, schema_made_of(builder, when), 0);
    }
}

void schema_set_expand(struct schema_builder *builder, struct schema_set *set) {
    for (size_t i = 0; i < set->n && !builder->failed; i++) {
        expand_member(builder, set, i);
    }
}

/* ---- rules -----------------------------------------------------------------------------------*/

static uint64_t hash_of(const struct schema_set *set) {
    uint64_t hash = set->never ? 1 : 0;
    for (size_t i = 0; i < set->n; i++) {
        hash = (hash ^ (uint64_t)(uintptr_t)set->members[i].schema) * 0x9E3779B97F4A7C15u;
        hash = (hash ^ hash >> 29 ^ (uint64_t)set->members[i].done) * 0xBF58476D1CE4E5B9u;
    }
    return hash;
}

static bool is_same(const struct schema_set *a, const struct schema_set *b) {
    bool same = a->n == b->n && a->never == b->never;
    for (size_t i = 0; i < a->n && same; i++) {
        same = a->members[i].schema == b->members[i].schema &&
               a->members[i].done == b->members[i].done;
    }
    return same;
}

uint32_t schema_rule_of(struct schema_builder *builder, struct schema_set *set) {
    if (set->n == 0 && !set->never) {
        return builder->text.value;
    }
    uint64_t hash = hash_of(set);
    for (size_t i = 0; i < builder->n_rules; i++) {
        if (builder->rules[i].hash == hash && is_same(&builder->rules[i].set, set)) {
            return builder->rules[i].rule;
        }
    }
    if (builder->n_rules >= MAX_RULES) {
        schema_refuse(builder, "more than %d combinations of its parts are possible", MAX_RULES);
        return 0;
    }
    struct schema_rule rule = {.hash = hash};
    if (!schema_set_copy(builder, &rule.set, set) ||
        !memory_grow(&builder->rules, &builder->rules_capacity, builder->n_rules + 1,
                     sizeof *builder->rules)) {
        schema_set_release(&rule.set);
        schema_no_memory(builder);
        return 0;
    }
    rule.rule = syntax_new_rule(builder->syntax, "schema", 6);
    builder->rules[builder->n_rules++] = rule;
    return rule.rule;
}
