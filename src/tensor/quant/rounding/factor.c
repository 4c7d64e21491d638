/**
 * factor.c - H = U D U^T, from the sums of products of inputs: what rows.c rounds by.
 *
 * With the order of numbers turned round it is H = L D L^T with L below its diagonal, which is made
 * by Cholesky's way in blocks of columns, in double precision: block after block is finished, and
 * what it says of the numbers after it is taken off these.
 */
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "tensor/quant/rounding/rounding.h"

enum { BLOCK = 32, PANEL = MATRIX_PANEL };

/* The matrix on its way, its order turned round: a[i][j] for j <= i. */
struct factor {
    size_t n;
    double *a;         /* [n][n] */
    double *columns;   /* [BLOCK][n] the block's columns, transposed */
    size_t first, end; /* the block's columns */
    double floor;      /* no pivot is less */
    const float *h;    /* panels */
    float *u;
    float *cost;
    double scale, damping;
};

static double number(const struct factor *f, size_t i, size_t j) {
    size_t row = f->n - 1 - i;
    size_t column = f->n - 1 - j;
    return (double)f->h[(column / PANEL * f->n + row) * PANEL + column % PANEL];
}

static void fill_share(void *context, size_t begin, size_t end, int thread) {
    struct factor *f = context;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        for (size_t j = 0; j <= i; j++) {
            f->a[i * f->n + j] = number(f, i, j) * f->scale;
        }
        f->a[i * f->n + i] += f->damping;
    }
}

/* The block's own square. */
static void factor_square(struct factor *f) {
    size_t n = f->n;
    for (size_t k = f->first; k < f->end; k++) {
        double *row = f->a + k * n;
        double pivot = row[k];
        for (size_t j = f->first; j < k; j++) {
            pivot -= row[j] * row[j];
        }
        pivot = pivot > f->floor ? pivot : f->floor;
        row[k] = __builtin_sqrt(pivot);
        for (size_t i = k + 1; i < f->end; i++) {
            double *below = f->a + i * n;
            double sum = below[k];
            for (size_t j = f->first; j < k; j++) {
                sum -= below[j] * row[j];
            }
            below[k] = sum / row[k];
        }
    }
}

/* The block's columns in the rows after it. */
static void factor_share(void *context, size_t begin, size_t end, int thread) {
    struct factor *f = context;
    (void)thread;
    for (size_t i = f->end + begin; i < f->end + end; i++) {
        double *row = f->a + i * f->n;
        for (size_t k = f->first; k < f->end; k++) {
            const double *above = f->a + k * f->n;
            double sum = row[k];
            for (size_t j = f->first; j < k; j++) {
                sum -= row[j] * above[j];
            }
            row[k] = sum / above[k];
            f->columns[(k - f->first) * f->n + i] = row[k];
        }
    }
}

/* What the block says of the numbers after it. Loops over columns have no order among them. */
static void subtract_share(void *context, size_t begin, size_t end, int thread) {
    struct factor *f = context;
    (void)thread;
    for (size_t i = f->end + begin; i < f->end + end; i++) {
        double *row = f->a + i * f->n;
        for (size_t k = 0; k < f->end - f->first; k += 4) {
            const double *column = f->columns + k * f->n;
            size_t n = f->n;
            double a = row[f->first + k], b = row[f->first + k + 1];
            double c = row[f->first + k + 2], d = row[f->first + k + 3];
            for (size_t j = f->end; j <= i; j++) {
                row[j] -= (a * column[j] + b * column[n + j]) +
                          (c * column[2 * n + j] + d * column[3 * n + j]);
            }
        }
    }
}

/* U in panels, with the order as it was: U[r][c] = L[n-1-r][n-1-c], and nothing at or below the
 * diagonal, which rows.c never reads. */
static void store_share(void *context, size_t begin, size_t end, int thread) {
    struct factor *f = context;
    (void)thread;
    for (size_t c = begin; c < end; c++) {
        size_t j = f->n - 1 - c;
        double pivot = f->a[j * f->n + j];
        float *column = f->u + c / PANEL * f->n * PANEL + c % PANEL;
        f->cost[c] = (float)(pivot * pivot);
        for (size_t r = 0; r < f->n; r++) {
            column[r * PANEL] = r < c ? (float)(f->a[(f->n - 1 - r) * f->n + j] / pivot) : 0.0f;
        }
    }
}

static void factorize(struct factor *f, struct thread_pool *pool) {
    thread_pool_run(pool, f->n, 16, fill_share, f);
    for (f->first = 0; f->first < f->n; f->first = f->end) {
        f->end = size_min(f->first + BLOCK, f->n);
        factor_square(f);
        thread_pool_run(pool, f->n - f->end, 16, factor_share, f);
        thread_pool_run(pool, f->n - f->end, 16, subtract_share, f);
    }
    thread_pool_run(pool, f->n, 16, store_share, f);
}

bool rounding_init(struct rounding *rounding, const struct compute *compute, float *h, size_t n,
                   size_t n_rows, double damping) {
    *rounding = (struct rounding){.n = n, .u = h, .cost = memory_new(n, sizeof(float))};
    struct factor f = {.n = n,
                       .a = memory_new_aligned(n * n, sizeof *f.a),
                       .columns = memory_new_aligned(BLOCK * n, sizeof *f.columns),
                       .h = h,
                       .u = h,
                       .cost = rounding->cost,
                       .scale = 1.0 / (double)n_rows};
    bool done = rounding->cost != NULL && f.a != NULL && f.columns != NULL;
    if (done) {
        double trace = 0.0;
        for (size_t i = 0; i < n; i++) {
            trace += number(&f, i, i) * f.scale;
        }
        /* Where nothing was seen, everything counts the same. */
        f.damping = trace > 0.0 ? damping * trace / (double)n : 1.0;
        f.floor = f.damping * 1e-3;
        factorize(&f, compute->pool);
    }
    memory_free_aligned(f.a, n * n, sizeof *f.a);
    memory_free_aligned(f.columns, BLOCK * n, sizeof *f.columns);
    if (!done) {
        rounding_release(rounding);
    }
    return done;
}

void rounding_release(struct rounding *rounding) {
    memory_free_aligned(rounding->u, rounding->n * rounding->n, sizeof *rounding->u);
    memory_free(rounding->cost);
    *rounding = (struct rounding){0};
}
