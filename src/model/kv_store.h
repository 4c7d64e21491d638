/**
 * kv_store.h - the first n > 0 positions of a slot as bytes that a file can hold, and back.
 *
 * They come in pieces: for each block of positions, in it for each layer and head, its keys, then
 * its values, as kv_cache.h draws them: keys in panels of 16 positions, [position / 16][head_size]
 * [16], values [position][v_stride]. Of a block that is not full there are only the panels and rows
 * that have positions, and what in them belongs to none is 0. Little-endian, as in memory.
 */
#ifndef MODEL_KV_STORE_H
#define MODEL_KV_STORE_H

#include "model/kv_cache.h"

/** Pieces of the first n positions. */
size_t kv_store_pieces(const struct kv_cache *cache, size_t n);
/** Bytes of piece i of them, at most cache->head_bytes. */
size_t kv_store_piece_bytes(const struct kv_cache *cache, size_t n, size_t i);
/** Bytes of all pieces before piece i. */
size_t kv_store_offset(const struct kv_cache *cache, size_t n, size_t i);
/** Bytes of all pieces; they fit into memory where the positions do. */
size_t kv_store_bytes(const struct kv_cache *cache, size_t n);

/** Piece i of the first n positions that a slot holds. */
void kv_store_get(const struct kv_cache *cache, size_t slot, size_t n, size_t i,
                  unsigned char *out);
/**
 * Where piece i of n positions lies in a slot just as it is in a file, to be filled there; NULL: it
 * does not, as its block is not full. The slot's blocks are there (kv_cache_reserve) and nobody
 * else's.
 */
unsigned char *kv_store_place(const struct kv_cache *cache, size_t slot, size_t n, size_t i);
/** Put piece i, from anywhere, into such a slot. */
void kv_store_put(struct kv_cache *cache, size_t slot, size_t n, size_t i, const unsigned char *in);
/** Whether all numbers of a piece are finite. */
bool kv_store_is_finite(const struct kv_cache *cache, const unsigned char *piece, size_t n_bytes);

#endif
