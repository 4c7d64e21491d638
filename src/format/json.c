/** json.c - parsing with cJSON what json_scan.c has passed, and looking into it. */
#include "format/json.h"

#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash_table.h"
#include "base/memory.h"

/** Up to so many members are compared each with each; more go into a hash table. */
#define FEW_MEMBERS 12

static enum gen_status twice(const char *name, const char *where, struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE, "%s: the JSON member \"%s\" is there twice", where,
                     error_quote(&quoted, name, strlen(name)));
}

/** Refuse members of the same name in one object. */
static enum gen_status check_members(const cJSON *object, const char *where,
                                     struct gen_error *err) {
    size_t n = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next)
        n++;
    if (n <= FEW_MEMBERS) {
        for (const cJSON *item = object->child; item != NULL; item = item->next)
            for (const cJSON *other = object->child; other != item; other = other->next)
                if (strcmp(other->string, item->string) == 0)
                    return twice(item->string, where, err);
        return GEN_OK;
    }
    enum gen_status status = GEN_OK;
    struct hash_table names = {0};
    if (!hash_table_reserve(&names, n))
        status = error_no_memory(err, "JSON members");
    for (const cJSON *item = object->child; item != NULL && status == GEN_OK; item = item->next) {
        enum hash_result result = hash_table_add(&names, item->string, strlen(item->string), 0);
        if (result == HASH_EXISTS)
            status = twice(item->string, where, err);
        else if (result == HASH_NO_MEMORY)
            status = error_no_memory(err, "JSON members");
    }
    hash_table_release(&names);
    return status;
}

/** The same for all objects in a value; as deep as the scan allowed, at most. */
static enum gen_status check_all_members(const cJSON *value, const char *where,
                                         struct gen_error *err) {
    enum gen_status status = cJSON_IsObject(value) ? check_members(value, where, err) : GEN_OK;
    for (const cJSON *item = value->child; item != NULL && status == GEN_OK; item = item->next)
        if (item->child != NULL)
            status = check_all_members(item, where, err);
    return status;
}

enum gen_status json_parse(cJSON **out, const char *text, size_t n, const char *where,
                           struct gen_error *err) {
    *out = NULL;
    size_t at = 0;
    const char *problem = json_scan(text, n, &at);
    if (problem != NULL) {
        size_t line = 1, column = 1;
        for (size_t i = 0; i < at; i++) {
            column = text[i] == '\n' ? 1 : column + 1;
            line += text[i] == '\n';
        }
        return error_set(err, GEN_BAD_FILE, "%s: not valid JSON at line %zu, byte %zu: %s", where,
                         line, column, problem);
    }
    cJSON *value = cJSON_ParseWithLength(text, n);
    if (value == NULL)
        return error_no_memory(err, "JSON");
    enum gen_status status = check_all_members(value, where, err);
    if (status == GEN_OK)
        *out = value;
    else
        cJSON_Delete(value);
    return status;
}

enum gen_status json_read_object(cJSON **out, const char *path, size_t limit,
                                 struct gen_error *err) {
    *out = NULL;
    struct error_quoted where;
    error_path(&where, path);
    char *text = NULL;
    size_t n = 0;
    enum gen_status status = file_read(&text, &n, path, limit, err);
    if (status == GEN_OK && n == 0)
        status = error_set(err, GEN_BAD_FILE, "%s: the file is empty", where.text);
    if (status == GEN_OK)
        status = json_parse(out, text, n, where.text, err);
    if (status == GEN_OK && !cJSON_IsObject(*out)) {
        status = error_set(err, GEN_BAD_FILE, "%s: holds %s, but must hold a JSON object",
                           where.text, json_kind(*out));
        cJSON_Delete(*out);
        *out = NULL;
    }
    memory_free(text);
    return status;
}

const cJSON *json_member(const cJSON *object, const char *name) {
    if (!cJSON_IsObject(object))
        return NULL;
    for (const cJSON *item = object->child; item != NULL; item = item->next)
        if (strcmp(item->string, name) == 0)
            return item;
    return NULL;
}

bool json_is_integer(const cJSON *item, int64_t *value) {
    const double limit = 9007199254740992.0; /* 2^53 */
    if (!cJSON_IsNumber(item) || !(item->valuedouble > -limit && item->valuedouble < limit))
        return false;
    *value = (int64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

const char *json_kind(const cJSON *item) {
    if (item == NULL)
        return "nothing";
    if (cJSON_IsObject(item))
        return "an object";
    if (cJSON_IsArray(item))
        return "an array";
    if (cJSON_IsString(item))
        return "text";
    if (cJSON_IsNumber(item))
        return "a number";
    if (cJSON_IsBool(item))
        return "true or false";
    return "null";
}

size_t json_mark_length(const void *text, size_t n) {
    return n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}
