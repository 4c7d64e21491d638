/**
 * sample.c - windows of ids from text files. How many there will be is known at the end only: every
 * second window is forgotten whenever there are twice as many as asked for, and of those that
 * follow as many are passed over.
 */
#include "model/calibrate/sample.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "data/corpus.h"

struct taking {
    const struct text_sample_source *source;
    struct text_sample *sample;
    size_t most;  /* windows */
    size_t every; /* one of so many windows is kept */
    size_t seen;  /* windows that came, the one at hand not counted */
    size_t at;    /* ids of the one at hand */
};

/* Forget every second window. */
static void thin(struct taking *taking) {
    struct text_sample *sample = taking->sample;
    size_t window = sample->window;
    size_t n = sample->n_ids / window;
    for (size_t i = 1; 2 * i < n; i++) {
        memcpy(sample->ids + i * window, sample->ids + 2 * i * window,
               window * sizeof *sample->ids);
    }
    sample->n_ids = (n + 1) / 2 * window;
    taking->every *= 2;
}

static void take_run(struct taking *taking, const int32_t *ids, size_t n) {
    struct text_sample *sample = taking->sample;
    while (n > 0) {
        size_t part = size_min(n, sample->window - taking->at);
        if (taking->seen % taking->every == 0) {
            memcpy(sample->ids + sample->n_ids, ids, part * sizeof *ids);
            sample->n_ids += part;
        }
        ids += part;
        n -= part;
        taking->at += part;
        if (taking->at == sample->window) {
            taking->at = 0;
            taking->seen++;
            if (sample->n_ids == 2 * taking->most * sample->window) {
                thin(taking);
            }
        }
    }
}

/* Of a tokenizer without end of text, -1 stands between documents: then they follow each other. */
static enum gen_status take(void *context, const int32_t *ids, size_t n, struct gen_error *err) {
    (void)err;
    for (size_t first = 0, end; first < n; first = end + 1) {
        for (end = first; end < n && ids[end] >= 0; end++) {
        }
        take_run(context, ids + first, end - first);
    }
    return GEN_OK;
}

static enum gen_status go_on(void *context, uint64_t done, struct gen_error *err) {
    const struct taking *taking = context;
    (void)done;
    return taking->source->go_on(taking->source->context, err);
}

/* Of up to twice as many windows those that lie evenly. */
static void choose(struct text_sample *sample, size_t most) {
    size_t window = sample->window;
    size_t n = sample->n_ids / window;
    if (n <= most) {
        return;
    }
    for (size_t i = 0; i < most; i++) {
        memmove(sample->ids + i * window, sample->ids + i * n / most * window,
                window * sizeof *sample->ids);
    }
    sample->n_ids = most * window;
}

enum gen_status text_sample_read(struct text_sample *sample,
                                 const struct text_sample_source *source, size_t window,
                                 size_t n_tokens, struct thread_pool *pool, struct gen_error *err) {
    struct taking taking = {
        .source = source, .sample = sample, .most = size_divide_up(n_tokens, window), .every = 1};
    sample->window = window;
    sample->ids = memory_new(2 * taking.most * window, sizeof *sample->ids);
    if (sample->ids == NULL) {
        return error_no_memory(err, "calibration");
    }
    struct corpus corpus = {0};
    enum gen_status status = corpus_open(&corpus, source->paths, source->n_paths, "text", err);
    if (status == GEN_OK) {
        struct corpus_sink sink = {.context = &taking, .take = take, .progress = go_on};
        status = corpus_tokenize(&corpus, source->tokenizer, pool, &sink, err);
    }
    if (status == GEN_OK && sample->n_ids == 0) {
        status = corpus_error_empty(&corpus, err);
    }
    corpus_release(&corpus);
    choose(sample, taking.most);
    return status;
}

void text_sample_release(struct text_sample *sample) {
    memory_free(sample->ids);
    *sample = (struct text_sample){0};
}

size_t text_sample_n(const struct text_sample *sample) {
    return size_divide_up(sample->n_ids, sample->window);
}

const int32_t *text_sample_window(const struct text_sample *sample, size_t i, size_t *n) {
    *n = size_min(sample->n_ids - i * sample->window, sample->window);
    return sample->ids + i * sample->window;
}
