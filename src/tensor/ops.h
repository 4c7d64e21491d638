/**
 * ops.h - the operations of a Transformer's forward pass, spread over threads.
 *
 * Letters for sizes, here and in model/: B sequences, T positions, C = n_embd (width of the
 * residual stream), NH heads, HS = C / NH head size, V = n_vocab, and OC for the outputs of a
 * matrix. Rows are the tokens of a batch; every matrix of activations is row-major.
 *
 * Results do not depend on the number of threads: each output element is computed whole, by one
 * thread, in an order of its own (see kernels/kernels.h).
 */
#ifndef TENSOR_OPS_H
#define TENSOR_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/threads.h"
#include "tensor/kernels/kernels.h"

/** Who computes: a kernel set, threads, and scratch memory for each of them. */
struct compute {
    const struct kernels *kernels;
    struct thread_pool *pool;
    float *scratch;        /**< [threads of the pool][scratch_stride], at cache lines */
    size_t scratch_stride; /**< floats */
    unsigned char *inputs; /**< quantized rows, for products with weights of a block format */
    size_t inputs_size;    /**< bytes */
};

/** A pool of n_threads (0: the default) with `floats` of scratch each; false if out of memory. */
bool compute_init(struct compute *compute, const struct kernels *kernels, int n_threads,
                  size_t floats);
/** Room for `bytes` of quantized rows, at least one (kernels_quantized_row_bytes); more rows than
 *  fit are taken in turns. */
bool compute_reserve_inputs(struct compute *compute, size_t bytes);
/** Scratch of at least `floats` for each thread, what was in it is lost; false if out of memory. */
bool compute_reserve_scratch(struct compute *compute, size_t floats);
void compute_release(struct compute *compute);

/** The scratch of a thread. */
static inline float *compute_scratch(const struct compute *compute, int thread) {
    return compute->scratch + (size_t)thread * compute->scratch_stride;
}

/** y = x w and what follows it, for inference. Training has products of its own (ops_backward.h).
 */
void op_matmul(const struct compute *compute, const struct matmul_job *job);

/** Columns of a piece, whole panels of them; the last piece of a product may have fewer. */
#define OP_PIECE ((size_t)512)

/** Some columns of a product: y[r * y_stride + i] is column first + i of row r. */
struct op_piece {
    const float *y;
    size_t y_stride, n_rows;
    size_t first, n;
};

/** Called by any thread, as thread_work is; pieces come in any order. */
typedef void op_look(void *context, const struct op_piece *piece);

/** Floats of memory for op_matmul_pieces() with n_rows rows. */
size_t op_pieces_floats(const struct compute *compute, size_t n_rows);

/**
 * y = x w for a product so wide that nobody wants to keep it: each piece of its columns is computed
 * into memory of the thread's own, looked at, and forgotten. job->y is op_pieces_floats() floats,
 * its y_stride means nothing; no more rows than compute_reserve_inputs() has room for.
 */
void op_matmul_pieces(const struct compute *compute, const struct matmul_job *job, op_look *look,
                      void *context);

/** A number of a product. */
struct op_element {
    size_t row, column;
};

/** y[i] = element i of x w, which is the number that op_matmul() gives; the job as above, without
 *  its y. */
void op_matmul_elements(const struct compute *compute, const struct matmul_job *job,
                        const struct op_element *elements, size_t n, float *y);

/**
 * Numbers from one row of activations of n numbers to the next: whole cache lines, an odd number of
 * them. A product reads several rows side by side; at multiples of a page they would be in each
 * other's way in a cache (scripts/SPEED.md).
 */
size_t op_row_stride(size_t n);

/** y[r] = layer norm of x[r] for n_rows rows of n numbers, `stride` apart in both; y may be x. */
void op_layer_norm(const struct compute *compute, float *y, const float *x, const float *weight,
                   const float *bias, size_t n_rows, size_t n, size_t stride, float epsilon);

/** Put the new keys and values of the jobs into the cache. */
void op_store_kv(const struct compute *compute, const struct attention_job *jobs, size_t n_jobs);

/**
 * Attention jobs of any sizes. store: each puts its new keys and values into the cache first, for
 * jobs that do not see a position that another one brings. Otherwise all are there already.
 */
void op_attention(const struct compute *compute, const struct attention_job *jobs, size_t n_jobs,
                  bool store);

#endif
