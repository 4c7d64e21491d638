#include "tensor/matrix.h"

#include <string.h>

#include "base/memory.h"

size_t matrix_n_panels(const struct matrix *matrix) {
    return (matrix->n_out + MATRIX_PANEL - 1) / MATRIX_PANEL;
}

size_t matrix_bytes(const struct matrix *matrix) {
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    size_t in_place = matrix->n_in * matrix->n_out / info->block_size * info->block_bytes;
    return matrix->owned != NULL ? matrix->owned_bytes : in_place;
}

struct packing {
    unsigned char *out;
    const unsigned char *source;
    size_t size; /* bytes of a number */
    size_t n_in, n_out;
    enum matrix_layout layout;
    const struct quant_layout *quant; /* format NULL for plain floats */
};

/* out[k][column] = source[column][k] for one panel; the k are taken in runs that fit a cache
 * line of the source, so that each line is read once. */
#define PACK_ROWS(name, type)                                                                      \
    static void name(const struct packing *p, size_t panel, size_t n_columns) {                    \
        enum { RUN = 16 };                                                                         \
        const unsigned char *from = p->source + panel * MATRIX_PANEL * p->n_in * sizeof(type);     \
        unsigned char *to = p->out + panel * MATRIX_PANEL * p->n_in * sizeof(type);                \
        for (size_t k0 = 0; k0 < p->n_in; k0 += RUN) {                                             \
            size_t n = p->n_in - k0 < RUN ? p->n_in - k0 : RUN;                                    \
            type block[RUN][MATRIX_PANEL] = {{0}};                                                 \
            for (size_t column = 0; column < n_columns; column++) {                                \
                type run[RUN] = {0};                                                               \
                memcpy(run, from + (column * p->n_in + k0) * sizeof(type), n * sizeof(type));      \
                for (size_t k = 0; k < RUN; k++) {                                                 \
                    block[k][column] = run[k];                                                     \
                }                                                                                  \
            }                                                                                      \
            memcpy(to + k0 * MATRIX_PANEL * sizeof(type), block, n * MATRIX_PANEL * sizeof(type)); \
        }                                                                                          \
    }

PACK_ROWS(pack_rows_16, uint16_t)
PACK_ROWS(pack_rows_32, uint32_t)

/* The same from a source that already lies k by k: runs of columns are copied. */
static void pack_columns(const struct packing *p, size_t panel, size_t n_columns) {
    size_t width = MATRIX_PANEL * p->size;
    const unsigned char *from = p->source + panel * width;
    unsigned char *to = p->out + panel * width * p->n_in;
    for (size_t k = 0; k < p->n_in; k++) {
        memcpy(to + k * width, from + k * p->n_out * p->size, n_columns * p->size);
    }
}

static void pack_blocks(const struct packing *p, size_t panel, size_t n_columns) {
    const struct quant_format *format = p->quant->format;
    size_t row_bytes = p->n_in / format->block_size * format->block_bytes;
    quant_panel_pack(p->quant, p->out + panel * p->quant->panel_bytes,
                     p->source + panel * MATRIX_PANEL * row_bytes, n_columns);
}

static void pack_panels(void *context, size_t begin, size_t end, int thread) {
    const struct packing *p = context;
    (void)thread;
    for (size_t panel = begin; panel < end; panel++) {
        size_t left = p->n_out - panel * MATRIX_PANEL;
        size_t n_columns = left < MATRIX_PANEL ? left : MATRIX_PANEL;
        if (p->quant->format != NULL) {
            pack_blocks(p, panel, n_columns);
        } else if (p->layout == MATRIX_ROWS_ARE_INPUTS) {
            pack_columns(p, panel, n_columns);
        } else if (p->size == 2) {
            pack_rows_16(p, panel, n_columns);
        } else {
            pack_rows_32(p, panel, n_columns);
        }
    }
}

/* Bytes of a packed panel, or false if they cannot be counted. */
static bool panel_size(struct matrix *matrix, size_t *bytes) {
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    if (info->quant == NULL) {
        return memory_multiply(matrix->n_in, MATRIX_PANEL * info->block_bytes, bytes);
    }
    bool good = quant_layout_init(&matrix->quant, info->quant, matrix->n_in);
    *bytes = matrix->quant.panel_bytes;
    return good;
}

bool matrix_init(struct matrix *matrix, const unsigned char *source, enum tensor_type type,
                 size_t n_in, size_t n_out, enum matrix_layout layout, struct thread_pool *pool) {
    *matrix = (struct matrix){.type = type, .n_in = n_in, .n_out = n_out};
    if (layout == MATRIX_ROWS_ARE_INPUTS && n_out % MATRIX_PANEL == 0) {
        matrix->data = source;
        matrix->row_stride = n_out;
        matrix->panel_stride = MATRIX_PANEL;
        return true;
    }
    size_t n_panels = matrix_n_panels(matrix);
    size_t panel_bytes;
    if (!panel_size(matrix, &panel_bytes) ||
        !memory_multiply(n_panels, panel_bytes, &matrix->owned_bytes)) {
        return false;
    }
    matrix->owned = memory_new_aligned(matrix->owned_bytes, 1);
    if (matrix->owned == NULL) {
        return false;
    }
    memory_will_fill(matrix->owned, matrix->owned_bytes);
    struct packing packing = {.out = matrix->owned,
                              .source = source,
                              .size = tensor_type_info(type)->block_bytes,
                              .n_in = n_in,
                              .n_out = n_out,
                              .layout = layout,
                              .quant = &matrix->quant};
    thread_pool_run(pool, n_panels, 0, pack_panels, &packing);
    matrix->data = matrix->owned;
    if (!matrix_is_quantized(matrix)) {
        matrix->row_stride = MATRIX_PANEL;
        matrix->panel_stride = n_in * MATRIX_PANEL;
    }
    return true;
}

void matrix_release(struct matrix *matrix) {
    memory_free_aligned(matrix->owned, matrix->owned_bytes, 1);
    *matrix = (struct matrix){0};
}

void matrix_column(float *out, const struct matrix *matrix, size_t n) {
    if (matrix_is_quantized(matrix)) {
        size_t panel = n / MATRIX_PANEL * matrix->quant.panel_bytes;
        quant_panel_column(&matrix->quant, out, matrix->data + panel, n % MATRIX_PANEL);
        return;
    }
    const struct tensor_type_info *info = tensor_type_info(matrix->type);
    size_t first = n / MATRIX_PANEL * matrix->panel_stride + n % MATRIX_PANEL;
    for (size_t k = 0; k < matrix->n_in; k++) {
        size_t at = first + k * matrix->row_stride;
        info->to_f32(out + k, matrix->data + at * info->block_bytes, 1);
    }
}
