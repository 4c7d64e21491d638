/**
 * train_metrics.c - the losses of a run in memory, for the chart, and as JSON lines in the file of
 * --metrics, of which a resumed run keeps what comes before its checkpoint. train_chart.c draws
 * them.
 */
#include "cmd/train/train_metrics.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/json_out.h"
#include "cli/message.h"

/* Longest file of metrics that is read again: some ten million steps. */
#define METRICS_LIMIT ((size_t)2 << 30)

/* Largest loss that is drawn; what is larger was not written by a run. */
#define LOSS_LIMIT 1e30

static void add_point(struct train_curve *curve, uint64_t step, double loss) {
    alloc_grow(&curve->points, &curve->capacity, curve->n + 1, sizeof *curve->points);
    curve->points[curve->n++] = (struct train_point){step, loss};
}

/* Take the figures of one line; false if it is not to be kept. */
static bool take_line(struct train_metrics *metrics, const char *line, size_t n,
                      uint64_t first_step) {
    cJSON *object = cJSON_ParseWithLength(line, n);
    const cJSON *step = cJSON_GetObjectItemCaseSensitive(object, "step");
    const cJSON *loss = cJSON_GetObjectItemCaseSensitive(object, "loss");
    const cJSON *valid = cJSON_GetObjectItemCaseSensitive(object, "valid_loss");
    bool keep =
        cJSON_IsNumber(step) && step->valuedouble >= 0 && step->valuedouble <= (double)first_step;
    if (keep && cJSON_IsNumber(loss) && fabs(loss->valuedouble) < LOSS_LIMIT) {
        add_point(&metrics->loss, (uint64_t)step->valuedouble, loss->valuedouble);
    }
    if (keep && cJSON_IsNumber(valid) && fabs(valid->valuedouble) < LOSS_LIMIT) {
        add_point(&metrics->valid, (uint64_t)step->valuedouble, valid->valuedouble);
    }
    cJSON_Delete(object);
    return keep;
}

/* Read the lines of the run so far; those to keep are appended to `kept`. */
static bool read_lines(struct train_metrics *metrics, const char *path, uint64_t first_step,
                       struct gen_bytes *kept) {
    struct gen_bytes text = {0};
    struct gen_error err;
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) {
        return true; /* there is none, or it cannot be read again */
    }
    if (input_read_file(&text, path, METRICS_LIMIT, &err) != GEN_OK) {
        message("%s", err.message);
        return false;
    }
    for (size_t at = 0; at < text.n;) {
        const char *end = memchr(text.data + at, '\n', text.n - at);
        if (end == NULL) {
            break; /* cut off in the middle */
        }
        size_t n = (size_t)(end - text.data) - at;
        if (take_line(metrics, text.data + at, n, first_step)) {
            alloc_append(kept, text.data + at, n + 1);
        }
        at += n + 1;
    }
    gen_bytes_release(&text);
    return true;
}

bool train_metrics_open(struct train_metrics *metrics, const char *path, uint64_t first_step) {
    struct gen_bytes kept = {0};
    *metrics = (struct train_metrics){0};
    if (path == NULL) {
        return true;
    }
    bool good = first_step == 0 || read_lines(metrics, path, first_step, &kept);
    if (good) {
        good = metrics->writes = text_out_open_log(&metrics->out, path, kept.data, kept.n);
    }
    gen_bytes_release(&kept);
    return good;
}

bool train_metrics_add(struct train_metrics *metrics, const struct gen_train_report *report,
                       bool made) {
    if (made) {
        add_point(&metrics->loss, report->step, report->loss);
    }
    if (report->has_valid) {
        add_point(&metrics->valid, report->step, report->valid_loss);
    }
    if (!metrics->writes) {
        return true;
    }
    struct json_out json = {0};
    json_out_open(&json, NULL, '{');
    json_out_uint(&json, "step", report->step);
    if (made) {
        json_out_double(&json, "loss", report->loss, 9);
        json_out_double(&json, "lr", report->learning_rate, 9);
        json_out_double(&json, "grad_norm", report->gradient_norm, 9);
    }
    json_out_uint(&json, "tokens", report->n_tokens);
    json_out_double(&json, "epoch", report->epoch, 6);
    if (made) {
        json_out_double(&json, "tokens_per_second", report->tokens_per_second, 6);
    }
    if (report->has_valid) {
        json_out_double(&json, "valid_loss", report->valid_loss, 9);
        json_out_double(&json, "valid_perplexity", exp(report->valid_loss), 9);
        json_out_double(&json, "valid_bits_per_byte", report->valid_bits, 9);
    }
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    bool good =
        text_out_write(&metrics->out, json.text.data, json.text.n) && text_out_flush(&metrics->out);
    gen_bytes_release(&json.text);
    return good;
}

bool train_metrics_close(struct train_metrics *metrics) {
    free(metrics->loss.points);
    free(metrics->valid.points);
    bool good = !metrics->writes || text_out_close(&metrics->out);
    *metrics = (struct train_metrics){0};
    return good;
}
