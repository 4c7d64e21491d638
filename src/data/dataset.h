/**
 * dataset.h - a corpus as one stream of token ids, kept in a file so that the next run need not
 * tokenize again, and the order in which training reads it.
 *
 * The file is PREFIX.tokens-KEY, KEY a digest of the corpus, its format and the vocabulary, in
 * hexadecimal. It may be deleted at any time; one that is damaged, of another version, holds ids
 * that the vocabulary has not, belongs to another user or may be written by everybody is made
 * again. The digests are no secret, so that such a file is trusted as the model next to it is; but
 * the state of a run knows the digest of its ids, and other ones are not taken for them.
 *
 * All numbers are little-endian:
 *
 *   n_tokens x u16 where the vocabulary has at most 65536 ids, else i32
 *   padding with zeros to a multiple of 8
 *   u64 n_tokens, u64 digest of the bytes before, u64 KEY, u32 bytes of an id, u32 version = 2,
 *   "GENTOKEN"
 */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "base/threads.h"
#include "data/corpus.h"
#include "gen.h"

/** What comes after the prefix in the names of the files that dataset_open() writes. */
#define DATASET_LONGEST_ENDING ".tokens-0123456789abcdef"

struct dataset {
    struct file_map map;
    size_t n;             /**< token ids */
    size_t width;         /**< bytes of one */
    uint64_t file_key;    /**< KEY */
    uint64_t key;         /**< of KEY and the ids */
    uint64_t n_documents; /**< end-of-text ids */
};

/** Who is told the bytes of text done and in all; tell() cancels with false. */
struct dataset_progress {
    void *context;
    bool (*tell)(void *context, uint64_t done, uint64_t total);
};

/**
 * Read the corpus's ids from their file, or make it. GEN_BAD_FILE if there is no text at all.
 * `expected` is the key that a state has of these data, or 0: a file of another one is made again.
 * progress may be NULL.
 */
enum gen_status dataset_open(struct dataset *dataset, const char *prefix,
                             const struct corpus *corpus, const struct gen_tokenizer *tokenizer,
                             struct thread_pool *pool, uint64_t expected,
                             const struct dataset_progress *progress, struct gen_error *err);
void dataset_release(struct dataset *dataset);

/** A part of a dataset: to train on one and validate on the other. */
struct token_span {
    const struct dataset *dataset;
    size_t first, n;
};

/** Ids first ... first + n - 1 of the span. */
void token_span_read(int32_t *out, const struct token_span *span, size_t first, size_t n);

/**
 * The order of training. Each epoch cuts the stream into windows of n_ctx tokens, each with the
 * one token more that its last prediction is held against, begins at a random offset and shuffles
 * them. Where a sequence lies depends on the seed and the sequence's number alone.
 */
struct data_order {
    struct token_span span;
    size_t n_ctx;
    uint64_t seed;
    size_t n_windows;  /**< of an epoch */
    uint64_t epoch;    /**< that the following are of */
    size_t offset;     /**< of the first window */
    uint32_t *windows; /**< [n_windows] a permutation */
};

/** GEN_BAD_ARGUMENT where the span is too short for one sequence; `name` is the data's. */
enum gen_status data_order_init(struct data_order *order, const struct token_span *span,
                                size_t n_ctx, uint64_t seed, const char *name,
                                struct gen_error *err);
void data_order_release(struct data_order *order);

/** ids[n_ctx] and targets[n_ctx] of sequence number `sequence`, which counts over all epochs. */
void data_order_read(struct data_order *order, uint64_t sequence, int32_t *ids, int32_t *targets);

#endif
