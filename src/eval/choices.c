/**
 * choices.c - multiple choice: lines of a data set as questions (task.h), their choices as requests
 * of a scorer, its scores as answers, and what share of these is right.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "eval/mean.h"
#include "eval/task.h"

/* A question whose choices are being scored. */
struct open_question {
    uint64_t index;
    size_t n_choices, n_scored, label;
    double *logprobs;        /* [n_choices] of those that are scored */
    size_t *n_chars;         /* [n_choices] */
    bool all_likeliest;      /* of the last one */
    struct gen_error *error; /* NULL: it has not failed */
};

struct choices {
    const struct task *task;
    const struct gen_model *model;
    const struct gen_eval_lines *lines;
    const struct gen_eval_choices_options *options;
    size_t n_ctx;
    struct question question; /* the one whose choices are given out */
    size_t next_choice;
    struct gen_ids ids;
    struct open_question *open; /* [n_open] in order; the last one is `question` */
    size_t n_open, first_open, open_capacity;
    uint64_t n_lines;
    struct mean acc, acc_norm, logprob;
    uint64_t n_failed;
    struct gen_error error; /* of the run */
    bool no_memory;
};

struct gen_eval_choices_options gen_eval_choices_options_default(void) {
    return (struct gen_eval_choices_options){0};
}

/* ---- questions -------------------------------------------------------------------------------*/

static void close_question(struct open_question *open) {
    memory_free(open->logprobs);
    memory_free(open->n_chars);
    memory_free(open->error);
    *open = (struct open_question){0};
}

/* False: out of memory, which the error itself may be. That is no fault of the record. */
static bool set_error(struct open_question *open, const struct gen_error *error) {
    if (error->status == GEN_NO_MEMORY) {
        return false;
    }
    if (open->error == NULL) {
        open->error = memory_new(1, sizeof *error);
    }
    if (open->error != NULL) {
        *open->error = *error;
    }
    return open->error != NULL;
}

/* A place for the next question. */
static struct open_question *add_question(struct choices *choices) {
    if (choices->first_open > 0 &&
        choices->first_open + choices->n_open == choices->open_capacity) {
        memmove(choices->open, choices->open + choices->first_open,
                choices->n_open * sizeof *choices->open);
        choices->first_open = 0;
    }
    size_t end = choices->first_open + choices->n_open;
    if (!memory_grow(&choices->open, &choices->open_capacity, end + 1, sizeof *choices->open)) {
        return NULL;
    }
    choices->n_open++;
    choices->open[end] = (struct open_question){.index = choices->n_lines++};
    return &choices->open[end];
}

/* Take the question of the next line; false: there is none, or memory is out. */
static bool next_question(struct choices *choices) {
    const char *line, *where;
    size_t n;
    const struct gen_error *failed = NULL;
    struct gen_error error;
    if (!choices->lines->next(choices->lines->context, &line, &n, &where, &failed)) {
        return false;
    }
    struct open_question *open = add_question(choices);
    choices->next_choice = 0;
    choices->question.n_choices = 0;
    bool good = open != NULL;
    if (good && failed == NULL &&
        task_read(choices->task, &choices->question, line, n, where, &error) != GEN_OK) {
        failed = &error;
    }
    if (good && failed != NULL) {
        open->n_choices = 1; /* which reports the failure in its turn */
        choices->question.n_choices = 1;
        good = set_error(open, failed);
    } else if (good) {
        open->label = choices->question.label;
        open->n_choices = choices->question.n_choices;
        open->logprobs = memory_new(open->n_choices, sizeof *open->logprobs);
        open->n_chars = memory_new(open->n_choices, sizeof *open->n_chars);
        good = open->logprobs != NULL && open->n_chars != NULL;
    }
    choices->no_memory = choices->no_memory || !good;
    return good;
}

/* The ids of a choice after its context; of what does not fit the end, as the harness has it. */
static enum gen_status encode(struct choices *choices, const struct question_choice *choice,
                              struct gen_score_request *request, struct gen_error *err) {
    const char *text = choices->question.text.data;
    size_t from = 0;
    choices->ids.n = 0;
    enum gen_status status =
        gen_encode_pair(choices->model, text + choice->context.begin, choice->context.n,
                        text + choice->continuation.begin, choice->continuation.n,
                        choices->options->special, &choices->ids, &from, err);
    if (status != GEN_OK) {
        return status;
    }
    size_t n = choices->ids.n;
    size_t cut = n > choices->n_ctx + 1 ? n - (choices->n_ctx + 1) : 0;
    if (cut >= from) {
        return error_set(err, GEN_CONTEXT_FULL,
                         "a choice has %zu tokens, but the context holds %zu", n - from,
                         choices->n_ctx);
    }
    *request = (struct gen_score_request){
        .ids = choices->ids.data + cut, .n_ids = n - cut, .from = from - cut};
    return GEN_OK;
}

static bool next(void *context, struct gen_score_request *request) {
    struct choices *choices = context;
    *request = (struct gen_score_request){0};
    if (choices->next_choice == choices->question.n_choices && !next_question(choices)) {
        return false;
    }
    struct open_question *open = &choices->open[choices->first_open + choices->n_open - 1];
    size_t number = choices->next_choice++;
    struct gen_error error;
    if (open->error == NULL) {
        const struct question_choice *choice = &choices->question.choices[number];
        open->n_chars[number] = choice->n_chars;
        if (encode(choices, choice, request, &error) != GEN_OK && !set_error(open, &error)) {
            choices->no_memory = true;
            return false;
        }
    }
    request->error = open->error;
    return true;
}

/* ---- answers ---------------------------------------------------------------------------------*/

/* The first of the greatest. */
static size_t greatest(const double *numbers, const size_t *divided_by, size_t n) {
    size_t at = 0;
    double highest = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        double number = numbers[i] / (divided_by != NULL ? (double)divided_by[i] : 1.0);
        if (number > highest) {
            highest = number;
            at = i;
        }
    }
    return at;
}

static bool answer(struct choices *choices, const struct open_question *open) {
    struct gen_eval_answer answer = {.index = open->index, .error = open->error};
    bool good = true;
    if (open->error == NULL) {
        answer.n_choices = open->n_choices;
        answer.logprobs = open->logprobs;
        answer.label = open->label;
        answer.chosen = greatest(open->logprobs, NULL, open->n_choices);
        answer.chosen_norm = greatest(open->logprobs, open->n_chars, open->n_choices);
        answer.right =
            choices->task->is_greedy ? open->all_likeliest : answer.chosen == open->label;
        answer.right_norm = answer.chosen_norm == open->label;
        good = mean_add(&choices->acc, answer.right ? 1.0 : 0.0) &&
               mean_add(&choices->acc_norm, answer.right_norm ? 1.0 : 0.0) &&
               mean_add(&choices->logprob, open->logprobs[0]);
        choices->no_memory = choices->no_memory || !good;
    } else {
        choices->n_failed++;
    }
    return good && (choices->options->answer == NULL ||
                    choices->options->answer(choices->options->context, &answer));
}

static bool take(void *context, const struct gen_score *score) {
    struct choices *choices = context;
    struct open_question *open = &choices->open[choices->first_open];
    size_t number = open->n_scored++;
    bool good = true;
    if (score->error != NULL) {
        good = open->error != NULL || set_error(open, score->error);
        choices->no_memory = choices->no_memory || !good;
    } else {
        open->logprobs[number] = score->logprob;
        open->all_likeliest = score->all_likeliest;
    }
    if (good && open->n_scored == open->n_choices) {
        good = answer(choices, open);
        close_question(open);
        choices->first_open++;
        choices->n_open--;
    }
    return good;
}

static bool go_on(void *context) {
    const struct choices *choices = context;
    return choices->options->go_on == NULL || choices->options->go_on(choices->options->context);
}

/* ---- the run ---------------------------------------------------------------------------------*/

static void finish(const struct choices *choices, struct gen_eval_choices *out) {
    const struct task *task = choices->task;
    double none = (double)NAN;
    *out = (struct gen_eval_choices){
        .n = choices->acc.n,
        .n_failed = choices->n_failed,
        .acc = mean_value(&choices->acc),
        .acc_stderr = mean_stderr(&choices->acc),
        .acc_norm = task->has_norm ? mean_value(&choices->acc_norm) : none,
        .acc_norm_stderr = task->has_norm ? mean_stderr(&choices->acc_norm) : none,
        .perplexity = task->is_greedy ? exp(-mean_value(&choices->logprob)) : none,
    };
    out->perplexity_stderr = out->perplexity * mean_stderr(&choices->logprob);
}

static void release(struct choices *choices) {
    for (size_t i = 0; i < choices->n_open; i++) {
        close_question(&choices->open[choices->first_open + i]);
    }
    memory_free(choices->open);
    question_release(&choices->question);
    gen_ids_release(&choices->ids);
    mean_release(&choices->acc);
    mean_release(&choices->acc_norm);
    mean_release(&choices->logprob);
}

enum gen_status gen_eval_choices(struct gen_eval_choices *out, struct gen_scorer *scorer,
                                 const struct gen_model *model, const struct gen_eval_lines *lines,
                                 const struct gen_eval_choices_options *options,
                                 struct gen_error *err) {
    const char *name = options->task != NULL ? options->task : "choices";
    struct choices choices = {.task = task_find(name),
                              .model = model,
                              .lines = lines,
                              .options = options,
                              .n_ctx = (size_t)gen_scorer_n_ctx(scorer)};
    const struct gen_score_source source = {.context = &choices, .next = next};
    const struct gen_score_sink sink = {.context = &choices, .score = take, .go_on = go_on};
    if (choices.task == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "there is no task \"%.40s\", but hellaswag, lambada, blimp, piqa, arc, "
                         "winogrande and choices",
                         name);
    }
    enum gen_status status = gen_scorer_run(scorer, &source, &sink, NULL, err);
    if (choices.no_memory) {
        status = error_no_memory(err, "questions");
    }
    finish(&choices, out);
    release(&choices);
    return status;
}
