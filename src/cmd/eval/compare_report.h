/**
 * compare_report.h - what `gen compare` prints: a table for people, a column for each model, or one
 * JSON object; and its picture.
 *
 * {"text":"book.txt","convention":"windows","ctx":1024,"models":[{"model":"a.gguf","base":true,
 *  "file_bytes":1,"weight_bytes":1,"parameters":1,"load_seconds":0.1,
 *  "prompt_tokens_per_second":1,"decode_tokens_per_second":1,"n_scored":1,"logprob":-1,
 *  "perplexity":1,"perplexity_stderr":0.1,"bits_per_byte":1,"same_vocabulary":true,
 *  "n_windows":9,"difference":0.1,"difference_stderr":0.1,"same_top":0.9,"same_top_stderr":0.1,
 *  "kl":{"mean":..,"stderr":..,"median":..,"p99":..,"greatest":..},
 *  "change":{"mean":..,"stderr":..,"rms":..,"rms_stderr":..,"greatest":..}}, ...]}
 *
 * Of a data set there are task and file in the place of text, and of each model n, n_failed, acc,
 * acc_stderr, acc_norm, acc_norm_stderr, acc_difference, acc_difference_stderr and the same of
 * acc_norm; of lambada perplexity, perplexity_stderr. What there is not is left out, or null.
 */
#ifndef CMD_EVAL_COMPARE_REPORT_H
#define CMD_EVAL_COMPARE_REPORT_H

#include "cmd/eval/compare_job.h"

void compare_report_json(struct gen_bytes *out, const struct compare_job *job);
void compare_report_text(struct gen_bytes *out, const struct compare_job *job);

/** Append what the differences say, a sentence each: compare_words.c. */
void compare_words(struct gen_bytes *out, const struct compare_job *job);

/** Draw quality over the size of files, or over the speed of decoding. */
void compare_chart_write(struct text_out *out, const struct compare_job *job, bool over_speed);

#endif
