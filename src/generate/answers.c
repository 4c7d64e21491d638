/**
 * answers.c - prompts in, texts out. Prompts are fetched while there is room for more texts
 * (scheduler.h), all texts under way take a step together (pass.h), and the sink is told in order
 * what came of it. Texts after the first unfinished one may be further than what the sink has
 * heard.
 */
#include "generate/answers.h"

#include "base/error.h"

/* ---- texts to the sink -------------------------------------------------------------------- */

/** Hand over new text. */
static enum gen_status deliver(struct answers *answers, struct sequence *sequence) {
    const struct gen_sink *sink = answers->sink;
    size_t n = sequence->text.n - sequence->n_delivered;
    if (n == 0 || sink->text == NULL || answers->text_is_refused) {
        return GEN_OK;
    }
    const char *bytes = sequence->text.data + sequence->n_delivered;
    sequence->n_delivered = sequence->text.n;
    if (!sink->text(sink->context, sequence->index, sequence->number, bytes, n)) {
        answers->text_is_refused = true;
        return pass_canceled(&answers->error);
    }
    return GEN_OK;
}

static enum gen_status begin(struct answers *answers, struct sequence *sequence) {
    const struct gen_sink *sink = answers->sink;
    sequence->begun = true;
    if (sink->begin != NULL && !sink->begin(sink->context, sequence->index, sequence->number,
                                            sequence->ids.data, sequence->n_prompt)) {
        return pass_canceled(&answers->error);
    }
    return GEN_OK;
}

/** The first text is done: say so, and forget it. */
static enum gen_status end_first(struct answers *answers) {
    const struct gen_sink *sink = answers->sink;
    const struct gen_result result = sequence_result(scheduler_at(answers->scheduler, 0));
    bool goes_on = sink->end == NULL || sink->end(sink->context, &result);
    scheduler_remove_first(answers->scheduler);
    return goes_on ? GEN_OK : pass_canceled(&answers->error);
}

/** No more texts of the last prompt. */
static void end_prompt(struct answers *answers) {
    answers->number = (uint64_t)answers->rules.options->num_return_sequences;
}

/** The first text has failed: say so, and forget it and the other texts of its prompt. */
static enum gen_status fail_first(struct answers *answers) {
    struct scheduler *scheduler = answers->scheduler;
    uint64_t index = scheduler_at(scheduler, 0)->index;
    enum gen_status status = end_first(answers);
    answers->n_failed++;
    while (scheduler->n > 0 && scheduler_at(scheduler, 0)->index == index) {
        scheduler_remove_first(scheduler);
    }
    if (index + 1 == answers->n_prompts) {
        end_prompt(answers);
    }
    return status;
}

/**
 * Whether a text can be announced: its first id is drawn, so its prompt went through the model
 * well. What fails before that leaves nothing on the user's screen but the error. Where logits
 * are reported the prompt's come before, and the text with them.
 */
static bool can_begin(const struct answers *answers, const struct sequence *sequence) {
    if (sequence->begun || sequence->refused) {
        return false;
    }
    return answers->sink->logits != NULL || sequence->ids.n > sequence->n_before ||
           (sequence->finished && sequence->finish != GEN_FINISH_ERROR);
}

/** Tell the sink all that it can be told in order. */
static enum gen_status report(struct answers *answers) {
    struct scheduler *scheduler = answers->scheduler;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scheduler->n > 0) {
        struct sequence *sequence = scheduler_at(scheduler, 0);
        if (can_begin(answers, sequence)) {
            status = begin(answers, sequence);
        }
        if (status == GEN_OK) {
            status = deliver(answers, sequence);
        }
        if (status == GEN_OK && sequence->slot != SEQUENCE_NO_SLOT) {
            break;
        }
        if (status == GEN_OK) {
            bool failed = sequence->finish == GEN_FINISH_ERROR;
            status = failed ? fail_first(answers) : end_first(answers);
        }
    }
    return status;
}

/** The job ends early: so does the text that the sink knows of, with what there is of it. */
static void abandon(struct answers *answers, enum gen_status status) {
    struct scheduler *scheduler = answers->scheduler;
    struct sequence *sequence = scheduler->n > 0 ? scheduler_at(scheduler, 0) : NULL;
    if (sequence == NULL || !sequence->begun) {
        return;
    }
    const struct gen_error error = answers->error;
    struct gen_error ignored;
    if (status == GEN_CANCELED) {
        sequence_finish(sequence, GEN_FINISH_CANCELED, &ignored);
    } else {
        sequence_fail(sequence, &error, &ignored);
    }
    deliver(answers, sequence);
    end_first(answers);
    answers->error = error;
}

/* ---- prompts from the source -------------------------------------------------------------- */

/** Queue the next text of the last prompt, and give it a slot if there is something to do. */
static enum gen_status add_text(struct answers *answers) {
    const struct gen_prompt prompt = {.ids = answers->prompt_ids.data,
                                      .n_ids = answers->prompt_ids.n};
    uint64_t index = answers->n_prompts - 1;
    struct scheduler *scheduler = answers->scheduler;
    struct sequence *sequence = scheduler_append(scheduler);
    enum gen_status status = sequence_init(sequence, &answers->rules, &prompt, index,
                                           answers->number++, &answers->error);
    if (sequence_own_failure(status)) {
        const struct gen_error error = answers->error;
        end_prompt(answers);
        return sequence_refuse(sequence, &answers->rules, &prompt, index, &error, &answers->error);
    }
    if (status != GEN_OK || (sequence->finished && answers->sink->logits == NULL)) {
        return status;
    }
    /* The rows of the prompt are reported once, with its first text. */
    sequence->n_logits = sequence->number == 0 ? 0 : sequence->n_before;
    scheduler_seat(scheduler, sequence, answers->sink->logits != NULL && sequence->number == 0);
    return GEN_OK;
}

/** Fetch a prompt, unless there is none, or none yet. */
static enum gen_status fetch(struct answers *answers, bool *found) {
    const struct gen_source *source = answers->source;
    struct gen_prompt prompt = {0};
    *found = false;
    if (answers->scheduler->n > 0 && source->ready != NULL && !source->ready(source->context)) {
        return GEN_OK;
    }
    if (!source->next(source->context, &prompt)) {
        answers->at_end = true;
        return GEN_OK;
    }
    *found = true;
    answers->number = 0;
    uint64_t index = answers->n_prompts++;
    if (prompt.error != NULL) {
        end_prompt(answers);
        return sequence_refuse(scheduler_append(answers->scheduler), &answers->rules, &prompt,
                               index, prompt.error, &answers->error);
    }
    answers->prompt_ids.n = 0;
    return gen_ids_append(&answers->prompt_ids, prompt.ids, prompt.n_ids) == GEN_OK
               ? GEN_OK
               : error_no_memory(&answers->error, "the prompt");
}

/** Let in as many texts as there is room for. */
static enum gen_status admit(struct answers *answers) {
    uint64_t n_texts = (uint64_t)answers->rules.options->num_return_sequences;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scheduler_has_room(answers->scheduler)) {
        if (answers->number < n_texts) {
            status = add_text(answers);
            continue;
        }
        bool found = false;
        if (!answers->at_end) {
            status = fetch(answers, &found);
        }
        if (!found) {
            break;
        }
    }
    return status;
}

/* ---- the job ------------------------------------------------------------------------------ */

/** Until all prompts are answered. */
static enum gen_status work(struct answers *answers) {
    const struct scheduler *scheduler = answers->scheduler;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && !(answers->at_end && scheduler->n == 0)) {
        status = admit(answers);
        if (status == GEN_OK) {
            status = report(answers);
        }
        if (status == GEN_OK && scheduler->n_busy > 0) {
            status = pass_run(answers->pass, &answers->error);
        }
        if (status == GEN_OK) {
            status = report(answers);
        }
    }
    return status;
}

/** Nothing is left of the texts but what their slots hold. */
static void forget_texts(struct answers *answers) {
    while (answers->scheduler->n > 0) {
        scheduler_remove_first(answers->scheduler);
    }
}

enum gen_status answers_run(struct answers *answers, const struct gen_model *model,
                            const struct gen_generate_options *options) {
    int32_t n_ctx = gen_session_n_ctx(answers->scheduler->session);
    enum gen_status status = sequence_rules_init(&answers->rules, model, options, n_ctx,
                                                 answers->scratch, &answers->error);
    if (status == GEN_OK) {
        answers->number = (uint64_t)options->num_return_sequences;
        scheduler_begin(answers->scheduler, answers->sink->logits != NULL);
        pass_begin(answers->pass, answers->sink, &answers->rules);
        status = work(answers);
    }
    if (status != GEN_OK) {
        abandon(answers, status);
        forget_texts(answers);
    }
    return status;
}

void answers_release(struct answers *answers) {
    gen_ids_release(&answers->prompt_ids);
    sequence_rules_release(&answers->rules);
}
