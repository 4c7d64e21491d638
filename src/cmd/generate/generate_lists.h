/**
 * generate_lists.h - options that are lists or pairs, as they are written on the command line, made
 * into what the library takes.
 */
#ifndef CMD_GENERATE_GENERATE_LISTS_H
#define CMD_GENERATE_GENERATE_LISTS_H

#include "gen.h"

/** Append the ids of "ID,ID"; `option` is what an error calls it. */
enum gen_status generate_lists_ids(struct gen_ids *ids, const char *option, const char *text,
                                   struct gen_error *err);

/** Growing biases of sequences. Start from {0}. */
struct generate_biases {
    struct gen_sequence_bias *data;
    size_t n, capacity;
};
/** Append those of "ID ID=X,ID ID=X". */
enum gen_status generate_lists_biases(struct generate_biases *biases, const char *text,
                                      struct gen_error *err);
void generate_biases_release(struct generate_biases *biases);

/** Set the length decay of "START,FACTOR". */
enum gen_status generate_lists_decay(struct gen_sampling *sampling, const char *text,
                                     struct gen_error *err);

/** Growing lists of ids. Start from {0}. */
struct generate_breakers {
    struct gen_ids *data;
    size_t n, capacity;
};
/**
 * Append all sequences of ids that contain a text of n bytes which breaks repetitions: each token
 * with the text in it, and each token that ends with a beginning of it, followed by the rest. At
 * most 40 bytes of it and 20 ids after the first count, as in llama.cpp.
 */
enum gen_status generate_lists_breaker(struct generate_breakers *breakers,
                                       const struct gen_tokenizer *tokenizer, const char *text,
                                       size_t n, struct gen_error *err);
/** Append those of llama.cpp's texts: newline, colon, quote, asterisk. */
enum gen_status generate_lists_default_breakers(struct generate_breakers *breakers,
                                                const struct gen_tokenizer *tokenizer,
                                                struct gen_error *err);
void generate_breakers_release(struct generate_breakers *breakers);

#endif
