/**
 * fuzz_quant.c - libFuzzer entry: the first byte chooses a block format, the others are blocks.
 * Packing undoes unpacking; numbers are finite where the check says so; and every kernel set that
 * this machine has finds the same bits of a product with them, which are finite then.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tensor/kernels/kernels.h"
#include "tensor/ops.h"
#include "tensor/quant/quant.h"

enum { N_ROWS = 3, N_OUT_MAX = 40, N_IN = QUANT_LARGE };

static const char *const sets[] = {"generic",    "avx2", "avx2vnni",   "avx512",
                                   "avx512vnni", "neon", "neondotprod"};

static void check_blocks(const struct tensor_type_info *info, const uint8_t *blocks, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct quant_block block, again;
        uint8_t packed[256] = {0};
        float numbers[QUANT_LARGE];
        const uint8_t *at = blocks + i * info->block_bytes;
        memset(&block, 0, sizeof block);
        memset(&again, 0, sizeof again);
        quant_unpack(info->quant, &block, at);
        if (info->quant->pack != NULL) {
            quant_pack(info->quant, packed, &block);
            quant_unpack(info->quant, &again, packed);
        } else {
            again = block; /* such blocks are only read */
        }
        info->to_f32(numbers, at, info->block_size);
        bool finite = info->find_not_finite(at, info->block_size) == info->block_size;
        for (size_t k = 0; k < info->block_size; k++) {
            if (block.q[k] != again.q[k] || (finite && !isfinite(numbers[k]))) {
                abort();
            }
        }
    }
}

static void multiply(float *y, const char *name, const struct matrix *w, const float *x) {
    const struct kernels *set = kernels_by_name(name);
    struct compute compute;
    if (set == NULL) {
        return;
    }
    if (!compute_init(&compute, set, 1, kernels_matmul_scratch(w)) ||
        !compute_reserve_inputs(&compute, N_ROWS * kernels_quantized_row_bytes(w))) {
        abort();
    }
    struct matmul_job job = {
        .y = y, .y_stride = w->n_out, .x = x, .x_stride = w->n_in, .n_rows = N_ROWS, .w = w};
    op_matmul(&compute, &job);
    compute_release(&compute);
}

static void check_products(enum tensor_type type, const uint8_t *blocks, size_t n_out) {
    static float x[N_ROWS * N_IN];
    static float first[N_ROWS * N_OUT_MAX], y[N_ROWS * N_OUT_MAX];
    struct thread_pool *pool = thread_pool_new(1);
    struct matrix w;
    for (size_t i = 0; i < N_ROWS * N_IN; i++) {
        x[i] = (float)(i * 7919 % 1000) / 250.0f - 2.0f;
    }
    if (!matrix_init(&w, blocks, type, N_IN, n_out, MATRIX_ROWS_ARE_OUTPUTS, pool)) {
        abort();
    }
    multiply(first, "generic", &w, x);
    for (size_t i = 1; i < sizeof sets / sizeof sets[0]; i++) {
        memcpy(y, first, sizeof y);
        multiply(y, sets[i], &w, x);
        if (memcmp(y, first, N_ROWS * n_out * sizeof *y) != 0) {
            abort();
        }
    }
    matrix_release(&w);
    thread_pool_free(pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    enum tensor_type type =
        (enum tensor_type)(TENSOR_Q8_0 + data[0] % (TENSOR_N_TYPES - TENSOR_Q8_0));
    const struct tensor_type_info *info = tensor_type_info(type);
    size_t row = N_IN / info->block_size * info->block_bytes;
    size_t n_out = (size - 1) / row < N_OUT_MAX ? (size - 1) / row : N_OUT_MAX;
    check_blocks(info, data + 1, (size - 1) / info->block_bytes);
    /* Weights that are not finite are refused when a model is opened. */
    if (n_out > 0 && info->find_not_finite(data + 1, n_out * N_IN) == n_out * N_IN) {
        check_products(type, data + 1, n_out);
    }
    return 0;
}
