/**
 * task.h - records of data sets as questions: contexts, what may follow each, which is right.
 */
#ifndef EVAL_TASK_H
#define EVAL_TASK_H

#include "gen_eval.h"
#include "text/json.h"

/** Bytes begin ... begin+n-1 of a question's text. */
struct question_span {
    size_t begin, n;
};

struct question_choice {
    struct question_span context, continuation;
    size_t n_chars; /**< of the choice, without what divides it from the context */
};

/** Start from {0}; memory is kept from one record to the next. */
struct question {
    struct gen_bytes text;
    struct question_choice *choices;
    size_t n_choices, capacity;
    size_t label;
};

void question_release(struct question *question);

struct task {
    const char *name;
    bool has_norm;  /**< also judged by log probability for each character */
    bool is_greedy; /**< one choice, right where greedy decoding gives it */
    /** Make a question of a record. Messages do not name the record. */
    enum gen_status (*read)(struct question *question, const cJSON *record, struct gen_error *err);
};

/** NULL: there is none of that name. */
const struct task *task_find(const char *name);

/** The question of a line. `where` names it in messages. */
enum gen_status task_read(const struct task *task, struct question *question, const char *line,
                          size_t n, const char *where, struct gen_error *err);

#endif
