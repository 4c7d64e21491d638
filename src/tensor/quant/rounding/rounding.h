/**
 * rounding.h - rounding the rows of a matrix to a block format so that its products change least.
 *
 * What a row w loses when v is written in its place is measured on inputs x that the matrix has
 * seen: the mean of ((v - w) x)^2, which is e H e^T with e = v - w and H the mean of x^T x (Hassibi
 * and Stork 1993; Frantar and others 2022, GPTQ). With H = U D U^T, U with ones on and nothing
 * below its diagonal,
 *
 *     e H e^T = sum over k of D[k] (v[k] - t[k])^2,   t[k] = w[k] - sum over j < k of U[j][k] e[j]
 *
 * (Chee and others 2023, QuIP): numbers are rounded one after the other, each to the target t[k]
 * that makes up for the errors before it, and D[k] says how much a miss costs. Scales and minimums
 * of blocks and groups are tried in many sizes, each time with the rounding that follows from them,
 * and the one that costs least is kept.
 *
 * The result depends on H and the row alone, not on threads or kernel sets.
 */
#ifndef QUANT_ROUNDING_H
#define QUANT_ROUNDING_H

#include <stdbool.h>
#include <stddef.h>

#include "tensor/ops.h"
#include "tensor/quant/quant.h"

/** What rounding must know of a matrix's inputs. Start from {0}. */
struct rounding {
    size_t n;    /**< inputs, a multiple of 32 */
    float *u;    /**< [n / 16][n][16]: U in panels as matrix.h has them; NULL: it is I */
    float *cost; /**< [n]: D */
};

/**
 * From the sum of x^T x over n_rows rows, h in panels like u, of which nothing below the diagonal
 * is looked at, which becomes part of the rounding or
 * is freed by the time of return (it is memory of memory_new_aligned(n * n, sizeof(float))).
 * `damping`, times the mean of the diagonal, is added to the diagonal: what was rarely seen is not
 * free. Takes 8 n^2 bytes more and time that grows with n^3. False if out of memory.
 */
bool rounding_init(struct rounding *rounding, const struct compute *compute, float *h, size_t n,
                   size_t n_rows, double damping);
void rounding_release(struct rounding *rounding);

/** Floats of scratch per thread that `compute` must have for rows of n numbers. */
size_t rounding_scratch(size_t n);

/**
 * n_rows rows of rounding->n numbers to the format, as quant_from_f32() lays them out. *loss,
 * unless NULL, gets the sum of e H e^T of all rows. False if out of memory.
 */
bool rounding_rows(const struct rounding *rounding, const struct compute *compute,
                   const struct quant_format *format, unsigned char *out, const float *in,
                   size_t n_rows, double *loss);

/** The sum of e H e^T over n_rows rows e[n_rows][n] of changes made by others. */
double rounding_loss(const struct rounding *rounding, const float *e, size_t n_rows);

#endif
