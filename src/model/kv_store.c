/**
 * kv_store.c - keys and values of a slot, a head of a block at a time, to bytes and back. Where
 * they lie in memory is kv_cache.c's, what a file says around them generate/prompt_cache_file.c's.
 */
#include "model/kv_store.h"

#include <string.h>

#include "base/size.h"
#include "tensor/kernels/kernels.h"
#include "tensor/matrix.h"

static size_t heads(const struct kv_cache *cache) {
    return cache->n_layer * cache->n_head;
}

static size_t number_bytes(const struct kv_cache *cache) {
    return tensor_type_info(cache->type)->block_bytes;
}

/* Positions of n that are in block number `block`. */
static size_t in_block(size_t n, size_t block) {
    return size_min(n - block * KERNELS_KV_BLOCK, KERNELS_KV_BLOCK);
}

/* Bytes of a head's keys, and of its values, for so many positions of a block. */
static size_t keys_of(const struct kv_cache *cache, size_t n) {
    return size_round_up(n, MATRIX_PANEL) * cache->head_size * number_bytes(cache);
}

static size_t values_of(const struct kv_cache *cache, size_t n) {
    return n * cache->v_stride * number_bytes(cache);
}

size_t kv_store_pieces(const struct kv_cache *cache, size_t n) {
    return size_divide_up(n, KERNELS_KV_BLOCK) * heads(cache);
}

size_t kv_store_piece_bytes(const struct kv_cache *cache, size_t n, size_t i) {
    size_t there = in_block(n, i / heads(cache));
    return keys_of(cache, there) + values_of(cache, there);
}

/* All blocks before the last are full. */
size_t kv_store_offset(const struct kv_cache *cache, size_t n, size_t i) {
    size_t before = i / heads(cache) * cache->block_bytes;
    return before + i % heads(cache) * kv_store_piece_bytes(cache, n, i);
}

size_t kv_store_bytes(const struct kv_cache *cache, size_t n) {
    size_t last = kv_store_pieces(cache, n) - 1;
    return kv_store_offset(cache, n, last) + kv_store_piece_bytes(cache, n, last);
}

static unsigned char *place(const struct kv_cache *cache, size_t slot, size_t i) {
    return kv_cache_blocks(cache, slot)[i / heads(cache)] + i % heads(cache) * cache->head_bytes;
}

/* In panels of 16 lanes, n_rows of them, nothing from lane `first` on. */
static void clear_lanes(unsigned char *rows, size_t n_rows, size_t stride, size_t first,
                        size_t number) {
    for (size_t row = 0; row < n_rows; row++) {
        memset(rows + (row * stride + first) * number, 0, (stride - first) * number);
    }
}

void kv_store_get(const struct kv_cache *cache, size_t slot, size_t n, size_t i,
                  unsigned char *out) {
    const unsigned char *head = place(cache, slot, i);
    size_t there = in_block(n, i / heads(cache));
    size_t keys = keys_of(cache, there);
    size_t number = number_bytes(cache);
    memcpy(out, head, keys);
    memcpy(out + keys, head + cache->keys_bytes, values_of(cache, there));
    if (there % MATRIX_PANEL > 0) {
        unsigned char *last = out + keys_of(cache, there - there % MATRIX_PANEL);
        clear_lanes(last, cache->head_size, MATRIX_PANEL, there % MATRIX_PANEL, number);
    }
    clear_lanes(out + keys, there, cache->v_stride, cache->head_size, number);
}

unsigned char *kv_store_place(const struct kv_cache *cache, size_t slot, size_t n, size_t i) {
    return in_block(n, i / heads(cache)) == KERNELS_KV_BLOCK ? place(cache, slot, i) : NULL;
}

void kv_store_put(struct kv_cache *cache, size_t slot, size_t n, size_t i,
                  const unsigned char *in) {
    unsigned char *head = place(cache, slot, i);
    size_t there = in_block(n, i / heads(cache));
    size_t keys = keys_of(cache, there);
    memcpy(head, in, keys);
    memcpy(head + cache->keys_bytes, in + keys, values_of(cache, there));
}

bool kv_store_is_finite(const struct kv_cache *cache, const unsigned char *piece, size_t n_bytes) {
    size_t n = n_bytes / number_bytes(cache);
    return tensor_type_info(cache->type)->find_not_finite(piece, n) == n;
}
