/**
 * bpe_train.h - which pairs to merge: learning byte pair encoding (Sennrich, Haddow, Birch 2016)
 * from counted words.
 *
 * Every word starts as one token a byte. The pair of neighbours that occurs most often, in all
 * words together, becomes a new token wherever it occurs, the leftmost of overlapping ones first;
 * then the next pair, until there are tokens enough.
 *
 * Ties: of pairs that occur equally often the one with the smaller left id is first, then the one
 * with the smaller right id. That is the order of Hugging Face's trainer too, so the merges are
 * the same. Overlapping occurrences count: "aaa" has the pair "aa" twice, as there.
 *
 * Time: each merge looks only where its pair is. Memory: 12 bytes for each byte of the distinct
 * words, and less and less for the places of new pairs.
 */
#ifndef TOKENIZER_BPE_TRAIN_H
#define TOKENIZER_BPE_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"
#include "tokenizer/vocab.h"
#include "tokenizer/word_count.h"

/** Longest token that is learned, in bytes: no spelling gets longer than a file may have. */
#define BPE_TRAIN_LONGEST 8192

struct bpe_train_options {
    const int32_t *byte_ids; /**< [256] the token of each byte, all below first_id */
    int32_t first_id;        /**< of the first merge; the others follow */
    size_t n_merges;         /**< at most; first_id + n_merges <= TOKENIZER_MAX_TOKENS */
    uint64_t min_frequency;  /**< a pair that occurs less often is not merged; 0 counts as 1 */
    void *context;
    bool (*progress)(void *context, uint64_t done, uint64_t total); /**< false: stop; NULL: none */
};

/**
 * Learn from n_words distinct words. *merges (memory_free) gets the merges in order, *n_merges
 * their number, which is smaller than n_merges of the options if no pair is left that is frequent
 * enough; *n_tokens how many tokens all the words now have, counting each as often as it occurs.
 */
enum gen_status bpe_train(struct vocab_merge **merges, size_t *n_merges, uint64_t *n_tokens,
                          const struct counted_word *words, size_t n_words,
                          const struct bpe_train_options *options, struct gen_error *err);

#endif
