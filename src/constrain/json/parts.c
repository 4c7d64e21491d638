/**
 * parts.c - what is at the bottom of reading a JSON schema: failures, sets of schemas, schemas
 * that were made of others.
 */
#include "constrain/json/parts.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"

#define MAX_MEMBERS 200

void schema_refuse(struct schema_builder *builder, const char *format, ...) {
    if (builder->failed) {
        return;
    }
    char message[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    builder->failed = true;
    builder->status = error_set(builder->err, GEN_BAD_ARGUMENT, "%s", message);
}

void schema_set_release(struct schema_set *set) {
    memory_free(set->members);
    *set = (struct schema_set){0};
}

void schema_no_memory(struct schema_builder *builder) {
    builder->syntax->no_memory = true;
    builder->failed = true;
}

void schema_set_add(struct schema_builder *builder, struct schema_set *set, const cJSON *schema,
                    unsigned done) {
    if (cJSON_IsTrue(schema) || builder->failed) {
        return;
    }
    if (cJSON_IsFalse(schema)) {
        set->never = true;
        return;
    }
    if (!cJSON_IsObject(schema)) {
        schema_refuse(builder, "a schema is %s, but must be an object, true or false",
                      json_kind(schema));
        return;
    }
    if (schema->child == NULL) {
        return;
    }
    for (size_t i = 0; i < set->n; i++) {
        if (set->members[i].schema == schema) {
            set->members[i].done |= done;
            return;
        }
    }
    if (set->n >= MAX_MEMBERS) {
        schema_refuse(builder, "more than %d schemas hold at one place", MAX_MEMBERS);
    } else if (!memory_grow(&set->members, &set->capacity, set->n + 1, sizeof *set->members)) {
        schema_no_memory(builder);
    } else {
        set->members[set->n++] = (struct schema_member){schema, done};
    }
}

bool schema_set_copy(struct schema_builder *builder, struct schema_set *to,
                     const struct schema_set *from) {
    *to = (struct schema_set){.never = from->never};
    for (size_t i = 0; i < from->n; i++) {
        schema_set_add(builder, to, from->members[i].schema, from->members[i].done);
    }
    return !builder->failed;
}

cJSON *schema_made_of(const struct schema_builder *builder, const cJSON *of) {
    for (size_t i = 0; i < builder->n_made; i++) {
        if (builder->made[i].of == of) {
            return builder->made[i].made;
        }
    }
    return NULL;
}

void schema_keep_made(struct schema_builder *builder, const cJSON *of, cJSON *made) {
    if (made == NULL || !memory_grow(&builder->made, &builder->made_capacity, builder->n_made + 1,
                                     sizeof *builder->made)) {
        cJSON_Delete(made);
        schema_no_memory(builder);
        return;
    }
    builder->made[builder->n_made++] = (struct schema_made){of, made};
}
