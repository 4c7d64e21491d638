/**
 * question.c - members of a record into contexts, choices and a label. Which members, the tasks of
 * task.c know.
 */
#include "eval/question.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void question_release(struct question *question) {
    gen_bytes_release(&question->text);
    memory_free(question->choices);
    *question = (struct question){0};
}

const char *question_text(const cJSON *record, const char *name, struct gen_error *err) {
    const cJSON *member = json_member(record, name);
    if (!cJSON_IsString(member)) {
        error_set(err, GEN_BAD_FILE, "\"%s\" must be text, but %s%s", name,
                  member == NULL ? "is not there" : "is ", member == NULL ? "" : json_kind(member));
        return NULL;
    }
    return member->valuestring;
}

/* A whole number, or text that is one. */
static bool read_number(const cJSON *member, int64_t *value) {
    if (cJSON_IsString(member)) {
        char *end;
        const char *text = member->valuestring;
        *value = strtol(text, &end, 10);
        return *text >= '0' && *text <= '9' && *end == '\0';
    }
    return json_is_integer(member, value);
}

enum gen_status question_label(struct question *question, const cJSON *record, const char *name,
                               int64_t first, struct gen_error *err) {
    const cJSON *member = json_member(record, name);
    int64_t value = 0;
    int64_t last = first + (int64_t)question->n_choices - 1;
    if (member == NULL) {
        return error_set(err, GEN_BAD_FILE,
                         "\"%s\" must say which choice is right, but is not there", name);
    }
    if (!read_number(member, &value)) {
        return cJSON_IsNumber(member)
                   ? error_set(err, GEN_BAD_FILE,
                               "\"%s\" must be the number of a choice, but is %g", name,
                               member->valuedouble)
                   : error_set(err, GEN_BAD_FILE,
                               "\"%s\" must be the number of a choice, but is %s", name,
                               json_kind(member));
    }
    if (value < first || value > last) {
        return error_set(err, GEN_BAD_FILE, "\"%s\" is %lld, but the choices are %lld to %lld",
                         name, (long long)value, (long long)first, (long long)last);
    }
    question->label = (size_t)(value - first);
    return GEN_OK;
}

bool question_add_text(struct question *question, struct question_span *span, const char *text,
                       size_t n) {
    *span = (struct question_span){.begin = question->text.n, .n = n};
    return gen_bytes_append(&question->text, text, n) == GEN_OK;
}

static size_t count_chars(const char *text) {
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return n;
}

enum gen_status question_add_choice(struct question *question, struct question_span context,
                                    const char *divider, const char *text, struct gen_error *err) {
    if (*text == '\0') {
        return error_set(err, GEN_BAD_FILE, "choice %zu is empty, but must have text to be scored",
                         question->n_choices);
    }
    if (!memory_grow(&question->choices, &question->capacity, question->n_choices + 1,
                     sizeof *question->choices)) {
        return error_no_memory(err, "choices");
    }
    struct question_choice *choice = &question->choices[question->n_choices];
    struct question_span rest;
    *choice = (struct question_choice){.context = context, .n_chars = count_chars(text)};
    if (!question_add_text(question, &choice->continuation, divider, strlen(divider)) ||
        !question_add_text(question, &rest, text, strlen(text))) {
        return error_no_memory(err, "choices");
    }
    choice->continuation.n += rest.n;
    question->n_choices++;
    return GEN_OK;
}
