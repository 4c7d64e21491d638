/**
 * tokenize_batch.h - many texts, or lists of ids, one after the other, on several threads.
 */
#ifndef CMD_TOKENIZE_TOKENIZE_BATCH_H
#define CMD_TOKENIZE_TOKENIZE_BATCH_H

#include "cli/input.h"
#include "cli/text_out.h"
#include "cmd/tokenize/tokenize_record.h"

/** How it went. */
struct tokenize_outcome {
    bool whole;         /**< all was read, and what was made of it written */
    bool record_failed; /**< at least one; it has its place among the others all the same */
};

/**
 * Read records from `input` to its end and write what is made of each, in their order. A record
 * that fails costs itself and a message, as does what makes reading or writing end. Starts
 * n_threads threads.
 */
struct tokenize_outcome tokenize_batch(const struct tokenize_form *form, struct input *input,
                                       struct text_out *out, int n_threads);

#endif
