/**
 * fuzz_eval.c - libFuzzer entry: the first byte chooses what the others are: a record of a data
 * set, by one of the tasks of gen eval, lines of records for gen score, or the file of a base for
 * gen compare.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/eval/score_input.h"
#include "eval/base_file.h"
#include "eval/task.h"
#include "fuzz.h"

enum { N_TASKS = 7 };

static struct gen_model *model;

static void check_span(const struct question *question, struct question_span span) {
    if (span.begin > question->text.n || span.n > question->text.n - span.begin) {
        abort();
    }
}

/* What a task makes of a record is within its text, and can be encoded. */
static void read_record(const char *name, const char *line, size_t n) {
    struct question question = {0};
    struct gen_ids ids = {0};
    struct gen_error err;
    const struct task *task = task_find(name);
    if (task == NULL) {
        abort();
    }
    if (task_read(task, &question, line, n, "record", &err) != GEN_OK) {
        fuzz_check_error(&err);
        question.n_choices = 0;
    } else if (question.n_choices == 0 || question.label >= question.n_choices) {
        abort();
    }
    for (size_t i = 0; i < question.n_choices; i++) {
        const struct question_choice *choice = &question.choices[i];
        size_t from = 0;
        check_span(&question, choice->context);
        check_span(&question, choice->continuation);
        ids.n = 0;
        if (gen_encode_pair(model, question.text.data + choice->context.begin, choice->context.n,
                            question.text.data + choice->continuation.begin, choice->continuation.n,
                            i % 2 == 1, &ids, &from, &err) != GEN_OK) {
            fuzz_check_error(&err);
        } else if (from < 1 || from >= ids.n) {
            abort();
        }
    }
    gen_ids_release(&ids);
    question_release(&question);
}

static void read_lines(const uint8_t *data, size_t n) {
    const char *path = fuzz_write("s.jsonl", data, n);
    struct score_input input = {.model = model, .jsonl = true, .keeps_rests = true};
    struct gen_score_request request;
    struct gen_error err;
    if (input_open(&input.input, path, &err) != GEN_OK) {
        abort();
    }
    while (score_input_ready(&input), score_input_next(&input, &request)) {
        if (request.error != NULL) {
            fuzz_check_error(request.error);
        } else if (request.from > request.n_ids) {
            abort();
        }
    }
    score_input_release(&input);
}

/* Models are held against a base only by log probabilities. */
static void read_base(const uint8_t *data, size_t size) {
    const char *path = fuzz_write("base", data, size);
    struct gen_base_file *file;
    struct gen_error err;
    size_t n;
    int32_t n_ctx;
    if (gen_base_file_open(&file, path, &err) != GEN_OK) {
        fuzz_check_error(&err);
        return;
    }
    const int32_t *ids = gen_base_file_ids(file, &n, &n_ctx);
    float *row = malloc((size_t)file->n_vocab * sizeof *row);
    for (size_t i = 0; i < n; i++) {
        if (row == NULL || ids[i] < 0 || ids[i] >= file->n_vocab) {
            abort();
        }
    }
    for (size_t i = 0; i < file->n_windows * base_file_rows((size_t)n_ctx); i++) {
        bool good = base_file_read_row(file, i / base_file_rows((size_t)n_ctx),
                                       i % base_file_rows((size_t)n_ctx), row);
        for (size_t id = 0; good && id < (size_t)file->n_vocab; id++) {
            if (!isfinite(row[id]) || row[id] > 0.01f) {
                abort();
            }
        }
    }
    free(row);
    gen_base_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct gen_error err;
    if (model == NULL && gen_model_open(&model, FUZZ_MODEL, NULL, &err) != GEN_OK) {
        abort();
    }
    if (size < 2) {
        return 0;
    }
    unsigned chosen = data[0] % (N_TASKS + 2);
    if (chosen == N_TASKS + 1) {
        read_base(data + 1, size - 1);
    } else if (chosen == N_TASKS) {
        read_lines(data + 1, size - 1);
    } else {
        read_record(gen_eval_tasks[chosen], (const char *)data + 1, size - 1);
    }
    return 0;
}
