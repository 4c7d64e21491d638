/**
 * plan.c - sorts texts by their rows and finds the branches of the tree that they are. What is read
 * when, and in which slot, is passes.c's.
 */
#include "eval/plan.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/size.h"

void plan_release(struct plan *plan) {
    memory_free(plan->texts);
    memory_free(plan->branches);
    *plan = (struct plan){0};
}

void plan_clear(struct plan *plan) {
    plan->n_texts = 0;
    plan->n_branches = 0;
}

bool plan_add(struct plan *plan, const int32_t *ids, size_t n_ids, size_t from) {
    if (!memory_grow(&plan->texts, &plan->texts_capacity, plan->n_texts + 1, sizeof *plan->texts)) {
        return false;
    }
    plan->texts[plan->n_texts] = (struct plan_text){.ids = ids,
                                                    .n_rows = n_ids - 1,
                                                    .first_wanted = size_max(from, 1) - 1,
                                                    .number = plan->n_texts};
    plan->n_texts++;
    return true;
}

size_t plan_in_common(const int32_t *a, size_t n_a, const int32_t *b, size_t n_b) {
    size_t most = size_min(n_a, n_b);
    size_t n = 0;
    while (n < most && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* By rows, one that another begins with first; of equals the one that came first. */
static int compare(const void *a, const void *b) {
    const struct plan_text *x = a;
    const struct plan_text *y = b;
    size_t n = plan_in_common(x->ids, x->n_rows, y->ids, y->n_rows);
    if (n < x->n_rows && n < y->n_rows) {
        return x->ids[n] < y->ids[n] ? -1 : 1;
    }
    if (x->n_rows != y->n_rows) {
        return x->n_rows < y->n_rows ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

/* How many texts from number i on go through a branch that begins there. */
static size_t count_through(const struct plan *plan, size_t i, size_t start) {
    size_t n = 1;
    while (i + n < plan->n_texts && plan->texts[i + n].in_common > start) {
        n++;
    }
    return n;
}

bool plan_make(struct plan *plan) {
    if (!memory_grow(&plan->branches, &plan->branches_capacity, plan->n_texts,
                     sizeof *plan->branches)) {
        return false;
    }
    qsort(plan->texts, plan->n_texts, sizeof *plan->texts, compare);
    for (size_t i = 0; i < plan->n_texts; i++) {
        struct plan_text *text = &plan->texts[i];
        if (i > 0) {
            const struct plan_text *before = &plan->texts[i - 1];
            text->in_common = plan_in_common(before->ids, before->n_rows, text->ids, text->n_rows);
        }
    }
    for (size_t i = 0; i < plan->n_texts; i++) {
        const struct plan_text *text = &plan->texts[i];
        size_t start = text->in_common;
        if (start == text->n_rows) {
            continue;
        }
        /* The last branch so far ends where the text before it does. */
        size_t parent = start > 0 ? plan->n_branches - 1 : PLAN_NONE;
        while (parent != PLAN_NONE && plan->branches[parent].start >= start) {
            parent = plan->branches[parent].parent;
        }
        plan->branches[plan->n_branches++] =
            (struct plan_branch){.text = i,
                                 .n_texts = count_through(plan, i, start),
                                 .start = start,
                                 .end = text->n_rows,
                                 .parent = parent};
    }
    return true;
}
