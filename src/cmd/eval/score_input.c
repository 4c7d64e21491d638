/**
 * score_input.c - lines and records as ids to be scored. A record that is wrong costs that record.
 */
#include "cmd/eval/score_input.h"

#include <stdio.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/message.h"
#include "cli/signals.h"
#include "text/json_line.h"
#include "text/lines.h"

#define PLACE_SIZE 340

void score_input_release(struct score_input *input) {
    input_close(&input->input);
    gen_bytes_release(&input->line);
    record_fields_release(&input->fields);
    record_rests_release(&input->rests);
    gen_ids_release(&input->ids);
}

static enum gen_status encode(struct score_input *input, const char *text, size_t n) {
    const struct gen_tokenizer *tokenizer = gen_model_tokenizer(input->model);
    if (tokenizer == NULL) {
        message_set(&input->error, GEN_UNSUPPORTED,
                    "the model has no tokenizer (give {\"ids\":[...]} with --jsonl)");
        return GEN_UNSUPPORTED;
    }
    return gen_tokenizer_encode(tokenizer, text, n, input->special, &input->ids, &input->error);
}

/* ---- records ---------------------------------------------------------------------------------*/

/* A kind of record: its members, and how they become ids. */
struct kind {
    const char *members[2];
    enum gen_status (*take)(struct score_input *input, const struct record_field *const *fields,
                            size_t *from);
};

static bool is_text(struct score_input *input, const struct record_field *field) {
    if (!cJSON_IsString(field->value)) {
        message_set(&input->error, GEN_BAD_FILE, "\"%s\" must be text, but is %s", field->name,
                    json_kind(field->value));
        return false;
    }
    return true;
}

static enum gen_status take_text(struct score_input *input,
                                 const struct record_field *const *fields, size_t *from) {
    (void)from;
    if (!is_text(input, fields[0])) {
        return GEN_BAD_FILE;
    }
    const char *text = fields[0]->value->valuestring;
    return encode(input, text, strlen(text));
}

static enum gen_status take_ids(struct score_input *input, const struct record_field *const *fields,
                                size_t *from) {
    const cJSON *list = fields[0]->value;
    (void)from;
    for (const cJSON *item = cJSON_IsArray(list) ? list->child : NULL; item != NULL;
         item = item->next) {
        int64_t id;
        if (!json_is_integer(item, &id) || id < INT32_MIN || id > INT32_MAX) {
            message_set(&input->error, GEN_BAD_FILE,
                        "\"ids\" must be an array of token ids, but has %s in it", json_kind(item));
            return GEN_BAD_FILE;
        }
        int32_t narrow = (int32_t)id;
        alloc_append_ids(&input->ids, &narrow, 1);
    }
    if (!cJSON_IsArray(list)) {
        message_set(&input->error, GEN_BAD_FILE, "\"ids\" must be an array of token ids, but is %s",
                    json_kind(list));
        return GEN_BAD_FILE;
    }
    return GEN_OK;
}

static enum gen_status take_pair(struct score_input *input,
                                 const struct record_field *const *fields, size_t *from) {
    if (!is_text(input, fields[0]) || !is_text(input, fields[1])) {
        return GEN_BAD_FILE;
    }
    const char *context = fields[0]->value->valuestring;
    const char *continuation = fields[1]->value->valuestring;
    return gen_encode_pair(input->model, context, strlen(context), continuation,
                           strlen(continuation), input->special, &input->ids, from, &input->error);
}

static const struct kind kinds[] = {
    {{"text", NULL}, take_text},
    {{"ids", NULL}, take_ids},
    {{"context", "continuation"}, take_pair},
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* Whether a record has all members of a kind. */
static bool find_members(const struct record_field *found[2], const struct kind *kind,
                         const struct record_fields *fields) {
    found[0] = record_fields_find(fields, kind->members[0]);
    found[1] = kind->members[1] != NULL ? record_fields_find(fields, kind->members[1]) : NULL;
    return found[0] != NULL && (kind->members[1] == NULL || found[1] != NULL);
}

static bool is_used(const void *context, const char *name) {
    const struct kind *kind = context;
    return strcmp(name, kind->members[0]) == 0 ||
           (kind->members[1] != NULL && strcmp(name, kind->members[1]) == 0);
}

static enum gen_status take_fields(struct score_input *input, struct record_rest *rest,
                                   size_t *from) {
    const struct record_field *found[2];
    const struct kind *kind = NULL;
    for (size_t i = 0; i < N_KINDS; i++) {
        if (!find_members(found, &kinds[i], &input->fields)) {
            continue;
        }
        if (kind != NULL) {
            message_set(&input->error, GEN_BAD_FILE,
                        "has both \"%s\" and \"%s\", but must have one of them", kind->members[0],
                        kinds[i].members[0]);
            return GEN_BAD_FILE;
        }
        kind = &kinds[i];
    }
    if (kind == NULL) {
        char names[200];
        json_list_members(names, sizeof names, input->fields.object);
        message_set(&input->error, GEN_BAD_FILE,
                    "must have \"text\", \"ids\" or \"context\" and \"continuation\", but has %s",
                    names);
        return GEN_BAD_FILE;
    }
    if (input->keeps_rests) {
        record_rest_take(rest, &input->fields, is_used, kind);
    }
    find_members(found, kind, &input->fields);
    return kind->take(input, found, from);
}

static enum gen_status take_record(struct score_input *input, size_t *from) {
    char where[PLACE_SIZE];
    snprintf(where, sizeof where, "%.300s: line %llu", input->input.name,
             (unsigned long long)input->input.n_records);
    struct record_rest *rest = record_rests_add(&input->rests, input->n_given);
    enum gen_status status = record_fields_read_json(&input->fields, input->line.data,
                                                     input->line.n, where, &input->error);
    if (status == GEN_OK && (status = take_fields(input, rest, from)) != GEN_OK) {
        struct gen_error cause = input->error;
        message_set(&input->error, cause.status, "%s: %s", where, cause.message);
    }
    return status;
}

/* ---- the source ------------------------------------------------------------------------------*/

/* Read a line; blank lines between records are none. */
static enum input_result read_line(struct score_input *input) {
    enum input_result result;
    do {
        result = input_next(&input->input, &input->line, '\n', INPUT_PROMPT_LIMIT, &input->error);
    } while (result == INPUT_RECORD && input->jsonl &&
             text_is_blank(input->line.data, input->line.n));
    return result;
}

/* The only text, or the one of the next line. */
static bool take_next(struct score_input *input, enum gen_status *status, size_t *from) {
    if (input->text != NULL) {
        *status = encode(input, input->text, strlen(input->text));
        return input->n_given == 0;
    }
    switch (read_line(input)) {
    case INPUT_END:
        return false;
    case INPUT_FAILED:
        if (signals_caught() == 0) {
            input->failed = true;
            message("%s", input->error.message);
        }
        return false;
    case INPUT_TOO_LONG:
        *status = GEN_BAD_FILE;
        return true;
    case INPUT_RECORD:
        break;
    }
    if (input->jsonl) {
        *status = take_record(input, from);
    } else {
        size_t n = text_without_cr(input->line.data, input->line.n);
        *status = encode(input, input->line.data, n);
    }
    return true;
}

bool score_input_next(void *context, struct gen_score_request *request) {
    struct score_input *input = context;
    enum gen_status status = GEN_OK;
    size_t from = 0;
    input->ids.n = 0;
    if (signals_caught() != 0 || !take_next(input, &status, &from)) {
        return false;
    }
    input->n_given++;
    *request = (struct gen_score_request){.ids = input->ids.data,
                                          .n_ids = input->ids.n,
                                          .from = from,
                                          .error = status != GEN_OK ? &input->error : NULL};
    return true;
}

bool score_input_ready(void *context) {
    struct score_input *input = context;
    return signals_caught() != 0 || input->text != NULL ||
           input_ready(&input->input, &input->line, '\n', INPUT_PROMPT_LIMIT);
}
