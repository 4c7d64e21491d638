/**
 * generate_rows.h - rows that the tables of options of `gen generate` and `gen chat` share. The
 * settings of both begin with a struct generate_settings.
 */
#ifndef CMD_GENERATE_GENERATE_ROWS_H
#define CMD_GENERATE_GENERATE_ROWS_H

#include "cmd/generate/generate_options.h"

#define GENERATE_AT(member) offsetof(struct generate_settings, member)

/** What ends a text sooner. */
#define GENERATE_ROWS_ENDS                                                                         \
    OPTION_ROW_CHOICE("stop-at", '\0', GENERATE_AT(stop_at), "WHAT", generate_stop_at_names,       \
                      "end at the end of a sentence, once half of the tokens are used"),           \
        OPTION_ROW_RANGE("max-time", '\0', OPTION_FLOAT, GENERATE_AT(options.max_seconds), "S", 0, \
                         1e9,                                                                      \
                         "end a text S seconds after its prompt began to be read; 0: no limit")

/** How the next token is chosen, but for the seed. */
#define GENERATE_ROWS_SAMPLING                                                                     \
    OPTION_ROW("greedy", '\0', OPTION_FLAG, GENERATE_AT(greedy), NULL,                             \
               "always take the likeliest token; the same as --temperature 0"),                    \
        OPTION_ROW_RANGE("temperature", '\0', OPTION_FLOAT,                                        \
                         GENERATE_AT(options.sampling.temperature), "X", 0, 1000,                  \
                         "below 1 safer, above 1 wilder"),                                         \
        OPTION_ROW_RANGE("top-k", '\0', OPTION_INT, GENERATE_AT(options.sampling.top_k), "N", 0,   \
                         INT32_MAX, "choose among the N likeliest tokens; 0: all"),                \
        OPTION_ROW_ABOVE(                                                                          \
            "top-p", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.top_p), "P", 0, 1,           \
            "choose among the likeliest tokens that together have probability P; 1: all"),         \
        OPTION_ROW_RANGE("min-p", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.min_p), "P", 0, \
                         1, "drop tokens less likely than P times the likeliest"),                 \
        OPTION_ROW_ABOVE("typical-p", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.typical_p), \
                         "P", 0, 1, "locally typical sampling with mass P; 1: off"),               \
        OPTION_ROW_RANGE("top-n-sigma", '\0', OPTION_FLOAT,                                        \
                         GENERATE_AT(options.sampling.top_n_sigma), "N", 0, 1000,                  \
                         "drop tokens whose logit is more than N standard deviations below the "   \
                         "highest; 0: off"),                                                       \
        OPTION_ROW_ABOVE("repetition-penalty", '\0', OPTION_FLOAT,                                 \
                         GENERATE_AT(options.sampling.repetition_penalty), "X", 0, 1000,           \
                         "above 1: tokens that were there already are less likely"),               \
        OPTION_ROW_RANGE("presence-penalty", '\0', OPTION_FLOAT,                                   \
                         GENERATE_AT(options.sampling.presence_penalty), "X", -2, 2,               \
                         "taken off the logit of tokens added before"),                            \
        OPTION_ROW_RANGE("frequency-penalty", '\0', OPTION_FLOAT,                                  \
                         GENERATE_AT(options.sampling.frequency_penalty), "X", -2, 2,              \
                         "the same, for each time they were added"),                               \
        OPTION_ROW_RANGE("no-repeat-ngram-size", '\0', OPTION_INT,                                 \
                         GENERATE_AT(options.sampling.no_repeat_ngram_size), "N", 0, INT32_MAX,    \
                         "no N tokens in a row come twice; 0: off"),                               \
        OPTION_ROW("bad-words", '\0', OPTION_STRING, GENERATE_AT(bad_words), "FILE",               \
                   "never write what a line of FILE says; taken literally, so inside a sentence "  \
                   "a word begins "                                                                \
                   "with a blank"),                                                                \
        OPTION_ROW("logit-bias", '\0', OPTION_LIST, GENERATE_AT(logit_bias), "ID=X",               \
                   "add X to the logit of the token ID (see gen tokenize), -inf forbids it; "      \
                   "ID=X,ID=X... or "                                                              \
                   "several times")

#endif
