/**
 * engine.c - gen_generate(): prompts in, texts out. The engine fetches prompts while there is room
 * for more texts (scheduler.h), has all texts under way take a step together (pass.h), and tells
 * the sink in order what came of it. Texts after the first unfinished one may be further than what
 * the sink has heard.
 */
#include "base/error.h"
#include "base/memory.h"
#include "generate/pass.h"
#include "model/kv_cache.h"

/* Texts at once, where the caller leaves it to us, and what their KV cache may take. */
#define DEFAULT_BATCH    64
#define DEFAULT_KV_BYTES ((size_t)512 << 20)

struct engine {
    const struct gen_source *source;
    const struct gen_sink *sink;
    struct sequence_rules rules;
    struct gen_session *session;
    struct scheduler scheduler;
    struct pass pass;
    bool at_end;               /**< the source has no more */
    uint64_t n_prompts;        /**< fetched */
    struct gen_ids prompt_ids; /**< of the last of them */
    uint64_t number;           /**< of its next text; num_return_sequences: it has no more */
    uint64_t n_failed;
    bool text_is_refused;   /**< the text callback asked to stop: it gets no more */
    struct gen_error error; /**< of the failure that is on its way up */
};

/* ---- texts to the sink -------------------------------------------------------------------- */

/** Hand over new text. */
static enum gen_status deliver(struct engine *engine, struct sequence *sequence) {
    const struct gen_sink *sink = engine->sink;
    size_t n = sequence->text.n - sequence->n_delivered;
    if (n == 0 || sink->text == NULL || engine->text_is_refused) {
        return GEN_OK;
    }
    const char *bytes = sequence->text.data + sequence->n_delivered;
    sequence->n_delivered = sequence->text.n;
    if (!sink->text(sink->context, sequence->index, sequence->number, bytes, n)) {
        engine->text_is_refused = true;
        return pass_canceled(&engine->error);
    }
    return GEN_OK;
}

static enum gen_status begin(struct engine *engine, struct sequence *sequence) {
    const struct gen_sink *sink = engine->sink;
    sequence->begun = true;
    if (sink->begin != NULL && !sink->begin(sink->context, sequence->index, sequence->number,
                                            sequence->ids.data, sequence->n_prompt)) {
        return pass_canceled(&engine->error);
    }
    return GEN_OK;
}

/** The first text is done: say so, and forget it. */
static enum gen_status end_first(struct engine *engine) {
    const struct gen_sink *sink = engine->sink;
    const struct gen_result result = sequence_result(scheduler_at(&engine->scheduler, 0));
    bool goes_on = sink->end == NULL || sink->end(sink->context, &result);
    scheduler_remove_first(&engine->scheduler);
    return goes_on ? GEN_OK : pass_canceled(&engine->error);
}

/** No more texts of the last prompt. */
static void end_prompt(struct engine *engine) {
    engine->number = (uint64_t)engine->rules.options->num_return_sequences;
}

/** The first text has failed: say so, and forget it and the other texts of its prompt. */
static enum gen_status fail_first(struct engine *engine) {
    struct scheduler *scheduler = &engine->scheduler;
    uint64_t index = scheduler_at(scheduler, 0)->index;
    enum gen_status status = end_first(engine);
    engine->n_failed++;
    while (scheduler->n > 0 && scheduler_at(scheduler, 0)->index == index) {
        scheduler_remove_first(scheduler);
    }
    if (index + 1 == engine->n_prompts) {
        end_prompt(engine);
    }
    return status;
}

/**
 * Whether a text can be announced: its first id is drawn, so its prompt went through the model
 * well. What fails before that leaves nothing on the user's screen but the error. Where logits
 * are reported the prompt's come before, and the text with them.
 */
static bool can_begin(const struct engine *engine, const struct sequence *sequence) {
    if (sequence->begun || sequence->refused) {
        return false;
    }
    return engine->sink->logits != NULL || sequence->ids.n > sequence->n_before ||
           (sequence->finished && sequence->finish != GEN_FINISH_ERROR);
}

/** Tell the sink all that it can be told in order. */
static enum gen_status report(struct engine *engine) {
    struct scheduler *scheduler = &engine->scheduler;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scheduler->n > 0) {
        struct sequence *sequence = scheduler_at(scheduler, 0);
        if (can_begin(engine, sequence)) {
            status = begin(engine, sequence);
        }
        if (status == GEN_OK) {
            status = deliver(engine, sequence);
        }
        if (status == GEN_OK && sequence->slot != SEQUENCE_NO_SLOT) {
            break;
        }
        if (status == GEN_OK) {
            bool failed = sequence->finish == GEN_FINISH_ERROR;
            status = failed ? fail_first(engine) : end_first(engine);
        }
    }
    return status;
}

/** The job ends early: so does the text that the sink knows of, with what there is of it. */
static void abandon(struct engine *engine, enum gen_status status) {
    struct scheduler *scheduler = &engine->scheduler;
    struct sequence *sequence = scheduler->n > 0 ? scheduler_at(scheduler, 0) : NULL;
    if (sequence == NULL || !sequence->begun) {
        return;
    }
    const struct gen_error error = engine->error;
    struct gen_error ignored;
    if (status == GEN_CANCELED) {
        sequence_finish(sequence, GEN_FINISH_CANCELED, &ignored);
    } else {
        sequence_fail(sequence, &error, &ignored);
    }
    deliver(engine, sequence);
    end_first(engine);
    engine->error = error;
}

/* ---- prompts from the source -------------------------------------------------------------- */

/** Queue the next text of the last prompt, and give it a slot if there is something to do. */
static enum gen_status add_text(struct engine *engine) {
    const struct gen_prompt prompt = {.ids = engine->prompt_ids.data,
                                      .n_ids = engine->prompt_ids.n};
    uint64_t index = engine->n_prompts - 1;
    struct scheduler *scheduler = &engine->scheduler;
    struct sequence *sequence = scheduler_append(scheduler);
    enum gen_status status =
        sequence_init(sequence, &engine->rules, &prompt, index, engine->number++, &engine->error);
    if (sequence_own_failure(status)) {
        const struct gen_error error = engine->error;
        end_prompt(engine);
        return sequence_refuse(sequence, &engine->rules, &prompt, index, &error, &engine->error);
    }
    if (status != GEN_OK || (sequence->finished && engine->sink->logits == NULL)) {
        return status;
    }
    /* The rows of the prompt are reported once, with its first text. */
    sequence->n_logits = sequence->number == 0 ? 0 : sequence->n_before;
    scheduler_seat(scheduler, sequence, engine->sink->logits != NULL && sequence->number == 0);
    return GEN_OK;
}

/** Fetch a prompt, unless there is none, or none yet. */
static enum gen_status fetch(struct engine *engine, bool *found) {
    const struct gen_source *source = engine->source;
    struct gen_prompt prompt = {0};
    *found = false;
    if (engine->scheduler.n > 0 && source->ready != NULL && !source->ready(source->context)) {
        return GEN_OK;
    }
    if (!source->next(source->context, &prompt)) {
        engine->at_end = true;
        return GEN_OK;
    }
    *found = true;
    engine->number = 0;
    uint64_t index = engine->n_prompts++;
    if (prompt.error != NULL) {
        end_prompt(engine);
        return sequence_refuse(scheduler_append(&engine->scheduler), &engine->rules, &prompt, index,
                               prompt.error, &engine->error);
    }
    engine->prompt_ids.n = 0;
    return gen_ids_append(&engine->prompt_ids, prompt.ids, prompt.n_ids) == GEN_OK
               ? GEN_OK
               : error_no_memory(&engine->error, "the prompt");
}

/** Let in as many texts as there is room for. */
static enum gen_status admit(struct engine *engine) {
    uint64_t n_texts = (uint64_t)engine->rules.options->num_return_sequences;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scheduler_has_room(&engine->scheduler)) {
        if (engine->number < n_texts) {
            status = add_text(engine);
            continue;
        }
        bool found = false;
        if (!engine->at_end) {
            status = fetch(engine, &found);
        }
        if (!found) {
            break;
        }
    }
    return status;
}

/* ---- the job ------------------------------------------------------------------------------ */

/** Texts at once: what was asked for, or what fits. */
static int32_t batch_size(const struct engine *engine, const struct gen_config *config,
                          enum tensor_type kv_type) {
    if (engine->sink->logits != NULL) {
        return 1; /* the sink gets them as they come, in order */
    }
    if (engine->rules.options->batch > 0) {
        return engine->rules.options->batch;
    }
    size_t fitting = DEFAULT_KV_BYTES / kv_cache_slot_size(config, kv_type, config->n_ctx);
    return fitting < 1 ? 1 : fitting < DEFAULT_BATCH ? (int32_t)fitting : DEFAULT_BATCH;
}

static enum gen_status engine_init(struct engine *engine, const struct gen_model *model,
                                   const struct gen_generate_options *options) {
    enum tensor_type kv_type;
    enum gen_status status = sequence_rules_init(&engine->rules, model, options, &engine->error);
    if (status != GEN_OK ||
        (status = kv_cache_choose_type(&kv_type, options->kv_type, &engine->error)) != GEN_OK) {
        return status;
    }
    struct gen_session_options session_options = gen_session_options_default();
    session_options.n_threads = options->n_threads;
    session_options.kernels = options->kernels;
    session_options.n_slots = batch_size(engine, gen_model_config(model), kv_type);
    session_options.kv_type = options->kv_type;
    status = gen_session_new(&engine->session, model, &session_options, &engine->error);
    if (status != GEN_OK) {
        return status;
    }
    engine->number = (uint64_t)options->num_return_sequences;
    if (!scheduler_init(&engine->scheduler, engine->session, (size_t)session_options.n_slots) ||
        !pass_init(&engine->pass, engine->sink, &engine->rules, &engine->scheduler)) {
        return error_no_memory(&engine->error, "the generation engine");
    }
    return GEN_OK;
}

static void engine_free(struct engine *engine) {
    scheduler_release(&engine->scheduler);
    pass_release(&engine->pass);
    gen_ids_release(&engine->prompt_ids);
    gen_session_free(engine->session);
    sequence_rules_release(&engine->rules);
    memory_free(engine);
}

/** Until all prompts are answered. */
static enum gen_status work(struct engine *engine) {
    const struct scheduler *scheduler = &engine->scheduler;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && !(engine->at_end && scheduler->n == 0)) {
        status = admit(engine);
        if (status == GEN_OK) {
            status = report(engine);
        }
        if (status == GEN_OK && scheduler->n_busy > 0) {
            status = pass_run(&engine->pass, &engine->error);
        }
        if (status == GEN_OK) {
            status = report(engine);
        }
    }
    return status;
}

enum gen_status gen_generate(const struct gen_model *model,
                             const struct gen_generate_options *options,
                             const struct gen_source *source, const struct gen_sink *sink,
                             uint64_t *n_failed, struct gen_error *err) {
    struct engine *engine = memory_new(1, sizeof *engine);
    if (engine == NULL) {
        return error_no_memory(err, "the generation engine");
    }
    engine->source = source;
    engine->sink = sink;
    enum gen_status status = engine_init(engine, model, options);
    if (status == GEN_OK) {
        status = work(engine);
    }
    if (status != GEN_OK) {
        abandon(engine, status);
    }
    if (status != GEN_OK && err != NULL) {
        *err = engine->error;
    }
    if (n_failed != NULL) {
        *n_failed = engine->n_failed;
    }
    engine_free(engine);
    return status;
}
