/**
 * kv_cache.h - keys and values of the positions seen so far, for each slot, layer and head.
 *
 * They lie in blocks of KERNELS_KV_BLOCK positions, each with all layers and heads. A slot has a
 * table of the blocks that hold its positions, in order, and a length. Slots that begin alike share
 * blocks: a block counts its users, and is copied when one of several wants to write to it (copy on
 * write). A block without users waits to be used again.
 *
 * In a block: [layer][head], and of each head first its keys, in panels of 16 positions,
 * [position / 16][head_size][16], then its values, [position][v_stride] with v_stride the head size
 * rounded up to 16: what attention reads together lies together (kernels/kernels.h). Numbers are
 * f32 or f16; attention stores and reads them.
 *
 * Memory grows with the positions in use: blocks are made when they are needed, and the system
 * gives the pages of a large one as positions fill them. It is given back by kv_cache_release().
 */
#ifndef MODEL_KV_CACHE_H
#define MODEL_KV_CACHE_H

#include "gen.h"
#include "tensor/tensor_type.h"

struct kv_cache {
    size_t n_slots, n_layer, n_head, head_size;
    size_t n_ctx; /**< positions per slot, at most */
    size_t v_stride;
    enum tensor_type type;  /**< of the numbers: TENSOR_F32 or TENSOR_F16 */
    size_t keys_bytes;      /**< one head's keys in a block; its values are next to them */
    size_t head_bytes;      /**< its keys and values */
    size_t block_bytes;     /**< those of all layers and heads */
    size_t table_length;    /**< blocks that a slot can have */
    unsigned char **tables; /**< [n_slots][table_length]; NULL after a slot's last block */
    int32_t *lengths;       /**< [n_slots] positions in use */
    unsigned char *unused;  /**< the first block without users */
    size_t n_blocks;        /**< there are, those without users among them */
};

/** The type by its name, "f32" or "f16"; NULL is f32. Others are GEN_BAD_ARGUMENT. */
enum gen_status kv_cache_choose_type(enum tensor_type *type, const char *name,
                                     struct gen_error *err);

/** A cache that is empty; only the slots' tables take memory so far. */
enum gen_status kv_cache_init(struct kv_cache *cache, const struct gen_config *config,
                              enum tensor_type type, int32_t n_slots, int32_t n_ctx,
                              struct gen_error *err);
void kv_cache_release(struct kv_cache *cache);

/** Bytes that a slot of n_ctx positions takes once it is full, if it shares none of them. */
size_t kv_cache_slot_size(const struct gen_config *config, enum tensor_type type, int32_t n_ctx);

/** The blocks of a slot, and where a head's keys and values lie in each, in bytes. */
unsigned char *const *kv_cache_blocks(const struct kv_cache *cache, size_t slot);
size_t kv_cache_keys_offset(const struct kv_cache *cache, size_t layer, size_t head);
size_t kv_cache_values_offset(const struct kv_cache *cache, size_t layer, size_t head);

/**
 * Make room in every slot for positions lengths[slot] - 1 and before, at most n_ctx: new blocks,
 * and copies of those that are shared and would be written to. The slots' lengths stay. When
 * memory is out, GEN_NO_MEMORY, and all slots are as they were.
 */
enum gen_status kv_cache_reserve(struct kv_cache *cache, const int32_t *lengths,
                                 struct gen_error *err);

/** Forget what a slot holds from position `length` on, and the room that was reserved there. */
void kv_cache_truncate(struct kv_cache *cache, size_t slot, size_t length);

/** Make slot `to` hold the first `length` positions that slot `from`, another one, holds: they
 *  share the blocks. */
void kv_cache_copy(struct kv_cache *cache, size_t to, size_t from, size_t length);

#endif
