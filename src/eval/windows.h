/**
 * windows.h - how a text longer than the context is cut: windows of n_ctx ids, each `stride`
 * further than the one before, of which each scores what none before it has (Hugging Face's guide
 * to perplexity).
 */
#ifndef EVAL_WINDOWS_H
#define EVAL_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>

/** Ids begin ... end-1 of the text, of which those from number `from` on are scored. */
struct window {
    size_t begin, end, from;
};

/**
 * The first window of a text if *window is {0}, the next else; false: there are no more. Ids before
 * number `from` of the text are not scored, and windows without ids to be scored are left out; a
 * text of no more than n_ctx + 1 ids is one window. 1 <= stride <= n_ctx, n_ids >= 1.
 */
bool window_next(struct window *window, size_t n_ids, size_t from, size_t n_ctx, size_t stride);

/**
 * The same as llama-perplexity has it: the next n_ctx ids, of which those after the first half are
 * scored but for one. What is left in the end is left out.
 */
bool window_next_half(struct window *window, size_t n_ids, size_t n_ctx);

#endif
