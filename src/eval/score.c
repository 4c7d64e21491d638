/**
 * score.c - gen_scorer: takes requests from the source while a few passes have room for them, cuts
 * those that are longer than the context into windows, has them read (passes.h), and reports them
 * in their order.
 */
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "eval/passes.h"
#include "eval/windows.h"
#include "model/kv_cache.h"

/* What is read together: enough that the last pass, which may have few rows, does not count, and no
 * more than KV_BYTES of keys and values. */
#define TOGETHER_ROWS ((size_t)4096)
#define KV_BYTES      ((size_t)512 << 20)

/* A request that is there. Its ids are those of the scores number first ... first+n-1. */
struct request {
    size_t first, n, from;
    struct gen_error *error; /* NULL: it has not failed */
};

struct gen_scorer {
    const struct gen_model *model;
    struct passes passes;
    int32_t n_vocab, stride;
    size_t n_ctx;
    size_t most_stored; /* positions that may be in use together */
    struct request *requests;
    size_t n_requests, requests_capacity;
    struct gen_ids ids;             /* of all requests */
    struct gen_token_score *scores; /* [ids.n] */
    struct gen_logprob *best;       /* [ids.n][n_best] */
    size_t scores_capacity, best_capacity;
    size_t n_rows; /* of them, but for what each has in common with the one before it */
    uint64_t n_reported, n_failed;
};

struct gen_score_options gen_score_options_default(void) {
    return (struct gen_score_options){0};
}

/* ---- a scorer --------------------------------------------------------------------------------*/

static enum gen_status check_options(const struct gen_score_options *options, int32_t n_ctx,
                                     int32_t n_vocab, struct gen_error *err) {
    if (options->stride < 0 || options->stride > n_ctx) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "stride is %d, but must be from 1 to %d, the ids that are seen at once",
                         (int)options->stride, (int)n_ctx);
    }
    int32_t most = n_vocab < GEN_SCORE_BEST_MOST ? n_vocab : GEN_SCORE_BEST_MOST;
    if (options->n_best < 0 || options->n_best > most) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_best is %d, but must be from 0 to %d",
                         (int)options->n_best, (int)most);
    }
    return GEN_OK;
}

static enum gen_status scorer_init(struct gen_scorer *scorer,
                                   const struct gen_score_options *options, struct gen_error *err) {
    const struct gen_config *config = gen_model_config(scorer->model);
    struct gen_session_options session_options = gen_session_options_default();
    session_options.n_threads = options->n_threads;
    session_options.kernels = options->kernels;
    session_options.kv_type = options->kv_type;
    session_options.n_ctx = options->n_ctx;
    session_options.n_slots = PASSES_TEXTS + 1;
    enum gen_status status =
        gen_session_new(&scorer->passes.session, scorer->model, &session_options, err);
    if (status != GEN_OK) {
        return status;
    }
    int32_t n_ctx = gen_session_n_ctx(scorer->passes.session);
    enum tensor_type kv_type;
    status = check_options(options, n_ctx, config->n_vocab, err);
    if (status != GEN_OK ||
        (status = kv_cache_choose_type(&kv_type, options->kv_type, err)) != GEN_OK) {
        return status;
    }
    scorer->n_ctx = (size_t)n_ctx;
    scorer->n_vocab = config->n_vocab;
    scorer->stride = options->stride > 0 ? options->stride : n_ctx > 1 ? n_ctx / 2 : 1;
    scorer->passes.likelihood.n_vocab = (size_t)config->n_vocab;
    scorer->passes.likelihood.n_best = (size_t)options->n_best;
    size_t slot_size = kv_cache_slot_size(config, kv_type, n_ctx);
    scorer->most_stored = KV_BYTES / (slot_size / scorer->n_ctx + 1);
    return GEN_OK;
}

enum gen_status gen_scorer_new(struct gen_scorer **out, const struct gen_model *model,
                               const struct gen_score_options *options, struct gen_error *err) {
    *out = NULL;
    struct gen_scorer *scorer = memory_new(1, sizeof *scorer);
    if (scorer == NULL) {
        return error_no_memory(err, "a scorer");
    }
    scorer->model = model;
    enum gen_status status = scorer_init(scorer, options, err);
    if (status != GEN_OK) {
        gen_scorer_free(scorer);
        return status;
    }
    *out = scorer;
    return GEN_OK;
}

static void forget_requests(struct gen_scorer *scorer) {
    for (size_t i = 0; i < scorer->n_requests; i++) {
        memory_free(scorer->requests[i].error);
    }
    scorer->n_requests = 0;
    scorer->ids.n = 0;
    scorer->n_rows = 0;
}

void gen_scorer_free(struct gen_scorer *scorer) {
    if (scorer == NULL) {
        return;
    }
    forget_requests(scorer);
    gen_session_free(scorer->passes.session);
    passes_release(&scorer->passes);
    gen_ids_release(&scorer->ids);
    memory_free(scorer->requests);
    memory_free(scorer->scores);
    memory_free(scorer->best);
    memory_free(scorer);
}

int32_t gen_scorer_n_ctx(const struct gen_scorer *scorer) {
    return (int32_t)scorer->n_ctx;
}

/* ---- requests --------------------------------------------------------------------------------*/

static enum gen_status no_memory(struct gen_error *err) {
    return error_no_memory(err, "texts to be scored");
}

static enum gen_status check_request(const struct gen_scorer *scorer,
                                     const struct gen_score_request *request,
                                     struct gen_error *err) {
    if (request->n_ids == 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "there is no token to be scored, the text is empty");
    }
    if (request->from >= request->n_ids && request->from > 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "there is no token to be scored, all %zu are context", request->n_ids);
    }
    for (size_t i = 0; i < request->n_ids; i++) {
        if (request->ids[i] < 0 || request->ids[i] >= scorer->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "token id %d is out of range, the model's ids are 0 to %d",
                             request->ids[i], scorer->n_vocab - 1);
        }
    }
    return GEN_OK;
}

static bool set_error(struct request *request, const struct gen_error *error) {
    request->error = memory_new(1, sizeof *error);
    if (request->error != NULL) {
        *request->error = *error;
    }
    return request->error != NULL;
}

/* Note a request and its ids. One that fails by itself has an error and no ids. */
static enum gen_status take_request(struct gen_scorer *scorer,
                                    const struct gen_score_request *given, struct gen_error *err) {
    if (!memory_grow(&scorer->requests, &scorer->requests_capacity, scorer->n_requests + 1,
                     sizeof *scorer->requests)) {
        return no_memory(err);
    }
    struct request *request = &scorer->requests[scorer->n_requests++];
    struct gen_error error;
    *request = (struct request){.first = scorer->ids.n, .from = given->from};
    if (given->error != NULL || check_request(scorer, given, &error) != GEN_OK) {
        return set_error(request, given->error != NULL ? given->error : &error) ? GEN_OK
                                                                                : no_memory(err);
    }
    if (scorer->n_requests > 1) {
        const struct request *before = request - 1;
        scorer->n_rows -=
            plan_in_common(scorer->ids.data + before->first, before->n, given->ids, given->n_ids);
    }
    scorer->n_rows += given->n_ids;
    request->n = given->n_ids;
    return gen_ids_append(&scorer->ids, given->ids, given->n_ids) == GEN_OK ? GEN_OK
                                                                            : no_memory(err);
}

/* Take requests from the source, as many as are read together. */
static enum gen_status fetch(struct gen_scorer *scorer, const struct gen_score_source *source,
                             bool *at_end, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && scorer->n_requests < PASSES_TEXTS &&
           scorer->n_rows < TOGETHER_ROWS) {
        struct gen_score_request request = {0};
        if (scorer->n_requests > 0 && source->ready != NULL && !source->ready(source->context)) {
            break;
        }
        if (!source->next(source->context, &request)) {
            *at_end = true;
            break;
        }
        status = take_request(scorer, &request, err);
    }
    return status;
}

/* Memory for all scores, which are none yet. */
static enum gen_status reserve_scores(struct gen_scorer *scorer, struct gen_error *err) {
    size_t n = scorer->ids.n;
    size_t n_best = scorer->passes.likelihood.n_best;
    if (!memory_grow(&scorer->scores, &scorer->scores_capacity, n, sizeof *scorer->scores) ||
        !memory_grow(&scorer->best, &scorer->best_capacity, n * n_best, sizeof *scorer->best)) {
        return no_memory(err);
    }
    for (size_t i = 0; i < n; i++) {
        scorer->scores[i] = (struct gen_token_score){.id = scorer->ids.data[i]};
    }
    for (size_t i = 0; i < n * n_best; i++) {
        scorer->best[i] = (struct gen_logprob){0};
    }
    return GEN_OK;
}

/* ---- windows ---------------------------------------------------------------------------------*/

/* Which request each text of the plan is of. */
struct origin {
    size_t request[PASSES_TEXTS];
    size_t stored; /* positions that the texts take, at most */
};

/* Read what the plan has, and note whose texts failed. */
static enum gen_status read_plan(struct gen_scorer *scorer, struct origin *origin,
                                 struct gen_error *err) {
    struct passes *passes = &scorer->passes;
    enum gen_status status = passes->plan.n_texts > 0 ? passes_run(passes, err) : GEN_OK;
    for (size_t i = 0; i < passes->plan.n_texts && status == GEN_OK; i++) {
        struct request *request = &scorer->requests[origin->request[i]];
        if (passes->results[i].failed && request->error == NULL &&
            !set_error(request, &passes->error)) {
            status = no_memory(err);
        }
    }
    plan_clear(&passes->plan);
    origin->stored = 0;
    return status;
}

/* Put a window of a request into the plan, which is read before if it is full. */
static enum gen_status add_window(struct gen_scorer *scorer, struct origin *origin, size_t number,
                                  const struct window *window, struct gen_error *err) {
    struct plan *plan = &scorer->passes.plan;
    const struct request *request = &scorer->requests[number];
    size_t first = request->first + window->begin;
    size_t n_ids = window->end - window->begin;
    const int32_t *ids = scorer->ids.data + first;
    size_t needed = n_ids - 1;
    size_t at = plan->n_texts;
    if (at > 0) {
        /* It may share whole blocks with the one before it; of the last it needs a copy. */
        const struct plan_text *before = &plan->texts[at - 1];
        size_t shared = plan_in_common(before->ids, before->n_rows, ids, n_ids - 1);
        needed -= shared / KERNELS_KV_BLOCK * KERNELS_KV_BLOCK;
    }
    if (at == PASSES_TEXTS || (at > 0 && origin->stored + needed > scorer->most_stored)) {
        enum gen_status status = read_plan(scorer, origin, err);
        if (status != GEN_OK) {
            return status;
        }
        needed = n_ids - 1;
        at = 0;
    }
    size_t n_best = scorer->passes.likelihood.n_best;
    origin->request[at] = number;
    origin->stored += needed;
    scorer->passes.results[at] = (struct passes_result){
        .scores = scorer->scores + first,
        .best = n_best > 0 ? scorer->best + first * n_best : NULL,
    };
    return plan_add(plan, ids, n_ids, window->from - window->begin) ? GEN_OK : no_memory(err);
}

/* Read all requests. */
static enum gen_status read_requests(struct gen_scorer *scorer, struct gen_error *err) {
    struct origin origin = {.stored = 0};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < scorer->n_requests && status == GEN_OK; i++) {
        const struct request *request = &scorer->requests[i];
        struct window window = {0};
        while (status == GEN_OK && request->error == NULL &&
               window_next(&window, request->n, request->from, scorer->n_ctx,
                           (size_t)scorer->stride)) {
            status = add_window(scorer, &origin, i, &window, err);
        }
    }
    if (status == GEN_OK) {
        status = read_plan(scorer, &origin, err);
    }
    plan_clear(&scorer->passes.plan);
    return status;
}

/* ---- reports ---------------------------------------------------------------------------------*/

static struct gen_score score_of(const struct gen_scorer *scorer, const struct request *request) {
    size_t n_best = scorer->passes.likelihood.n_best;
    struct gen_score score = {.index = scorer->n_reported, .error = request->error};
    if (request->error != NULL) {
        return score;
    }
    score.tokens = scorer->scores + request->first;
    score.n_ids = request->n;
    score.from = request->from;
    score.n_best = n_best;
    score.best = n_best > 0 ? scorer->best + request->first * n_best : NULL;
    score.all_likeliest = true;
    for (size_t i = 0; i < request->n; i++) {
        const struct gen_token_score *token = &score.tokens[i];
        score.logprob += token->logprob;
        score.n_scored += token->rank > 0;
        score.all_likeliest = score.all_likeliest && token->rank <= 1;
    }
    return score;
}

static enum gen_status report(struct gen_scorer *scorer, const struct gen_score_sink *sink,
                              struct gen_error *err) {
    for (size_t i = 0; i < scorer->n_requests; i++) {
        struct gen_score score = score_of(scorer, &scorer->requests[i]);
        scorer->n_reported++;
        scorer->n_failed += score.error != NULL;
        if (!sink->score(sink->context, &score)) {
            return error_set(err, GEN_CANCELED, "canceled");
        }
    }
    return GEN_OK;
}

enum gen_status gen_scorer_run(struct gen_scorer *scorer, const struct gen_score_source *source,
                               const struct gen_score_sink *sink, uint64_t *n_failed,
                               struct gen_error *err) {
    struct gen_error own;
    enum gen_status status = GEN_OK;
    bool at_end = false;
    scorer->passes.go_on = sink->go_on;
    scorer->passes.context = sink->context;
    scorer->n_reported = 0;
    scorer->n_failed = 0;
    while (status == GEN_OK && !at_end) {
        if ((status = fetch(scorer, source, &at_end, &own)) == GEN_OK &&
            (status = reserve_scores(scorer, &own)) == GEN_OK &&
            (status = read_requests(scorer, &own)) == GEN_OK) {
            status = report(scorer, sink, &own);
        }
        forget_requests(scorer);
    }
    if (status != GEN_OK && err != NULL) {
        *err = own;
    }
    if (n_failed != NULL) {
        *n_failed = scorer->n_failed;
    }
    return status;
}
