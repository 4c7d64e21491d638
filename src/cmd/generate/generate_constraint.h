/**
 * generate_constraint.h - what a text must be, from the command line: --regex and the like.
 */
#ifndef CMD_GENERATE_GENERATE_CONSTRAINT_H
#define CMD_GENERATE_GENERATE_CONSTRAINT_H

#include "cmd/generate/generate_options.h"
#include "gen.h"

/** Start from {0}. */
struct generate_constraint {
    struct gen_pieces *pieces;
    struct gen_constraint *constraint; /**< NULL: none */
    struct gen_bytes text;             /**< that it was made of */
};

/** Make the constraint that the settings name, if there is one. The tokenizer must outlive it. */
enum gen_status generate_constraint_init(struct generate_constraint *own,
                                         const struct generate_settings *settings,
                                         const struct gen_tokenizer *tokenizer,
                                         struct gen_error *err);
void generate_constraint_release(struct generate_constraint *own);

#endif
