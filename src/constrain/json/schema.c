/**
 * schema.c - makes the rules of a JSON schema, set by set (json/parts.h): alternatives become
 * choices between sets, what is left is a choice between the types of JSON.
 */
#include "constrain/json/schema.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "constrain/json/parts.h"

/* ---- alternatives ----------------------------------------------------------------------------*/

/* The set with one of its alternatives. */
static bool with_branch(struct schema_builder *builder, struct schema_set *to,
                        const struct schema_set *set, const struct shape *shape,
                        const cJSON *branch) {
    if (!schema_set_copy(builder, to, set)) {
        return false;
    }
    schema_set_add(builder, to, shape->alternatives_of,
                   shape->any_of != NULL ? SCHEMA_ANY_OF : SCHEMA_ONE_OF);
    schema_set_add(builder, to, branch, 0);
    return !builder->failed;
}

/* Whether two alternatives of oneOf exclude each other, as far as it can be told. */
static bool differ(struct schema_builder *builder, const struct schema_set *set,
                   const struct shape *shape, const cJSON *a, const cJSON *b) {
    struct schema_set of_a = {0}, of_b = {0};
    bool found =
        with_branch(builder, &of_a, set, shape, a) && with_branch(builder, &of_b, set, shape, b);
    if (found) {
        schema_set_expand(builder, &of_a);
        schema_set_expand(builder, &of_b);
        found = schema_sets_differ(builder, &of_a, &of_b, 0);
    }
    schema_set_release(&of_a);
    schema_set_release(&of_b);
    return found;
}

/* Whether all alternatives of oneOf exclude each other: it is anyOf then. */
static bool all_differ(struct schema_builder *builder, const struct schema_set *set,
                       const struct shape *shape) {
    for (const cJSON *a = shape->one_of->child; a != NULL; a = a->next) {
        for (const cJSON *b = a->next; b != NULL && !builder->failed; b = b->next) {
            if (!differ(builder, set, shape, a, b)) {
                return false;
            }
        }
    }
    return true;
}

/* A branch of oneOf that says of the others that they do not hold. */
static const cJSON *only_branch(struct schema_builder *builder, const cJSON *one_of,
                                const cJSON *branch) {
    for (const cJSON *other = one_of->child; other != NULL; other = other->next) {
        cJSON *negated = other != branch ? schema_negate(other) : NULL;
        if (other != branch && negated == NULL) {
            schema_refuse(builder, "the keyword \"oneOf\" is not supported where two of its "
                                   "schemas may hold at once (anyOf allows that)");
        }
        cJSON_Delete(negated);
    }
    if (!builder->failed && schema_made_of(builder, branch) == NULL) {
        schema_keep_made(builder, branch, schema_only_one(one_of, branch));
    }
    return builder->failed ? branch : schema_made_of(builder, branch);
}

static uint32_t build_alternatives(struct schema_builder *builder, const struct schema_set *set,
                                   const struct shape *shape) {
    const cJSON *list = shape->any_of != NULL ? shape->any_of : shape->one_of;
    uint32_t node = syntax_list(builder->syntax, SYNTAX_CHOICE);
    bool exclusive = shape->one_of == NULL || all_differ(builder, set, shape);
    for (const cJSON *branch = list != NULL ? list->child : NULL;
         branch != NULL && !builder->failed; branch = branch->next) {
        struct schema_set with = {0};
        const cJSON *one = exclusive ? branch : only_branch(builder, list, branch);
        if (with_branch(builder, &with, set, shape, one) && !with.never) {
            uint32_t rule = schema_rule_of(builder, &with);
            syntax_append(builder->syntax, node, syntax_use(builder->syntax, rule));
        }
        schema_set_release(&with);
    }
    return node;
}

/* ---- values and types ------------------------------------------------------------------------*/

static uint32_t build_values(struct schema_builder *builder, const struct schema_set *set,
                             const cJSON *values) {
    bool is_const = strcmp(values->string, "const") == 0;
    uint32_t list = syntax_list(builder->syntax, SYNTAX_CHOICE);
    for (const cJSON *value = is_const ? values : values->child; value != NULL && !builder->failed;
         value = is_const ? NULL : value->next) {
        if (schema_fits(builder, set, value) > 0) {
            syntax_append(builder->syntax, list, json_text_literal(&builder->text, value));
        }
    }
    return list;
}

static uint32_t build_types(struct schema_builder *builder, const struct schema_set *set,
                            const struct shape *shape) {
    struct syntax *syntax = builder->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if ((shape->types & JSON_OBJECT) != 0) {
        syntax_append(syntax, list, schema_object(builder, set, shape));
    }
    if ((shape->types & JSON_ARRAY) != 0) {
        syntax_append(syntax, list, schema_array(builder, set, shape));
    }
    if ((shape->types & JSON_STRING) != 0) {
        syntax_append(syntax, list, schema_string(builder, shape));
    }
    if ((shape->types & JSON_NUMBER) != 0) {
        syntax_append(syntax, list, schema_number(builder, shape));
    }
    if ((shape->types & JSON_BOOLEAN) != 0) {
        syntax_append(syntax, list, syntax_bytes(syntax, "true", 4));
        syntax_append(syntax, list, syntax_bytes(syntax, "false", 5));
    }
    if ((shape->types & JSON_NULL) != 0) {
        syntax_append(syntax, list, syntax_bytes(syntax, "null", 4));
    }
    return list;
}

static uint32_t build(struct schema_builder *builder, struct schema_set *set) {
    schema_set_expand(builder, set);
    const struct shape shape = schema_shape(builder, set);
    if (shape.types == 0 || builder->failed) {
        return syntax_list(builder->syntax, SYNTAX_CHOICE);
    }
    if (shape.alternatives_of != NULL) {
        return build_alternatives(builder, set, &shape);
    }
    if (shape.values != NULL) {
        return build_values(builder, set, shape.values);
    }
    const char *refused = schema_refused(&shape, shape.types);
    if (refused != NULL) {
        schema_refuse(builder, "the keyword \"%s\" is not supported", refused);
        return 0;
    }
    return build_types(builder, set, &shape);
}

/* ---- all -------------------------------------------------------------------------------------*/

static void build_all(struct schema_builder *builder) {
    struct schema_set set = {0};
    schema_set_add(builder, &set, builder->root, 0);
    uint32_t rule = set.never ? 0 : schema_rule_of(builder, &set);
    uint32_t node =
        set.never ? syntax_list(builder->syntax, SYNTAX_CHOICE) : syntax_use(builder->syntax, rule);
    schema_set_release(&set);
    builder->syntax->rules[0].node = node;
    while (builder->n_built < builder->n_rules && !builder->failed && !builder->syntax->no_memory) {
        struct schema_set next = {0};
        rule = builder->rules[builder->n_built].rule;
        if (schema_set_copy(builder, &next, &builder->rules[builder->n_built++].set)) {
            node = build(builder, &next);
            builder->syntax->rules[rule].node = node;
        }
        schema_set_release(&next);
    }
}

/* Numbers that a double cannot hold are not what they say. */
static void check_numbers(struct schema_builder *builder, const cJSON *at) {
    if (cJSON_IsNumber(at) && !isfinite(at->valuedouble)) {
        schema_refuse(builder, "a number is too large for a double");
    }
    for (const cJSON *child = cJSON_IsObject(at) || cJSON_IsArray(at) ? at->child : NULL;
         child != NULL; child = child->next) {
        check_numbers(builder, child);
    }
}

static bool names_old_draft(const cJSON *root) {
    const cJSON *name = json_member(root, "$schema");
    const char *draft = cJSON_IsString(name) ? strstr(name->valuestring, "draft-0") : NULL;
    return draft != NULL;
}

static void builder_release(struct schema_builder *builder) {
    for (size_t i = 0; i < builder->n_rules; i++) {
        schema_set_release(&builder->rules[i].set);
    }
    for (size_t i = 0; i < builder->n_made; i++) {
        cJSON_Delete(builder->made[i].made);
    }
    memory_free(builder->rules);
    memory_free(builder->made);
}

enum gen_status json_schema_parse(struct syntax *syntax, const char *text, size_t n,
                                  struct gen_error *err) {
    cJSON *root = NULL;
    enum gen_status status = json_parse(&root, text, n, "schema", err);
    if (status != GEN_OK) {
        return status == GEN_BAD_FILE ? GEN_BAD_ARGUMENT : status;
    }
    struct schema_builder builder = {
        .syntax = syntax, .root = root, .is_old = names_old_draft(root), .err = err};
    json_text_init(&builder.text, syntax);
    check_numbers(&builder, root);
    if (!syntax->no_memory && !builder.failed) {
        build_all(&builder);
    }
    builder_release(&builder);
    cJSON_Delete(root);
    return builder.status;
}

void json_schema_any_object(struct syntax *syntax) {
    struct json_text text;
    json_text_init(&text, syntax);
    uint32_t node = syntax_use(syntax, text.object);
    if (!syntax->no_memory) {
        syntax->rules[0].node = node;
    }
}
