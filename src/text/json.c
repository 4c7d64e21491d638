/**
 * json.c - parsing with cJSON what json_scan.c has passed, and looking into it.
 *
 * What cJSON would lose or refuse is settled here: whether a number was spelled as a whole one, and
 * the words NaN and Infinity of Python's files.
 */
#include "text/json.h"

#include <string.h>

#include "base/error.h"
#include "base/hash_table.h"
#include "base/memory.h"

/* Up to so many members are compared each with each; more go into a hash table. */
#define FEW_MEMBERS 12

static enum gen_status twice(const char *name, const char *where, struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE, "%s: the JSON member \"%s\" is there twice", where,
                     error_quote(&quoted, name, strlen(name)));
}

/* Refuse members of the same name in one object. */
static enum gen_status check_members(const cJSON *object, const char *where,
                                     struct gen_error *err) {
    size_t n = 0;
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        n++;
    }
    if (n <= FEW_MEMBERS) {
        for (const cJSON *item = object->child; item != NULL; item = item->next) {
            for (const cJSON *other = object->child; other != item; other = other->next) {
                if (strcmp(other->string, item->string) == 0) {
                    return twice(item->string, where, err);
                }
            }
        }
        return GEN_OK;
    }
    enum gen_status status = GEN_OK;
    struct hash_table names = {0};
    if (!hash_table_reserve(&names, n)) {
        status = error_no_memory(err, "JSON members");
    }
    for (const cJSON *item = object->child; item != NULL && status == GEN_OK; item = item->next) {
        enum hash_result result = hash_table_add(&names, item->string, strlen(item->string), 0);
        if (result == HASH_EXISTS) {
            status = twice(item->string, where, err);
        } else if (result == HASH_NO_MEMORY) {
            status = error_no_memory(err, "JSON members");
        }
    }
    hash_table_release(&names);
    return status;
}

/* The same for all objects in a value; as deep as the scan allowed, at most. */
static enum gen_status check_all_members(const cJSON *value, const char *where,
                                         struct gen_error *err) {
    enum gen_status status = cJSON_IsObject(value) ? check_members(value, where, err) : GEN_OK;
    for (const cJSON *item = value->child; item != NULL && status == GEN_OK; item = item->next) {
        if (item->child != NULL) {
            status = check_all_members(item, where, err);
        }
    }
    return status;
}

/* ---- spellings that cJSON does not keep ------------------------------------------------------*/

/* In cJSON's `type`, next to flags of its own: a number with a fraction or an exponent. */
#define HAS_FRACTION (1 << 16)

/* The next number of a valid text at *at or after it: where it begins; *at moves to its end. */
static size_t next_number(const char *text, size_t n, size_t *at) {
    size_t i = *at;
    for (bool in_string = false; i < n; i++) {
        if (in_string && text[i] == '\\') {
            i++;
        } else if (text[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && (text[i] == '-' || (text[i] >= '0' && text[i] <= '9'))) {
            break;
        }
    }
    size_t begin = i;
    while (i < n && strchr("+-.0123456789eE", text[i]) != NULL && text[i] != '\0') {
        i++;
    }
    *at = i;
    return begin;
}

/* Mark numbers that are not spelled as whole ones; both text and tree list them in order. */
static void mark_fractions(cJSON *value, const char *text, size_t n, size_t *at) {
    for (cJSON *item = value; item != NULL; item = item->next) {
        if (cJSON_IsNumber(item)) {
            size_t begin = next_number(text, n, at);
            for (size_t i = begin; i < *at; i++) {
                if (text[i] == '.' || text[i] == 'e' || text[i] == 'E') {
                    item->type |= HAS_FRACTION;
                }
            }
        }
        mark_fractions(item->child, text, n, at);
    }
}

/* A copy in which NaN and Infinity are spelled as numbers too large for a double: cJSON gives
 *  infinities for these. */
static char *spell_words(const char *text, size_t n, size_t n_words, size_t *n_spelled) {
    static const char number[] = "1e999";
    size_t room = 0;
    char *out = memory_multiply(n_words, sizeof number, &room) && memory_add(n, room, &room)
                    ? memory_new(room, 1)
                    : NULL;
    size_t to = 0;
    for (size_t i = 0, in_string = 0; out != NULL && i < n; i++) {
        bool word = !in_string && (text[i] == 'N' || text[i] == 'I');
        if (word) {
            memcpy(out + to, number, strlen(number));
            to += strlen(number);
            i += (text[i] == 'N' ? strlen("NaN") : strlen("Infinity")) - 1;
            continue;
        }
        if (in_string && text[i] == '\\') {
            out[to++] = text[i++];
        } else if (text[i] == '"') {
            in_string = !in_string;
        }
        out[to++] = text[i];
    }
    *n_spelled = to;
    return out;
}

/* ---- parsing ---------------------------------------------------------------------------------*/

static enum gen_status not_json(const char *text, size_t n, size_t at, const char *problem,
                                const char *where, struct gen_error *err) {
    size_t line = 1, column = 1;
    if (n == 0 || memchr(text, '\n', n) == NULL) {
        /* It may be one line of many, whose number `where` says. */
        return error_set(err, GEN_BAD_FILE, "%s: not valid JSON at byte %zu: %s", where, at + 1,
                         problem);
    }
    for (size_t i = 0; i < at; i++) {
        column = text[i] == '\n' ? 1 : column + 1;
        line += text[i] == '\n';
    }
    return error_set(err, GEN_BAD_FILE, "%s: not valid JSON at line %zu, byte %zu: %s", where, line,
                     column, problem);
}

/* A text that json_scan() has passed. */
static enum gen_status parse_scanned(cJSON **out, const char *text, size_t n, bool fractions,
                                     const char *where, struct gen_error *err) {
    cJSON *value = cJSON_ParseWithLength(text, n);
    if (value == NULL) {
        return error_no_memory(err, "JSON");
    }
    if (fractions) {
        size_t at = 0;
        mark_fractions(value, text, n, &at);
    }
    enum gen_status status = check_all_members(value, where, err);
    if (status == GEN_OK) {
        *out = value;
    } else {
        cJSON_Delete(value);
    }
    return status;
}

static enum gen_status parse(cJSON **out, const char *text, size_t n, bool python,
                             const char *where, struct gen_error *err) {
    *out = NULL;
    size_t at = 0;
    struct json_counts counts;
    const char *problem = json_scan(text, n, python, &counts, &at);
    if (problem != NULL) {
        return not_json(text, n, at, problem, where, err);
    }
    if (counts.words == 0) {
        return parse_scanned(out, text, n, counts.fractions > 0, where, err);
    }
    size_t n_spelled = 0;
    char *spelled = spell_words(text, n, counts.words, &n_spelled);
    enum gen_status status = spelled != NULL
                                 ? parse_scanned(out, spelled, n_spelled, true, where, err)
                                 : error_no_memory(err, "JSON");
    memory_free(spelled);
    return status;
}

enum gen_status json_parse(cJSON **out, const char *text, size_t n, const char *where,
                           struct gen_error *err) {
    return parse(out, text, n, false, where, err);
}

enum gen_status json_parse_python(cJSON **out, const char *text, size_t n, const char *where,
                                  struct gen_error *err) {
    return parse(out, text, n, true, where, err);
}

/* ---- what is in a value ----------------------------------------------------------------------*/

const cJSON *json_member(const cJSON *object, const char *name) {
    if (!cJSON_IsObject(object)) {
        return NULL;
    }
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (strcmp(item->string, name) == 0) {
            return item;
        }
    }
    return NULL;
}

bool json_is_integer(const cJSON *item, int64_t *value) {
    const double limit = 9007199254740992.0; /* 2^53 */
    if (!cJSON_IsNumber(item) || !(item->valuedouble > -limit && item->valuedouble < limit)) {
        return false;
    }
    *value = (int64_t)item->valuedouble;
    return (double)*value == item->valuedouble;
}

bool json_is_plain_integer(const cJSON *item, int64_t *value) {
    return json_is_integer(item, value) && (item->type & HAS_FRACTION) == 0;
}

const char *json_kind(const cJSON *item) {
    if (item == NULL) {
        return "nothing";
    }
    if (cJSON_IsObject(item)) {
        return "an object";
    }
    if (cJSON_IsArray(item)) {
        return "an array";
    }
    if (cJSON_IsString(item)) {
        return "text";
    }
    if (cJSON_IsNumber(item)) {
        return "a number";
    }
    if (cJSON_IsBool(item)) {
        return "true or false";
    }
    return "null";
}
