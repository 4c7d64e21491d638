/**
 * explain_view.h - an explanation as it is shown: with the tokens' texts, to a terminal, as JSON,
 * as a page.
 */
#ifndef CMD_EXPLAIN_EXPLAIN_VIEW_H
#define CMD_EXPLAIN_EXPLAIN_VIEW_H

#include "cli/json_out.h"
#include "cli/text_out.h"
#include "gen_explain.h"

struct explain_view {
    const struct gen_explanation *explanation;
    const struct gen_tokenizer *tokenizer; /**< NULL: the model has none; tokens are numbers */
    const char *model;                     /**< its name */
};

/** Surprise of token t in bits; NAN of the first. */
double explain_bits(const struct gen_explanation *explanation, size_t t);
/** Of all tokens but the first together. */
double explain_all_bits(const struct gen_explanation *explanation);
/** 2^(bits a token), but for the first; NAN where there is one only. */
double explain_perplexity(const struct gen_explanation *explanation);

/** The bytes of a token; *n of them. "" and 0 without a tokenizer. */
const char *explain_piece(const struct explain_view *view, int32_t id, size_t *n);

/**
 * Append a token as people see it on a terminal and return its columns: blanks as a dot, newlines
 * as an arrow, what cannot be seen by its number, bytes of a cut character as <F0>; without a
 * tokenizer its id. One that has more than about `most` columns is cut and ends with three dots.
 */
size_t explain_show_token(struct gen_bytes *out, const struct explain_view *view, int32_t id,
                          size_t most);

/** Write the explanation; false after a message if that failed. */
bool explain_write_terminal(struct text_out *out, const struct explain_view *view, bool color,
                            size_t width);
bool explain_write_json(struct text_out *out, const struct explain_view *view);
bool explain_write_page(struct text_out *out, const struct explain_view *view);

/** What a part is called: "layer 3 attention". */
struct explain_part_name {
    char text[40];
};
const char *explain_part_name(struct explain_part_name *name, const struct gen_explain_part *part);

#endif
