/**
 * eval_report.h - results of `gen eval`, for people or as one JSON object.
 *
 * {"text":"book.txt","convention":"windows","ctx":1024,"stride":1024,"n_tokens":25013,
 *  "n_scored":24989,"n_windows":25,"n_bytes":102400,"n_chars":102311,"logprob":-81234.5,
 *  "perplexity":25.8,"perplexity_stderr":0.61,"bits_per_byte":1.14,"bits_per_char":1.15}
 * {"task":"hellaswag","file":"valid.jsonl","n":100,"n_failed":0,"acc":0.31,"acc_stderr":0.046,
 *  "acc_norm":0.33,"acc_norm_stderr":0.047}
 *
 * lambada has perplexity and perplexity_stderr in the place of acc_norm; null: nothing to tell.
 */
#ifndef CMD_EVAL_EVAL_REPORT_H
#define CMD_EVAL_EVAL_REPORT_H

#include "gen_eval.h"

/** What was evaluated. */
struct eval_subject {
    const char *model; /**< its name */
    const char *file;
    const char *task;       /**< NULL: a text */
    const char *convention; /**< of a text */
    int32_t n_ctx, stride;
};

void eval_report_text(struct gen_bytes *out, const struct eval_subject *subject,
                      const struct gen_eval_text *result, bool json);
void eval_report_choices(struct gen_bytes *out, const struct eval_subject *subject,
                         const struct gen_eval_choices *result, bool json);

#endif
