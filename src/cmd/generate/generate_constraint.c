/**
 * generate_constraint.c - makes the constraint of a run or a record: reads its file and hands it to
 * the library.
 */
#include "cmd/generate/generate_constraint.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"
#include "text/lines.h"

/* Most bytes of a file with a grammar, a schema or choices. */
#define TEXT_LIMIT ((size_t)64 << 20)

static const char *const names[GENERATE_N_FORMS] = {"regex", "grammar", "json-schema",
                                                    "json-object", "choices"};

enum generate_form generate_form_of(const char *option) {
    int form = 0;
    while (form < GENERATE_N_FORMS && strcmp(names[form], option) != 0) {
        form++;
    }
    return (enum generate_form)form;
}

static enum gen_status make(struct generate_constraint *own, const char *name,
                            struct gen_error *err) {
    const char *text = own->text.data;
    size_t n = own->text.n;
    switch (own->form) {
    case GENERATE_FORM_REGEX:
        return gen_constraint_new_regex(&own->constraint, own->pieces, name, text, n, err);
    case GENERATE_FORM_GRAMMAR:
        return gen_constraint_new_grammar(&own->constraint, own->pieces, name, text, n, err);
    case GENERATE_FORM_JSON_SCHEMA:
        return gen_constraint_new_json_schema(&own->constraint, own->pieces, name, text, n, err);
    case GENERATE_FORM_JSON_OBJECT:
        return gen_constraint_new_json_object(&own->constraint, own->pieces, err);
    default:
        return gen_constraint_new_choices(&own->constraint, own->pieces, name, text, n, err);
    }
}

enum gen_status generate_constraint_pieces(struct generate_constraint *own, const char *name,
                                           const struct gen_tokenizer *tokenizer,
                                           struct gen_error *err) {
    if (tokenizer == NULL) {
        message_set(err, GEN_BAD_ARGUMENT, "%s needs a model that has a tokenizer", name);
        return GEN_BAD_ARGUMENT;
    }
    return own->pieces == NULL ? gen_pieces_new(&own->pieces, tokenizer, err) : GEN_OK;
}

static void forget_choices(struct generate_constraint *own) {
    for (size_t i = 0; i < own->n_choices; i++) {
        gen_ids_release(&own->choices[i]);
    }
    own->n_choices = 0;
}

/* Whether a line is not among those that were seen, of which it is one then. */
static bool is_new_line(struct hash_table *seen, const char *line, size_t n) {
    enum hash_result result = hash_table_add(seen, line, n, 0);
    if (result == HASH_NO_MEMORY) {
        alloc_failed();
    }
    return result == HASH_ADDED;
}

/* The ids of each line that is not empty; one that comes again is the same choice. */
static enum gen_status encode_choices(struct generate_constraint *own, const char *name,
                                      const struct gen_tokenizer *tokenizer,
                                      struct gen_error *err) {
    const struct gen_bytes *text = &own->text;
    enum gen_status status = GEN_OK;
    struct hash_table seen = {0};
    size_t line = 0;
    for (size_t at = 0; at < text->n && status == GEN_OK;) {
        line++;
        const char *end = memchr(text->data + at, '\n', text->n - at);
        size_t n = end != NULL ? (size_t)(end - text->data) - at : text->n - at;
        size_t shown = text_without_cr(text->data + at, n);
        struct gen_ids ids = {0};
        if (shown > 0 && is_new_line(&seen, text->data + at, shown)) {
            status = gen_tokenizer_encode(tokenizer, text->data + at, shown, false, &ids, err);
        }
        if (ids.n > 0) {
            alloc_grow(&own->choices, &own->choices_capacity, own->n_choices + 1,
                       sizeof *own->choices);
            own->choices[own->n_choices++] = ids;
        }
        at += n + 1;
    }
    hash_table_release(&seen);
    if (status != GEN_OK) {
        const struct gen_error cause = *err;
        message_set(err, status, "%.300s: line %zu: %s", name, line, cause.message);
    }
    return status;
}

enum gen_status generate_constraint_take(struct generate_constraint *own, enum generate_form form,
                                         const char *name, const char *text, size_t n,
                                         const struct gen_tokenizer *tokenizer,
                                         struct gen_error *err) {
    if (own->constraint != NULL && own->form == form && own->text.n == n &&
        (n == 0 || memcmp(own->text.data, text, n) == 0)) {
        return GEN_OK;
    }
    gen_constraint_free(own->constraint);
    own->constraint = NULL;
    own->form = form;
    own->text.n = 0;
    alloc_append(&own->text, text, n);
    forget_choices(own);
    enum gen_status status = generate_constraint_pieces(own, name, tokenizer, err);
    if (status == GEN_OK) {
        status = make(own, name, err);
    }
    return status == GEN_OK && form == GENERATE_FORM_CHOICES
               ? encode_choices(own, name, tokenizer, err)
               : status;
}

void generate_constraint_set(const struct generate_constraint *own,
                             struct gen_generate_options *options) {
    bool measures = own->n_choices > 0 && options->num_beams == 1;
    options->sampling.constraint = measures ? NULL : own->constraint;
    options->choices = measures ? own->choices : NULL;
    options->n_choices = measures ? own->n_choices : 0;
}

/* Whether what should be the name of a file is the text itself, as llama.cpp takes it. */
static bool is_text(enum generate_form form, const char *path) {
    return form == GENERATE_FORM_JSON_SCHEMA ? path[strspn(path, " \t\n")] == '{'
           : form == GENERATE_FORM_GRAMMAR   ? strstr(path, "::=") != NULL
                                             : false;
}

/* A file's text. */
static enum gen_status take_file(struct generate_constraint *own, enum generate_form form,
                                 const char *path, const struct gen_tokenizer *tokenizer,
                                 struct gen_error *err) {
    struct gen_bytes text = {0};
    if (is_text(form, path)) {
        char *name = alloc_printf("--%s", names[form]);
        enum gen_status taken =
            generate_constraint_take(own, form, name, path, strlen(path), tokenizer, err);
        free(name);
        return taken;
    }
    enum gen_status status = input_read_file(&text, path, TEXT_LIMIT, err);
    if (status == GEN_IO_ERROR) {
        message_about(err, names[form],
                      form == GENERATE_FORM_CHOICES ? " (a FILE has a choice a line)" : "");
    }
    if (status == GEN_OK) {
        status = generate_constraint_take(own, form, message_name(path), text.data, text.n,
                                          tokenizer, err);
    }
    gen_bytes_release(&text);
    return status;
}

enum gen_status generate_constraint_init(struct generate_constraint *own,
                                         const struct generate_settings *settings,
                                         const struct gen_tokenizer *tokenizer,
                                         struct gen_error *err) {
    if (settings->regex != NULL) {
        return generate_constraint_take(own, GENERATE_FORM_REGEX, "--regex", settings->regex,
                                        strlen(settings->regex), tokenizer, err);
    }
    if (settings->grammar != NULL) {
        return take_file(own, GENERATE_FORM_GRAMMAR, settings->grammar, tokenizer, err);
    }
    if (settings->json_schema != NULL) {
        return take_file(own, GENERATE_FORM_JSON_SCHEMA, settings->json_schema, tokenizer, err);
    }
    if (settings->choices != NULL) {
        return take_file(own, GENERATE_FORM_CHOICES, settings->choices, tokenizer, err);
    }
    return settings->json_object
               ? generate_constraint_take(own, GENERATE_FORM_JSON_OBJECT, "--json-object", "{}", 2,
                                          tokenizer, err)
               : GEN_OK;
}

void generate_constraint_release(struct generate_constraint *own) {
    gen_constraint_free(own->constraint);
    gen_pieces_free(own->pieces);
    gen_bytes_release(&own->text);
    forget_choices(own);
    free(own->choices);
    *own = (struct generate_constraint){0};
}
