/**
 * draft_reader.c - slots of a session that follow texts which change under them: guesses that did
 * not come true are forgotten, what texts have in common is read once, and what does not fit is
 * left out at the beginning. When to read, and how much, drafter_model.c says.
 */
#include "generate/draft_reader.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

enum gen_status draft_reader_init(struct draft_reader *reader, const struct gen_model *model,
                                  const struct gen_session_options *options,
                                  struct gen_error *err) {
    *reader = (struct draft_reader){.n_slots = (size_t)options->n_slots};
    enum gen_status status = gen_session_new(&reader->session, model, options, err);
    if (status != GEN_OK) {
        return status;
    }
    reader->n_ctx = (size_t)gen_session_n_ctx(reader->session);
    reader->held = memory_new(reader->n_slots, sizeof *reader->held);
    return reader->held != NULL ? GEN_OK : error_no_memory(err, "the draft model's slots");
}

void draft_reader_release(struct draft_reader *reader) {
    for (size_t i = 0; reader->held != NULL && i < reader->n_slots; i++) {
        gen_ids_release(&reader->held[i].ids);
    }
    memory_free(reader->held);
    gen_session_free(reader->session);
    *reader = (struct draft_reader){0};
}

void draft_reader_seat(struct draft_reader *reader, int32_t slot) {
    reader->held[slot].is_new = true;
    reader->held[slot].start = 0;
}

static void cut(struct draft_reader *reader, int32_t slot, size_t n) {
    reader->held[slot].ids.n = n;
    gen_session_truncate(reader->session, slot, (int32_t)n);
}

/* How many of the n ids a slot holds at its beginning. */
static size_t in_common(const struct draft_held *held, const int32_t *ids, size_t n) {
    size_t most = size_min(held->ids.n, n);
    size_t i = 0;
    while (i < most && held->ids.data[i] == ids[i]) {
        i++;
    }
    return i;
}

/* A slot is to hold the n ids, which begin a text: give it what any slot has of them. */
static void share(struct draft_reader *reader, int32_t slot, const int32_t *ids, size_t n) {
    struct draft_held *held = &reader->held[slot];
    int32_t from = slot;
    size_t best = in_common(held, ids, n);
    for (size_t i = 0; i < reader->n_slots; i++) {
        size_t length = in_common(&reader->held[i], ids, n);
        if (length > best) {
            best = length;
            from = (int32_t)i;
        }
    }
    held->is_new = false;
    cut(reader, slot, in_common(held, ids, n));
    if (from == slot) {
        return;
    }
    held->ids.n = 0;
    if (gen_ids_append(&held->ids, ids, best) != GEN_OK) {
        cut(reader, slot, 0);
        return;
    }
    /* Cannot fail: both slots exist, and the other has these positions. */
    gen_session_copy(reader->session, slot, from, (int32_t)best);
}

/* What it holds of a text when it begins anew, as the rest does not fit. */
static size_t window(const struct draft_reader *reader) {
    return size_max(reader->n_ctx / 2, 1);
}

size_t draft_reader_most(const struct draft_reader *reader) {
    return reader->n_ctx - window(reader) + 1;
}

size_t draft_reader_place(struct draft_reader *reader, int32_t slot, const int32_t *ids, size_t n,
                          size_t n_more, size_t most_read) {
    struct draft_held *held = &reader->held[slot];
    /* The last guess is not read. */
    if (n - held->start + n_more - 1 > reader->n_ctx) {
        held->start = n - size_min(n, window(reader));
    }
    const int32_t *known = ids + held->start;
    size_t n_known = n - 1 - held->start;
    if (held->is_new) {
        share(reader, slot, known, n_known);
    } else {
        cut(reader, slot, in_common(held, known, n_known));
    }
    size_t missing = n - draft_reader_next(reader, slot);
    if (missing > most_read) {
        held->start = n - most_read;
        cut(reader, slot, 0);
        missing = most_read;
    }
    return missing;
}

size_t draft_reader_next(const struct draft_reader *reader, int32_t slot) {
    return reader->held[slot].start + reader->held[slot].ids.n;
}

enum gen_status draft_reader_read(struct draft_reader *reader, const struct gen_row *rows,
                                  size_t n_rows, struct gen_error *err) {
    enum gen_status status = gen_session_eval(reader->session, rows, n_rows, err);
    for (size_t i = 0; i < n_rows && status == GEN_OK; i++) {
        if (gen_ids_append(&reader->held[rows[i].slot].ids, &rows[i].id, 1) != GEN_OK) {
            status = error_no_memory(err, "the draft model's ids");
        }
    }
    return status;
}
