/**
 * hellaswag.h - how lm-evaluation-harness mends the texts of HellaSwag, which come from captions of
 * videos and from WikiHow.
 */
#ifndef EVAL_HELLASWAG_H
#define EVAL_HELLASWAG_H

#include "gen_base.h"
#include "text/json.h"

/** Append a text without white space around it, with ". " for " [title]", without what else is in
 *  brackets, and with one blank for two. False: out of memory. */
bool hellaswag_preprocess(struct gen_bytes *out, const char *text, size_t n);

/** Append the context of a record: "activity_label: ctx_a Ctx_b", mended so. */
enum gen_status hellaswag_context(struct gen_bytes *out, const cJSON *record,
                                  struct gen_error *err);

#endif
