/**
 * pair_template.h - how a pair of texts, or a conversation, becomes one text: a pattern with two
 * places to fill in.
 *
 *   pairs          {prompt}{completion}    such as "Question: {prompt}\nAnswer: {completion}"
 *   conversations  {role}: {content}\n     once for each message
 *
 * `\n`, `\t` and `\\` mean a line's end, a tabulator and a backslash. A single space right
 * before the second place goes with what is filled in there, because GPT-2's tokens begin with
 * their space: a prompt that the model gets later then ends without one.
 */
#ifndef DATA_PAIR_TEMPLATE_H
#define DATA_PAIR_TEMPLATE_H

#include "gen.h"

struct pair_template {
    struct gen_bytes before;  /**< the first place */
    struct gen_bytes between; /**< both, without the space of the second */
    struct gen_bytes lead;    /**< that space, or nothing */
    struct gen_bytes after;   /**< the second place */
};

/** Cut a pattern at "{first}" and "{second}". GEN_BAD_ARGUMENT unless each is there once, in this
 *  order. Release in any case. */
enum gen_status pair_template_init(struct pair_template *template, const char *pattern,
                                   const char *first, const char *second, struct gen_error *err);
void pair_template_release(struct pair_template *template);

#endif
