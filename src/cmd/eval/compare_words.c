/**
 * compare_words.c - the sentences under the table of `gen compare`: whether a difference can be
 * told from chance. It can where it is further from 0 than 95 of 100 that chance alone makes. How
 * far that is in standard errors depends on how many pieces (windows, records) the error was found
 * from, by Student's t; of few pieces it is far.
 */
#include <math.h>

#include "cli/text_line.h"
#include "cmd/eval/compare_report.h"

/* Chance alone makes 6 records that one of two models alone gets right speak for the same one in
 * 1 case of 32 (two-sided: 2 / 2^6), fewer more often. */
#define LEAST_UNLIKE 6

/* The quantile of 97.5 % of Student's t with n - 1 degrees of freedom, rounded up; n >= 2. */
static double student_t(uint64_t n) {
    static const double quantiles[] = {12.71, 4.31, 3.19, 2.78, 2.58, 2.45, 2.37, 2.31, 2.27, 2.23,
                                       2.21,  2.18, 2.17, 2.15, 2.14, 2.12, 2.11, 2.11, 2.10, 2.09,
                                       2.08,  2.08, 2.07, 2.07, 2.06, 2.06, 2.06, 2.05, 2.05, 2.05};
    return n - 2 < sizeof quantiles / sizeof *quantiles ? quantiles[n - 2] : 2.04;
}

/* A difference of means over n pieces, and its standard error. */
static void put_verdict(struct gen_bytes *out, const struct compared *model, const char *base,
                        const char *what, double difference, double error, uint64_t n) {
    if (n < 2 || !(fabs(difference) > student_t(n) * error)) {
        text_line(out, "%.80s and %.80s: no difference of %s that could be told from chance",
                  compare_label(model), base, what);
    } else {
        text_line(out, "%.80s is %s than %.80s in %s, by %.5f +- %.5f", compare_label(model),
                  difference > 0 ? "better" : "worse", base, what, fabs(difference), error);
    }
}

static void put_of_records(struct gen_bytes *out, const struct compared *model, const char *base,
                           const char *what, const struct paired *pair) {
    if (!isnan(pair->mean)) {
        put_verdict(out, model, base, what, pair->mean, pair->error,
                    pair->n_unlike < LEAST_UNLIKE ? 0 : pair->n);
    }
}

static void put_of_text(struct gen_bytes *out, const struct compared *model, const char *base) {
    const struct gen_agreement *agreement = &model->agreement;
    if (agreement->n_windows < 2) {
        text_line(
            out,
            "%.80s and %.80s: of one window alone it cannot be told what is chance (more text, "
            "or a smaller --ctx, makes more)",
            compare_label(model), base);
        return;
    }
    put_verdict(out, model, base, "log p for each token", agreement->difference,
                agreement->difference_stderr, agreement->n_windows);
}

/* Models whose tokens are others. */
static void put_of_stranger(struct gen_bytes *out, const struct compared *model,
                            const struct compared *base) {
    double more = model->bits_per_byte - base->bits_per_byte;
    text_line(out,
              "%.80s has another vocabulary than %.80s: it takes %.4f bits %s for each byte, and "
              "nothing else of it can be compared",
              compare_label(model), compare_label(base), fabs(more), more < 0 ? "less" : "more");
}

void compare_words(struct gen_bytes *out, const struct compare_job *job) {
    const char *base = job->base != NULL ? job->base_file : compare_label(&job->models[0]);
    for (size_t i = job->base != NULL ? 0 : 1; i < job->n; i++) {
        const struct compared *model = &job->models[i];
        if (job->task != NULL) {
            put_of_records(out, model, base, "acc", &model->acc);
            if (!isnan(model->choices.acc_norm)) {
                put_of_records(out, model, base, "acc_norm", &model->acc_norm);
            }
        } else if (model->is_stranger) {
            put_of_stranger(out, model, &job->models[0]);
        } else if (model->agrees) {
            put_of_text(out, model, base);
        }
    }
}
