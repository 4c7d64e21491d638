/**
 * bench_measure.c - the measuring of `gen bench`: sessions are prepared, figures and limits of the
 * machine timed in rounds. Nothing is printed here but the progress bar.
 */
#include "cmd/bench/bench_measure.h"

#include <stdlib.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/compute_options.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/signals.h"

/* Rounds, unless the command line says how many. */
#define REPEAT       5
#define REPEAT_QUICK 1
/* Short work is repeated within one measurement until it took that many seconds. */
#define SECONDS       0.05
#define SECONDS_QUICK 0.005
/* Tokens of the prompt whose first answer is waited for. */
#define FIRST_PROMPT 8

/* All that measuring needs. */
struct bench {
    struct bench_results *results;
    const struct bench_settings *settings;
    const char *kernels;
    const struct gen_config *config;
    struct gen_meter *meter;
    struct gen_session *single, *batch; /* of one sequence, and of many short ones */
    struct gen_sampler *sampler;        /* takes the likeliest token */
    struct gen_row *rows;
    double seconds; /* least of a measurement */
    struct progress progress;
    uint64_t done, total; /* steps of the progress bar */
    struct gen_error *err;
};

/* One step is done; false after a signal. */
static bool step(struct bench *bench) {
    progress_update(&bench->progress, ++bench->done, bench->total);
    return signals_caught() == 0;
}

/* Some id; which one has no influence on the speed. */
static int32_t some_id(const struct bench *bench, int32_t i) {
    return (int32_t)((uint32_t)i * 2654435761U % (uint32_t)bench->config->n_vocab);
}

/* ---- the first token -------------------------------------------------------------------------*/

static enum gen_status new_session(struct bench *bench, struct gen_session **session,
                                   const struct gen_model *model, int32_t n_slots, int32_t n_ctx) {
    struct gen_session_options options = gen_session_options_default();
    options.n_threads = bench->settings->model.n_threads;
    options.kernels = bench->kernels;
    options.kv_type = bench->results->kv_type;
    options.n_slots = n_slots;
    options.n_ctx = n_ctx;
    return gen_session_new(session, model, &options, bench->err);
}

static enum gen_status new_sampler(struct bench *bench, struct gen_sampler **sampler) {
    struct gen_sampling greedy = gen_sampling_default();
    greedy.temperature = 0;
    return gen_sampler_new(sampler, &greedy, bench->config->n_vocab, -1, 0, 0, 0, bench->err);
}

/* Open the model, read a short prompt, choose a token. */
static enum gen_status first_token(struct bench *bench, struct model_load *load) {
    struct gen_session *session = NULL;
    struct gen_sampler *sampler = NULL;
    struct gen_row rows[FIRST_PROMPT];
    struct gen_model_options options = gen_model_options_default();
    options.n_threads = bench->settings->model.n_threads;
    bench->config = NULL;
    double start = gen_clock();
    enum gen_status status =
        model_load_open(load, bench->settings->model.name, &options, bench->err);
    if (status == GEN_OK) {
        bench->config = gen_model_config(load->model);
        status = new_session(bench, &session, load->model, 1, 0);
    }
    if (status == GEN_OK) {
        status = new_sampler(bench, &sampler);
    }
    int32_t n_ctx = bench->config != NULL ? bench->config->n_ctx : 0;
    int32_t n = n_ctx < FIRST_PROMPT ? n_ctx : FIRST_PROMPT;
    for (int32_t i = 0; i < n; i++) {
        rows[i] = (struct gen_row){some_id(bench, i), 0, i == n - 1};
    }
    if (status == GEN_OK) {
        status = gen_session_eval(session, rows, (size_t)n, bench->err);
    }
    int32_t id;
    if (status == GEN_OK) {
        status =
            gen_sampler_next(sampler, gen_session_logits(session, (size_t)n - 1), &id, bench->err);
    }
    if (status == GEN_OK) {
        bench_series_add(&bench->results->first_token, gen_clock() - start);
        bench->results->n_first_prompt = n;
        bench->results->kernels = gen_session_kernels(session);
        bench->results->n_threads = gen_session_n_threads(session);
    }
    gen_sampler_free(sampler);
    gen_session_free(session);
    return status;
}

/* Before all else, because two models at once may need more memory than there is; the last one
 * stays open. */
static enum gen_status first_tokens(struct bench *bench, struct model_load *load) {
    enum gen_status status = GEN_OK;
    for (int32_t i = 0; status == GEN_OK && i < bench->results->repeat; i++) {
        model_load_close(load);
        status = first_token(bench, load);
        if (status == GEN_OK && !step(bench)) {
            status = GEN_CANCELED;
        }
    }
    return status;
}

/* ---- one figure ------------------------------------------------------------------------------*/

/* Give every sequence n more tokens; the last of each wants logits, if any. */
static enum gen_status eval(struct bench *bench, struct gen_session *session, int32_t n_sequences,
                            int32_t n, bool want_logits) {
    size_t n_rows = 0;
    for (int32_t i = 0; i < n; i++) {
        for (int32_t slot = 0; slot < n_sequences; slot++) {
            bench->rows[n_rows++] =
                (struct gen_row){some_id(bench, i + slot), slot, want_logits && i == n - 1};
        }
    }
    return gen_session_eval(session, bench->rows, n_rows, bench->err);
}

/* Make each of the sequences hold `length` positions. */
static enum gen_status seek(struct bench *bench, struct gen_session *session, int32_t n_sequences,
                            int32_t length) {
    enum gen_status status = GEN_OK;
    for (int32_t slot = 0; status == GEN_OK && slot < n_sequences; slot++) {
        gen_session_truncate(session, slot, length);
        size_t n_rows = 0;
        for (int32_t i = gen_session_length(session, slot); i < length; i++) {
            bench->rows[n_rows++] = (struct gen_row){some_id(bench, i), slot, false};
        }
        if (n_rows > 0) {
            status = gen_session_eval(session, bench->rows, n_rows, bench->err);
        }
    }
    return status;
}

static struct gen_session *session_of(const struct bench *bench,
                                      const struct bench_figure *figure) {
    return figure->kind == BENCH_BATCH ? bench->batch : bench->single;
}

/* After a prompt of one eval: add to its seconds those of choosing the first token. */
static enum gen_status add_first_token(struct bench *bench, struct bench_figure *figure,
                                       double seconds) {
    const float *logits = gen_session_logits(bench->single, (size_t)figure->n_rows - 1);
    int32_t id;
    double start = gen_clock();
    enum gen_status status = gen_sampler_next(bench->sampler, logits, &id, bench->err);
    bench_series_add(&figure->first_token, seconds + (gen_clock() - start));
    return status;
}

/* Measure a figure once: the seconds its work took. */
static enum gen_status measure(struct bench *bench, struct bench_figure *figure) {
    struct gen_session *session = session_of(bench, figure);
    double seconds = 0;
    int n_times = 0;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && (n_times == 0 || seconds < bench->seconds)) {
        status = seek(bench, session, figure->n_sequences, figure->start);
        double start = gen_clock();
        for (int32_t i = 0; status == GEN_OK && i < figure->n_evals; i++) {
            status = eval(bench, session, figure->n_sequences, figure->n_rows, true);
        }
        seconds += gen_clock() - start;
        n_times++;
    }
    if (status == GEN_OK) {
        bench_series_add(&figure->seconds, seconds / n_times);
        if (figure->kind == BENCH_PROMPT) {
            status = add_first_token(bench, figure, seconds / n_times);
        }
    }
    return status == GEN_OK && !step(bench) ? GEN_CANCELED : status;
}

static enum gen_status measure_limits(struct bench *bench) {
    for (int i = 0; i < BENCH_N_LIMITS; i++) {
        double per_second;
        enum gen_status status =
            gen_meter_measure(bench->meter, (enum gen_limit)i, &per_second, bench->err);
        if (status != GEN_OK) {
            return status;
        }
        bench_series_add(&bench->results->limits[i], per_second);
        if (!step(bench)) {
            return GEN_CANCELED;
        }
    }
    return GEN_OK;
}

/* Prompts from the shortest to the longest, then the rest backwards: so a decoded sequence need
 * only be cut back, and not be read anew for every mark. */
static enum gen_status measure_round(struct bench *bench) {
    struct bench_results *results = bench->results;
    enum gen_status status = measure_limits(bench);
    size_t n_prompts = 0;
    while (status == GEN_OK && n_prompts < results->n_figures &&
           results->figures[n_prompts].kind == BENCH_PROMPT) {
        status = measure(bench, &results->figures[n_prompts++]);
    }
    for (size_t i = results->n_figures; status == GEN_OK && i > n_prompts; i--) {
        status = measure(bench, &results->figures[i - 1]);
    }
    return status;
}

/* ---- all of it -------------------------------------------------------------------------------*/

/* The most that any figure needs: sequences of a kind, their positions, rows of one call. */
struct needs {
    int32_t n_sequences, length;
    size_t n_rows;
};

static struct needs needs_of(const struct bench *bench, bool batch) {
    struct needs needs = {1, 1, 1};
    for (size_t i = 0; i < bench->results->n_figures; i++) {
        const struct bench_figure *figure = &bench->results->figures[i];
        if ((figure->kind == BENCH_BATCH) != batch) {
            continue;
        }
        int32_t length = figure->start + figure->n_evals * figure->n_rows;
        needs.length = length > needs.length ? length : needs.length;
        if (figure->n_sequences > needs.n_sequences) {
            needs.n_sequences = figure->n_sequences;
        }
    }
    needs.n_rows = (size_t)(needs.length > needs.n_sequences ? needs.length : needs.n_sequences);
    return needs;
}

/* Open what is measured, and use all of its memory once: pages are given out on first use. */
static enum gen_status prepare(struct bench *bench, const struct gen_model *model) {
    struct needs single = needs_of(bench, false);
    struct needs batch = needs_of(bench, true);
    bench->rows = alloc_new(size_max(single.n_rows, batch.n_rows), sizeof *bench->rows);
    struct gen_meter_options options = gen_meter_options_default();
    options.n_threads = bench->settings->model.n_threads;
    options.kernels = bench->kernels;
    options.seconds = bench->seconds;
    options.full_int8 = bench->results->cost.full_int8;
    enum gen_status status = gen_meter_new(&bench->meter, &options, bench->err);
    if (status == GEN_OK) {
        bench->results->buffer_bytes = gen_meter_buffer_bytes(bench->meter);
        status = new_session(bench, &bench->single, model, 1, single.length);
    }
    if (status == GEN_OK) {
        status = new_session(bench, &bench->batch, model, batch.n_sequences, batch.length);
    }
    if (status == GEN_OK) {
        status = new_sampler(bench, &bench->sampler);
    }
    if (status == GEN_OK) {
        status = seek(bench, bench->single, 1, single.length);
    }
    return status == GEN_OK ? seek(bench, bench->batch, batch.n_sequences, batch.length) : status;
}

enum gen_status bench_measure(struct bench_results *results, struct model_load *load,
                              const struct bench_settings *settings, const char *kernels,
                              struct gen_error *err) {
    struct bench bench = {.results = results,
                          .settings = settings,
                          .kernels = kernels,
                          .seconds = settings->quick ? SECONDS_QUICK : SECONDS,
                          .err = err};
    results->kv_type = compute_kv_types[settings->model.kv_type];
    bool has_repeat = settings->repeat > 0;
    results->repeat = has_repeat ? settings->repeat : settings->quick ? REPEAT_QUICK : REPEAT;
    /* How many figures there are is known once the model is open; until then about a dozen. */
    bench.total = (uint64_t)results->repeat * (1 + BENCH_N_LIMITS + 12);
    progress_begin(&bench.progress, "measuring", settings->quiet);
    signals_catch();
    enum gen_status status = first_tokens(&bench, load);
    if (status == GEN_OK) {
        results->cost = gen_model_cost(load->model);
        status = bench_figures_plan(results, settings, bench.config->n_ctx, err);
    }
    if (status == GEN_OK) {
        bench_figures_count(results);
        bench.total = (uint64_t)results->repeat * (1 + BENCH_N_LIMITS + results->n_figures);
        status = prepare(&bench, load->model);
    }
    for (int32_t i = 0; status == GEN_OK && i < results->repeat; i++) {
        status = measure_round(&bench);
    }
    progress_end(&bench.progress);
    gen_meter_free(bench.meter);
    gen_session_free(bench.single);
    gen_session_free(bench.batch);
    gen_sampler_free(bench.sampler);
    free(bench.rows);
    return status;
}
