/**
 * test_kv_cache.c - blocks of keys and values: made when they are needed, shared, copied when one
 * of several users writes to them, used again; and when memory is out all is as it was.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "model/kv_cache.h"
#include "tensor/kernels/kernels.h"

/* Blocks that are mapped each on its own, so that a limit of address space keeps a new one away. */
enum { N_LAYER = 4, N_HEAD = 3, HEAD_SIZE = 20, N_SLOTS = 4, BLOCK = (int)KERNELS_KV_BLOCK };

static const struct gen_config config = {
    .n_layer = N_LAYER, .n_head = N_HEAD, .n_embd = N_HEAD * HEAD_SIZE};

static struct kv_cache new_cache(int32_t n_slots, int32_t n_ctx, enum tensor_type type) {
    struct kv_cache cache;
    struct gen_error err;
    assert_int_equal(kv_cache_init(&cache, &config, type, n_slots, n_ctx, &err), GEN_OK);
    return cache;
}

/* Room for a slot's positions, then they are in use, as gen_session_eval() does it. */
static void fill(struct kv_cache *cache, size_t slot, int32_t length) {
    int32_t *lengths = malloc(cache->n_slots * sizeof *lengths);
    struct gen_error err;
    assert_non_null(lengths);
    memcpy(lengths, cache->lengths, cache->n_slots * sizeof *lengths);
    lengths[slot] = length;
    assert_int_equal(kv_cache_reserve(cache, lengths, &err), GEN_OK);
    free(lengths);
    cache->lengths[slot] = length;
}

/* Where number i of a position's key and of its value lies, as kv_cache.h has it. */
static unsigned char *key_at(const struct kv_cache *cache, size_t slot, size_t head, size_t p,
                             size_t i) {
    size_t number = tensor_type_info(cache->type)->block_bytes;
    size_t in_block = p % KERNELS_KV_BLOCK;
    return kv_cache_blocks(cache, slot)[p / KERNELS_KV_BLOCK] +
           kv_cache_keys_offset(cache, head / N_HEAD, head % N_HEAD) +
           ((in_block / 16 * HEAD_SIZE + i) * 16 + in_block % 16) * number;
}

static unsigned char *value_at(const struct kv_cache *cache, size_t slot, size_t head, size_t p,
                               size_t i) {
    size_t number = tensor_type_info(cache->type)->block_bytes;
    return kv_cache_blocks(cache, slot)[p / KERNELS_KV_BLOCK] +
           kv_cache_values_offset(cache, head / N_HEAD, head % N_HEAD) +
           (p % KERNELS_KV_BLOCK * cache->v_stride + i) * number;
}

/* A byte of its own, nearly, for every number. */
static unsigned char mark(size_t of, size_t head, size_t p, size_t i) {
    return (unsigned char)(1 + (of * 91 + head * 57 + p * 31 + i * 7) % 251);
}

/* Every number of positions begin ... end - 1 is written with the marks of `of`. */
static void write_marks(const struct kv_cache *cache, size_t slot, size_t begin, size_t end,
                        size_t of) {
    size_t number = tensor_type_info(cache->type)->block_bytes;
    for (size_t head = 0; head < (size_t)N_LAYER * N_HEAD; head++) {
        for (size_t p = begin; p < end; p++) {
            for (size_t i = 0; i < HEAD_SIZE; i++) {
                memset(key_at(cache, slot, head, p, i), mark(of, head, p, i), number);
                memset(value_at(cache, slot, head, p, i), mark(of + 5, head, p, i), number);
            }
        }
    }
}

static void check_marks(const struct kv_cache *cache, size_t slot, size_t begin, size_t end,
                        size_t of) {
    size_t number = tensor_type_info(cache->type)->block_bytes;
    for (size_t head = 0; head < (size_t)N_LAYER * N_HEAD; head++) {
        for (size_t p = begin; p < end; p++) {
            for (size_t i = 0; i < HEAD_SIZE; i++) {
                const unsigned char *key = key_at(cache, slot, head, p, i);
                const unsigned char *value = value_at(cache, slot, head, p, i);
                for (size_t byte = 0; byte < number; byte++) {
                    if (key[byte] != mark(of, head, p, i) ||
                        value[byte] != mark(of + 5, head, p, i)) {
                        fail_msg("slot %zu, head %zu, position %zu: number %zu is another one",
                                 slot, head, p, i);
                    }
                }
            }
        }
    }
}

static const unsigned char *block(const struct kv_cache *cache, size_t slot, size_t i) {
    return kv_cache_blocks(cache, slot)[i];
}

static void check_is_new_block(const struct kv_cache *cache, size_t slot, size_t i) {
    for (size_t other = 0; other < cache->n_slots; other++) {
        assert_true(other == slot || block(cache, other, i) != block(cache, slot, i));
    }
}

/* ---- growing ---------------------------------------------------------------------------------*/

static void test_grows_with_positions(void **state) {
    (void)state;
    struct kv_cache cache = new_cache(64, 1024, TENSOR_F32);
    assert_int_equal(cache.n_blocks, 0);
    for (size_t slot = 0; slot < 64; slot++) {
        fill(&cache, slot, 50);
    }
    assert_int_equal(cache.n_blocks, 64);
    fill(&cache, 7, BLOCK);
    assert_int_equal(cache.n_blocks, 64);
    fill(&cache, 7, BLOCK + 1);
    assert_int_equal(cache.n_blocks, 65);
    fill(&cache, 7, 1024);
    assert_int_equal(cache.n_blocks, 63 + 1024 / BLOCK);
    kv_cache_release(&cache);
}

static void test_places(void **state) {
    (void)state;
    static const enum tensor_type types[] = {TENSOR_F32, TENSOR_F16};
    for (size_t t = 0; t < 2; t++) {
        struct kv_cache cache = new_cache(N_SLOTS, 3 * BLOCK - 5, types[t]);
        for (size_t slot = 0; slot < N_SLOTS; slot++) {
            fill(&cache, slot, 3 * BLOCK - 5);
            write_marks(&cache, slot, 0, (size_t)cache.lengths[slot], slot);
        }
        for (size_t slot = 0; slot < N_SLOTS; slot++) {
            check_marks(&cache, slot, 0, (size_t)cache.lengths[slot], slot);
        }
        assert_int_equal(cache.n_blocks * cache.block_bytes,
                         N_SLOTS * kv_cache_slot_size(&config, types[t], 3 * BLOCK - 5));
        kv_cache_release(&cache);
    }
}

static void test_blocks_are_used_again(void **state) {
    (void)state;
    struct kv_cache cache = new_cache(N_SLOTS, 4 * BLOCK, TENSOR_F32);
    fill(&cache, 0, 4 * BLOCK);
    fill(&cache, 1, BLOCK + 1);
    assert_int_equal(cache.n_blocks, 6);
    kv_cache_truncate(&cache, 0, BLOCK);
    assert_null(block(&cache, 0, 1));
    kv_cache_truncate(&cache, 1, 0);
    assert_null(block(&cache, 1, 0));
    fill(&cache, 2, 3 * BLOCK);
    fill(&cache, 3, 2 * BLOCK - 1);
    assert_int_equal(cache.n_blocks, 6);
    fill(&cache, 3, 2 * BLOCK + 1);
    assert_int_equal(cache.n_blocks, 7);
    kv_cache_release(&cache);
}

/* ---- sharing ---------------------------------------------------------------------------------*/

static void check_copy_on_write(int32_t held, int32_t shared, enum tensor_type type) {
    struct kv_cache cache = new_cache(N_SLOTS, 4 * BLOCK, type);
    fill(&cache, 0, held);
    write_marks(&cache, 0, 0, (size_t)held, 0);
    size_t n_held = cache.n_blocks;
    kv_cache_copy(&cache, 1, 0, (size_t)shared);
    kv_cache_copy(&cache, 2, 1, (size_t)shared);
    assert_int_equal(cache.n_blocks, n_held);
    assert_int_equal(cache.lengths[1], shared);
    assert_ptr_equal(block(&cache, 1, 0), block(&cache, 0, 0));
    size_t last = (size_t)shared / KERNELS_KV_BLOCK;

    /* The second writes: into blocks of its own, what is shared stays as it is. */
    fill(&cache, 1, shared + 9);
    check_is_new_block(&cache, 1, last);
    assert_true(last == 0 || block(&cache, 1, 0) == block(&cache, 0, 0));
    check_marks(&cache, 1, 0, (size_t)shared, 0);
    write_marks(&cache, 1, (size_t)shared, (size_t)shared + 9, 1);
    check_marks(&cache, 0, 0, (size_t)held, 0);
    check_marks(&cache, 2, 0, (size_t)shared, 0);

    /* Of the first two that are left, whoever writes first. */
    fill(&cache, 2, shared + 20);
    write_marks(&cache, 2, (size_t)shared, (size_t)shared + 20, 2);
    fill(&cache, 0, held + 20);
    write_marks(&cache, 0, (size_t)held, (size_t)held + 20, 0);
    check_marks(&cache, 0, 0, (size_t)held + 20, 0);
    check_marks(&cache, 1, 0, (size_t)shared, 0);
    check_marks(&cache, 1, (size_t)shared, (size_t)shared + 9, 1);
    check_marks(&cache, 2, 0, (size_t)shared, 0);
    check_marks(&cache, 2, (size_t)shared, (size_t)shared + 20, 2);
    kv_cache_release(&cache);
}

static void test_copy_on_write(void **state) {
    (void)state;
    static const int32_t lengths[][2] = {
        {5, 5},         {40, 33},           {BLOCK, BLOCK - 1},     {BLOCK + 3, BLOCK + 3},
        {200, BLOCK},   {2 * BLOCK, BLOCK}, {3 * BLOCK + 1, BLOCK}, {3 * BLOCK + 50, BLOCK + 70},
        {BLOCK, BLOCK},
    };
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        check_copy_on_write(lengths[i][0], lengths[i][1], TENSOR_F32);
        check_copy_on_write(lengths[i][0], lengths[i][1], TENSOR_F16);
    }
}

/* The last that has a block writes to it in place. */
static void test_last_user_writes_in_place(void **state) {
    (void)state;
    struct kv_cache cache = new_cache(N_SLOTS, 4 * BLOCK, TENSOR_F32);
    fill(&cache, 0, 30);
    kv_cache_copy(&cache, 1, 0, 30);
    kv_cache_copy(&cache, 2, 0, 10);
    const unsigned char *shared = block(&cache, 0, 0);
    kv_cache_truncate(&cache, 0, 0);
    fill(&cache, 2, 11);
    assert_ptr_not_equal(block(&cache, 2, 0), shared);
    fill(&cache, 1, 31);
    assert_ptr_equal(block(&cache, 1, 0), shared);
    assert_int_equal(cache.n_blocks, 2);
    kv_cache_release(&cache);
}

static void test_truncate_in_shared_block(void **state) {
    (void)state;
    struct kv_cache cache = new_cache(N_SLOTS, 4 * BLOCK, TENSOR_F32);
    fill(&cache, 0, 2 * BLOCK + 10);
    write_marks(&cache, 0, 0, 2 * BLOCK + 10, 0);
    kv_cache_copy(&cache, 1, 0, 2 * BLOCK + 10);
    kv_cache_truncate(&cache, 1, BLOCK + 40);
    assert_null(block(&cache, 1, 2));
    assert_ptr_equal(block(&cache, 1, 1), block(&cache, 0, 1));
    fill(&cache, 1, BLOCK + 41);
    assert_ptr_not_equal(block(&cache, 1, 1), block(&cache, 0, 1));
    write_marks(&cache, 1, BLOCK + 40, BLOCK + 41, 1);
    check_marks(&cache, 0, 0, 2 * BLOCK + 10, 0);
    check_marks(&cache, 1, 0, BLOCK + 40, 0);
    /* A copy over what a slot holds leaves that to those who have it, too. */
    kv_cache_copy(&cache, 2, 1, BLOCK + 41);
    kv_cache_copy(&cache, 1, 0, 20);
    check_marks(&cache, 1, 0, 20, 0);
    check_marks(&cache, 2, BLOCK + 40, BLOCK + 41, 1);
    kv_cache_release(&cache);
}

/* Nothing to write: nothing is copied. */
static void test_no_write_no_copy(void **state) {
    (void)state;
    struct kv_cache cache = new_cache(N_SLOTS, 4 * BLOCK, TENSOR_F32);
    fill(&cache, 0, 50);
    kv_cache_copy(&cache, 1, 0, 50);
    fill(&cache, 2, 3);
    assert_ptr_equal(block(&cache, 1, 0), block(&cache, 0, 0));
    kv_cache_copy(&cache, 1, 0, 0);
    assert_int_equal(cache.lengths[1], 0);
    assert_null(block(&cache, 1, 0));
    fill(&cache, 0, 51);
    assert_int_equal(cache.n_blocks, 2);
    kv_cache_release(&cache);
}

/* ---- no memory -------------------------------------------------------------------------------*/

/* kv_cache_reserve() where the system gives no more address space. */
static enum gen_status reserve_without_memory(struct kv_cache *cache, const int32_t *lengths,
                                              struct gen_error *err) {
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    struct rlimit little = {1 << 20, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    enum gen_status status = kv_cache_reserve(cache, lengths, err);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    return status;
}

static void test_no_memory(void **state) {
    (void)state;
    struct kv_cache cache = new_cache(N_SLOTS, 4 * BLOCK, TENSOR_F32);
    assert_true(cache.block_bytes >= 1 << 17);
    fill(&cache, 0, BLOCK + 10);
    write_marks(&cache, 0, 0, BLOCK + 10, 0);
    kv_cache_copy(&cache, 1, 0, BLOCK + 10);
    fill(&cache, 3, 2 * BLOCK);
    kv_cache_truncate(&cache, 3, 5); /* one block waits to be used again */
    assert_int_equal(cache.n_blocks, 4);

    /* Slot 0 gets a copy of its last block, then there is none for slot 2. */
    int32_t lengths[N_SLOTS] = {BLOCK + 11, BLOCK + 10, 1, 5};
    struct gen_error err;
    assert_int_equal(reserve_without_memory(&cache, lengths, &err), GEN_NO_MEMORY);
    assert_string_equal(err.message,
                        "out of memory for the keys and values of a sequence of 1 positions (fewer "
                        "sequences at once need less, and a KV cache of type f16)");
    assert_int_equal(cache.n_blocks, 4);
    assert_int_equal(cache.lengths[0], BLOCK + 10);
    assert_int_equal(cache.lengths[2], 0);
    assert_null(block(&cache, 2, 0));
    check_marks(&cache, 0, 0, BLOCK + 10, 0);
    check_marks(&cache, 1, 0, BLOCK + 10, 0);

    /* No copy can be made of what slots 1 and 2 share. */
    kv_cache_copy(&cache, 2, 1, BLOCK + 10);
    lengths[1] = BLOCK + 11;
    lengths[2] = BLOCK + 10;
    lengths[0] = BLOCK + 10;
    assert_int_equal(reserve_without_memory(&cache, lengths, &err), GEN_NO_MEMORY);
    assert_ptr_equal(block(&cache, 1, 1), block(&cache, 2, 1));

    /* A slot that gets some of the blocks it needs gives them back. */
    kv_cache_truncate(&cache, 2, 0);
    kv_cache_truncate(&cache, 1, 0);
    lengths[1] = lengths[2] = 0;
    lengths[3] = 4 * BLOCK;
    assert_int_equal(reserve_without_memory(&cache, lengths, &err), GEN_NO_MEMORY);
    assert_null(block(&cache, 3, 1));
    fill(&cache, 3, 4 * BLOCK);
    check_marks(&cache, 0, 0, BLOCK + 10, 0);
    kv_cache_release(&cache);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_with_positions),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_blocks_are_used_again),
        cmocka_unit_test(test_copy_on_write),
        cmocka_unit_test(test_last_user_writes_in_place),
        cmocka_unit_test(test_truncate_in_shared_block),
        cmocka_unit_test(test_no_write_no_copy),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
