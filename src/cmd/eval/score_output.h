/**
 * score_output.h - one score of `gen score`, for people or as a line of JSON.
 *
 * {"index":0,"logprob":-12.5,"n_tokens":4,"perplexity":22.7,"bits_per_byte":1.2,
 *  "is_greedy":false,"ids":[...],"tokens":[...],"token_logprobs":[null,-3.1,...],
 *  "token_ranks":[null,12,...],"top":[null,[{"id":5,"token":" the","logprob":-1.2},...],...]}
 *
 * n_tokens are those that are scored: perplexity is e^(-logprob / n_tokens), bits_per_byte are for
 * their bytes. is_greedy: each has rank 1. From "ids" on with --tokens, "top" with --logprobs; of a
 * context and its continuation these have the continuation alone. null: a token that is not scored,
 * as it has nothing before it; perplexity and bits_per_byte without any that is.
 */
#ifndef CMD_EVAL_SCORE_OUTPUT_H
#define CMD_EVAL_SCORE_OUTPUT_H

#include "gen_eval.h"

struct score_output {
    const struct gen_tokenizer *tokenizer; /**< NULL: there is none */
    bool tokens;                           /**< each token, too */
    const struct gen_bytes *input;         /**< an object, for the member "input"; NULL: none */
};

/** Append a line of JSON. */
void score_output_json(struct gen_bytes *line, const struct gen_score *score,
                       const struct score_output *with);
/** Append the line of the table, and lines for its tokens. */
void score_output_text(struct gen_bytes *text, const struct gen_score *score,
                       const struct score_output *with);
/** Append the lines above the table: of texts, and of their tokens where these are shown. */
void score_output_head(struct gen_bytes *text, bool with_tokens);

#endif
