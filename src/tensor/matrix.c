/**
 * matrix.c - making the weight operand of a product: planning its panels, packing them from a
 * file's rows or using them in place, and reading one column back. Plain floats are packed by
 * plain_panel.c, block formats by quant/quant_panel.c; products are in kernels/.
 */
#include "tensor/matrix.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "tensor/plain_panel.h"

size_t matrix_n_panels(const struct matrix *matrix) {
    return size_divide_up(matrix->n_out, MATRIX_PANEL);
}

size_t matrix_bytes(const struct matrix *matrix) {
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    size_t in_place = matrix->n_in * matrix->n_out / info->block_size * info->block_bytes;
    return matrix->packed_bytes > 0 ? matrix->packed_bytes : in_place;
}

/* ---- packing a panel -------------------------------------------------------------------------*/

/* Bits that are all ones in numbers that are not finite. */
static unsigned exponent_of(enum tensor_type type) {
    return type == TENSOR_F32 ? 0x7f800000u : type == TENSOR_F16 ? 0x7c00u : 0x7f80u;
}

/* From a source that already lies k by k: runs of columns are copied. */
static bool pack_columns(const struct matrix *matrix, unsigned char *to, const unsigned char *from,
                         size_t n_columns) {
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    bool finite = true;
    for (size_t k = 0; k < matrix->n_in; k++) {
        memcpy(to, from, n_columns * info->block_bytes);
        finite &= info->find_not_finite(from, n_columns) == n_columns;
        to += MATRIX_PANEL * info->block_bytes;
        from += matrix->n_out * info->block_bytes;
    }
    return finite;
}

static size_t panel_size(const struct matrix *matrix) {
    size_t plain = matrix->n_in * MATRIX_PANEL * tensor_type_info(matrix->type)->block_bytes;
    return matrix_is_quantized(matrix) ? matrix->quant.panel_bytes : plain;
}

size_t matrix_source_step(const struct matrix *matrix, enum matrix_layout layout) {
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    size_t row_bytes = matrix->n_in / info->block_size * info->block_bytes;
    return MATRIX_PANEL * (layout == MATRIX_ROWS_ARE_INPUTS ? info->block_bytes : row_bytes);
}

/* `from` is where the panel's first number is. */
static bool pack_panel(const struct matrix *matrix, const unsigned char *from,
                       enum matrix_layout layout, size_t panel) {
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    size_t left = matrix->n_out - panel * MATRIX_PANEL;
    size_t n_columns = size_min(left, MATRIX_PANEL);
    unsigned char *to = matrix->packed + panel * panel_size(matrix);
    if (matrix_is_quantized(matrix)) {
        return quant_panel_pack(&matrix->quant, to, from, n_columns);
    }
    if (layout == MATRIX_ROWS_ARE_INPUTS) {
        return pack_columns(matrix, to, from, n_columns);
    }
    unsigned exponent = exponent_of(matrix->type);
    return info->block_bytes == 2 ? plain_panel_pack_16((uint16_t *)(void *)to, from, matrix->n_in,
                                                        n_columns, (uint16_t)exponent)
                                  : plain_panel_pack_32((uint32_t *)(void *)to, from, matrix->n_in,
                                                        n_columns, exponent);
}

/* ---- matrices --------------------------------------------------------------------------------*/

bool matrix_plan(struct matrix *matrix, enum tensor_type type, size_t n_in, size_t n_out,
                 enum matrix_layout layout) {
    const struct tensor_type_info *info = tensor_type_info(type);
    *matrix = (struct matrix){.type = type, .n_in = n_in, .n_out = n_out};
    if (layout == MATRIX_ROWS_ARE_INPUTS && n_out % MATRIX_PANEL == 0) {
        matrix->row_stride = n_out;
        matrix->panel_stride = MATRIX_PANEL;
        return true;
    }
    size_t bytes;
    if (info->quant != NULL) {
        if (!quant_layout_init(&matrix->quant, info->quant, n_in)) {
            return false;
        }
    } else if (memory_multiply(n_in, MATRIX_PANEL * info->block_bytes, &bytes)) {
        matrix->row_stride = MATRIX_PANEL;
        matrix->panel_stride = n_in * MATRIX_PANEL;
    } else {
        return false;
    }
    if (!memory_multiply(matrix_n_panels(matrix), panel_size(matrix), &bytes) ||
        !memory_add(bytes, MEMORY_ALIGNMENT - 1, &bytes)) {
        return false;
    }
    matrix->packed_bytes = bytes / MEMORY_ALIGNMENT * MEMORY_ALIGNMENT;
    return true;
}

void matrix_place(struct matrix *matrix, unsigned char *memory) {
    matrix->packed = memory;
    matrix->data = memory;
}

bool matrix_pack(const struct matrix *matrix, const unsigned char *source,
                 enum matrix_layout layout, size_t begin, size_t end) {
    size_t step = matrix_source_step(matrix, layout);
    bool finite = true;
    for (size_t panel = begin; panel < end; panel++) {
        finite &= pack_panel(matrix, source + (panel - begin) * step, layout, panel);
    }
    return finite;
}

struct packing {
    const struct matrix *matrix;
    const unsigned char *source;
    enum matrix_layout layout;
};

static void pack_share(void *context, size_t begin, size_t end, int thread) {
    const struct packing *packing = context;
    (void)thread;
    size_t step = matrix_source_step(packing->matrix, packing->layout);
    matrix_pack(packing->matrix, packing->source + begin * step, packing->layout, begin, end);
}

bool matrix_init(struct matrix *matrix, const unsigned char *source, enum tensor_type type,
                 size_t n_in, size_t n_out, enum matrix_layout layout, struct thread_pool *pool) {
    if (!matrix_plan(matrix, type, n_in, n_out, layout)) {
        return false;
    }
    if (matrix->packed_bytes == 0) {
        matrix->data = source;
        return true;
    }
    unsigned char *memory = memory_new_aligned(matrix->packed_bytes, 1);
    if (memory == NULL) {
        return false;
    }
    matrix_place(matrix, memory);
    matrix->owned = true;
    struct packing packing = {matrix, source, layout};
    thread_pool_run(pool, matrix_n_panels(matrix), 0, pack_share, &packing);
    return true;
}

void matrix_release(struct matrix *matrix) {
    if (matrix->owned) {
        memory_free_aligned(matrix->packed, matrix->packed_bytes, 1);
    }
    *matrix = (struct matrix){0};
}

struct matrix matrix_columns(const struct matrix *matrix, size_t panel, size_t n_out) {
    struct matrix columns = *matrix;
    size_t number = tensor_type_info(matrix->type)->block_bytes;
    columns.n_out = n_out;
    columns.data += panel * (matrix_is_quantized(matrix) ? matrix->quant.panel_bytes
                                                         : matrix->panel_stride * number);
    columns.packed = NULL;
    columns.packed_bytes = 0;
    columns.owned = false;
    return columns;
}

/* Numbers of a column that are gathered to be widened together. */
#define COLUMN_RUN 64

/* n numbers that lie `stride` bytes apart, side by side. */
static void gather(unsigned char *to, const unsigned char *from, size_t stride, size_t n,
                   size_t number_bytes) {
    for (size_t i = 0; i < n; i++) {
        if (number_bytes == sizeof(uint16_t)) {
            memcpy(to + i * sizeof(uint16_t), from + i * stride, sizeof(uint16_t));
        } else {
            memcpy(to + i * sizeof(float), from + i * stride, sizeof(float));
        }
    }
}

void matrix_column(float *out, const struct matrix *matrix, size_t n) {
    if (matrix_is_quantized(matrix)) {
        size_t panel = n / MATRIX_PANEL * matrix->quant.panel_bytes;
        quant_panel_column(&matrix->quant, out, matrix->data + panel, n % MATRIX_PANEL);
        return;
    }
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    size_t bytes = info->block_bytes;
    size_t first = n / MATRIX_PANEL * matrix->panel_stride + n % MATRIX_PANEL;
    unsigned char numbers[COLUMN_RUN * sizeof(float)];
    for (size_t k = 0, run; k < matrix->n_in; k += run) {
        run = size_min(matrix->n_in - k, COLUMN_RUN);
        gather(numbers, matrix->data + (first + k * matrix->row_stride) * bytes,
               matrix->row_stride * bytes, run, bytes);
        info->to_f32(out + k, numbers, run);
    }
}
