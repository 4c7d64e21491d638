/**
 * kv_cache.c - keys and values of all slots: blocks of positions and the count of their users, the
 * slots' tables of blocks, and where each layer and head lies in a block. Attention
 * (tensor/kernels/attention/attention.h) reads and fills them.
 */
#include "model/kv_cache.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "tensor/kernels/kernels.h"

/* Stands after the keys and values of a block, which so begin at a page. */
struct block_end {
    size_t users;          /* slots that have the block in their table */
    unsigned char *unused; /* the next block without users, if this is one */
};

static struct block_end *block_end(const struct kv_cache *cache, unsigned char *block) {
    return (struct block_end *)(void *)(block + cache->block_bytes);
}

static size_t blocks_of(size_t n_positions) {
    return size_divide_up(n_positions, KERNELS_KV_BLOCK);
}

/* The sizes of a cache, without its memory; false where they do not fit. */
static bool set_shape(struct kv_cache *cache, const struct gen_config *config,
                      enum tensor_type type, int32_t n_slots, int32_t n_ctx) {
    *cache = (struct kv_cache){.n_slots = (size_t)n_slots,
                               .type = type,
                               .n_layer = (size_t)config->n_layer,
                               .n_head = (size_t)config->n_head,
                               .head_size = (size_t)(config->n_embd / config->n_head),
                               .n_ctx = (size_t)n_ctx,
                               .table_length = blocks_of((size_t)n_ctx)};
    cache->v_stride = size_round_up(cache->head_size, MATRIX_PANEL);
    size_t number = tensor_type_info(type)->block_bytes;
    cache->keys_bytes = KERNELS_KV_BLOCK * cache->head_size * number;
    cache->head_bytes = cache->keys_bytes + KERNELS_KV_BLOCK * cache->v_stride * number;
    size_t with_end;
    return memory_multiply(cache->n_layer * cache->n_head, cache->head_bytes,
                           &cache->block_bytes) &&
           memory_add(cache->block_bytes, sizeof(struct block_end), &with_end);
}

size_t kv_cache_slot_size(const struct gen_config *config, enum tensor_type type, int32_t n_ctx) {
    struct kv_cache one;
    size_t size;
    return set_shape(&one, config, type, 1, n_ctx) &&
                   memory_multiply(one.table_length, one.block_bytes, &size)
               ? size
               : SIZE_MAX;
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
    if (set_shape(cache, config, type, n_slots, n_ctx)) {
        cache->tables = memory_new(cache->n_slots, cache->table_length * sizeof *cache->tables);
        cache->lengths = memory_new(cache->n_slots, sizeof *cache->lengths);
    }
    if (cache->tables == NULL || cache->lengths == NULL) {
        kv_cache_release(cache);
        return error_set(err, GEN_NO_MEMORY,
                         "out of memory for a KV cache of %d sequences of %d positions (fewer "
                         "sequences or a smaller n_ctx need less)",
                         n_slots, n_ctx);
    }
    return GEN_OK;
}

/* ---- blocks ----------------------------------------------------------------------------------*/

/* A block with one user, filled with anything; NULL when memory is out. */
static unsigned char *take_block(struct kv_cache *cache) {
    unsigned char *block = cache->unused;
    if (block != NULL) {
        cache->unused = block_end(cache, block)->unused;
    } else {
        block = memory_new_aligned(1, cache->block_bytes + sizeof(struct block_end));
        if (block == NULL) {
            return NULL;
        }
        cache->n_blocks++;
    }
    *block_end(cache, block) = (struct block_end){.users = 1};
    return block;
}

/* One user less. */
static void leave_block(struct kv_cache *cache, unsigned char *block) {
    struct block_end *end = block_end(cache, block);
    if (--end->users == 0) {
        end->unused = cache->unused;
        cache->unused = block;
    }
}

/* A block of one user with the first n positions of another one; NULL when memory is out. */
static unsigned char *copy_block(struct kv_cache *cache, const unsigned char *from, size_t n) {
    unsigned char *block = take_block(cache);
    if (block == NULL) {
        return NULL;
    }
    size_t number = tensor_type_info(cache->type)->block_bytes;
    size_t keys = size_round_up(n, MATRIX_PANEL) * cache->head_size * number;
    size_t values = n * cache->v_stride * number;
    for (size_t at = 0; at < cache->block_bytes; at += cache->head_bytes) {
        memcpy(block + at, from + at, keys);
        memcpy(block + at + cache->keys_bytes, from + at + cache->keys_bytes, values);
    }
    return block;
}

/* ---- slots -----------------------------------------------------------------------------------*/

static unsigned char **table_of(const struct kv_cache *cache, size_t slot) {
    return cache->tables + slot * cache->table_length;
}

/* A slot's blocks from number `first` on are no longer its own. */
static void leave_blocks(struct kv_cache *cache, size_t slot, size_t first) {
    unsigned char **table = table_of(cache, slot);
    for (size_t i = first; i < cache->table_length && table[i] != NULL; i++) {
        leave_block(cache, table[i]);
        table[i] = NULL;
    }
}

void kv_cache_release(struct kv_cache *cache) {
    for (size_t slot = 0; cache->tables != NULL && slot < cache->n_slots; slot++) {
        leave_blocks(cache, slot, 0);
    }
    while (cache->unused != NULL) {
        unsigned char *block = cache->unused;
        cache->unused = block_end(cache, block)->unused;
        memory_free_aligned(block, 1, cache->block_bytes + sizeof(struct block_end));
    }
    memory_free(cache->tables);
    memory_free(cache->lengths);
    *cache = (struct kv_cache){0};
}

unsigned char *const *kv_cache_blocks(const struct kv_cache *cache, size_t slot) {
    return table_of(cache, slot);
}

size_t kv_cache_keys_offset(const struct kv_cache *cache, size_t layer, size_t head) {
    return (layer * cache->n_head + head) * cache->head_bytes;
}

size_t kv_cache_values_offset(const struct kv_cache *cache, size_t layer, size_t head) {
    return kv_cache_keys_offset(cache, layer, head) + cache->keys_bytes;
}

/* Room in one slot, to write from its length on. */
static bool reserve_slot(struct kv_cache *cache, size_t slot, size_t length) {
    unsigned char **table = table_of(cache, slot);
    size_t used = (size_t)cache->lengths[slot];
    size_t in_last = used % KERNELS_KV_BLOCK;
    if (length > used && in_last > 0) {
        unsigned char **last = &table[used / KERNELS_KV_BLOCK];
        if (block_end(cache, *last)->users > 1) {
            unsigned char *copy = copy_block(cache, *last, in_last);
            if (copy == NULL) {
                return false;
            }
            leave_block(cache, *last);
            *last = copy;
        }
    }
    for (size_t i = blocks_of(used); i < blocks_of(length); i++) {
        table[i] = take_block(cache);
        if (table[i] == NULL) {
            return false;
        }
    }
    return true;
}

enum gen_status kv_cache_reserve(struct kv_cache *cache, const int32_t *lengths,
                                 struct gen_error *err) {
    for (size_t slot = 0; slot < cache->n_slots; slot++) {
        if (!reserve_slot(cache, slot, (size_t)lengths[slot])) {
            for (size_t i = 0; i <= slot; i++) {
                kv_cache_truncate(cache, i, (size_t)cache->lengths[i]);
            }
            return error_set(err, GEN_NO_MEMORY,
                             "out of memory for the keys and values of a sequence of %d positions "
                             "(fewer sequences at once need less, and a KV cache of type f16)",
                             lengths[slot]);
        }
    }
    return GEN_OK;
}

void kv_cache_truncate(struct kv_cache *cache, size_t slot, size_t length) {
    leave_blocks(cache, slot, blocks_of(length));
    cache->lengths[slot] = (int32_t)length;
}

void kv_cache_copy(struct kv_cache *cache, size_t to, size_t from, size_t length) {
    kv_cache_truncate(cache, to, 0);
    for (size_t i = 0; i < blocks_of(length); i++) {
        unsigned char *block = table_of(cache, from)[i];
        block_end(cache, block)->users++;
        table_of(cache, to)[i] = block;
    }
    cache->lengths[to] = (int32_t)length;
}
