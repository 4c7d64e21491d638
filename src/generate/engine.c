/**
 * engine.c - gen_engine: a session, its slots and what they hold, from one run to the next. What
 * happens in a run is answers.c's; gen_generate() is an engine for one run.
 */
#include "generate/engine.h"
#include "base/error.h"
#include "base/memory.h"
#include "generate/answers.h"
#include "generate/ways.h"
#include "model/kv_cache.h"

/* Texts at once, where the caller leaves it to us, and what their KV cache may take. */
#define DEFAULT_BATCH    64
#define DEFAULT_KV_BYTES ((size_t)512 << 20)
#define MAX_BATCH        1024

struct gen_engine_options gen_engine_options_default(void) {
    return (struct gen_engine_options){0};
}

/* What a text's keys and values take, in the draft model too. */
static size_t slot_size(const struct gen_engine_options *options, const struct gen_config *config,
                        enum tensor_type kv_type, int32_t n_ctx) {
    size_t size = kv_cache_slot_size(config, kv_type, n_ctx);
    if (options->draft != NULL) {
        const struct gen_config *draft = gen_model_config(options->draft);
        int32_t n = draft->n_ctx < n_ctx ? draft->n_ctx : n_ctx;
        size += kv_cache_slot_size(draft, kv_type, n);
    }
    return size;
}

/* Texts at once: what the caller says, or what fits. */
static enum gen_status choose_batch(int32_t *batch, const struct gen_engine_options *options,
                                    const struct gen_config *config, struct gen_error *err) {
    enum tensor_type kv_type;
    if (options->batch < 0 || options->batch > MAX_BATCH) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "batch is %d, but must be from 1 to %d, or 0: what fits",
                         (int)options->batch, MAX_BATCH);
    }
    enum gen_status status = kv_cache_choose_type(&kv_type, options->kv_type, err);
    if (status != GEN_OK) {
        return status;
    }
    /* What is out of range the session refuses. */
    bool is_shorter = options->n_ctx > 0 && options->n_ctx < config->n_ctx;
    int32_t n_ctx = is_shorter ? options->n_ctx : config->n_ctx;
    size_t fitting = DEFAULT_KV_BYTES / slot_size(options, config, kv_type, n_ctx);
    int32_t chosen = fitting < 1 ? 1 : fitting < DEFAULT_BATCH ? (int32_t)fitting : DEFAULT_BATCH;
    int32_t least = options->least_batch < MAX_BATCH ? options->least_batch : MAX_BATCH;
    chosen = chosen > least ? chosen : least;
    *batch = options->batch > 0 ? options->batch : chosen;
    return GEN_OK;
}

/* What guesses: the text itself, and with `draft` a smaller model. */
static enum gen_status make_drafter(struct gen_engine *engine, const struct gen_model *draft,
                                    const struct gen_session_options *options,
                                    struct gen_error *err) {
    size_t n_slots = (size_t)options->n_slots;
    struct drafter lookup;
    if (!drafter_lookup_init(&lookup, n_slots)) {
        return error_no_memory(err, "the generation engine");
    }
    engine->drafter = lookup;
    if (draft == NULL) {
        return GEN_OK;
    }
    enum gen_status status =
        drafter_model_new(&engine->draft_model, draft, engine->model, options, err);
    if (status != GEN_OK) {
        return status;
    }
    struct drafter by_model = drafter_model_drafter(engine->draft_model);
    return drafter_pair_init(&engine->drafter, lookup, by_model, n_slots)
               ? GEN_OK
               : error_no_memory(err, "the generation engine");
}

static enum gen_status engine_init(struct gen_engine *engine,
                                   const struct gen_engine_options *options,
                                   struct gen_error *err) {
    struct gen_session_options session_options = gen_session_options_default();
    const struct gen_config *config = gen_model_config(engine->model);
    enum gen_status status = choose_batch(&session_options.n_slots, options, config, err);
    if (status != GEN_OK) {
        return status;
    }
    size_t n_slots = (size_t)session_options.n_slots;
    session_options.n_slots++; /* the scheduler's kept one */
    session_options.n_threads = options->n_threads;
    session_options.kernels = options->kernels;
    session_options.kv_type = options->kv_type;
    session_options.n_ctx = options->n_ctx;
    status = gen_session_new(&engine->session, engine->model, &session_options, err);
    if (status != GEN_OK) {
        return status;
    }
    if (!scheduler_init(&engine->scheduler, engine->session, n_slots) ||
        !pass_init(&engine->pass, &engine->scheduler) ||
        !sampler_scratch_init(&engine->scratch, (size_t)config->n_vocab)) {
        return error_no_memory(err, "the generation engine");
    }
    session_options.n_slots--; /* nothing is guessed of what is kept */
    return make_drafter(engine, options->draft, &session_options, err);
}

enum gen_status gen_engine_new(struct gen_engine **out, const struct gen_model *model,
                               const struct gen_engine_options *options, struct gen_error *err) {
    *out = NULL;
    struct gen_engine *engine = memory_new(1, sizeof *engine);
    if (engine == NULL) {
        return error_no_memory(err, "the generation engine");
    }
    engine->model = model;
    enum gen_status status = engine_init(engine, options, err);
    if (status != GEN_OK) {
        gen_engine_free(engine);
        return status;
    }
    *out = engine;
    return GEN_OK;
}

void gen_engine_free(struct gen_engine *engine) {
    if (engine == NULL) {
        return;
    }
    scheduler_release(&engine->scheduler);
    pass_release(&engine->pass);
    sampler_scratch_release(&engine->scratch);
    drafter_release(&engine->drafter);
    gen_session_free(engine->session);
    memory_free(engine);
}

struct gen_draft_report gen_engine_draft_report(const struct gen_engine *engine) {
    return engine->draft_model != NULL ? engine->draft_model->report : (struct gen_draft_report){0};
}

enum gen_status gen_engine_run(struct gen_engine *engine,
                               const struct gen_generate_options *options,
                               const struct gen_source *source, const struct gen_sink *sink,
                               uint64_t *n_failed, struct gen_error *err) {
    struct answers answers = {.source = source,
                              .scheduler = &engine->scheduler,
                              .pass = &engine->pass,
                              .scratch = &engine->scratch,
                              .drafter = &engine->drafter,
                              .reporter.sink = sink};
    enum gen_status status = answers_run(&answers, engine->model, options);
    if (status != GEN_OK && err != NULL) {
        *err = answers.error;
    }
    if (n_failed != NULL) {
        *n_failed = answers.n_failed;
    }
    answers_release(&answers);
    return status;
}

enum gen_status gen_generate(const struct gen_model *model,
                             const struct gen_generate_options *options,
                             const struct gen_source *source, const struct gen_sink *sink,
                             uint64_t *n_failed, struct gen_error *err) {
    struct gen_engine *engine = NULL;
    const struct gen_engine_options engine_options = {
        .n_threads = options->n_threads,
        .kernels = options->kernels,
        .kv_type = options->kv_type,
        /* Where logits are told of there is one text at a time. */
        .batch = options->batch == 0 && sink->logits != NULL ? 1 : options->batch,
        .least_batch = ways_least_batch(options),
        .draft = options->draft,
    };
    if (n_failed != NULL) {
        *n_failed = 0;
    }
    enum gen_status status = gen_engine_new(&engine, model, &engine_options, err);
    if (status == GEN_OK) {
        status = gen_engine_run(engine, options, source, sink, n_failed, err);
    }
    gen_engine_free(engine);
    return status;
}
