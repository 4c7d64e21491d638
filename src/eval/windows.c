/**
 * windows.c - windows of texts longer than the context.
 */
#include "eval/windows.h"

#include "base/size.h"

bool window_next(struct window *window, size_t n_ids, size_t from, size_t n_ctx, size_t stride) {
    if (window->end == n_ids) {
        return false;
    }
    if (n_ids <= n_ctx + 1) {
        *window = (struct window){.end = n_ids, .from = size_max(from, 1)};
        return true;
    }
    size_t begin = window->end == 0 ? 0 : window->begin + stride;
    size_t before = window->end;
    size_t end = size_min(begin + n_ctx, n_ids);
    while (end <= from) {
        before = end;
        begin += stride;
        end = size_min(begin + n_ctx, n_ids);
    }
    *window = (struct window){
        .begin = begin, .end = end, .from = size_max(size_max(before, from), begin + 1)};
    return true;
}

bool window_next_half(struct window *window, size_t n_ids, size_t n_ctx) {
    size_t begin = window->end;
    if (n_ids - begin < n_ctx) {
        return false;
    }
    *window = (struct window){.begin = begin, .end = begin + n_ctx, .from = begin + n_ctx / 2 + 1};
    return true;
}
