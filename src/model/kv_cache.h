/**
 * kv_cache.h - keys and values of the positions seen so far, for each slot, layer and head.
 *
 * Laid out as attention reads them (kernels/kernels.h): keys in panels of 16 positions,
 * [position / 16][head_size][16]; values position by position, [position][v_stride] with
 * v_stride the head size rounded up to 16. Numbers are f32 or f16; attention stores and reads
 * them. Memory is reserved for n_ctx positions of every slot and taken from the system as
 * positions fill it.
 */
#ifndef MODEL_KV_CACHE_H
#define MODEL_KV_CACHE_H

#include "gen.h"
#include "tensor/tensor_type.h"

struct kv_cache {
    size_t n_slots, n_layer, n_head, head_size;
    size_t n_ctx; /**< positions per slot */
    size_t v_stride;
    enum tensor_type type; /**< of the numbers: TENSOR_F32 or TENSOR_F16 */
    size_t k_head;         /**< bytes of one head's keys */
    size_t v_head;         /**< bytes of one head's values */
    unsigned char *k;      /**< [n_slots][n_layer][n_head][k_head] */
    unsigned char *v;      /**< [n_slots][n_layer][n_head][v_head] */
    int32_t *lengths;      /**< [n_slots] positions in use */
};

/** The type by its name, "f32" or "f16"; NULL is f32. Others are GEN_BAD_ARGUMENT. */
enum gen_status kv_cache_choose_type(enum tensor_type *type, const char *name,
                                     struct gen_error *err);

enum gen_status kv_cache_init(struct kv_cache *cache, const struct gen_config *config,
                              enum tensor_type type, int32_t n_slots, int32_t n_ctx,
                              struct gen_error *err);
void kv_cache_release(struct kv_cache *cache);

/** Bytes that a slot of n_ctx positions takes once it is full. */
size_t kv_cache_slot_size(const struct gen_config *config, enum tensor_type type, int32_t n_ctx);

/** A head's keys and values. */
unsigned char *kv_cache_keys(const struct kv_cache *cache, size_t slot, size_t layer, size_t head);
unsigned char *kv_cache_values(const struct kv_cache *cache, size_t slot, size_t layer,
                               size_t head);

/** Make slot `to` hold the first `length` positions that slot `from` holds. */
void kv_cache_copy(const struct kv_cache *cache, size_t to, size_t from, size_t length);

#endif
