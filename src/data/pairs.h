/**
 * pairs.h - what fine-tuning learns from: JSON lines with a prompt and its completion, or a
 * conversation, made sequences of token ids in which only some count.
 *
 * The shapes of pair_record.h may be mixed; blank lines are passed over, halves of surrogate pairs
 * are U+FFFD. Where the template puts nothing between an instruction and its output, a line end
 * is put there; an input comes on a line of its own after the instruction. A pair becomes the text
 * of its template, of which the completion and what the template has after it count, and
 * end-of-text, which counts too. In a conversation every message is one filling of its template;
 * what the assistant says counts, and after it comes end-of-text in the place of what the template
 * has there. What counts is made tokens apart from what comes before it, as it is when the model is
 * used later. A sequence in which nothing comes before begins with end-of-text.
 */
#ifndef DATA_PAIRS_H
#define DATA_PAIRS_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "data/pair_template.h"
#include "gen.h"

/** Target of a position whose prediction does not count. */
#define NO_TARGET (-1)

/** A sequence of n ids, at `first` of all. */
struct pair {
    size_t first;
    size_t n;
};

/** Growing; start from {0}. */
struct pairs {
    struct gen_ids ids;
    struct gen_bytes counts; /**< for each id 1 if it counts, else 0 */
    struct pair *all;
    size_t n, capacity;
    size_t longest;      /**< positions of the longest: its ids but the last */
    uint64_t n_left_out; /**< pairs that were too long */
    /** Of all: those that were conversations, and those that were instructions. */
    size_t n_conversations, n_instructions;
};

struct pairs_reader {
    const struct gen_tokenizer *tokenizer; /**< has an end-of-text id */
    const struct pair_template *pair, *message;
    const char *prompt_field, *completion_field; /**< of a pair's members; NULL: the
                                                      usual ones */
    bool special;         /**< special tokens in the texts stand for themselves */
    size_t max_positions; /**< pairs of more are left out */
    void *context;
    /** Told bytes done and in all; false cancels. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
};

/** Add the pairs of a mapped file; `path` is for messages. */
enum gen_status pairs_read(struct pairs *pairs, const struct pairs_reader *reader,
                           const struct file_map *map, const char *path, struct gen_error *err);
void pairs_release(struct pairs *pairs);

/** Append the pattern (pair_template.h) that most of the sequences were made by. `pair` and
 * `message` are those of the reader; GEN_NO_MEMORY is the one failure. */
enum gen_status pairs_pattern(struct gen_bytes *out, const struct pairs *pairs, const char *pair,
                              const char *message);

/** A digest of all sequences. */
uint64_t pairs_digest(const struct pairs *pairs);

/** Positions of a pair. */
static inline size_t pair_positions(const struct pair *pair) {
    return pair->n - 1;
}

/** ids and targets of all positions of pair i; those that do not count have NO_TARGET. */
void pairs_get(int32_t *ids, int32_t *targets, const struct pairs *pairs, size_t i);

#endif
