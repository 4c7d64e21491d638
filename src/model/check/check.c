/**
 * check.c - gen_model_check(): the table of checks, and what they tell. What is wrong or odd is
 * said in the files of the checks.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/size.h"
#include "model/check/checker.h"

static void tell_sum(void *context, const char *sentence) {
    checker_wrong(context, "%s", sentence);
}

enum gen_status check_sums(struct checker *checker) {
    const struct model_file *file = checker->model->source;
    return file->check_sums == NULL
               ? GEN_OK
               : file->check_sums(file, &checker->summary.n, tell_sum, checker, checker->err);
}

static const struct check {
    const char *name, *unit;
    enum gen_status (*run)(struct checker *checker);
} checks[] = {
    {"checksums", "sums", check_sums},         {"numbers", "tensors", check_numbers},
    {"norms", "layer norms", check_norms},     {"vocabulary", "tokens", check_tokens},
    {"special ids", "ids", check_special_ids},
};

enum gen_status gen_model_check(const struct gen_model *model,
                                const struct gen_check_options *options, bool *is_wrong,
                                struct gen_error *err) {
    struct checker checker = {
        .model = model, .options = options, .pool = thread_pool_new(0), .err = err};
    *is_wrong = false;
    if (checker.pool == NULL) {
        return error_no_memory(err, "threads");
    }
    for (size_t i = 0; i < model->source->n_tensors; i++) {
        checker.total += model->source->tensors[i].size;
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(checks) && status == GEN_OK; i++) {
        checker.summary =
            (struct gen_check_summary){.name = checks[i].name, .unit = checks[i].unit};
        status = checks[i].run(&checker);
        *is_wrong = *is_wrong || checker.summary.n_wrong > 0;
        if (status == GEN_OK && options->summary != NULL) {
            options->summary(options->context, &checker.summary);
        }
    }
    thread_pool_free(checker.pool);
    return status;
}
