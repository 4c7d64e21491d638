/**
 * inspect_check.c - the report of `gen inspect --check`: what was found, a table of what was looked
 * at, and the verdict. What is looked for is gen_model_check()'s affair.
 */
#include "cmd/inspect_check.h"

#include <inttypes.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/json_out.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/text_line.h"

struct report {
    bool is_json;
    struct gen_bytes findings, table; /* as text */
    struct json_out json;
    struct json_out json_findings; /* of the check at hand */
    uint64_t n_wrong, n_odd;
    struct progress progress;
};

static bool show_progress(void *context, uint64_t done, uint64_t total) {
    struct report *report = context;
    progress_update(&report->progress, done, total);
    return signals_caught() == 0;
}

static void take_finding(void *context, const struct gen_finding *finding) {
    struct report *report = context;
    if (!report->is_json) {
        text_line(&report->findings, "%-5s %s: %s", finding->is_wrong ? "WRONG" : "odd",
                  finding->check, finding->text);
        return;
    }
    struct json_out *json = &report->json_findings;
    json_out_open(json, NULL, '{');
    json_out_bool(json, "wrong", finding->is_wrong);
    json_out_string(json, "text", finding->text, strlen(finding->text));
    json_out_close(json, '}');
}

static void take_summary(void *context, const struct gen_check_summary *summary) {
    struct report *report = context;
    struct json_out *json = &report->json;
    report->n_wrong += summary->n_wrong;
    report->n_odd += summary->n_odd;
    text_line(&report->table, "%-12s %10" PRIu64 " %-12s %8" PRIu64 " %8" PRIu64, summary->name,
              summary->n, summary->unit, summary->n_wrong, summary->n_odd);
    json_out_open(json, NULL, '{');
    json_out_string(json, "check", summary->name, strlen(summary->name));
    json_out_uint(json, "n", summary->n);
    json_out_uint(json, "wrong", summary->n_wrong);
    json_out_uint(json, "odd", summary->n_odd);
    json_out_close(&report->json_findings, ']');
    json_out_raw(json, "findings", report->json_findings.text.data, report->json_findings.text.n);
    json_out_close(json, '}');
    gen_bytes_release(&report->json_findings.text);
    report->json_findings = (struct json_out){0};
    json_out_open(&report->json_findings, NULL, '[');
}

static void append(struct gen_bytes *text, const struct gen_bytes *more) {
    alloc_append(text, more->data, more->n);
}

static void finish_text(struct gen_bytes *text, const struct report *report) {
    append(text, &report->findings);
    if (report->findings.n > 0) {
        text_line(text, "%s", "");
    }
    text_line(text, "%-12s %23s %8s %8s", "check", "looked at", "wrong", "odd");
    append(text, &report->table);
    text_line(text, "%s", "");
    if (report->n_wrong > 0) {
        text_line(text, "verdict: WRONG, %" PRIu64 " finding%s, and %" PRIu64 " odd",
                  report->n_wrong, report->n_wrong > 1 ? "s" : "", report->n_odd);
    } else if (report->n_odd > 0) {
        text_line(text, "verdict: nothing is wrong, %" PRIu64 " thing%s odd", report->n_odd,
                  report->n_odd > 1 ? "s are" : " is");
    } else {
        text_line(text, "verdict: nothing is wrong");
    }
}

enum gen_status inspect_check(struct gen_bytes *text, const struct model_load *load, bool json,
                              bool *is_wrong, struct gen_error *err) {
    struct report report = {.is_json = json};
    const struct gen_check_options options = {.context = &report,
                                              .progress = show_progress,
                                              .finding = take_finding,
                                              .summary = take_summary};
    json_out_open(&report.json, NULL, '{');
    json_out_string(&report.json, "model", load->name, strlen(load->name));
    json_out_open(&report.json, "checks", '[');
    json_out_open(&report.json_findings, NULL, '[');
    progress_begin(&report.progress, "checking", false);
    signals_catch();
    enum gen_status status = gen_model_check(load->model, &options, is_wrong, err);
    progress_end(&report.progress);
    if (status == GEN_OK && json) {
        json_out_close(&report.json, ']');
        json_out_bool(&report.json, "is_wrong", *is_wrong);
        json_out_close(&report.json, '}');
        append(text, &report.json.text);
        alloc_append(text, "\n", 1);
    } else if (status == GEN_OK) {
        finish_text(text, &report);
    }
    gen_bytes_release(&report.findings);
    gen_bytes_release(&report.table);
    gen_bytes_release(&report.json.text);
    gen_bytes_release(&report.json_findings.text);
    return status;
}
