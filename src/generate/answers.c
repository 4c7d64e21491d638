/**
 * answers.c - prompts in, texts out. Prompts are fetched while there is room for more texts
 * (scheduler.h), all texts under way take a step together (pass.h), and the sink is told in order
 * what came of it. Texts after the first unfinished one may be further than what the sink has
 * heard.
 */
#include "generate/answers.h"

#include "base/error.h"
#include "generate/ways.h"

/* ---- texts to the sink -----------------------------------------------------------------------*/

/* Forget the first text. */
static void drop_first(struct answers *answers) {
    struct text *text = scheduler_at(answers->scheduler, 0);
    if (text->decoder != NULL) {
        text->decoder->end(text->decoder->context, text);
    }
    scheduler_remove_first(answers->scheduler);
}

/* The first text is done: say so, and forget it. */
static enum gen_status end_first(struct answers *answers) {
    enum gen_status status =
        reporter_end(&answers->reporter, scheduler_at(answers->scheduler, 0), &answers->error);
    drop_first(answers);
    return status;
}

/* No more texts of the last prompt. */
static void end_prompt(struct answers *answers) {
    answers->number = answers->n_texts;
}

/* The first text has failed: say so, and forget it and the other texts of its prompt. */
static enum gen_status fail_first(struct answers *answers) {
    struct scheduler *scheduler = answers->scheduler;
    uint64_t index = scheduler_at(scheduler, 0)->sequence.index;
    enum gen_status status = end_first(answers);
    answers->n_failed++;
    while (scheduler->n > 0 && scheduler_at(scheduler, 0)->sequence.index == index) {
        drop_first(answers);
    }
    if (index + 1 == answers->next_index) {
        end_prompt(answers);
    }
    return status;
}

/*
 * Whether a text can be announced: its first id is drawn, so its prompt went through the model
 * well. What fails before that leaves nothing on the user's screen but the error.
 */
static bool can_begin(const struct text *text) {
    const struct sequence *sequence = &text->sequence;
    bool has_ended =
        sequence->finished && sequence->finish != GEN_FINISH_ERROR && text->seat.slot == SEAT_NONE;
    return !sequence->refused && (text->has_new || has_ended);
}

/* Whether what there is of the text, which has begun, stays. */
static bool is_certain(const struct text *text) {
    return !text->decoder->is_provisional || text->seat.slot == SEAT_NONE;
}

/* Tell the sink all that it can be told in order. */
static enum gen_status report(struct answers *answers) {
    struct scheduler *scheduler = answers->scheduler;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scheduler->n > 0) {
        struct text *text = scheduler_at(scheduler, 0);
        if (!text->untold && can_begin(text)) {
            status = reporter_begin(&answers->reporter, text, &answers->error);
        }
        if (status == GEN_OK && text->told.begun && is_certain(text)) {
            status = reporter_text(&answers->reporter, text, &answers->error);
        }
        if (status == GEN_OK && text->seat.slot != SEAT_NONE) {
            break;
        }
        if (status == GEN_OK && text->untold) {
            drop_first(answers);
        } else if (status == GEN_OK) {
            bool failed = text->sequence.finish == GEN_FINISH_ERROR;
            status = failed ? fail_first(answers) : end_first(answers);
        }
    }
    return status;
}

/* The run ends early: so does the text that the sink knows of, with what there is of it; of the
 *  others nothing is left but what their slots hold. */
static void abandon(struct answers *answers, enum gen_status status) {
    struct scheduler *scheduler = answers->scheduler;
    struct text *text = scheduler->n > 0 ? scheduler_at(scheduler, 0) : NULL;
    const struct gen_error error = answers->error;
    if (text != NULL && text->told.begun) {
        struct gen_error ignored;
        const struct decoder *decoder = text->decoder;
        if (decoder->conclude != NULL &&
            decoder->conclude(decoder->context, text, status, &ignored) != GEN_OK) {
            sequence_drop_new(&text->sequence);
        }
        if (status == GEN_CANCELED) {
            sequence_finish(&text->sequence, GEN_FINISH_CANCELED, &ignored);
        } else {
            sequence_fail(&text->sequence, &error, &ignored);
        }
        reporter_text(&answers->reporter, text, &ignored);
        reporter_end(&answers->reporter, text, &ignored);
    }
    while (scheduler->n > 0) {
        drop_first(answers);
    }
}

/* ---- prompts from the source -----------------------------------------------------------------*/

/* The rules of the last prompt. */
static const struct sequence_rules *rules_of(const struct answers *answers) {
    return answers->own != NULL ? &answers->own->rules : &answers->rules;
}

static bool has_beams(const struct answers *answers) {
    return rules_of(answers)->options->num_beams > 1;
}

static bool has_contrast(const struct answers *answers) {
    return ways_has_contrast(rules_of(answers)->options);
}

static bool is_guided(const struct answers *answers) {
    return ways_has_guidance(rules_of(answers)->options);
}

static const struct decoder *decoder_of(const struct answers *answers) {
    return has_contrast(answers)                       ? &answers->contrastive_search
           : has_beams(answers)                        ? &answers->beam_search
           : is_guided(answers)                        ? &answers->guidance
           : rules_of(answers)->options->n_choices > 0 ? &answers->choice
                                                       : &answers->sampling;
}

/* The ids that the prompt begins with: an empty one has a start id. */
static struct gen_ids beginning(const struct answers *answers) {
    struct gen_ids start = {.data = (int32_t *)&rules_of(answers)->start, .n = 1};
    return answers->prompt_ids.n > 0 ? answers->prompt_ids : start;
}

/* The text that goes along with one that is guided. */
static enum gen_status init_other(struct answers *answers, struct text *text, uint64_t index) {
    const struct sequence_rules *rules = rules_of(answers);
    const struct gen_generate_options *options = rules->options;
    struct gen_ids ids = beginning(answers);
    if (!options->has_negative_prompt) {
        ids = (struct gen_ids){.data = &ids.data[ids.n - 1], .n = 1};
    } else if (options->negative_prompt.n > 0) {
        ids = options->negative_prompt;
    } else {
        ids = (struct gen_ids){.data = (int32_t *)&rules->start, .n = 1};
    }
    text->is_other = true;
    return sequence_init_unheard(&text->sequence, rules, &ids, ids.n, index, &answers->error);
}

/* The text that measures a choice: the logits after its last id say nothing of it. */
static enum gen_status init_choice(struct answers *answers, struct text *text, uint64_t index) {
    const struct sequence_rules *rules = rules_of(answers);
    const struct gen_ids *choice = &rules->options->choices[text->number];
    const struct gen_ids prompt = beginning(answers);
    struct gen_ids ids = {0};
    if (prompt.data[0] < 0) {
        return error_set(&answers->error, GEN_BAD_ARGUMENT,
                         "the prompt is empty, but the model has no bos or eos token to begin with "
                         "(give at least one token)");
    }
    enum gen_status status = GEN_OK;
    if (gen_ids_append(&ids, prompt.data, prompt.n) != GEN_OK ||
        gen_ids_append(&ids, choice->data, choice->n - 1) != GEN_OK) {
        status = error_no_memory(&answers->error, "the choices");
    } else {
        status =
            sequence_init_unheard(&text->sequence, rules, &ids, prompt.n, index, &answers->error);
    }
    gen_ids_release(&ids);
    return status;
}

/* The sequence of the next text, whose number is text->number. */
static enum gen_status init_sequence(struct answers *answers, struct text *text,
                                     const struct gen_prompt *prompt, uint64_t index) {
    const struct sequence_rules *rules = rules_of(answers);
    uint64_t number = text->number;
    if (is_guided(answers) && number % 2 == 1) {
        return init_other(answers, text, index);
    }
    if (number < rules->options->n_choices) {
        return init_choice(answers, text, index);
    }
    number = is_guided(answers) ? number / 2 : number - rules->options->n_choices;
    return sequence_init(&text->sequence, rules, prompt, index, number, &answers->error);
}

static enum gen_status start(struct answers *answers, struct text *text,
                             const struct gen_prompt *prompt, uint64_t index) {
    const struct decoder *decoder = decoder_of(answers);
    text->number = answers->number++;
    enum gen_status status = init_sequence(answers, text, prompt, index);
    text->decoder = decoder;
    /* Before the decoder begins: a search may copy the sequence. */
    if (status == GEN_OK && !text->is_other) {
        status = sequence_share_prompt_logprobs(&text->sequence, &answers->prompt_logprobs,
                                                &answers->error);
    }
    if (status == GEN_OK) {
        status = decoder->start(decoder->context, text, &answers->error);
    }
    if (status != GEN_OK) {
        return status;
    }
    text->decodes_from = text->n_seen;
    if (sequence_reads_prompt_logprobs(&text->sequence)) {
        text->only_reads = text->done;
        text->n_seen = 0;
        text->done = false;
    }
    return GEN_OK;
}

/* Queue the next text of the last prompt, and give it a slot if there is something to do. */
static enum gen_status add_text(struct answers *answers) {
    const struct gen_prompt prompt = {.ids = answers->prompt_ids.data,
                                      .n_ids = answers->prompt_ids.n};
    uint64_t index = answers->next_index - 1;
    struct scheduler *scheduler = answers->scheduler;
    struct text *text = scheduler_append(scheduler);
    text->own = prompt_rules_use(answers->own);
    enum gen_status status = start(answers, text, &prompt, index);
    if (sequence_own_failure(status)) {
        const struct gen_error error = answers->error;
        end_prompt(answers);
        return sequence_refuse(&text->sequence, rules_of(answers), &prompt, index, &error,
                               &answers->error);
    }
    if (status != GEN_OK || text->done) {
        return status;
    }
    scheduler_seat(scheduler, text);
    const struct drafter *drafter = answers->pass->drafter;
    if (drafter != NULL && !text->decoder->is_provisional && !text->decoder->is_unguessed) {
        drafter->seat(drafter->context, text->seat.slot, &text->sequence);
    }
    return GEN_OK;
}

/* Take what options the prompt has of its own, in the place of those of the prompt before. */
static enum gen_status take_options(struct answers *answers, const struct gen_prompt *prompt) {
    int32_t n_ctx = gen_session_n_ctx(answers->scheduler->session);
    prompt_rules_drop(answers->own);
    answers->own = NULL;
    enum gen_status status = GEN_OK;
    if (prompt->options != NULL) {
        status = prompt_rules_new(&answers->own, answers->model, prompt->options, n_ctx,
                                  &answers->error);
    }
    const struct gen_generate_options *options = rules_of(answers)->options;
    answers->number = 0;
    if (status != GEN_OK) {
        return status;
    }
    size_t n = ways_n_searching(rules_of(answers));
    answers->n_texts = n > 0 ? n : (uint64_t)options->num_return_sequences;
    if (is_guided(answers)) {
        answers->n_texts *= 2;
    }
    answers->n_texts += options->n_choices;
    return ways_check_engine(rules_of(answers), answers->scheduler->n_slots,
                             answers->reporter.sink->logits != NULL, &answers->error);
}

/* Fetch a prompt, unless there is none, or none yet. */
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
    answers->next_index += prompt.n_left_out + 1;
    enum gen_status status = prompt.error != NULL ? GEN_OK : take_options(answers, &prompt);
    if (status != GEN_OK && !sequence_own_failure(status)) {
        return status;
    }
    if (prompt.error != NULL || status != GEN_OK) {
        const struct gen_error error = prompt.error != NULL ? *prompt.error : answers->error;
        end_prompt(answers);
        return sequence_refuse(&scheduler_append(answers->scheduler)->sequence, &answers->rules,
                               &prompt, answers->next_index - 1, &error, &answers->error);
    }
    answers->prompt_ids.n = 0;
    return gen_ids_append(&answers->prompt_ids, prompt.ids, prompt.n_ids) == GEN_OK
               ? GEN_OK
               : error_no_memory(&answers->error, "the prompt");
}

/* Texts that must come together: those of a search, or a text and the one that guides it. */
static size_t n_coming(const struct answers *answers) {
    bool comes = answers->number < answers->n_texts;
    if (comes && is_guided(answers)) {
        return 2 - (size_t)(answers->number % 2);
    }
    bool searches = ways_n_searching(rules_of(answers)) > 0;
    return comes && answers->number == 0 && searches ? (size_t)answers->n_texts : 1;
}

/* Let in as many texts as there is room for. */
static enum gen_status admit(struct answers *answers) {
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scheduler_has_room(answers->scheduler, n_coming(answers))) {
        if (answers->number < answers->n_texts) {
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

/* ---- the run ---------------------------------------------------------------------------------*/

/* After a step, whoever is the first text: so what is told does not depend on the batch. */
static void note_new_ids(const struct scheduler *scheduler) {
    for (size_t i = 0; i < scheduler->n; i++) {
        struct text *text = scheduler_at(scheduler, i);
        text->has_new = text->has_new || text->sequence.ids.n > text->sequence.n_before;
    }
}

static enum gen_status take_step(struct answers *answers) {
    enum gen_status status = reporter_go_on(&answers->reporter, &answers->error);
    if (status == GEN_OK) {
        status = pass_run(answers->pass, &answers->error);
        note_new_ids(answers->scheduler);
    }
    return status;
}

/* Until all prompts are answered. */
static enum gen_status work(struct answers *answers) {
    const struct scheduler *scheduler = answers->scheduler;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && !(answers->at_end && scheduler->n == 0)) {
        status = admit(answers);
        if (status == GEN_OK) {
            status = report(answers);
        }
        if (status == GEN_OK && scheduler->n_busy > 0) {
            status = take_step(answers);
        }
        if (status == GEN_OK) {
            status = report(answers);
        }
    }
    return status;
}

/* How texts are decoded. Where the sink hears of logits there is one text at a time, so that they
 *  come in order, and without drafts. */
static void choose_decoders(struct answers *answers) {
    bool tells_logits = answers->reporter.sink->logits != NULL;
    answers->sampling = decoder_sampling(answers->scratch);
    if (tells_logits) {
        answers->reporting = (struct decoder_reporting){answers->sampling, &answers->reporter};
        answers->sampling = decoder_reporting(&answers->reporting);
    }
    answers->beams = (struct beams){.scheduler = answers->scheduler, .scratch = answers->scratch};
    answers->beam_search = decoder_beams(&answers->beams);
    answers->contrastive =
        (struct contrastive){.scheduler = answers->scheduler, .scratch = answers->scratch};
    answers->contrastive_search = decoder_contrastive(&answers->contrastive);
    answers->guided = (struct guided){.scratch = answers->scratch};
    answers->guidance = decoder_guided(&answers->guided);
    answers->choice = decoder_choices(&answers->choosing);
    scheduler_begin(answers->scheduler, tells_logits);
    bool has_drafts = answers->rules.options->speculate && !tells_logits;
    answers->pass->settles[0] = &answers->beam_search;
    answers->pass->settles[1] = &answers->contrastive_search;
    answers->pass->drafter = has_drafts ? answers->drafter : NULL;
}

enum gen_status answers_run(struct answers *answers, const struct gen_model *model,
                            const struct gen_generate_options *options) {
    int32_t n_ctx = gen_session_n_ctx(answers->scheduler->session);
    answers->model = model;
    enum gen_status status =
        sequence_rules_init(&answers->rules, model, options, n_ctx, &answers->error);
    if (status == GEN_OK) {
        choose_decoders(answers);
        status = work(answers);
    }
    if (status != GEN_OK) {
        abandon(answers, status);
    }
    answers->pass->settles[0] = answers->pass->settles[1] = NULL;
    answers->pass->drafter = NULL;
    return status;
}

void answers_release(struct answers *answers) {
    beams_release(&answers->beams);
    contrastive_release(&answers->contrastive);
    guided_release(&answers->guided);
    choosing_release(&answers->choosing);
    gen_ids_release(&answers->prompt_ids);
    prompt_rules_drop(answers->own);
    prompt_logprobs_drop(answers->prompt_logprobs);
    sequence_rules_release(&answers->rules);
}
