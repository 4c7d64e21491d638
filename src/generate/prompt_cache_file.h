/**
 * prompt_cache_file.h - the file of a prompt cache. All numbers little-endian:
 *
 *     0  8 bytes "GENCACHE"
 *     8  u32 version of this format
 *    12  u32 arithmetic: PROMPT_CACHE_BITS of the gen that wrote it
 *    16  u64 model (model/identity.h)
 *    24  u32 type of the numbers, 0 f32, 1 f16
 *    28  u32 n, number of ids, 1 or more
 *    32  n x u32 ids
 *        keys and values of n positions, in pieces (model/kv_store.h)
 *        u64 check sum: the digest (base/digest.h) of the bytes before the pieces and of the digest
 *        of each piece (digest_of), in order
 *
 * The sizes of pieces follow from model, type and n, so there is nothing about them to be believed.
 */
#ifndef GENERATE_PROMPT_CACHE_FILE_H
#define GENERATE_PROMPT_CACHE_FILE_H

#include "base/file.h"
#include "base/threads.h"
#include "gen_prompt_cache.h"
#include "model/kv_cache.h"

/** To be raised whenever keys or values may get other bits: with the hashes of
 *  tests/unit/test_same_bits.c that are not of training. */
#define PROMPT_CACHE_BITS 1

/** What a file is read into, or written from. */
struct prompt_cache_place {
    uint64_t model;
    int32_t n_vocab, n_ctx; /**< of the model */
    struct kv_cache *cache;
    size_t slot; /**< of it; nobody else fills it meanwhile */
    struct thread_pool *pool;
};

/** Whether the mapped file, which is not empty, says that it is such a one; else GEN_BAD_FILE. */
enum gen_status prompt_cache_file_probe(const struct file_map *map, const char *path,
                                        struct gen_error *err);

/**
 * Read the file, which is open for file_map_read() and was probed. GEN_PROMPT_CACHE_GOOD: the slot
 * holds the ids, those of them for which its cache has positions; otherwise, and after a failure,
 * none.
 */
enum gen_status prompt_cache_file_read(const struct file_map *map, const char *path,
                                       const struct prompt_cache_place *place,
                                       enum gen_prompt_cache_found *found, struct gen_ids *ids,
                                       struct gen_error *err);

/** Write what the slot holds, its first ids->n > 0 positions. */
enum gen_status prompt_cache_file_write(struct file_writer *writer,
                                        const struct prompt_cache_place *place,
                                        const struct gen_ids *ids, struct gen_error *err);

#endif
