/**
 * record_fields.c - records of many prompts into their fields. Which of them is the prompt, which
 * are options and which are neither is for generate_batch.c and record_options.c to say.
 */
#include "cmd/record/record_fields.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/json_out.h"
#include "text/json_line.h"

enum gen_status record_fields_read_json(struct record_fields *fields, const char *line, size_t n,
                                        const char *where, struct gen_error *err) {
    cJSON *object = NULL;
    enum gen_status status = json_parse_line(&object, line, n, where, err);
    record_fields_take(fields, object, line, n);
    return status;
}

void record_fields_take(struct record_fields *fields, cJSON *object, const char *line, size_t n) {
    if (fields->object != object) {
        cJSON_Delete(fields->object);
    }
    fields->object = object;
    fields->n = 0;
    size_t at = 0;
    for (const cJSON *item = object != NULL ? object->child : NULL; item != NULL;
         item = item->next) {
        struct json_span spelled = {0};
        json_next_value(&spelled, line, n, &at);
        alloc_grow(&fields->data, &fields->capacity, fields->n + 1, sizeof *fields->data);
        fields->data[fields->n++] =
            (struct record_field){.name = item->string, .value = item, .spelled = spelled};
    }
}

void record_fields_release(struct record_fields *fields) {
    cJSON_Delete(fields->object);
    free(fields->data);
    *fields = (struct record_fields){0};
}

void record_fields_others(struct gen_bytes *object, const struct record_fields *fields,
                          bool (*is_known)(const void *context, const char *name),
                          const void *context) {
    struct json_out json = {.text = *object};
    struct gen_bytes value = {0};
    size_t before = object->n;
    bool any = false;
    json_out_open(&json, NULL, '{');
    for (size_t i = 0; i < fields->n; i++) {
        const struct record_field *field = &fields->data[i];
        if (is_known(context, field->name)) {
            continue;
        }
        any = true;
        if (field->spelled.n == 0) { /* of CSV, where all is text */
            json_out_string(&json, field->name, field->value->valuestring,
                            strlen(field->value->valuestring));
            continue;
        }
        value.n = 0;
        if (json_append_value(&value, &field->spelled) != GEN_OK) {
            alloc_failed();
        }
        json_out_raw(&json, field->name, value.data, value.n);
    }
    json_out_close(&json, '}');
    gen_bytes_release(&value);
    *object = json.text;
    if (!any) {
        object->n = before;
    }
}

const struct record_field *record_fields_find(const struct record_fields *fields,
                                              const char *name) {
    for (size_t i = 0; i < fields->n; i++) {
        if (strcmp(fields->data[i].name, name) == 0) {
            return &fields->data[i];
        }
    }
    return NULL;
}
