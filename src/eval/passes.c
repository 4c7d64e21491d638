/**
 * passes.c - reads the branches of a plan: each has a slot of the session, which begins as a copy
 * of its parent's once that has read so far, and a pass takes rows of all that can go on. What is
 * asked of the logits of a row are the next ids of all texts that go through it. What becomes of
 * texts longer than the context, and in what order results are told, is score.c's.
 */
#include "eval/passes.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

/* Where a branch is. Its slot has its number. */
struct branch_state {
    size_t stored;  /* rows that its slot holds, those of its parents among them */
    size_t in_pass; /* rows it has in the pass */
    bool begun, failed;
};

/* The slot that outlives plans. */
#define HELD_SLOT ((int32_t)PASSES_TEXTS)

void passes_release(struct passes *passes) {
    likelihood_release(&passes->likelihood);
    plan_release(&passes->plan);
    memory_free(passes->states);
    gen_ids_release(&passes->held);
    *passes = (struct passes){0};
}

static int32_t slot_of(size_t branch) {
    return (int32_t)branch;
}

/* ---- beginnings ------------------------------------------------------------------------------*/

/* How many rows of a branch without a parent the last plan has left, and nobody wants again. */
static size_t rows_held(const struct passes *passes, const struct plan_branch *branch) {
    const struct plan_text *text = &passes->plan.texts[branch->text];
    size_t n = plan_in_common(passes->held.data, passes->held.n, text->ids, text->n_rows);
    for (size_t i = 0; i < branch->n_texts; i++) {
        n = size_min(n, text[i].first_wanted);
    }
    return n;
}

/* Give a branch its beginning, if it is there; false: it must wait for it. */
static bool begin(struct passes *passes, size_t number) {
    const struct plan_branch *branch = &passes->plan.branches[number];
    struct branch_state *state = &passes->states[number];
    int32_t from = HELD_SLOT;
    size_t n = 0;
    if (branch->parent == PLAN_NONE) {
        n = rows_held(passes, branch);
    } else {
        const struct branch_state *parent = &passes->states[branch->parent];
        if (parent->stored < branch->start) {
            state->failed = parent->failed;
            return false;
        }
        from = slot_of(branch->parent);
        n = branch->start;
    }
    /* Cannot fail: the slots exist, and `from` has these positions. */
    gen_session_copy(passes->session, slot_of(number), from, (int32_t)n);
    state->stored = n;
    state->begun = true;
    return true;
}

/* ---- a pass ----------------------------------------------------------------------------------*/

/* Ask what texts that go through a row have next. */
static enum gen_status ask(struct passes *passes, const struct plan_branch *branch, size_t row,
                           bool *is_wanted) {
    struct likelihood *likelihood = &passes->likelihood;
    *is_wanted = false;
    for (size_t i = 0; i < branch->n_texts; i++) {
        const struct plan_text *text = &passes->plan.texts[branch->text + i];
        if (i > 0 && text->in_common <= row) {
            break;
        }
        if (row < text->first_wanted || row >= text->n_rows) {
            continue;
        }
        const struct passes_result *result = &passes->results[text->number];
        const struct likelihood_ask wanted = {
            .score = &result->scores[row + 1],
            .best = likelihood->n_best > 0 ? result->best + (row + 1) * likelihood->n_best : NULL,
        };
        if ((!*is_wanted && !likelihood_add_row(likelihood)) ||
            !likelihood_add_ask(likelihood, wanted)) {
            return GEN_NO_MEMORY;
        }
        *is_wanted = true;
    }
    return GEN_OK;
}

/* Put the rows of a branch that are in the pass into `rows`, with what is asked of them. */
static enum gen_status add_rows(struct passes *passes, size_t number, struct gen_row *rows) {
    const struct plan_branch *branch = &passes->plan.branches[number];
    const struct branch_state *state = &passes->states[number];
    const int32_t *ids = passes->plan.texts[branch->text].ids;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < state->in_pass && status == GEN_OK; i++) {
        size_t row = state->stored + i;
        rows[i] = (struct gen_row){.id = ids[row], .slot = slot_of(number)};
        status = ask(passes, branch, row, &rows[i].want_logits);
    }
    return status;
}

/* Rows for branches that can go on; returns how many there are. */
static size_t choose_rows(struct passes *passes) {
    size_t n_rows = 0;
    for (size_t i = 0; i < passes->plan.n_branches; i++) {
        struct branch_state *state = &passes->states[i];
        size_t room = FORWARD_MAX_ROWS - n_rows;
        state->in_pass = 0;
        if (state->failed || room == 0 || (!state->begun && !begin(passes, i))) {
            continue;
        }
        state->in_pass = size_min(passes->plan.branches[i].end - state->stored, room);
        n_rows += state->in_pass;
    }
    return n_rows;
}

/* Evaluate the rows of branches first ... first+n-1. */
static enum gen_status evaluate(struct passes *passes, size_t first, size_t n,
                                struct gen_error *err) {
    struct gen_row rows[FORWARD_MAX_ROWS];
    size_t n_rows = 0;
    enum gen_status status = GEN_OK;
    likelihood_begin(&passes->likelihood);
    for (size_t i = first; i < first + n && status == GEN_OK; i++) {
        status = add_rows(passes, i, rows + n_rows);
        n_rows += passes->states[i].in_pass;
    }
    if (status != GEN_OK) {
        return error_no_memory(err, "log probabilities");
    }
    if (n_rows == 0) {
        return GEN_OK;
    }
    status = likelihood_eval(&passes->likelihood, passes->session, rows, n_rows, err);
    if (status == GEN_NO_MEMORY && passes->held.n > 0) {
        /* What is only kept for later can be read again. */
        gen_session_truncate(passes->session, HELD_SLOT, 0);
        passes->held.n = 0;
        status = likelihood_eval(&passes->likelihood, passes->session, rows, n_rows, err);
    }
    for (size_t i = first; i < first + n && status == GEN_OK; i++) {
        passes->states[i].stored += passes->states[i].in_pass;
    }
    return status;
}

/* A branch has failed, and with it all texts that go on through it. */
static void fail(struct passes *passes, size_t number) {
    const struct plan_branch *branch = &passes->plan.branches[number];
    struct branch_state *state = &passes->states[number];
    state->failed = true;
    for (size_t i = 0; i < branch->n_texts; i++) {
        const struct plan_text *text = &passes->plan.texts[branch->text + i];
        if (i > 0 && text->in_common <= state->stored) {
            break;
        }
        passes->results[text->number].failed = true;
    }
}

/* Read what a branch has in the pass, of which some row fails, up to that row: texts that do not
 * go so far are well. */
static enum gen_status read_row_by_row(struct passes *passes, size_t number,
                                       struct gen_error *err) {
    struct branch_state *state = &passes->states[number];
    enum gen_status status = GEN_OK;
    for (size_t left = state->in_pass; left > 0 && status == GEN_OK; left--) {
        state->in_pass = 1;
        status = evaluate(passes, number, 1, err);
    }
    return status;
}

/* The pass failed through one of its branches: do it with each of them alone. */
static enum gen_status find_culprit(struct passes *passes, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < passes->plan.n_branches && status == GEN_OK; i++) {
        status = evaluate(passes, i, 1, err);
        if (status == GEN_BAD_FILE) {
            status = read_row_by_row(passes, i, err);
        }
        if (status == GEN_BAD_FILE) {
            passes->error = *err;
            fail(passes, i);
            status = GEN_OK;
        }
    }
    return status;
}

/* ---- a plan ----------------------------------------------------------------------------------*/

/* The branch that ends where the text does that came last; PLAN_NONE: it has no rows. */
static size_t last_branch(const struct plan *plan) {
    size_t at = 0;
    while (plan->texts[at].number != plan->n_texts - 1) {
        at++;
    }
    size_t found = PLAN_NONE;
    for (size_t i = 0; i < plan->n_branches; i++) {
        const struct plan_branch *branch = &plan->branches[i];
        if (at >= branch->text && at - branch->text < branch->n_texts) {
            found = i;
        }
    }
    return found;
}

/* Keep what the last text holds, as the next one may begin alike. Let go of the rest. */
static void keep_last(struct passes *passes) {
    const struct plan *plan = &passes->plan;
    size_t number = last_branch(plan);
    passes->held.n = 0;
    if (number != PLAN_NONE) {
        const int32_t *ids = plan->texts[plan->branches[number].text].ids;
        if (gen_ids_append(&passes->held, ids, passes->states[number].stored) == GEN_OK) {
            gen_session_copy(passes->session, HELD_SLOT, slot_of(number), (int32_t)passes->held.n);
        }
    }
    for (size_t i = 0; i < plan->n_branches; i++) {
        gen_session_truncate(passes->session, slot_of(i), 0);
    }
}

enum gen_status passes_run(struct passes *passes, struct gen_error *err) {
    struct plan *plan = &passes->plan;
    if (!plan_make(plan) || !memory_grow(&passes->states, &passes->states_capacity,
                                         plan->n_branches, sizeof *passes->states)) {
        return error_no_memory(err, "texts to be scored");
    }
    for (size_t i = 0; i < plan->n_branches; i++) {
        passes->states[i] = (struct branch_state){0};
    }
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && choose_rows(passes) > 0) {
        if (passes->go_on != NULL && !passes->go_on(passes->context)) {
            status = error_set(err, GEN_CANCELED, "canceled");
            break;
        }
        status = evaluate(passes, 0, plan->n_branches, err);
        if (status == GEN_BAD_FILE) {
            status = find_culprit(passes, err);
        }
    }
    keep_last(passes);
    return status;
}
