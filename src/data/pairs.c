/**
 * pairs.c - records of JSON lines, made sequences of token ids in which some count. Shapes of
 * records are in pair_record.c, templates in pair_template.c, the order of training in
 * pair_order.c.
 */
#include "data/pairs.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/pair_record.h"
#include "text/lines.h"

/* Lines between two reports of progress. */
#define LINES_BETWEEN 256

/* A line on its way into a sequence. */
struct reading {
    const struct pairs_reader *reader;
    struct pairs *pairs;
    const char *where;         /* file and line, for messages */
    struct gen_bytes before;   /* text that does not count, until something that does follows */
    struct pair_record record; /* of the line */
    struct gen_error *err;
};

/* ---- sequences -------------------------------------------------------------------------------*/

static enum gen_status no_memory(const struct reading *reading) {
    return error_no_memory(reading->err, "pairs");
}

static enum gen_status add_text(struct gen_bytes *out, const struct reading *reading,
                                const char *text, size_t n) {
    return gen_bytes_append(out, text, n) == GEN_OK ? GEN_OK : no_memory(reading);
}

static enum gen_status add_part(struct gen_bytes *out, const struct reading *reading,
                                const struct gen_bytes *part) {
    return part->n > 0 ? add_text(out, reading, part->data, part->n) : GEN_OK;
}

/* Mark all ids that are new. */
static enum gen_status mark(const struct reading *reading, char counts) {
    struct pairs *pairs = reading->pairs;
    enum gen_status status = GEN_OK;
    while (pairs->counts.n < pairs->ids.n && status == GEN_OK) {
        status = gen_bytes_append(&pairs->counts, &counts, 1);
    }
    return status == GEN_OK ? GEN_OK : no_memory(reading);
}

static enum gen_status add_eos(const struct reading *reading, char counts) {
    int32_t eos = gen_tokenizer_eos(reading->reader->tokenizer);
    return gen_ids_append(&reading->pairs->ids, &eos, 1) == GEN_OK ? mark(reading, counts)
                                                                   : no_memory(reading);
}

static enum gen_status encode(const struct reading *reading, const struct gen_bytes *text,
                              char counts) {
    struct gen_error cause;
    enum gen_status status = GEN_OK;
    if (text->n > 0) {
        status = gen_tokenizer_encode(reading->reader->tokenizer, text->data, text->n,
                                      reading->reader->special, &reading->pairs->ids, &cause);
    }
    if (status == GEN_NO_MEMORY) {
        return no_memory(reading);
    }
    /* What the vocabulary lacks is said of the file and the line. */
    return status == GEN_OK
               ? mark(reading, counts)
               : error_set(reading->err, status, "%s: %s", reading->where, cause.message);
}

/* The text so far, which does not count, then one that does, of three parts, and end-of-text.
 * `first` is where the sequence begins. */
static enum gen_status learn(struct reading *reading, size_t first, const struct gen_bytes *lead,
                             const char *text, const struct gen_bytes *after) {
    struct gen_bytes learned = {0};
    enum gen_status status = encode(reading, &reading->before, 0);
    reading->before.n = 0;
    if (status == GEN_OK && reading->pairs->ids.n == first) {
        status = add_eos(reading, 0);
    }
    if (status == GEN_OK && (status = add_part(&learned, reading, lead)) == GEN_OK &&
        (status = add_text(&learned, reading, text, strlen(text))) == GEN_OK &&
        (after == NULL || (status = add_part(&learned, reading, after)) == GEN_OK) &&
        (status = encode(reading, &learned, 1)) == GEN_OK) {
        status = add_eos(reading, 1);
    }
    gen_bytes_release(&learned);
    return status;
}

/* ---- lines -----------------------------------------------------------------------------------*/

static enum gen_status take_pair(struct reading *reading, const struct pair_record *record) {
    const struct pair_template *template = reading->reader->pair;
    struct gen_bytes *before = &reading->before;
    size_t first = reading->pairs->ids.n;
    const char *prompt = record->prompt;
    const char *input = record->input;
    enum gen_status status = add_part(before, reading, &template->before);
    if (status == GEN_OK) {
        status = add_text(before, reading, prompt, strlen(prompt));
    }
    if (status == GEN_OK && input != NULL &&
        (status = add_text(before, reading, "\n", 1)) == GEN_OK) {
        status = add_text(before, reading, input, strlen(input));
    }
    /* An instruction does not end so that its answer can go on from it. */
    if (status == GEN_OK && record->instructs && template->between.n + template->lead.n == 0) {
        status = add_text(before, reading, "\n", 1);
    }
    if (status == GEN_OK && (status = add_part(before, reading, &template->between)) == GEN_OK) {
        status = learn(reading, first, &template->lead, record->completion, &template->after);
    }
    return status;
}

static enum gen_status take_message(struct reading *reading, size_t first, const char *role,
                                    const char *content) {
    const struct pair_template *template = reading->reader->message;
    struct gen_bytes *before = &reading->before;
    enum gen_status status = add_part(before, reading, &template->before);
    if (status != GEN_OK || (status = add_text(before, reading, role, strlen(role))) != GEN_OK ||
        (status = add_part(before, reading, &template->between)) != GEN_OK) {
        return status;
    }
    if (strcmp(role, "assistant") == 0) {
        return learn(reading, first, &template->lead, content, NULL);
    }
    if ((status = add_part(before, reading, &template->lead)) == GEN_OK &&
        (status = add_text(before, reading, content, strlen(content))) == GEN_OK) {
        status = add_part(before, reading, &template->after);
    }
    return status;
}

static enum gen_status take_messages(struct reading *reading, const struct pair_record *record) {
    size_t first = reading->pairs->ids.n;
    const cJSON *message = record->messages->child;
    for (; message != NULL; message = message->next) {
        const cJSON *role = json_member(message, record->role);
        const cJSON *content = json_member(message, record->content);
        if (!cJSON_IsString(role) || !cJSON_IsString(content)) {
            return error_set(reading->err, GEN_BAD_FILE,
                             "%s: a message is without a \"%s\" or a \"%s\" that is text",
                             reading->where, record->role, record->content);
        }
        enum gen_status status = take_message(
            reading, first, pair_record_role(record, role->valuestring), content->valuestring);
        if (status != GEN_OK) {
            return status;
        }
    }
    if (reading->pairs->ids.n == first) {
        return error_set(reading->err, GEN_BAD_FILE,
                         "%s: no message has the role \"%s\", so there is nothing to learn",
                         reading->where, strcmp(record->role, "from") == 0 ? "gpt" : "assistant");
    }
    return GEN_OK;
}

static enum gen_status take_object(struct reading *reading, const cJSON *object) {
    const struct pairs_reader *reader = reading->reader;
    const struct pair_record *record = &reading->record;
    enum gen_status status =
        pair_record_read(&reading->record, object, reader->prompt_field, reader->completion_field,
                         reading->where, reading->err);
    if (status != GEN_OK) {
        return status;
    }
    return record->prompt != NULL ? take_pair(reading, record) : take_messages(reading, record);
}

/* Keep the ids from `first` on as a pair, or leave it out. */
static enum gen_status keep(const struct reading *reading, size_t first) {
    struct pairs *pairs = reading->pairs;
    struct pair pair = {first, pairs->ids.n - first};
    if (pair_positions(&pair) > reading->reader->max_positions) {
        pairs->ids.n = first;
        pairs->counts.n = first;
        pairs->n_left_out++;
        return GEN_OK;
    }
    if (!memory_grow(&pairs->all, &pairs->capacity, pairs->n + 1, sizeof *pairs->all)) {
        return no_memory(reading);
    }
    pairs->all[pairs->n++] = pair;
    pairs->n_conversations += reading->record.messages != NULL;
    pairs->n_instructions += reading->record.instructs;
    if (pair_positions(&pair) > pairs->longest) {
        pairs->longest = pair_positions(&pair);
    }
    return GEN_OK;
}

static enum gen_status take_line(struct reading *reading, const char *line, size_t n) {
    cJSON *object = NULL;
    size_t first = reading->pairs->ids.n;
    reading->before.n = 0;
    enum gen_status status = json_parse_line(&object, line, n, reading->where, reading->err);
    if (status == GEN_OK) {
        status = take_object(reading, object);
    }
    cJSON_Delete(object);
    return status == GEN_OK ? keep(reading, first) : status;
}

enum gen_status pairs_read(struct pairs *pairs, const struct pairs_reader *reader,
                           const struct file_map *map, const char *path, struct gen_error *err) {
    struct error_quoted quoted;
    char where[sizeof quoted.text + 40];
    struct reading reading = {.reader = reader, .pairs = pairs, .where = where, .err = err};
    const char *text = (const char *)map->data;
    enum gen_status status = GEN_OK;
    size_t line = 0;
    const char *other = text_looks_like(text, map->size);
    if (other != NULL) {
        return error_set(err, GEN_BAD_FILE, "%s: %s", error_path(&quoted, path), other);
    }
    if (text_mark(text, map->size, true) == TEXT_MARK_UTF16) {
        return error_set(err, GEN_BAD_FILE, "%s: " TEXT_UTF16_PROBLEM, error_path(&quoted, path));
    }
    for (size_t at = text_mark_length(text, map->size); at < map->size && status == GEN_OK;) {
        size_t next;
        size_t n = text_line_length(text + at, map->size - at, &next);
        snprintf(where, sizeof where, "%s: line %zu", error_path(&quoted, path), ++line);
        if (!text_is_blank(text + at, n)) {
            status = take_line(&reading, text + at, n);
        }
        at += next;
        if (status == GEN_OK && line % LINES_BETWEEN == 0 &&
            !reader->progress(reader->context, at, map->size)) {
            status = error_set(err, GEN_CANCELED, "reading the pairs was canceled");
        }
    }
    gen_bytes_release(&reading.before);
    return status;
}

/* ---- what was read ---------------------------------------------------------------------------*/

void pairs_release(struct pairs *pairs) {
    gen_ids_release(&pairs->ids);
    gen_bytes_release(&pairs->counts);
    memory_free(pairs->all);
    *pairs = (struct pairs){0};
}

/* As it was taught to instructions: with the line end that take_pair() puts in. */
static enum gen_status divided(struct gen_bytes *out, const char *pattern) {
    const char *place = strstr(pattern, "{completion}");
    enum gen_status status = gen_bytes_append(out, pattern, (size_t)(place - pattern));
    status = status == GEN_OK ? gen_bytes_append(out, "\\n", 2) : status;
    return status == GEN_OK ? gen_bytes_append(out, place, strlen(place)) : status;
}

enum gen_status pairs_pattern(struct gen_bytes *out, const struct pairs *pairs, const char *pair,
                              const char *message) {
    size_t n_pairs = pairs->n - pairs->n_conversations;
    bool conversations = pairs->n_conversations >= n_pairs;
    const char *pattern = conversations ? message : pair;
    bool adjacent = !conversations && strstr(pattern, "{prompt}{completion}") != NULL;
    return adjacent && pairs->n_instructions * 2 > n_pairs
               ? divided(out, pattern)
               : gen_bytes_append(out, pattern, strlen(pattern));
}

uint64_t pairs_digest(const struct pairs *pairs) {
    struct digest digest = {0};
    for (size_t i = 0; i < pairs->n; i++) {
        const struct pair *pair = &pairs->all[i];
        digest_add_u64(&digest, pair->n);
        for (size_t at = pair->first; at < pair->first + pair->n; at++) {
            digest_add_u64(&digest, (uint64_t)(uint32_t)pairs->ids.data[at] << 1 |
                                        (uint64_t)(pairs->counts.data[at] != 0));
        }
    }
    return digest_value(&digest);
}

void pairs_get(int32_t *ids, int32_t *targets, const struct pairs *pairs, size_t i) {
    const struct pair *pair = &pairs->all[i];
    const int32_t *from = pairs->ids.data + pair->first;
    const char *counts = pairs->counts.data + pair->first;
    for (size_t at = 0; at + 1 < pair->n; at++) {
        ids[at] = from[at];
        targets[at] = counts[at + 1] != 0 ? from[at + 1] : NO_TARGET;
    }
}
