/**
 * generate_draft.c - opening the draft model of a run and saying what it has done. Guessing is the
 * engine's.
 */
#include "cmd/generate/generate_draft.h"

#include "cli/input.h"
#include "cli/message.h"

#define TIME_DIGITS 6

/* What of the run has no guesses; NULL: all may have. */
static const char *without_guesses(const struct generate_settings *settings) {
    return settings->options.penalty_alpha > 0 ? "a contrastive search"
           : settings->options.num_beams > 1   ? "a beam search"
           : settings->save_logits != NULL     ? "--save-logits"
                                               : NULL;
}

enum gen_status generate_draft_open(struct generate_draft *draft,
                                    const struct generate_settings *settings,
                                    struct gen_error *err) {
    struct gen_model_options options = gen_model_options_default();
    options.n_threads = settings->options.n_threads;
    const char *without = without_guesses(settings);
    if (settings->draft_model == NULL) {
        return GEN_OK;
    }
    if (without != NULL) {
        if (!settings->quiet) {
            message("--draft-model is not used: nothing is guessed with %s", without);
        }
        return GEN_OK;
    }
    enum gen_status status = model_load_open(&draft->load, settings->draft_model, &options, err);
    if (status == GEN_OK) {
        model_load_say_notes(&draft->load, settings->verbose);
    }
    return status;
}

void generate_draft_close(struct generate_draft *draft) {
    model_load_close(&draft->load);
}

enum gen_status generate_draft_check_output(const struct generate_draft *draft, const char *path,
                                            struct gen_error *err) {
    if (draft->load.path == NULL || !input_same_file(draft->load.path, path)) {
        return GEN_OK;
    }
    message_set(err, GEN_IO_ERROR,
                "%.400s: would be overwritten while it is read (give another file)",
                message_name(draft->load.path));
    return GEN_IO_ERROR;
}

void generate_draft_say(const struct generate_draft *draft) {
    const struct gen_model *model = draft->load.model;
    if (model != NULL) {
        message("draft model %.300s%s, %s, %.1f million parameters, context %d", draft->load.name,
                draft->load.path == NULL ? " (built in)" : "", gen_model_format(model),
                (double)gen_model_n_parameters(model) / 1e6, (int)gen_model_config(model)->n_ctx);
    }
}

void generate_draft_report(const struct generate_draft *draft,
                           const struct generate_settings *settings,
                           const struct gen_engine *engine) {
    if (draft->load.model == NULL || engine == NULL) {
        return;
    }
    struct gen_draft_report report = gen_engine_draft_report(engine);
    if (report.error.status != GEN_OK && !settings->quiet) {
        message("the draft model guesses no more: %s", report.error.message);
    }
    if (settings->verbose) {
        double share = report.n_drafted > 0
                           ? 100.0 * (double)report.n_accepted / (double)report.n_drafted
                           : 0.0;
        message("draft model: %llu tokens guessed in %.3f s, %llu of them (%.0f %%) accepted",
                (unsigned long long)report.n_drafted, report.seconds,
                (unsigned long long)report.n_accepted, share);
    }
}

void generate_draft_json(struct json_out *json, const struct gen_result *result) {
    json_out_double(json, "draft_seconds", result->draft_seconds, TIME_DIGITS);
    json_out_uint(json, "guessed_tokens", result->n_drafted);
    json_out_uint(json, "accepted_tokens", result->n_guessed);
}
