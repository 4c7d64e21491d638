/**
 * bpe.h - byte pair encoding of one word.
 *
 * A word starts as one token a byte. As long as some neighbours can be merged, the pair with the
 * lowest rank is, the leftmost of equals first.
 *
 * Short words look at all pairs for each merge: quadratic, but in a few cache lines. Long ones
 * keep their tokens in a linked list and their pairs in a heap: n log n, whatever the word is.
 */
#ifndef TOKENIZER_BPE_H
#define TOKENIZER_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "gen.h"
#include "tokenizer/vocab.h"

/** Longest word, in bytes, that is merged by scanning. */
#define BPE_SHORT 64

/** Encode a word of 1 ... BPE_SHORT bytes; returns the number of ids, at most n. */
size_t bpe_short(const struct gen_tokenizer *vocab, int32_t ids[BPE_SHORT], const char *word,
                 size_t n);

/** Memory for long words, kept from one to the next. Start from {0}. */
struct bpe_scratch {
    struct bpe_node *nodes;
    size_t n_nodes; /**< capacity */
    uint64_t *heap;
    size_t n_heap;  /**< capacity */
    uint64_t steps; /**< moves within the heap so far: what a test counts instead of seconds */
};
void bpe_scratch_release(struct bpe_scratch *scratch);

/** Encode a word of any length n > 0 and append its ids. */
enum gen_status bpe_long(const struct gen_tokenizer *vocab, struct bpe_scratch *scratch,
                         struct gen_ids *ids, const char *word, size_t n, struct gen_error *err);

#endif
