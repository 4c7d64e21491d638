/**
 * pair_record.h - a record of a file of pairs, of whichever of the usual shapes it is.
 *
 *   {"prompt": "...", "completion": "..."}                           the names can be chosen
 *   {"messages": [{"role": "user", "content": "..."}, ...]}
 *   {"conversations": [{"from": "human", "value": "..."}, ...]}      as ShareGPT has them
 *   {"instruction": "...", "input": "...", "output": "..."}          as Alpaca has them
 *
 * Other members are not looked at, but a record of two of these shapes is refused.
 */
#ifndef DATA_PAIR_RECORD_H
#define DATA_PAIR_RECORD_H

#include "text/json_line.h"

/** All texts are those of the object. */
struct pair_record {
    const char *prompt; /**< NULL: a conversation */
    const char *input;  /**< NULL, or what is put on a line of its own after the prompt */
    const char *completion;
    bool instructs; /**< the prompt is an instruction, which its answer does not go on from */
    const cJSON *messages;      /**< the list */
    const char *role, *content; /**< what their members are called */
};

/** `where` names file and line in messages; a name that is NULL is the usual one. */
enum gen_status pair_record_read(struct pair_record *record, const cJSON *object,
                                 const char *prompt_field, const char *completion_field,
                                 const char *where, struct gen_error *err);

/** What a message's role is called in templates: "user" for ShareGPT's "human", ... */
const char *pair_record_role(const struct pair_record *record, const char *role);

#endif
