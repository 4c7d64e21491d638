/**
 * top_k.c - the k best may be drawn, and all as good as the k-th. Finding them is candidates.c's.
 */
#include <stddef.h>

#include "base/size.h"
#include "sample/processor.h"

static const struct sample_option options[] = {
    {"top_k", SAMPLE_COUNT, offsetof(struct gen_sampling, top_k), 0, 0, false, NULL},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->top_k > 0;
}

static size_t n_kept(const struct sample_context *context) {
    return size_max((size_t)context->options->top_k, context->least);
}

const struct processor processor_top_k = {.name = "top_k",
                                          .sampler = "top_k",
                                          .options = options,
                                          .applies = applies,
                                          .warps = true,
                                          .n_kept = n_kept};
