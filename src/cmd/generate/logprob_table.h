/**
 * logprob_table.h - probabilities of tokens as a table for people: `gen --logprobs` without --json.
 *
 *   prompt       probability          likeliest
 *   |Once|             -
 *   | upon|       99.12% ##########  | upon| 99.12%  | there| 0.20%
 *   new token    probability          likeliest
 *   | a|          97.50% #########7  | a| 97.50%  | an| 0.10%
 *
 * The prompt's rows are there where its log probabilities are (--echo-logprobs). Where a line is
 * full the likeliest tokens go on in the next one. Tokens are shown as cli/token_cells.h says;
 * longer ones are cut and end with three dots.
 */
#ifndef CMD_GENERATE_LOGPROB_TABLE_H
#define CMD_GENERATE_LOGPROB_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/text_out.h"
#include "gen.h"

struct logprob_table {
    const struct gen_tokenizer *tokenizer; /**< NULL: there is none, tokens are numbers */
    size_t width;                          /**< most columns of a line, at least 19 */
    bool color;                            /**< tokens have colors; false: borders */
    bool blocks;                           /**< bars of block characters; false: of # */
    bool keeps_direction; /**< marks keep a terminal from turning what is next to Hebrew, Arabic */
};

/** For a place where texts go. Its files are looked at: before a sandbox. */
struct logprob_table logprob_table_for(const struct text_out *out, bool color,
                                       const struct gen_tokenizer *tokenizer);
/** The width that the place has by now. */
void logprob_table_fit(struct logprob_table *table, const struct text_out *out);

/** Append the table of a text, whole lines; nothing where it has no log probabilities. */
void logprob_table_append(struct gen_bytes *text, const struct logprob_table *table,
                          const struct gen_result *result);

#endif
