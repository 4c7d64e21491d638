/**
 * kv_head.h - the keys and values of one head in blocks, as attention reads them, for tests of
 * kernels without a model.
 */
#ifndef KV_HEAD_H
#define KV_HEAD_H

#include <stddef.h>

#include "tensor/kernels/kernels.h"

/** A head's cache; nothing but it lies in its blocks. */
struct kv_head {
    size_t size, v_stride;
    enum tensor_type type;
    size_t n_blocks;
    size_t k_offset, v_offset;
    unsigned char **blocks;
};

/** Room for `positions` positions of a head of `size`, its numbers of `type`; all zero. */
struct kv_head kv_head_new(size_t size, size_t positions, enum tensor_type type);
void kv_head_free(struct kv_head *head);

/** A job over it: rows lie `size` apart, the scale is 0.3. */
struct attention_job kv_head_job(const struct kv_head *head);

#endif
