/**
 * checker.c - findings of checks on their way to the caller: counted, and the first of them told.
 */
#include "model/check/checker.h"

#include <stdarg.h>
#include <stdio.h>

/* Findings of a check that are told. */
#define MOST_TOLD 8

static void find(struct checker *checker, bool is_wrong, const char *format, va_list arguments) {
    struct gen_check_summary *summary = &checker->summary;
    char text[GEN_MESSAGE_SIZE];
    if (summary->n_wrong + summary->n_odd < MOST_TOLD && checker->options->finding != NULL) {
        vsnprintf(text, sizeof text, format, arguments);
        struct gen_finding finding = {summary->name, is_wrong, text};
        checker->options->finding(checker->options->context, &finding);
    }
    summary->n_wrong += is_wrong;
    summary->n_odd += !is_wrong;
}

void checker_wrong(struct checker *checker, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    find(checker, true, format, arguments);
    va_end(arguments);
}

void checker_odd(struct checker *checker, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    find(checker, false, format, arguments);
    va_end(arguments);
}

enum gen_status checker_progress(struct checker *checker, uint64_t bytes) {
    const struct gen_check_options *options = checker->options;
    checker->done += bytes;
    if (options->progress == NULL ||
        options->progress(options->context, checker->done, checker->total)) {
        return GEN_OK;
    }
    return error_set(checker->err, GEN_CANCELED, "%s: the check was canceled",
                     checker->model->where.text);
}
