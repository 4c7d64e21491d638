/**
 * score_input.h - the texts of `gen score`, from the command line, lines or records, as a
 * gen_score_source.
 */
#ifndef CMD_EVAL_SCORE_INPUT_H
#define CMD_EVAL_SCORE_INPUT_H

#include "cli/input.h"
#include "cmd/record/record_fields.h"
#include "cmd/record/record_rests.h"
#include "gen_eval.h"

/** Start from {0} with the first four. */
struct score_input {
    const struct gen_model *model;
    const char *text; /**< the only text; NULL: the texts are in `input` */
    bool jsonl;       /**< its lines are records; else each is a text */
    bool special;
    bool keeps_rests; /**< keep what else records have */
    struct input input;
    struct gen_bytes line;
    struct record_fields fields;
    struct record_rests rests; /**< of the records whose scores are yet to come */
    struct gen_ids ids;
    uint64_t n_given;
    struct gen_error error; /**< what is wrong with the last one */
    bool failed;            /**< reading failed; the message is out */
};

void score_input_release(struct score_input *input);

/** gen_score_source.next and .ready; the context is the struct score_input. */
bool score_input_next(void *context, struct gen_score_request *request);
bool score_input_ready(void *context);

#endif
