/**
 * kv_cache.c - keys and values of all slots, layers and heads: one stretch of memory, where each
 * lies in it, and copying the beginning of a slot to another. Attention
 * (tensor/kernels/attention/attention.h) reads and fills it.
 */
#include "model/kv_cache.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "tensor/matrix.h"

static size_t n_heads(const struct kv_cache *cache) {
    return cache->n_slots * cache->n_layer * cache->n_head;
}

/* The sizes of a cache, without its memory. */
static struct kv_cache shape(const struct gen_config *config, enum tensor_type type,
                             int32_t n_slots, int32_t n_ctx) {
    struct kv_cache cache = {.n_slots = (size_t)n_slots,
                             .type = type,
                             .n_layer = (size_t)config->n_layer,
                             .n_head = (size_t)config->n_head,
                             .head_size = (size_t)(config->n_embd / config->n_head),
                             .n_ctx = (size_t)n_ctx};
    cache.v_stride = size_round_up(cache.head_size, MATRIX_PANEL);
    size_t number = tensor_type_info(type)->block_bytes;
    cache.k_head = size_round_up(cache.n_ctx, MATRIX_PANEL) * cache.head_size * number;
    cache.v_head = cache.n_ctx * cache.v_stride * number;
    return cache;
}

size_t kv_cache_slot_size(const struct gen_config *config, enum tensor_type type, int32_t n_ctx) {
    const struct kv_cache one = shape(config, type, 1, n_ctx);
    size_t size;
    return memory_multiply(n_heads(&one), one.k_head + one.v_head, &size) ? size : SIZE_MAX;
}

enum gen_status kv_cache_choose_type(enum tensor_type *type, const char *name,
                                     struct gen_error *err) {
    *type = TENSOR_F32;
    if (name == NULL || strcmp(name, "f32") == 0) {
        return GEN_OK;
    }
    *type = TENSOR_F16;
    if (strcmp(name, "f16") == 0) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_ARGUMENT, "the KV cache's type is \"%s\", but must be f32 or f16",
                     error_quote(&quoted, name, strlen(name)));
}

enum gen_status kv_cache_init(struct kv_cache *cache, const struct gen_config *config,
                              enum tensor_type type, int32_t n_slots, int32_t n_ctx,
                              struct gen_error *err) {
    *cache = shape(config, type, n_slots, n_ctx);
    size_t heads;
    if (memory_multiply(cache->n_slots, cache->n_layer * cache->n_head, &heads)) {
        cache->k = memory_new_aligned(heads, cache->k_head);
        cache->v = memory_new_aligned(heads, cache->v_head);
        cache->lengths = memory_new(cache->n_slots, sizeof *cache->lengths);
    }
    if (cache->k == NULL || cache->v == NULL || cache->lengths == NULL) {
        kv_cache_release(cache);
        return error_set(err, GEN_NO_MEMORY,
                         "out of memory for a KV cache of %d sequences of %d positions (fewer "
                         "sequences or a smaller n_ctx need less)",
                         n_slots, n_ctx);
    }
    return GEN_OK;
}

void kv_cache_release(struct kv_cache *cache) {
    memory_free_aligned(cache->k, n_heads(cache), cache->k_head);
    memory_free_aligned(cache->v, n_heads(cache), cache->v_head);
    memory_free(cache->lengths);
    *cache = (struct kv_cache){0};
}

static size_t head_index(const struct kv_cache *cache, size_t slot, size_t layer, size_t head) {
    return (slot * cache->n_layer + layer) * cache->n_head + head;
}

unsigned char *kv_cache_keys(const struct kv_cache *cache, size_t slot, size_t layer, size_t head) {
    return cache->k + head_index(cache, slot, layer, head) * cache->k_head;
}

unsigned char *kv_cache_values(const struct kv_cache *cache, size_t slot, size_t layer,
                               size_t head) {
    return cache->v + head_index(cache, slot, layer, head) * cache->v_head;
}

void kv_cache_copy(const struct kv_cache *cache, size_t to, size_t from, size_t length) {
    size_t number = tensor_type_info(cache->type)->block_bytes;
    size_t k_size = size_round_up(length, MATRIX_PANEL) * cache->head_size * number;
    size_t v_size = length * cache->v_stride * number;
    for (size_t layer = 0; layer < cache->n_layer; layer++) {
        for (size_t head = 0; head < cache->n_head; head++) {
            memcpy(kv_cache_keys(cache, to, layer, head), kv_cache_keys(cache, from, layer, head),
                   k_size);
            memcpy(kv_cache_values(cache, to, layer, head),
                   kv_cache_values(cache, from, layer, head), v_size);
        }
    }
    cache->lengths[to] = (int32_t)length;
}
