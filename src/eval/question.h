/**
 * question.h - building a question (task.h) of the members of a record.
 */
#ifndef EVAL_QUESTION_H
#define EVAL_QUESTION_H

#include "eval/task.h"

/** Text of a member that must be there; NULL with a message in err. */
const char *question_text(const cJSON *record, const char *name, struct gen_error *err);

/** The member `name`, a whole number or text that is one, from `first` to first + n_choices - 1, as
 *  the label, from 0. */
enum gen_status question_label(struct question *question, const cJSON *record, const char *name,
                               int64_t first, struct gen_error *err);

/** Append text, and give its place. False: out of memory. */
bool question_add_text(struct question *question, struct question_span *span, const char *text,
                       size_t n);

/** A choice: what comes after the context is `divider` and `text`. An empty one is refused. */
enum gen_status question_add_choice(struct question *question, struct question_span context,
                                    const char *divider, const char *text, struct gen_error *err);

#endif
