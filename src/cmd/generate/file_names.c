/**
 * file_names.c - where the texts of --output-dir go: --name with the fields of the record, the
 * index of the prompt and the number of the text in it. Fields are not trusted to be names.
 */
#include "cmd/generate/file_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cmd/generate/record_template.h"

/* Most bytes of the name of a file in all file systems that are usual. */
#define NAME_MOST 255

/* As it is until the text is known: no field's value can hold a NUL. */
static const char sequence_mark[] = {'\0'};

static const cJSON number = {.type = cJSON_Number};

/* Fill in the template with the fields and, where no field has that name, index and sequence. */
static enum gen_status fill(struct gen_bytes *name, const char *template,
                            const struct record_fields *fields, uint64_t index,
                            struct gen_error *err) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)index);
    struct record_fields all = {.object = fields->object};
    alloc_grow(&all.data, &all.capacity, fields->n + 2, sizeof *all.data);
    for (; all.n < fields->n; all.n++) {
        all.data[all.n] = fields->data[all.n];
    }
    all.data[all.n++] = (struct record_field){"index", &number, {digits, strlen(digits)}};
    all.data[all.n++] =
        (struct record_field){"sequence", &number, {sequence_mark, sizeof sequence_mark}};
    struct gen_bytes text = {0};
    alloc_append(&text, template, strlen(template));
    enum gen_status status = record_template_check(&text, "--name", err);
    if (status == GEN_OK) {
        status = record_template_fill(name, &text, &all, "--name: the record", err);
    }
    gen_bytes_release(&text);
    free(all.data);
    return status;
}

/* Bytes that the name may have more once the number of the text is in it. */
static size_t most_digits(const struct gen_bytes *name,
                          const struct gen_generate_options *options) {
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%d", (int)options->num_return_sequences - 1);
    size_t more = 0;
    for (size_t i = 0; i < name->n; i++) {
        more += name->data[i] == sequence_mark[0] ? (size_t)n - 1 : 0;
    }
    return more;
}

enum gen_status file_names_make(struct gen_bytes *name, const struct generate_settings *settings,
                                const struct gen_generate_options *options,
                                const struct record_fields *fields, uint64_t index,
                                struct gen_error *err) {
    name->n = 0;
    enum gen_status status = fill(name, settings->name, fields, index, err);
    if (status != GEN_OK) {
        return status;
    }
    const char *problem = NULL;
    size_t n = name->n;
    if (n == 0) {
        problem = "is empty";
    } else if (memchr(name->data, '/', n) != NULL) {
        problem = "has a /";
    } else if (name->data[0] == '.') {
        problem = "begins with a dot";
    } else if (n + most_digits(name, options) > NAME_MOST) {
        problem = "is longer than names of files can be (255 bytes)";
    } else if (options->num_return_sequences > 1 && memchr(name->data, '\0', n) == NULL) {
        problem = "is that of several texts (put {{sequence}} into --name)";
    }
    if (problem != NULL) {
        message_set(err, GEN_BAD_FILE, "--name: \"%.*s\" %s", n < 80 ? (int)n : 80,
                    n > 0 ? name->data : "", problem);
        return GEN_BAD_FILE;
    }
    return GEN_OK;
}

char *file_names_path(const struct generate_settings *settings, const struct gen_bytes *name,
                      uint64_t sequence) {
    struct gen_bytes path = {0};
    char digits[24];
    int n_digits = snprintf(digits, sizeof digits, "%llu", (unsigned long long)sequence);
    alloc_append(&path, settings->output_dir, strlen(settings->output_dir));
    alloc_append(&path, "/", 1);
    for (size_t i = 0; i < name->n; i++) {
        bool is_mark = name->data[i] == sequence_mark[0];
        alloc_append(&path, is_mark ? digits : &name->data[i], is_mark ? (size_t)n_digits : 1);
    }
    alloc_append(&path, "", 1);
    return path.data;
}
