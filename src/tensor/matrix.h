/**
 * matrix.h - the weight operand of a matrix product, cut into panels of 16 columns.
 *
 * A product is y[m][n] = sum over k of x[m][k] w[k][n]. The kernels run vectors over n: 16
 * neighbouring columns make a panel, and for each k the 16 numbers of a panel lie side by side.
 * Where panel p begins and how far it is from one k to the next are two strides, so one kernel
 * serves both ways in which a matrix can lie in memory:
 *
 *   packed                 panel 0: w[0][0..15] w[1][0..15] ... w[K-1][0..15]
 *   (from rows of outputs) panel 1: w[0][16..31] ...                       row_stride 16
 *
 *   in place               w[0][0..N-1]
 *   (Hugging Face Conv1D)  w[1][0..N-1] ...          row_stride N, panel_stride 16
 *
 * Matrices whose rows are outputs (GGUF, lm_head) are packed once at load, in their own type;
 * the last panel is filled up with zeros. Matrices that already lie k by k are used as they are
 * in the mapped file if N is a multiple of 16, and packed otherwise.
 *
 * Matrices of block formats always come by rows of outputs and are packed as quant_panel.h draws:
 * one record for every block of the 16 columns, its factors first, then the small integers, four
 * k of a column side by side.
 */
#ifndef TENSOR_MATRIX_H
#define TENSOR_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/threads.h"
#include "tensor/quant/quant_panel.h"
#include "tensor/tensor_type.h"

#define MATRIX_PANEL 16

enum matrix_layout {
    MATRIX_ROWS_ARE_OUTPUTS, /**< source is [N][K], k innermost */
    MATRIX_ROWS_ARE_INPUTS   /**< source is [K][N], n innermost */
};

struct matrix {
    enum tensor_type type;
    size_t n_in;  /**< K */
    size_t n_out; /**< N */
    const unsigned char *data;
    size_t row_stride;         /**< numbers from (k, n) to (k + 1, n); 0 for block formats */
    size_t panel_stride;       /**< numbers from one panel to the next; 0 for block formats */
    struct quant_layout quant; /**< of a panel; format NULL for plain floats */
    unsigned char *packed;     /**< packed copy, or NULL when used in place */
    size_t packed_bytes;       /**< a multiple of MEMORY_ALIGNMENT; 0 when used in place */
    bool owned;                /**< `packed` is freed with the matrix */
};

/**
 * The first half of matrix_init(): all but memory and numbers. Where packed_bytes is 0 the matrix
 * is used in place, and `data` shall be its source. Otherwise give it memory with
 * matrix_place(), then pack all of its panels. Returns false if its size overflows.
 */
bool matrix_plan(struct matrix *matrix, enum tensor_type type, size_t n_in, size_t n_out,
                 enum matrix_layout layout);
/** Pack into packed_bytes bytes of zeroed and aligned memory, which stays the caller's. */
void matrix_place(struct matrix *matrix, unsigned char *memory);
/** Bytes of the source from one panel's first number to the next one's. */
size_t matrix_source_step(const struct matrix *matrix, enum matrix_layout layout);
/**
 * Pack panels begin ... end-1, in any order and by any thread, from the first number of panel
 * `begin` in its source: only with MATRIX_ROWS_ARE_INPUTS need more than the rows of these panels
 * be there. False if a number of these is not finite; they are packed all the same.
 */
bool matrix_pack(const struct matrix *matrix, const unsigned char *source,
                 enum matrix_layout layout, size_t begin, size_t end);

/**
 * Make a matrix of `source`, n_in x n_out numbers of `type` in the given layout. Packs with the
 * threads of `pool` where needed; an in-place matrix keeps pointing at the source. A block format
 * needs MATRIX_ROWS_ARE_OUTPUTS and n_in a multiple of its block_size. Returns false if out of
 * memory. The program plans all matrices first and packs them together; this is the way of tests,
 * which have one.
 */
bool matrix_init(struct matrix *matrix, const unsigned char *source, enum tensor_type type,
                 size_t n_in, size_t n_out, enum matrix_layout layout, struct thread_pool *pool);
void matrix_release(struct matrix *matrix);

/** Bytes of its numbers where products read them. */
size_t matrix_bytes(const struct matrix *matrix);

/**
 * Columns of `matrix` as a matrix of their own: n_out of them from the first of panel `panel` on,
 * all there. It points into `matrix` and is not to be released.
 */
struct matrix matrix_columns(const struct matrix *matrix, size_t panel, size_t n_out);

/** Number of panels. */
size_t matrix_n_panels(const struct matrix *matrix);

/** Whether the matrix has a block format: products then want quantized inputs. */
static inline bool matrix_is_quantized(const struct matrix *matrix) {
    return matrix->quant.format != NULL;
}

/** Read column n widened to f32: out[n_in]. For the embedding a tied lm_head is the table of. */
void matrix_column(float *out, const struct matrix *matrix, size_t n);

#endif
