/**
 * explain.c - gen_explain(): checks, memory, and the order of the work. A session goes through the
 * text while explain_watch.c looks on; what logits say is explain_logits.c's, what adds up to them
 * explain_contributions.c's.
 */
#include "eval/explain.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/watch.h"

/* Rows that go through the model together. */
#define ROWS ((size_t)128)
_Static_assert(ROWS <= FORWARD_MAX_ROWS, "a session would cut them");

#define MAX_TOP 1000

struct gen_explain_options gen_explain_options_default(void) {
    return (struct gen_explain_options){
        .n_top = 5, .n_lens = 3, .attention = true, .lens = true, .contributions = true};
}

static enum gen_status check(const struct gen_model *model, const int32_t *ids, size_t n,
                             const struct gen_explain_options *options, struct gen_error *err) {
    const struct gen_config *config = &model->config;
    if (options->n_top < 0 || options->n_top > MAX_TOP || options->n_lens < 0 ||
        options->n_lens > MAX_TOP) {
        return error_set(err, GEN_BAD_ARGUMENT, "%s is %d, but must be from 0 to %d",
                         options->n_top < 0 || options->n_top > MAX_TOP ? "n_top" : "n_lens",
                         options->n_top < 0 || options->n_top > MAX_TOP ? (int)options->n_top
                                                                        : (int)options->n_lens,
                         MAX_TOP);
    }
    if (n == 0) {
        return error_set(err, GEN_BAD_ARGUMENT, "the text is empty: there is nothing to explain");
    }
    if (n > (size_t)config->n_ctx) {
        return error_set(err, GEN_CONTEXT_FULL,
                         "the text has %zu tokens, but the context of this model holds %d at most "
                         "(shorten it)",
                         n, (int)config->n_ctx);
    }
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= config->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "token id %d is out of range, the model's ids are 0 to %d",
                             (int)ids[i], config->n_vocab - 1);
        }
    }
    return GEN_OK;
}

/* ---- memory ----------------------------------------------------------------------------------*/

/* a * b * c elements; NULL also where their number is too great. */
static void *new_array(size_t a, size_t b, size_t c, size_t size) {
    size_t ab, abc;
    if (!memory_multiply(a, b, &ab) || !memory_multiply(ab, c, &abc)) {
        return NULL;
    }
    return memory_new(abc, size);
}

static bool reserve(struct explanation *e, const struct gen_explain_options *options,
                    size_t n_threads) {
    struct gen_explanation *public = &e->public;
    size_t n = public->n, n_layer = (size_t) public->n_layer;
    size_t n_lens = (size_t) public->n_lens;
    e->ids = memory_new(n, sizeof *e->ids);
    e->logprobs = memory_new(n, sizeof *e->logprobs);
    e->ranks = memory_new(n, sizeof *e->ranks);
    e->targets = memory_new(n, sizeof *e->targets);
    e->logits = memory_new(n, sizeof *e->logits);
    e->top = new_array(n, (size_t) public->n_top, 1, sizeof *e->top);
    bool good = e->ids != NULL && e->logprobs != NULL && e->ranks != NULL && e->targets != NULL &&
                e->logits != NULL && e->top != NULL && explain_find_parts(e);
    if (good) {
        public->n_parts = e->n_states + 2;
        e->stream = new_array(e->n_states, n, (size_t) public->n_embd, sizeof *e->stream);
        good = e->stream != NULL;
    }
    if (good && options->lens) {
        e->lens = new_array(n_layer + 1, n, n_lens, sizeof *e->lens);
        e->lens_logprobs = new_array(n_layer + 1, n, 1, sizeof *e->lens_logprobs);
        e->lens_ranks = new_array(n_layer + 1, n, 1, sizeof *e->lens_ranks);
        good = e->lens != NULL && e->lens_logprobs != NULL && e->lens_ranks != NULL;
    }
    if (good && options->contributions) {
        e->contributions = new_array(n, public->n_parts, 1, sizeof *e->contributions);
        good = e->contributions != NULL;
    }
    if (good && options->attention) {
        e->scores_stride = KERNELS_ATTENTION_ROWS * size_round_up(n, KERNELS_KV_BLOCK);
        e->scores = new_array(n_threads, e->scores_stride, 1, sizeof *e->scores);
        e->attention =
            new_array(n_layer, (size_t) public->n_head, explain_map_size(n), sizeof *e->attention);
        good = e->scores != NULL && e->attention != NULL;
    }
    return good;
}

void gen_explanation_free(struct gen_explanation *explanation) {
    struct explanation *e = (struct explanation *)explanation;
    if (e == NULL) {
        return;
    }
    memory_free(e->ids);
    memory_free(e->logprobs);
    memory_free(e->ranks);
    memory_free(e->targets);
    memory_free(e->logits);
    memory_free(e->top);
    memory_free(e->lens);
    memory_free(e->lens_logprobs);
    memory_free(e->lens_ranks);
    memory_free(e->contributions);
    memory_free(e->parts);
    memory_free(e->state_after);
    memory_free(e->stream);
    memory_free(e->attention);
    memory_free(e->scores);
    memory_free(e);
}

static void publish(struct explanation *e) {
    struct gen_explanation *public = &e->public;
    public->ids = e->ids;
    public->logprobs = e->logprobs;
    public->ranks = e->ranks;
    public->top = e->top;
    public->targets = e->targets;
    public->logits = e->logits;
    public->lens = e->lens;
    public->lens_logprobs = e->lens_logprobs;
    public->lens_ranks = e->lens_ranks;
    public->contributions = e->contributions;
    public->parts = e->parts;
    e->model = NULL;
    e->compute = NULL;
    memory_free(e->scores);
    e->scores = NULL;
}

/* ---- the work --------------------------------------------------------------------------------*/

/* Say how much is done: of the rows that go through the head, once for each layer with a lens. */
static enum gen_status tell(const struct explanation *e, const struct gen_explain_options *options,
                            int32_t layers, size_t rows, struct gen_error *err) {
    uint64_t n = e->public.n;
    uint64_t total = n * (options->lens ? (uint64_t)e->public.n_layer + 1 : 1);
    uint64_t done = n * (uint64_t)layers + rows;
    if (options->progress != NULL && !options->progress(options->context, done, total)) {
        return error_set(err, GEN_CANCELED, "canceled");
    }
    return GEN_OK;
}

/* Take the tokens through the model. */
static enum gen_status read_text(struct explanation *e, struct gen_session *session,
                                 const struct gen_explain_options *options, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t first = 0; first < e->public.n && status == GEN_OK; first += ROWS) {
        struct gen_row rows[ROWS];
        size_t n = size_min(e->public.n - first, ROWS);
        for (size_t i = 0; i < n; i++) {
            rows[i] = (struct gen_row){.id = e->ids[first + i], .want_logits = true};
        }
        status = tell(e, options, 0, first, err);
        if (status == GEN_OK) {
            status = gen_session_eval(session, rows, n, err);
        }
        if (status == GEN_OK) {
            explain_logits(e, gen_session_logits(session, 0), first, n);
            if (options->lens) {
                explain_lens(e, gen_session_logits(session, 0), e->public.n_layer, first, n);
            }
        }
    }
    return status;
}

/* What the layers before the last would say. */
static enum gen_status look_through_lens(struct explanation *e, struct gen_session *session,
                                         const struct gen_explain_options *options,
                                         struct gen_error *err) {
    size_t n = e->public.n, c = (size_t)e->public.n_embd;
    float *logits =
        new_array(size_min(n, ROWS), (size_t)e->model->config.n_vocab, 1, sizeof *logits);
    enum gen_status status = logits != NULL ? GEN_OK : error_no_memory(err, "a logit lens");
    for (int32_t layers = 0; layers < e->public.n_layer && status == GEN_OK; layers++) {
        const float *stream = e->stream + e->state_after[layers] * n * c;
        for (size_t first = 0; first < n && status == GEN_OK; first += ROWS) {
            size_t some = size_min(n - first, ROWS);
            if (!session_head(session, logits, stream + first * c, some)) {
                status = error_set(err, GEN_BAD_FILE,
                                   "%s: what %d layers would say is not finite (its weights "
                                   "overflow f32)",
                                   e->model->where.text, (int)layers);
                break;
            }
            explain_lens(e, logits, layers, first, some);
            status = tell(e, options, layers + 1, first + some, err);
        }
    }
    memory_free(logits);
    return status;
}

static enum gen_status explain(struct explanation *e, struct gen_session *session,
                               const int32_t *ids, const struct gen_explain_options *options,
                               struct gen_error *err) {
    e->compute = session_compute(session);
    if (!reserve(e, options, (size_t)gen_session_n_threads(session))) {
        return error_no_memory(err, "an explanation");
    }
    memcpy(e->ids, ids, e->public.n * sizeof *ids);
    e->logprobs[0] = NAN;
    struct forward_watch watch = explain_watch(e);
    session_watch(session, &watch);
    enum gen_status status = read_text(e, session, options, err);
    if (status == GEN_OK && options->lens) {
        status = look_through_lens(e, session, options, err);
    }
    if (status == GEN_OK && options->contributions) {
        float *row = memory_new((size_t)e->public.n_embd, sizeof *row);
        if (row == NULL) {
            return error_no_memory(err, "an explanation");
        }
        explain_contributions(e, row);
        memory_free(row);
    }
    return status;
}

enum gen_status gen_explain(struct gen_explanation **out, const struct gen_model *model,
                            const int32_t *ids, size_t n, const struct gen_explain_options *options,
                            struct gen_error *err) {
    *out = NULL;
    enum gen_status status = check(model, ids, n, options, err);
    if (status != GEN_OK) {
        return status;
    }
    const struct gen_config *config = &model->config;
    struct gen_session_options session_options = gen_session_options_default();
    session_options.n_threads = options->n_threads;
    session_options.kernels = options->kernels;
    session_options.n_ctx = (int32_t)n;
    struct gen_session *session;
    status = gen_session_new(&session, model, &session_options, err);
    if (status != GEN_OK) {
        return status;
    }
    struct explanation *e = memory_new(1, sizeof *e);
    if (e == NULL) {
        gen_session_free(session);
        return error_no_memory(err, "an explanation");
    }
    e->model = model;
    e->public = (struct gen_explanation){
        .n = n,
        .n_layer = config->n_layer,
        .n_head = config->n_head,
        .n_embd = config->n_embd,
        .n_top = options->n_top < config->n_vocab ? options->n_top : config->n_vocab,
        .n_lens = options->n_lens < config->n_vocab ? options->n_lens : config->n_vocab};
    status = explain(e, session, ids, options, err);
    gen_session_free(session);
    if (status != GEN_OK) {
        gen_explanation_free(&e->public);
        return status;
    }
    publish(e);
    *out = &e->public;
    return GEN_OK;
}

/* ---- reading it ------------------------------------------------------------------------------*/

const float *gen_explanation_attention(const struct gen_explanation *explanation, int32_t layer,
                                       int32_t head, size_t t) {
    const struct explanation *e = (const struct explanation *)explanation;
    if (e->attention == NULL || layer < 0 || layer >= explanation->n_layer || head < 0 ||
        head >= explanation->n_head || t >= explanation->n) {
        return NULL;
    }
    size_t map = (size_t)layer * (size_t)explanation->n_head + (size_t)head;
    return e->attention + map * explain_map_size(explanation->n) + explain_map_size(t);
}

const float *gen_explanation_stream(const struct gen_explanation *explanation, int32_t layer,
                                    size_t t) {
    const struct explanation *e = (const struct explanation *)explanation;
    if (layer < 0 || layer > explanation->n_layer || t >= explanation->n) {
        return NULL;
    }
    size_t row = e->state_after[layer] * explanation->n + t;
    return e->stream + row * (size_t)explanation->n_embd;
}
