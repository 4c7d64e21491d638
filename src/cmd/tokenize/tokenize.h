/**
 * tokenize.h - the options of `gen tokenize`, for its parts.
 */
#ifndef CMD_TOKENIZE_TOKENIZE_H
#define CMD_TOKENIZE_TOKENIZE_H

#include <stdbool.h>
#include <stdint.h>

struct tokenize_settings {
    const char *model;
    const char *prompt;
    bool lines, jsonl, null;
    const char *field; /**< of JSON lines; NULL: the usual one */
    bool ids, json, count, show, offsets;
    bool special, decode;
    const char *output;
    int32_t color;     /**< enum text_color */
    int32_t n_threads; /**< 0: all */
    bool verbose, no_sandbox;
};

/** Whether the input is many texts. */
static inline bool tokenize_is_batch(const struct tokenize_settings *settings) {
    return settings->lines || settings->jsonl || settings->null;
}

#endif
