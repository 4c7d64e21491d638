#include "model/kv_cache.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "tensor/matrix.h"

static size_t round_up(size_t n) {
    return (n + MATRIX_PANEL - 1) / MATRIX_PANEL * MATRIX_PANEL;
}

static size_t n_heads(const struct kv_cache *cache) {
    return cache->n_slots * cache->n_layer * cache->n_head;
}

/** The sizes of a cache, without its memory. */
static struct kv_cache shape(const struct gen_config *config, int32_t n_slots, int32_t n_ctx) {
    struct kv_cache cache = {.n_slots = (size_t)n_slots,
                             .n_layer = (size_t)config->n_layer,
                             .n_head = (size_t)config->n_head,
                             .head_size = (size_t)(config->n_embd / config->n_head),
                             .n_ctx = (size_t)n_ctx};
    cache.v_stride = round_up(cache.head_size);
    cache.k_head = round_up(cache.n_ctx) * cache.head_size;
    cache.v_head = cache.n_ctx * cache.v_stride;
    return cache;
}

size_t kv_cache_slot_size(const struct gen_config *config, int32_t n_ctx) {
    const struct kv_cache one = shape(config, 1, n_ctx);
    size_t size;
    if (!memory_multiply(n_heads(&one), one.k_head + one.v_head, &size) ||
        !memory_multiply(size, sizeof(float), &size)) {
        return SIZE_MAX;
    }
    return size;
}

enum gen_status kv_cache_init(struct kv_cache *cache, const struct gen_config *config,
                              int32_t n_slots, int32_t n_ctx, struct gen_error *err) {
    *cache = shape(config, n_slots, n_ctx);
    size_t heads;
    if (memory_multiply(cache->n_slots, cache->n_layer * cache->n_head, &heads) &&
        memory_multiply(cache->k_head, sizeof(float), &(size_t){0}) &&
        memory_multiply(cache->v_head, sizeof(float), &(size_t){0})) {
        cache->k = memory_new_aligned(heads, cache->k_head * sizeof(float));
        cache->v = memory_new_aligned(heads, cache->v_head * sizeof(float));
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
    memory_free_aligned(cache->k, n_heads(cache), cache->k_head * sizeof(float));
    memory_free_aligned(cache->v, n_heads(cache), cache->v_head * sizeof(float));
    memory_free(cache->lengths);
    *cache = (struct kv_cache){0};
}

static size_t head_index(const struct kv_cache *cache, size_t slot, size_t layer, size_t head) {
    return (slot * cache->n_layer + layer) * cache->n_head + head;
}

float *kv_cache_keys(const struct kv_cache *cache, size_t slot, size_t layer, size_t head) {
    return cache->k + head_index(cache, slot, layer, head) * cache->k_head;
}

float *kv_cache_values(const struct kv_cache *cache, size_t slot, size_t layer, size_t head) {
    return cache->v + head_index(cache, slot, layer, head) * cache->v_head;
}

void kv_cache_store(const struct kv_cache *cache, size_t slot, size_t layer, size_t position,
                    const float *key, const float *value) {
    size_t panel = position / MATRIX_PANEL * cache->head_size * MATRIX_PANEL;
    for (size_t head = 0; head < cache->n_head; head++) {
        float *k = kv_cache_keys(cache, slot, layer, head) + panel + position % MATRIX_PANEL;
        float *v = kv_cache_values(cache, slot, layer, head) + position * cache->v_stride;
        for (size_t i = 0; i < cache->head_size; i++) {
            k[i * MATRIX_PANEL] = key[head * cache->head_size + i];
        }
        memcpy(v, value + head * cache->head_size, cache->head_size * sizeof *v);
    }
}

void kv_cache_copy(const struct kv_cache *cache, size_t to, size_t from, size_t length) {
    size_t k_size = round_up(length) * cache->head_size * sizeof(float);
    size_t v_size = length * cache->v_stride * sizeof(float);
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
