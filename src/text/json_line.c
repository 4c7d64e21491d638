/**
 * json_line.c - JSON lines: what is forgiven in them, halves of surrogate pairs, and what is said
 * of lines that hold no object. What the members must be is for the reader of each kind of record
 * to say.
 */
#include "text/json_line.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "text/lines.h"

/* Whether a line does not even begin as an object: it is of another kind of file. */
static bool is_no_object(const char *line, size_t n) {
    size_t i = 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r')) {
        i++;
    }
    return i == n || line[i] != '{';
}

enum gen_status json_parse_line(cJSON **out, const char *line, size_t n, const char *where,
                                struct gen_error *err) {
    *out = NULL;
    if (text_is_array(line, n)) {
        return error_set(err, GEN_BAD_FILE, "%s " TEXT_ARRAY_PROBLEM, where);
    }
    char *mended = NULL;
    if (text_mend_surrogates(NULL, line, n) > 0) {
        mended = memory_new(n, 1);
        if (mended == NULL) {
            return error_no_memory(err, "a line of JSON");
        }
        memcpy(mended, line, n);
        text_mend_surrogates(mended, line, n);
        line = mended;
    }
    struct gen_error found = {0};
    enum gen_status status = json_parse(out, line, n, where, &found);
    if (status != GEN_OK) {
        error_set(err, status, "%s%s", found.message,
                  status == GEN_BAD_FILE && is_no_object(line, n)
                      ? " (each line must be a JSON object)"
                      : "");
    }
    memory_free(mended);
    if (status == GEN_OK && !cJSON_IsObject(*out)) {
        status = error_set(err, GEN_BAD_FILE, "%s holds %s, but must hold a JSON object", where,
                           json_kind(*out));
        cJSON_Delete(*out);
        *out = NULL;
    }
    return status;
}

/* Names listed of many. */
#define MOST_NAMES 8

void json_list_members(char *out, size_t size, const cJSON *object) {
    size_t n = 0;
    size_t used = 0;
    out[0] = '\0';
    for (const cJSON *item = object->child; item != NULL && used < size; item = item->next, n++) {
        struct error_quoted quoted;
        const char *comma = n > 0 ? ", " : "";
        int length = n == MOST_NAMES
                         ? snprintf(out + used, size - used, ", ...")
                         : snprintf(out + used, size - used, "%s\"%.40s\"", comma,
                                    error_quote(&quoted, item->string, strlen(item->string)));
        used += (size_t)length;
        if (n == MOST_NAMES) {
            return;
        }
    }
    if (n == 0) {
        snprintf(out, size, "no members");
    }
}
