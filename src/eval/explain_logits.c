/**
 * explain_logits.c - what logits say of the tokens of a text: their probabilities and ranks, and
 * which tokens are likeliest; those of the model, and those that a layer in between would have (the
 * logit lens). Positions are spread over the session's threads.
 */
#include "base/threads.h"
#include "eval/explain.h"
#include "sample/log_softmax.h"

struct logits_work {
    struct explanation *e;
    const float *logits; /* [n][V] */
    int32_t layers;      /* that they are after */
    size_t first;        /* position of the first row */
};

static size_t n_vocab(const struct explanation *e) {
    return (size_t)e->model->config.n_vocab;
}

/* 1 for the likeliest; of equals the lower id comes first. */
static int32_t rank_of(const float *logits, size_t n, int32_t id) {
    int32_t rank = 1;
    float logit = logits[id];
    for (size_t i = 0; i < n; i++) {
        rank += logits[i] > logit;
    }
    for (size_t i = 0; i < (size_t)id; i++) {
        rank += logits[i] == logit;
    }
    return rank;
}

/* The rows of a model: what token t + 1 is said to be at position t. */
static void read_share(void *context, size_t begin, size_t end, int thread) {
    const struct logits_work *work = context;
    struct explanation *e = work->e;
    size_t n_top = (size_t)e->public.n_top;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const float *logits = work->logits + i * n_vocab(e);
        size_t t = work->first + i;
        bool is_last = t + 1 == e->public.n;
        struct log_softmax softmax = log_softmax_of(logits, n_vocab(e));
        if (is_last) {
            struct gen_logprob best;
            log_softmax_best(softmax, &best, 1, logits, n_vocab(e));
            e->targets[t] = best.id;
        } else {
            e->targets[t] = e->ids[t + 1];
            e->logprobs[t + 1] = (float)log_softmax_at(softmax, logits[e->targets[t]]);
            e->ranks[t + 1] = rank_of(logits, n_vocab(e), e->targets[t]);
        }
        e->logits[t] = logits[e->targets[t]];
        log_softmax_best(softmax, e->top + t * n_top, n_top, logits, n_vocab(e));
    }
}

void explain_logits(struct explanation *e, const float *logits, size_t first, size_t n) {
    struct logits_work work = {e, logits, e->public.n_layer, first};
    thread_pool_run(e->compute->pool, n, 1, read_share, &work);
}

static void lens_share(void *context, size_t begin, size_t end, int thread) {
    const struct logits_work *work = context;
    struct explanation *e = work->e;
    size_t n_lens = (size_t)e->public.n_lens;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const float *logits = work->logits + i * n_vocab(e);
        size_t at = (size_t)work->layers * e->public.n + work->first + i;
        int32_t target = e->targets[work->first + i];
        struct log_softmax softmax = log_softmax_of(logits, n_vocab(e));
        e->lens_logprobs[at] = (float)log_softmax_at(softmax, logits[target]);
        e->lens_ranks[at] = rank_of(logits, n_vocab(e), target);
        log_softmax_best(softmax, e->lens + at * n_lens, n_lens, logits, n_vocab(e));
    }
}

void explain_lens(struct explanation *e, const float *logits, int32_t layers, size_t first,
                  size_t n) {
    struct logits_work work = {e, logits, layers, first};
    thread_pool_run(e->compute->pool, n, 1, lens_share, &work);
}
