/**
 * plan.h - texts that begin alike, as a tree: which rows there are to be read, each once.
 *
 * A text is a path of rows from the root. Sorted by their rows, each text shares with the one
 * before it all that it shares with any before; what is left of it is its branch. All texts that go
 * through a branch follow each other in this order.
 */
#ifndef EVAL_PLAN_H
#define EVAL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Row r is ids[r], its logits say what ids[r + 1] is. */
struct plan_text {
    const int32_t *ids; /**< [n_rows] and at least one more */
    size_t n_rows;
    size_t first_wanted; /**< logits are wanted of this row and all after it */
    size_t in_common;    /**< rows shared with the text before it in the order */
    size_t number;       /**< in what order it came */
};

#define PLAN_NONE SIZE_MAX

struct plan_branch {
    size_t text;    /**< in the order, the first of those that go through it */
    size_t n_texts; /**< how many these are */
    size_t start;   /**< its rows are start ... end-1 of the text */
    size_t end;
    size_t parent; /**< the branch that has row start - 1; PLAN_NONE where start is 0 */
};

/** Start from {0}. */
struct plan {
    struct plan_text *texts; /**< [n_texts], after plan_make() in the order */
    size_t n_texts, texts_capacity;
    struct plan_branch *branches; /**< [n_branches], parents before children */
    size_t n_branches, branches_capacity;
};

void plan_release(struct plan *plan);
/** Forget all texts. */
void plan_clear(struct plan *plan);
/** One more text, of at least 1 id. False: out of memory. */
bool plan_add(struct plan *plan, const int32_t *ids, size_t n_ids, size_t from);
/** Sort them and find the branches. False: out of memory. */
bool plan_make(struct plan *plan);

/** How many ids are the same at the beginning of both. */
size_t plan_in_common(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b);

#endif
