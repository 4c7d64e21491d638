/*
 * gen_generate(): prompts in, texts out, one sequence after the other in one slot.
 *
 * All the engine knows of the model is gen_session_eval(); all it knows of text rules is
 * sequence.h. It reads the prompt in chunks, lets the sequence draw, feeds the new id back, and
 * hands the text on as it comes.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "gen.h"
#include "generate/sequence.h"

/* Rows per call while reading: enough to keep the processor busy, few enough to be canceled
 * soon. Rows whose logits are all wanted cost n_vocab floats each, so they come in fewer. */
#define CHUNK_ROWS        256
#define CHUNK_LOGITS_ROWS 16

struct engine {
    const struct gen_sink *sink;
    struct sequence_rules rules;
    struct gen_session *session;
    const float *logits;    /**< after the last id read */
    float *prompt_logits;   /**< copy of those after the prompt; NULL: one text per prompt */
    bool prompt_is_in_slot; /**< whether the slot still begins with what was read of the prompt */
    int32_t n_prompt_slot;  /**< positions of that */
    bool text_is_refused;   /**< the text callback asked to stop: it gets no more */
    struct gen_error error; /**< of the failure that is on its way up */
    struct gen_row rows[CHUNK_ROWS];
};

static enum gen_status canceled(struct engine *engine) {
    return error_set(&engine->error, GEN_CANCELED, "the job was canceled");
}

/** Whether a failure is the prompt's own, so that the job goes on with the next. */
static bool is_of_prompt(enum gen_status status) {
    return status == GEN_BAD_ARGUMENT || status == GEN_BAD_FILE || status == GEN_CONTEXT_FULL;
}

/* ---- reading ids ------------------------------------------------------------------------ */

/**
 * Process n ids; engine->logits are those after the last. The sink gets the logits after each,
 * from number `first_reported` on (n: none).
 */
static enum gen_status read_chunk(struct engine *engine, const int32_t *ids, size_t n,
                                  size_t first_reported) {
    const struct gen_sink *sink = engine->sink;
    if (sink->go_on != NULL && !sink->go_on(sink->context)) {
        return canceled(engine);
    }
    for (size_t i = 0; i < n; i++) {
        bool want_logits = i >= first_reported || i + 1 == n;
        engine->rows[i] = (struct gen_row){.id = ids[i], .slot = 0, .want_logits = want_logits};
    }
    enum gen_status status = gen_session_eval(engine->session, engine->rows, n, &engine->error);
    if (status != GEN_OK) {
        return status;
    }
    for (size_t i = first_reported; i < n; i++) {
        if (!sink->logits(sink->context, gen_session_logits(engine->session, i),
                          engine->rules.n_vocab)) {
            return canceled(engine);
        }
    }
    engine->logits = gen_session_logits(engine->session, n - 1);
    return GEN_OK;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/**
 * Bring the slot up to the sequence's last id: by the prompt, by one new id, or, where the
 * window has slid, by reading it anew. Where the sink wants logits it gets those of the ids
 * from number `first_reported` of the sequence on.
 */
static enum gen_status catch_up(struct engine *engine, const struct sequence *sequence,
                                size_t first_reported) {
    size_t end = sequence->ids.n;
    size_t window = sequence_window(sequence);
    size_t n_in_slot = (size_t)gen_session_length(engine->session, 0);
    if (window <= n_in_slot) {
        gen_session_truncate(engine->session, 0, 0);
        engine->prompt_is_in_slot = false;
        n_in_slot = 0;
    }
    if (engine->sink->logits == NULL) {
        first_reported = end;
    }
    enum gen_status status = GEN_OK;
    for (size_t at = end - (window - n_in_slot); at < end && status == GEN_OK;) {
        size_t n_silent = first_reported > at ? first_reported - at : 0;
        size_t n = n_silent > 0 ? smaller(n_silent, CHUNK_ROWS) : CHUNK_LOGITS_ROWS;
        n = smaller(n, end - at);
        status = read_chunk(engine, sequence->ids.data + at, n, smaller(n_silent, n));
        at += n;
    }
    return status;
}

/** Have the logits after the prompt: the first text of a prompt reads it, the others need not. */
static enum gen_status read_prompt(struct engine *engine, struct sequence *sequence) {
    double start = gen_clock();
    enum gen_status status = GEN_OK;
    if (engine->prompt_is_in_slot) {
        gen_session_truncate(engine->session, 0, engine->n_prompt_slot);
        engine->logits = engine->prompt_logits;
    } else {
        gen_session_truncate(engine->session, 0, 0);
        status = catch_up(engine, sequence, sequence->number == 0 ? 0 : sequence->n_before);
        engine->n_prompt_slot = gen_session_length(engine->session, 0);
        engine->prompt_is_in_slot = status == GEN_OK && engine->prompt_logits != NULL;
        if (engine->prompt_is_in_slot) {
            memcpy(engine->prompt_logits, engine->logits,
                   (size_t)engine->rules.n_vocab * sizeof *engine->logits);
        }
    }
    sequence->prompt_seconds = gen_clock() - start;
    return status;
}

/* ---- one text --------------------------------------------------------------------------- */

/** Hand new text to the sink. */
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
        return canceled(engine);
    }
    return GEN_OK;
}

/** Draw until the sequence is finished. Where logits are wanted, the last id is read as well. */
static enum gen_status decode(struct engine *engine, struct sequence *sequence) {
    double start = gen_clock();
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && !sequence->finished) {
        status = sequence_step(sequence, engine->logits, &engine->error);
        if (status == GEN_OK) {
            status = deliver(engine, sequence);
        }
        if (status == GEN_OK && (!sequence->finished || engine->sink->logits != NULL)) {
            status = catch_up(engine, sequence, sequence->ids.n - 1);
        }
    }
    sequence->decode_seconds = gen_clock() - start;
    return status;
}

static enum gen_status begin_and_decode(struct engine *engine, struct sequence *sequence) {
    const struct gen_sink *sink = engine->sink;
    if (sink->begin != NULL && !sink->begin(sink->context, sequence->index, sequence->number,
                                            sequence->ids.data, sequence->n_prompt)) {
        return canceled(engine);
    }
    enum gen_status status = GEN_OK;
    if (!sequence->finished || sink->logits != NULL) {
        status = read_prompt(engine, sequence);
    }
    return status == GEN_OK ? decode(engine, sequence) : status;
}

/**
 * Tell the sink that a sequence is done, whatever `status` it came to. What is returned concerns
 * the job: a failure that is the prompt's own is reported and no failure of the job.
 */
static enum gen_status end(struct engine *engine, struct sequence *sequence,
                           enum gen_status status) {
    const struct gen_sink *sink = engine->sink;
    const struct gen_error error = engine->error;
    enum gen_status job = is_of_prompt(status) ? GEN_OK : status;
    if (status != GEN_OK) {
        enum gen_finish finish = status == GEN_CANCELED ? GEN_FINISH_CANCELED : GEN_FINISH_ERROR;
        enum gen_status flushed = sequence_finish(sequence, finish, &engine->error);
        if (flushed == GEN_OK) {
            flushed = deliver(engine, sequence);
        }
        job = job == GEN_OK ? flushed : job;
    }
    struct gen_result result =
        sequence_result(sequence, sequence->finish == GEN_FINISH_ERROR ? &error : NULL);
    if (sink->end != NULL && !sink->end(sink->context, &result) && job == GEN_OK) {
        return canceled(engine);
    }
    return job;
}

/* ---- all prompts ------------------------------------------------------------------------ */

/** Report a prompt for which no sequence could begin. */
static enum gen_status refuse_prompt(struct engine *engine, const struct gen_prompt *prompt,
                                     uint64_t index, const struct gen_error *error) {
    const struct gen_sink *sink = engine->sink;
    const struct gen_result result = {.index = index,
                                      .prompt_ids = prompt->ids,
                                      .n_prompt_ids = prompt->n_ids,
                                      .finish = GEN_FINISH_ERROR,
                                      .seed = engine->rules.options->seed,
                                      .error = error};
    return sink->end == NULL || sink->end(sink->context, &result) ? GEN_OK : canceled(engine);
}

/** One text of a prompt. *failed: it could not be finished, through the prompt's own fault. */
static enum gen_status answer(struct engine *engine, const struct gen_prompt *prompt,
                              uint64_t index, uint64_t number, bool *failed) {
    struct sequence sequence;
    enum gen_status status =
        sequence_init(&sequence, &engine->rules, prompt, index, number, &engine->error);
    if (status == GEN_OK) {
        status = begin_and_decode(engine, &sequence);
        *failed = is_of_prompt(status);
        status = end(engine, &sequence, status);
    } else if (is_of_prompt(status)) {
        *failed = true;
        const struct gen_error error = engine->error;
        status = refuse_prompt(engine, prompt, index, &error);
    }
    sequence_release(&sequence);
    return status;
}

/** All texts of a prompt, up to the first that fails. */
static enum gen_status answer_prompt(struct engine *engine, const struct gen_prompt *prompt,
                                     uint64_t index, bool *failed) {
    *failed = prompt->error != NULL;
    if (*failed) {
        return refuse_prompt(engine, prompt, index, prompt->error);
    }
    engine->prompt_is_in_slot = false;
    uint64_t n_texts = (uint64_t)engine->rules.options->num_return_sequences;
    enum gen_status status = GEN_OK;
    for (uint64_t number = 0; number < n_texts && status == GEN_OK && !*failed; number++) {
        status = answer(engine, prompt, index, number, failed);
    }
    return status;
}

static enum gen_status engine_init(struct engine *engine, const struct gen_model *model,
                                   const struct gen_generate_options *options) {
    enum gen_status status = sequence_rules_init(&engine->rules, model, options, &engine->error);
    if (status != GEN_OK) {
        return status;
    }
    if (options->num_return_sequences > 1) {
        engine->prompt_logits =
            memory_new((size_t)engine->rules.n_vocab, sizeof *engine->prompt_logits);
        if (engine->prompt_logits == NULL) {
            return error_no_memory(&engine->error, "the logits of the prompt");
        }
    }
    struct gen_session_options session_options = gen_session_options_default();
    session_options.n_threads = options->n_threads;
    session_options.kernels = options->kernels;
    return gen_session_new(&engine->session, model, &session_options, &engine->error);
}

static void engine_free(struct engine *engine) {
    if (engine == NULL) {
        return;
    }
    gen_session_free(engine->session);
    memory_free(engine->prompt_logits);
    sequence_rules_release(&engine->rules);
    memory_free(engine);
}

enum gen_status gen_generate(const struct gen_model *model,
                             const struct gen_generate_options *options,
                             const struct gen_source *source, const struct gen_sink *sink,
                             uint64_t *n_failed, struct gen_error *err) {
    uint64_t n_failures = 0;
    struct engine *engine = memory_new(1, sizeof *engine);
    if (engine == NULL) {
        return error_no_memory(err, "the generation engine");
    }
    engine->sink = sink;
    enum gen_status status = engine_init(engine, model, options);
    struct gen_prompt prompt = {0};
    for (uint64_t index = 0; status == GEN_OK && source->next(source->context, &prompt); index++) {
        bool failed = false;
        status = answer_prompt(engine, &prompt, index, &failed);
        n_failures += failed;
        prompt = (struct gen_prompt){0};
    }
    if (status != GEN_OK && err != NULL) {
        *err = engine->error;
    }
    if (n_failed != NULL) {
        *n_failed = n_failures;
    }
    engine_free(engine);
    return status;
}
