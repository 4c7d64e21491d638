/**
 * task.c - the tasks: what lm-evaluation-harness 0.4 makes of a record of each data set, in its
 * tasks/NAME. A task is a function and a row of the table.
 */
#include "eval/task.h"

#include <string.h>

#include "base/error.h"
#include "base/size.h"
#include "eval/blanks.h"
#include "eval/hellaswag.h"
#include "eval/question.h"
#include "text/json_line.h"

/* What the harness puts between a context and what may follow it. */
#define DIVIDER " "

static enum gen_status no_memory(struct gen_error *err) {
    return error_no_memory(err, "a question");
}

/* "Question: ...\nAnswer:" */
static enum gen_status add_question(struct question *question, struct question_span *context,
                                    const char *text, struct gen_error *err) {
    struct question_span rest;
    if (!question_add_text(question, context, "Question: ", strlen("Question: ")) ||
        !question_add_text(question, &rest, text, strlen(text))) {
        return no_memory(err);
    }
    context->n += rest.n;
    if (!question_add_text(question, &rest, "\nAnswer:", strlen("\nAnswer:"))) {
        return no_memory(err);
    }
    context->n += rest.n;
    return GEN_OK;
}

static enum gen_status check_array(const cJSON *array, const char *name, struct gen_error *err) {
    if (cJSON_IsArray(array) && array->child != NULL) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_FILE, "\"%s\" must be an array of texts, but is %s", name,
                     array == NULL          ? "not there"
                     : cJSON_IsArray(array) ? "empty"
                                            : json_kind(array));
}

static bool is_white(char c) {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

static enum gen_status read_choices(struct question *question, const cJSON *record,
                                    struct gen_error *err) {
    const char *context = question_text(record, "context", err);
    const cJSON *choices = json_member(record, "choices");
    struct question_span span;
    if (context == NULL) {
        return GEN_BAD_FILE;
    }
    if (check_array(choices, "choices", err) != GEN_OK) {
        return GEN_BAD_FILE;
    }
    size_t n = strlen(context);
    if (!question_add_text(question, &span, context, n)) {
        return no_memory(err);
    }
    enum gen_status status = GEN_OK;
    for (const cJSON *item = choices->child; item != NULL && status == GEN_OK; item = item->next) {
        if (!cJSON_IsString(item)) {
            return error_set(err, GEN_BAD_FILE,
                             "\"choices\" must be an array of texts, but has %s in it",
                             json_kind(item));
        }
        /* White space at the border divides them, and is no character of the choice. */
        const char *text = item->valuestring;
        char own[] = DIVIDER;
        if (is_white(*text)) {
            own[0] = *text;
        }
        bool is_divided = n > 0 && is_white(context[n - 1]) && !is_white(*text);
        text += is_white(*text) ? 1 : 0;
        status = question_add_choice(question, span, is_divided ? "" : own, text, err);
    }
    return status == GEN_OK ? question_label(question, record, "label", 0, err) : status;
}

static enum gen_status read_hellaswag(struct question *question, const cJSON *record,
                                      struct gen_error *err) {
    struct gen_bytes text = {0};
    struct question_span context = {0};
    enum gen_status status = hellaswag_context(&text, record, err);
    if (status == GEN_OK && !question_add_text(question, &context, text.data, text.n)) {
        status = no_memory(err);
    }
    const cJSON *endings = json_member(record, "endings");
    if (status == GEN_OK) {
        status = check_array(endings, "endings", err);
    }
    for (const cJSON *item = status == GEN_OK ? endings->child : NULL;
         item != NULL && status == GEN_OK; item = item->next) {
        text.n = 0;
        if (!cJSON_IsString(item)) {
            status = error_set(err, GEN_BAD_FILE, "\"endings\" must be texts, but has %s in it",
                               json_kind(item));
        } else if (!hellaswag_preprocess(&text, item->valuestring, strlen(item->valuestring)) ||
                   gen_bytes_append(&text, "", 1) != GEN_OK) {
            status = no_memory(err);
        } else {
            status = question_add_choice(question, context, DIVIDER, text.data, err);
        }
    }
    gen_bytes_release(&text);
    return status == GEN_OK ? question_label(question, record, "label", 0, err) : status;
}

/* The last word, and what is before it. Words are divided by blanks. */
static enum gen_status read_lambada(struct question *question, const cJSON *record,
                                    struct gen_error *err) {
    const char *text = question_text(record, "text", err);
    struct question_span context;
    if (text == NULL) {
        return GEN_BAD_FILE;
    }
    const char *blank = strrchr(text, ' ');
    size_t n = blank != NULL ? (size_t)(blank - text) : 0;
    if (!question_add_text(question, &context, text, n)) {
        return no_memory(err);
    }
    return question_add_choice(question, context, DIVIDER, blank != NULL ? blank + 1 : text, err);
}

static enum gen_status read_blimp(struct question *question, const cJSON *record,
                                  struct gen_error *err) {
    const char *good = question_text(record, "sentence_good", err);
    const char *bad = good != NULL ? question_text(record, "sentence_bad", err) : NULL;
    const struct question_span context = {0};
    if (bad == NULL) {
        return GEN_BAD_FILE;
    }
    enum gen_status status = question_add_choice(question, context, DIVIDER, good, err);
    return status == GEN_OK ? question_add_choice(question, context, DIVIDER, bad, err) : status;
}

static enum gen_status read_piqa(struct question *question, const cJSON *record,
                                 struct gen_error *err) {
    const char *goal = question_text(record, "goal", err);
    const char *first = goal != NULL ? question_text(record, "sol1", err) : NULL;
    const char *second = first != NULL ? question_text(record, "sol2", err) : NULL;
    struct question_span context;
    if (second == NULL) {
        return GEN_BAD_FILE;
    }
    enum gen_status status = add_question(question, &context, goal, err);
    if (status == GEN_OK) {
        status = question_add_choice(question, context, DIVIDER, first, err);
    }
    if (status == GEN_OK) {
        status = question_add_choice(question, context, DIVIDER, second, err);
    }
    return status == GEN_OK ? question_label(question, record, "label", 0, err) : status;
}

/* One choice of ARC: its text, and its label, which may be the answer. */
static enum gen_status add_arc_choice(struct question *question, struct question_span context,
                                      const cJSON *text, const cJSON *label, const char *answer,
                                      bool *found, struct gen_error *err) {
    if (!cJSON_IsString(text) || !cJSON_IsString(label)) {
        return error_set(err, GEN_BAD_FILE,
                         "a choice must have \"text\" and \"label\", both texts");
    }
    if (!*found && strcmp(label->valuestring, answer) == 0) {
        question->label = question->n_choices;
        *found = true;
    }
    return question_add_choice(question, context, DIVIDER, text->valuestring, err);
}

/* {"question":"...","choices":{"text":[...],"label":[...]}} as on the Hub, or as AllenAI has it
 * {"question":{"stem":"...","choices":[{"text":"...","label":"A"}, ...]}} */
static enum gen_status read_arc(struct question *question, const cJSON *record,
                                struct gen_error *err) {
    const cJSON *outer = json_member(record, "question");
    bool is_nested = cJSON_IsObject(outer);
    const char *stem =
        question_text(is_nested ? outer : record, is_nested ? "stem" : "question", err);
    const char *answer = stem != NULL ? question_text(record, "answerKey", err) : NULL;
    const cJSON *choices = json_member(is_nested ? outer : record, "choices");
    const cJSON *texts = is_nested ? choices : json_member(choices, "text");
    const cJSON *labels = is_nested ? choices : json_member(choices, "label");
    struct question_span context;
    bool found = false;
    if (answer == NULL) {
        return GEN_BAD_FILE;
    }
    if (!cJSON_IsArray(texts) || !cJSON_IsArray(labels)) {
        return error_set(err, GEN_BAD_FILE, "\"choices\" must have arrays \"text\" and \"label\"");
    }
    enum gen_status status = add_question(question, &context, stem, err);
    const cJSON *label = labels->child;
    for (const cJSON *text = texts->child; text != NULL && status == GEN_OK; text = text->next) {
        const cJSON *own_text = is_nested ? json_member(text, "text") : text;
        const cJSON *own_label = is_nested ? json_member(text, "label") : label;
        status = add_arc_choice(question, context, own_text, own_label, answer, &found, err);
        label = label != NULL ? label->next : NULL;
    }
    if (status == GEN_OK && !found) {
        status = error_set(err, GEN_BAD_FILE, "\"answerKey\" is \"%.40s\", but no choice has it",
                           answer);
    }
    return status;
}

/* The same rest of a sentence after each of two beginnings. */
static enum gen_status read_winogrande(struct question *question, const cJSON *record,
                                       struct gen_error *err) {
    static const char *const names[] = {"option1", "option2"};
    const char *sentence = question_text(record, "sentence", err);
    const char *gap = sentence != NULL ? strchr(sentence, '_') : NULL;
    enum gen_status status = GEN_OK;
    if (gap == NULL) {
        return sentence == NULL
                   ? GEN_BAD_FILE
                   : error_set(err, GEN_BAD_FILE, "\"sentence\" must have _ where the options go");
    }
    struct gen_bytes rest = {0};
    const char *after = gap + 1;
    after += blanks_before(after, strlen(after));
    if (gen_bytes_append(&rest, after, blanks_without_end(after, strlen(after))) != GEN_OK ||
        gen_bytes_append(&rest, "", 1) != GEN_OK) {
        status = no_memory(err);
    }
    for (size_t i = 0; i < N_OF(names) && status == GEN_OK; i++) {
        const char *option = question_text(record, names[i], err);
        struct question_span context, more;
        if (option == NULL) {
            status = GEN_BAD_FILE;
        } else if (!question_add_text(question, &context, sentence, (size_t)(gap - sentence)) ||
                   !question_add_text(question, &more, option, strlen(option))) {
            status = no_memory(err);
        } else {
            context.n += more.n;
            status = question_add_choice(question, context, DIVIDER, rest.data, err);
        }
    }
    gen_bytes_release(&rest);
    return status == GEN_OK ? question_label(question, record, "answer", 1, err) : status;
}

static const struct task tasks[] = {
    {"choices", true, false, read_choices},
    {"hellaswag", true, false, read_hellaswag},
    {"lambada", false, true, read_lambada},
    {"blimp", false, false, read_blimp},
    {"piqa", true, false, read_piqa},
    {"arc", true, false, read_arc},
    {"winogrande", false, false, read_winogrande},
};

const char *const gen_eval_tasks[] = {"choices", "hellaswag", "lambada",    "blimp",
                                      "piqa",    "arc",       "winogrande", NULL};

const struct task *task_find(const char *name) {
    for (size_t i = 0; i < N_OF(tasks); i++) {
        if (strcmp(tasks[i].name, name) == 0) {
            return &tasks[i];
        }
    }
    return NULL;
}

enum gen_status task_read(const struct task *task, struct question *question, const char *line,
                          size_t n, const char *where, struct gen_error *err) {
    cJSON *record = NULL;
    struct gen_error cause;
    question->text.n = 0;
    question->n_choices = 0;
    question->label = 0;
    enum gen_status status = json_parse_line(&record, line, n, where, err);
    if (status == GEN_OK && (status = task->read(question, record, &cause)) != GEN_OK) {
        error_set(err, cause.status, "%s: %s", where, cause.message);
    }
    cJSON_Delete(record);
    return status;
}
