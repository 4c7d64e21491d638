/**
 * record_csv.c - one record of a CSV file into its fields: commas, quotes, quotes doubled in them.
 * Where a record ends is for the reader of lines to say, with record_csv_is_open().
 */
#include "cmd/generate/record_csv.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cmd/generate/record_options.h"
#include "text/lines.h"

bool record_csv_is_open(bool open, const char *line, size_t n) {
    bool at_start = !open; /* of a field */
    for (size_t i = 0; i < n; i++) {
        if (open && line[i] == '"') {
            bool is_doubled = i + 1 < n && line[i + 1] == '"';
            open = is_doubled;
            i += is_doubled ? 1 : 0;
        } else if (!open) {
            open = at_start && line[i] == '"';
            at_start = line[i] == ',';
        }
    }
    return open;
}

static enum gen_status wrong(const char *where, const char *what, struct gen_error *err) {
    message_set(err, GEN_BAD_FILE, "%s %s", where, what);
    return GEN_BAD_FILE;
}

/* A field that begins with a quote, from *at to after its last. */
static enum gen_status read_quoted(struct gen_bytes *field, const char *record, size_t n,
                                   size_t *at, const char *where, struct gen_error *err) {
    for (size_t i = *at + 1;;) {
        const char *quote = i < n ? memchr(record + i, '"', n - i) : NULL;
        if (quote == NULL) {
            return wrong(where, "has a quote that does not end", err);
        }
        size_t end = (size_t)(quote - record);
        alloc_append(field, record + i, end - i);
        if (end + 1 < n && record[end + 1] == '"') {
            alloc_append(field, "\"", 1);
            i = end + 2;
            continue;
        }
        *at = end + 1;
        return *at == n || record[*at] == ','
                   ? GEN_OK
                   : wrong(where,
                           "has text after the quote that ends a field (a quote in a field "
                           "is written twice)",
                           err);
    }
}

/* The next field; *at is then n, or at the comma after it. */
static enum gen_status read_field(struct gen_bytes *field, const char *record, size_t n, size_t *at,
                                  const char *where, struct gen_error *err) {
    field->n = 0;
    if (*at < n && record[*at] == '"') {
        return read_quoted(field, record, n, at, where, err);
    }
    const char *comma = *at < n ? memchr(record + *at, ',', n - *at) : NULL;
    size_t end = comma != NULL ? (size_t)(comma - record) : n;
    if (end > *at && memchr(record + *at, '"', end - *at) != NULL) {
        return wrong(where, "has a quote in a field that does not begin with one", err);
    }
    alloc_append(field, *at < n ? record + *at : "", end - *at);
    *at = end;
    return GEN_OK;
}

/* What is done with each field; `text` ends with a NUL. */
typedef enum gen_status take_function(void *context, const char *text, const char *where,
                                      struct gen_error *err);

/* Go through the fields. */
static enum gen_status read_fields(void *context, take_function *take, const char *record, size_t n,
                                   const char *where, struct gen_error *err) {
    struct gen_bytes field = {0};
    enum gen_status status = GEN_OK;
    n = text_without_cr(record, n);
    if (n > 0 && memchr(record, '\0', n) != NULL) {
        return wrong(where, "has a NUL byte", err);
    }
    for (size_t at = 0; status == GEN_OK; at++) {
        status = read_field(&field, record, n, &at, where, err);
        if (status == GEN_OK) {
            alloc_append(&field, "", 1);
            status = take(context, field.data, where, err);
        }
        if (at >= n) {
            break;
        }
    }
    gen_bytes_release(&field);
    return status;
}

static enum gen_status take_name(void *context, const char *text, const char *where,
                                 struct gen_error *err) {
    struct record_csv *csv = context;
    for (size_t i = 0; i < csv->n; i++) {
        if (strcmp(csv->names[i], text) == 0) {
            message_set(err, GEN_BAD_FILE, "%s names two fields \"%.80s\"", where, text);
            return GEN_BAD_FILE;
        }
    }
    if (*text == '\0') {
        return wrong(where, "has a field without a name (the first line must name the fields)",
                     err);
    }
    alloc_grow(&csv->names, &csv->capacity, csv->n + 1, sizeof *csv->names);
    csv->names[csv->n++] = alloc_printf("%s", text);
    return GEN_OK;
}

enum gen_status record_csv_read_names(struct record_csv *csv, const char *record, size_t n,
                                      const char *where, struct gen_error *err) {
    return read_fields(csv, take_name, record, n, where, err);
}

/* A record being read. */
struct reading {
    const struct record_csv *csv;
    cJSON *object;
    size_t n;
};

static enum gen_status take_value(void *context, const char *text, const char *where,
                                  struct gen_error *err) {
    struct reading *reading = context;
    (void)where;
    (void)err;
    if (reading->n < reading->csv->n) {
        const char *name = reading->csv->names[reading->n];
        bool is_null = *text == '\0' && record_options_is(name);
        const cJSON *added = is_null ? cJSON_AddNullToObject(reading->object, name)
                                     : cJSON_AddStringToObject(reading->object, name, text);
        if (added == NULL) {
            alloc_failed();
        }
    }
    reading->n++;
    return GEN_OK;
}

enum gen_status record_csv_read(const struct record_csv *csv, struct record_fields *fields,
                                const char *record, size_t n, const char *where,
                                struct gen_error *err) {
    struct reading reading = {.csv = csv, .object = cJSON_CreateObject()};
    if (reading.object == NULL) {
        alloc_failed();
    }
    record_fields_take(fields, reading.object, "", 0);
    enum gen_status status = read_fields(&reading, take_value, record, n, where, err);
    record_fields_take(fields, reading.object, "", 0);
    if (status == GEN_OK && reading.n != csv->n) {
        message_set(err, GEN_BAD_FILE, "%s has %zu fields, but the first line names %zu", where,
                    reading.n, csv->n);
        status = GEN_BAD_FILE;
    }
    return status;
}

void record_csv_release(struct record_csv *csv) {
    for (size_t i = 0; i < csv->n; i++) {
        free(csv->names[i]);
    }
    free(csv->names);
    *csv = (struct record_csv){0};
}
