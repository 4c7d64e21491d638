/**
 * record_template.c - prompts, and names of files, made of a record's fields. There is nothing but
 * fields in a template: no conditions, no loops; what makes the records can do these better.
 */
#include "cmd/generate/record_template.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"
#include "text/lines.h"

/* A part of a template: text, and the name of the field after it, if there is one. */
struct part {
    const char *text, *name;
    size_t n_text, n_name;
    size_t next; /* where the next part begins */
};

static const char *find(const char *text, size_t n, const char *two) {
    for (size_t i = 0; i + 1 < n; i++) {
        if (text[i] == two[0] && text[i + 1] == two[1]) {
            return text + i;
        }
    }
    return NULL;
}

/* The part that begins at `at`; false where a {{ has no name or no }} after it in its line. */
static bool read_part(struct part *part, const struct gen_bytes *text, size_t at) {
    const char *begin = text->data + at, *end = text->data + text->n;
    const char *open = find(begin, text->n - at, "{{");
    *part = (struct part){.text = begin, .n_text = text->n - at, .next = text->n};
    if (open == NULL) {
        return true;
    }
    const char *close = find(open + 2, (size_t)(end - open) - 2, "}}");
    part->n_text = (size_t)(open - begin);
    if (close == NULL || memchr(open, '\n', (size_t)(close - open)) != NULL) {
        return false;
    }
    part->next = (size_t)(close - text->data) + 2;
    const char *name = open + 2;
    while (name < close && *name == ' ') {
        name++;
    }
    while (close > name && close[-1] == ' ') {
        close--;
    }
    part->name = name;
    part->n_name = (size_t)(close - name);
    return part->n_name > 0;
}

enum gen_status record_template_check(const struct gen_bytes *text, const char *name,
                                      struct gen_error *err) {
    struct part part;
    for (size_t at = 0; at < text->n; at = part.next) {
        if (!read_part(&part, text, at)) {
            size_t line = 1;
            for (const char *c = text->data; c < part.text + part.n_text; c++) {
                line += *c == '\n' ? 1 : 0;
            }
            message_set(err, GEN_BAD_FILE,
                        "%.300s: line %zu has a {{ without a name and }} after it, as in {{name}}",
                        name, line);
            return GEN_BAD_FILE;
        }
    }
    return GEN_OK;
}

enum gen_status record_template_read(struct gen_bytes *text, const char *path,
                                     struct gen_error *err) {
    enum gen_status status = input_read_file(text, path, INPUT_PROMPT_LIMIT, err);
    if (status == GEN_IO_ERROR) {
        message_about(err, "template", "");
    }
    if (status != GEN_OK) {
        return status;
    }
    if (text->n > 0 && text->data[text->n - 1] == '\n') {
        text->n--;
        text->n = text_without_cr(text->data, text->n);
    }
    return record_template_check(text, message_name(path), err);
}

/* Whether the field in a part has that name. */
static bool is_of(const struct part *part, const char *name) {
    return part->name != NULL && strlen(name) == part->n_name &&
           memcmp(name, part->name, part->n_name) == 0;
}

bool record_template_has(const struct gen_bytes *text, const char *name) {
    struct part part;
    bool found = false;
    for (size_t at = 0; at < text->n && !found; at = part.next) {
        read_part(&part, text, at);
        found = is_of(&part, name);
    }
    return found;
}

static const struct record_field *find_field(const struct record_fields *fields,
                                             const struct part *part) {
    for (size_t i = 0; i < fields->n; i++) {
        if (is_of(part, fields->data[i].name)) {
            return &fields->data[i];
        }
    }
    return NULL;
}

/* Names listed of many. */
#define MOST_NAMES 8

/* The names of the fields, a few of many, for a message. Not all need be members of the record. */
static void list_names(struct gen_bytes *list, const struct record_fields *fields) {
    for (size_t i = 0; i < fields->n && i <= MOST_NAMES; i++) {
        const char *name = fields->data[i].name;
        struct error_quoted quoted;
        char *text = i == MOST_NAMES ? alloc_printf(", ...")
                                     : alloc_printf("%s\"%.40s\"", i > 0 ? ", " : "",
                                                    error_quote(&quoted, name, strlen(name)));
        alloc_append(list, text, strlen(text));
        free(text);
    }
}

enum gen_status record_template_fill(struct gen_bytes *out, const struct gen_bytes *text,
                                     const struct record_fields *fields, const char *where,
                                     struct gen_error *err) {
    struct part part;
    for (size_t at = 0; at < text->n; at = part.next) {
        read_part(&part, text, at);
        alloc_append(out, part.text, part.n_text);
        if (part.name == NULL) {
            break;
        }
        const struct record_field *field = find_field(fields, &part);
        if (field == NULL) {
            struct gen_bytes names = {0};
            list_names(&names, fields);
            message_set(err, GEN_BAD_FILE, "%s has no field \"%.*s\", but %.*s", where,
                        part.n_name < 80 ? (int)part.n_name : 80, part.name,
                        names.n > 0 ? (int)names.n : 10, names.n > 0 ? names.data : "no members");
            gen_bytes_release(&names);
            return GEN_BAD_FILE;
        }
        if (cJSON_IsString(field->value)) {
            alloc_append(out, field->value->valuestring, strlen(field->value->valuestring));
        } else if (!cJSON_IsNull(field->value)) {
            alloc_append(out, field->spelled.bytes, field->spelled.n);
        }
    }
    return GEN_OK;
}
