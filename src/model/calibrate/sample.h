/**
 * sample.h - the part of a text that a model is calibrated with: windows of ids, spread evenly over
 * all of it.
 */
#ifndef CALIBRATE_SAMPLE_H
#define CALIBRATE_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/threads.h"
#include "gen.h"

/** Windows of `window` ids each; the last one of a short text may have fewer. Start from {0}. */
struct text_sample {
    int32_t *ids;
    size_t n_ids;
    size_t window;
};

/** Where a sample comes from. */
struct text_sample_source {
    const char *const *paths; /**< [n_paths] text files; data/corpus.h says what they may be */
    size_t n_paths;
    const struct gen_tokenizer *tokenizer; /**< its end of text, if any, stands between documents */
    /** Asked now and then whether to go on: GEN_OK, or why not. */
    enum gen_status (*go_on)(void *context, struct gen_error *err);
    void *context;
};

/**
 * About n_tokens ids of the text in windows, or all if it has fewer. Which ones depends on the
 * files and the tokenizer alone. Reads all of the text, but keeps no more than 2 n_tokens ids.
 */
enum gen_status text_sample_read(struct text_sample *sample,
                                 const struct text_sample_source *source, size_t window,
                                 size_t n_tokens, struct thread_pool *pool, struct gen_error *err);
void text_sample_release(struct text_sample *sample);

/** Window i of text_sample_n(): *n ids. */
size_t text_sample_n(const struct text_sample *sample);
const int32_t *text_sample_window(const struct text_sample *sample, size_t i, size_t *n);

#endif
