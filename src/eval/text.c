/**
 * text.c - perplexity and bits of a whole text: its windows as requests of a scorer, and what is
 * computed from their scores.
 */
#include <math.h>

#include "base/error.h"
#include "base/size.h"
#include "eval/mean.h"
#include "eval/windows.h"
#include "gen_eval.h"

struct text {
    const int32_t *ids;
    size_t n, n_ctx, stride;
    const struct gen_eval_text_options *options;
    const struct gen_tokenizer *tokenizer;
    struct window window; /* the last one that was given out */
    size_t done;          /* ids in the windows that are scored */
    struct gen_eval_text *out;
    double sum_squares; /* of log probabilities */
    struct cluster_mean windows;
    struct gen_error error; /* of a window that failed */
    bool failed;
};

struct gen_eval_text_options gen_eval_text_options_default(void) {
    return (struct gen_eval_text_options){0};
}

/* ---- windows ---------------------------------------------------------------------------------*/

static bool next(void *context, struct gen_score_request *request) {
    struct text *text = context;
    bool chunks = text->options->convention == GEN_CONVENTION_LLAMA_CPP;
    if (chunks ? !window_next_half(&text->window, text->n, text->n_ctx)
               : !window_next(&text->window, text->n, 0, text->n_ctx, text->stride)) {
        return false;
    }
    const struct window *window = &text->window;
    *request = (struct gen_score_request){.ids = text->ids + window->begin,
                                          .n_ids = window->end - window->begin,
                                          .from = window->from - window->begin};
    if (request->from >= request->n_ids) { /* the last id, alone */
        request->from = 0;
    }
    return true;
}

/* ---- scores ----------------------------------------------------------------------------------*/

static void count_bytes(struct text *text, int32_t id) {
    size_t n = 0;
    const char *piece =
        text->tokenizer != NULL ? gen_tokenizer_piece(text->tokenizer, id, &n) : NULL;
    text->out->n_bytes += n;
    for (size_t i = 0; i < n; i++) {
        text->out->n_chars += ((unsigned char)piece[i] & 0xc0) != 0x80;
    }
}

static bool take(void *context, const struct gen_score *score) {
    struct text *text = context;
    struct gen_eval_text *out = text->out;
    if (score->error != NULL) {
        text->error = *score->error;
        text->failed = true;
        return false;
    }
    for (size_t i = 0; i < score->n_ids; i++) {
        const struct gen_token_score *token = &score->tokens[i];
        if (token->rank > 0) {
            text->sum_squares += token->logprob * token->logprob;
            count_bytes(text, token->id);
        }
    }
    if (score->n_scored > 0) {
        cluster_mean_add(&text->windows, (double)score->n_scored, score->logprob);
    }
    out->logprob += score->logprob;
    out->n_scored += score->n_scored;
    out->n_windows++;
    text->done = size_min(text->done + (out->n_windows == 1 ? text->n_ctx : text->stride), text->n);
    return text->options->progress == NULL ||
           text->options->progress(text->options->context, text->done, text->n);
}

static bool go_on(void *context) {
    const struct text *text = context;
    return text->options->go_on == NULL || text->options->go_on(text->options->context);
}

/* ---- results ---------------------------------------------------------------------------------*/

/* Standard error of the mean log probability. llama-perplexity takes tokens for independent; else
 * windows are. */
static double mean_error(const struct text *text) {
    double n = (double)text->out->n_scored;
    double mean = text->out->logprob / n;
    if (text->options->convention == GEN_CONVENTION_LLAMA_CPP) {
        double variance = text->sum_squares / n - mean * mean;
        return n > 1 ? sqrt(fmax(variance, 0) / (n - 1)) : (double)NAN;
    }
    return cluster_mean_stderr(&text->windows);
}

static void finish(const struct text *text) {
    struct gen_eval_text *out = text->out;
    double bits = -out->logprob / log(2);
    out->perplexity = exp(-out->logprob / (double)out->n_scored);
    out->perplexity_stderr = out->perplexity * mean_error(text);
    out->bits_per_byte = out->n_bytes > 0 ? bits / (double)out->n_bytes : (double)NAN;
    out->bits_per_char = out->n_chars > 0 ? bits / (double)out->n_chars : (double)NAN;
}

static enum gen_status check(const struct text *text, struct gen_error *err) {
    const struct gen_eval_text_options *options = text->options;
    if (options->stride < 0 || (size_t)options->stride > text->n_ctx) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "stride is %d, but must be from 1 to %zu, the ids that are seen at once",
                         (int)options->stride, text->n_ctx);
    }
    if (text->n < 2) {
        return error_set(
            err, GEN_BAD_ARGUMENT,
            "the text has %zu token%s, but must have at least 2: the first has nothing "
            "before it and is not scored",
            text->n, text->n == 1 ? "" : "s");
    }
    if (options->convention == GEN_CONVENTION_WINDOWS && text->n_ctx < 2 && text->n > 2) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "with a context of 1 no token has one before it and none is scored, it "
                         "must be 2 or more");
    }
    if (options->convention == GEN_CONVENTION_LLAMA_CPP &&
        (text->n_ctx < 3 || text->n < 2 * text->n_ctx)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the text has %zu token%s, but llama.cpp's convention needs at least %zu, "
                         "twice the context of %zu, which must be 3 or more",
                         text->n, text->n == 1 ? "" : "s", 2 * text->n_ctx, text->n_ctx);
    }
    return GEN_OK;
}

enum gen_status gen_eval_text(struct gen_eval_text *out, struct gen_scorer *scorer,
                              const struct gen_tokenizer *tokenizer, const int32_t *ids, size_t n,
                              const struct gen_eval_text_options *options, struct gen_error *err) {
    size_t n_ctx = (size_t)gen_scorer_n_ctx(scorer);
    bool chunks = options->convention == GEN_CONVENTION_LLAMA_CPP;
    struct text text = {.ids = ids,
                        .n = n,
                        .n_ctx = n_ctx,
                        .stride = options->stride > 0 && !chunks ? (size_t)options->stride : n_ctx,
                        .options = options,
                        .tokenizer = tokenizer,
                        .out = out};
    const struct gen_score_source source = {.context = &text, .next = next};
    const struct gen_score_sink sink = {.context = &text, .score = take, .go_on = go_on};
    *out = (struct gen_eval_text){.n_ids = n};
    enum gen_status status = check(&text, err);
    if (status == GEN_OK) {
        status = gen_scorer_run(scorer, &source, &sink, NULL, err);
    }
    if (text.failed) {
        status = text.error.status;
        if (err != NULL) {
            *err = text.error;
        }
    }
    if (status == GEN_OK) {
        finish(&text);
    }
    return status;
}
