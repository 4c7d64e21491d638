/**
 * draft_reader.h - a session that reads after texts, of the draft model: which ids each of its
 * slots holds, and what it must read to have the end of a text before it. It may forget the
 * beginning of a text, as nothing but the quality of guesses depends on what it has read.
 */
#ifndef GENERATE_DRAFT_READER_H
#define GENERATE_DRAFT_READER_H

#include "gen.h"

/** Of a slot, ids of a text from number `start` on. */
struct draft_held {
    struct gen_ids ids;
    size_t start;
    bool is_new; /**< its text has just taken the slot: others may hold more of it */
};

/** Start with draft_reader_init(). */
struct draft_reader {
    struct gen_session *session;
    struct draft_held *held; /**< [n_slots] */
    size_t n_slots, n_ctx;
};

/** A session of n_slots for the model. Release also after a failure. */
enum gen_status draft_reader_init(struct draft_reader *reader, const struct gen_model *model,
                                  const struct gen_session_options *options, struct gen_error *err);
void draft_reader_release(struct draft_reader *reader);

/** A text has taken a slot, which holds what it held. */
void draft_reader_seat(struct draft_reader *reader, int32_t slot);

/** Most ids that can be guessed at once. */
size_t draft_reader_most(const struct draft_reader *reader);

/**
 * Have a slot hold of a text of n ids what there is of it, up to the last id but one, with room for
 * n_more guesses, 1 ... draft_reader_most(). Returns the ids that are still to be read, at most
 * most_read >= 1 of the last ones: what is before them it does without.
 */
size_t draft_reader_place(struct draft_reader *reader, int32_t slot, const int32_t *ids, size_t n,
                          size_t n_more, size_t most_read);

/** Number of the text's id that comes next. */
size_t draft_reader_next(const struct draft_reader *reader, int32_t slot);

/** Read rows, as gen_session_eval() does, and note what the slots hold then. */
enum gen_status draft_reader_read(struct draft_reader *reader, const struct gen_row *rows,
                                  size_t n_rows, struct gen_error *err);

#endif
