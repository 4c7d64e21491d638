/**
 * record_fields.h - what a record consists of: the members of a JSON object, or
 * the fields of a line of CSV.
 */
#ifndef CMD_RECORD_RECORD_FIELDS_H
#define CMD_RECORD_RECORD_FIELDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "gen.h"
#include "text/json_member.h"

struct record_field {
    const char *name;
    const cJSON *value;
    struct json_span spelled; /**< the value as it is in a line of JSON; of CSV: no bytes */
};

/** Start from {0}; what it points to is good while the line is. */
struct record_fields {
    struct record_field *data;
    size_t n, capacity;
    cJSON *object;
};

/** The members of the object in a line, in the place of what there was. `where` names the line. */
enum gen_status record_fields_read_json(struct record_fields *fields, const char *line, size_t n,
                                        const char *where, struct gen_error *err);
/** The members of an object, which belongs to the fields from now on; line[n] is its text. */
void record_fields_take(struct record_fields *fields, cJSON *object, const char *line, size_t n);
void record_fields_release(struct record_fields *fields);

/**
 * Append a JSON object of the fields but for those that `is_known` names. Nothing is appended where
 * there are no others.
 */
void record_fields_others(struct gen_bytes *object, const struct record_fields *fields,
                          bool (*is_known)(const void *context, const char *name),
                          const void *context);

/** The field of that name, or NULL. */
const struct record_field *record_fields_find(const struct record_fields *fields, const char *name);

#endif
