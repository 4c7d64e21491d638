/**
 * habits.h - options that people write out of habit, because another program has them.
 *
 * Where gen has the same thing under another name the habit is an alias, and simply works; where
 * it has not, a sentence says what to do instead.
 */
#ifndef CLI_HABITS_H
#define CLI_HABITS_H

#include <stdbool.h>
#include <stddef.h>

struct habit {
    /** Without its dashes; a letter alone, or a word after one dash or two. A star at the begin or
     * end stands for anything: the first of a list that fits counts. */
    const char *name;
    const char *alias; /**< the option of gen that means just the same, else NULL */
    const char *say;   /**< what to do, where there is no alias */
};

/** Habits of those who come from transformers or llama.cpp, in any command that generates; ends
 * with a name that is NULL. */
extern const struct habit habits_generate[];

/** The same for gen chat, of what is other there. */
extern const struct habit habits_chat[];

/** The same for gen score and gen eval, also from lm-evaluation-harness. */
extern const struct habit habits_eval[];

/** The same for gen convert, and for gen bench. */
extern const struct habit habits_convert[];
extern const struct habit habits_bench[];

/** The same for gen tokenize, from llama-tokenize and from transformers' tokenizers. */
extern const struct habit habits_tokenize[];

/** The same for training; what only one of the two commands has is an option there. */
extern const struct habit habits_train[];

/** Whether name[n] is `known`, but for `_` in the place of `-`. */
bool habits_same(const char *known, const char *name, size_t n);

/** The habit of that name (n bytes, `_` is `-`), or NULL; `habits` may be NULL. */
const struct habit *habits_find(const struct habit *habits, const char *name, size_t n);

#endif
