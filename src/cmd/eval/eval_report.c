/**
 * eval_report.c - what `gen eval` prints.
 */
#include "cmd/eval/eval_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/json_out.h"
#include "cli/text_line.h"

/* Digits that count: those of logarithms are good to 7 or so, shares are exact. */
#define DIGITS       9
#define SHARE_DIGITS 17

static void string(struct json_out *json, const char *name, const char *value) {
    json_out_string(json, name, value, strlen(value));
}

static void end_json(struct gen_bytes *out, struct json_out *json) {
    json_out_close(json, '}');
    alloc_append(&json->text, "\n", 1);
    *out = json->text;
}

/* "X +- Y", or without what there is not. */
static void figure(struct gen_bytes *out, const char *name, double value, double error) {
    if (isnan(value)) {
        text_line(out, "%-12s -", name);
    } else if (isnan(error)) {
        text_line(out, "%-12s %.4f", name, value);
    } else {
        text_line(out, "%-12s %.4f +- %.4f", name, value, error);
    }
}

void eval_report_text(struct gen_bytes *out, const struct eval_subject *subject,
                      const struct gen_eval_text *result, bool json) {
    if (!json) {
        text_line(out, "%-12s %llu, scored %llu, in %llu window%s of %d%s", "tokens",
                  (unsigned long long)result->n_ids, (unsigned long long)result->n_scored,
                  (unsigned long long)result->n_windows, result->n_windows == 1 ? "" : "s",
                  (int)subject->n_ctx,
                  strcmp(subject->convention, "llama.cpp") == 0 ? ", as llama-perplexity" : "");
        figure(out, "perplexity", result->perplexity, result->perplexity_stderr);
        figure(out, "bits/byte", result->bits_per_byte, (double)NAN);
        figure(out, "bits/char", result->bits_per_char, (double)NAN);
        return;
    }
    struct json_out object = {.text = *out};
    json_out_open(&object, NULL, '{');
    string(&object, "model", subject->model);
    string(&object, "text", subject->file);
    string(&object, "convention", subject->convention);
    json_out_int(&object, "ctx", subject->n_ctx);
    json_out_int(&object, "stride", subject->stride);
    json_out_uint(&object, "n_tokens", result->n_ids);
    json_out_uint(&object, "n_scored", result->n_scored);
    json_out_uint(&object, "n_windows", result->n_windows);
    json_out_uint(&object, "n_bytes", result->n_bytes);
    json_out_uint(&object, "n_chars", result->n_chars);
    json_out_double(&object, "logprob", result->logprob, DIGITS);
    json_out_double(&object, "perplexity", result->perplexity, DIGITS);
    json_out_double(&object, "perplexity_stderr", result->perplexity_stderr, DIGITS);
    json_out_double(&object, "bits_per_byte", result->bits_per_byte, DIGITS);
    json_out_double(&object, "bits_per_char", result->bits_per_char, DIGITS);
    end_json(out, &object);
}

void eval_report_choices(struct gen_bytes *out, const struct eval_subject *subject,
                         const struct gen_eval_choices *result, bool json) {
    bool has_norm = !isnan(result->acc_norm);
    bool has_perplexity = !isnan(result->perplexity);
    if (!json) {
        char failed[40] = "";
        if (result->n_failed > 0) {
            snprintf(failed, sizeof failed, ", %llu more failed",
                     (unsigned long long)result->n_failed);
        }
        text_line(out, "%-12s %llu of %s%s", "records", (unsigned long long)result->n,
                  subject->task, failed);
        figure(out, "acc", result->acc, result->acc_stderr);
        if (has_norm) {
            figure(out, "acc_norm", result->acc_norm, result->acc_norm_stderr);
        }
        if (has_perplexity) {
            figure(out, "perplexity", result->perplexity, result->perplexity_stderr);
        }
        return;
    }
    struct json_out object = {.text = *out};
    json_out_open(&object, NULL, '{');
    string(&object, "model", subject->model);
    string(&object, "task", subject->task);
    string(&object, "file", subject->file);
    json_out_uint(&object, "n", result->n);
    json_out_uint(&object, "n_failed", result->n_failed);
    json_out_double(&object, "acc", result->acc, SHARE_DIGITS);
    json_out_double(&object, "acc_stderr", result->acc_stderr, SHARE_DIGITS);
    if (has_norm) {
        json_out_double(&object, "acc_norm", result->acc_norm, SHARE_DIGITS);
        json_out_double(&object, "acc_norm_stderr", result->acc_norm_stderr, SHARE_DIGITS);
    }
    if (has_perplexity) {
        json_out_double(&object, "perplexity", result->perplexity, DIGITS);
        json_out_double(&object, "perplexity_stderr", result->perplexity_stderr, DIGITS);
    }
    end_json(out, &object);
}
