/**
 * kv_head.c - one head's keys and values in blocks. Values lie before keys and neither at the
 * beginning, so that a kernel which does not heed the offsets is found out. Needs nothing but base
 * and the kernels, so that the tests of another machine's kernels have it, too.
 */
#include "kv_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct kv_head kv_head_new(size_t size, size_t positions, enum tensor_type type) {
    size_t number = tensor_type_info(type)->block_bytes;
    struct kv_head head = {.size = size, .v_stride = (size + 15) / 16 * 16, .type = type};
    head.n_blocks = (positions + KERNELS_KV_BLOCK - 1) / KERNELS_KV_BLOCK;
    head.v_offset = 64;
    head.k_offset = head.v_offset + KERNELS_KV_BLOCK * head.v_stride * number + 64;
    head.blocks = calloc(head.n_blocks, sizeof *head.blocks);
    assert_non_null(head.blocks);
    for (size_t i = 0; i < head.n_blocks; i++) {
        head.blocks[i] = calloc(head.k_offset + KERNELS_KV_BLOCK * size * number, 1);
        assert_non_null(head.blocks[i]);
    }
    return head;
}

void kv_head_free(struct kv_head *head) {
    for (size_t i = 0; i < head->n_blocks; i++) {
        free(head->blocks[i]);
    }
    free(head->blocks);
}

struct attention_job kv_head_job(const struct kv_head *head) {
    return (struct attention_job){.q_stride = head->size,
                                  .out_stride = head->size,
                                  .type = head->type,
                                  .blocks = head->blocks,
                                  .k_offset = head->k_offset,
                                  .v_offset = head->v_offset,
                                  .head_size = head->size,
                                  .v_stride = head->v_stride,
                                  .scale = 0.3f};
}
