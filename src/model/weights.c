/**
 * weights.c - the weights of a model from its file: each tensor bound by the table of
 * arch/tensors.c, checked for numbers that are not finite, and matrices packed into panels on all
 * threads. The layout of a panel is tensor/matrix.c's.
 */
#include "model/weights.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/threads.h"

/* Numbers a thread checks at a time; a multiple of every block size. */
#define CHECK_NUMBERS ((size_t)1 << 16)

/* Bytes of the file that a thread packs at a time. */
#define PIECE_BYTES ((size_t)1 << 21)

/* Most that it reads at a time: that should still be in the cache of its core when it is packed. */
#define READ_BYTES ((size_t)1 << 18)

/* A matrix whose numbers are to be packed. */
struct packing {
    struct matrix *matrix;
    struct tensor_source source;
    enum matrix_layout layout;
    size_t panels_per_piece;
    size_t first_piece; /* of all that are packed */
};

/* What binding carries from tensor to tensor. */
struct binding {
    struct weights *weights;
    const struct gen_config *config;
    const struct model_file *file;
    struct thread_pool *pool; /* NULL: check names and shapes only */
    const struct weights_meanwhile *meanwhile;
    struct gen_error *err;
    struct packing *packings; /* [n_packings] */
    size_t n_packings, packing_capacity;
    size_t n_pieces;
    unsigned char *scratch; /* [threads][scratch_stride], where pieces are read to */
    size_t scratch_stride;
    atomic_size_t first_bad; /* the first piece with a number that is not finite */
    /* A piece that could not be read, times TENSOR_MAX_PARTS, plus the part; SIZE_MAX: none. */
    atomic_size_t unread;
    atomic_int read_error; /* and its errno value */
};

/* ---- finite numbers --------------------------------------------------------------------------*/

struct finite_check {
    const struct tensor_type_info *info;
    const unsigned char *data;
    size_t n;
    atomic_size_t first_bad;
};

static void check_finite_share(void *context, size_t begin, size_t end, int thread) {
    struct finite_check *check = context;
    (void)thread;
    for (size_t share = begin; share < end; share++) {
        size_t first = share * CHECK_NUMBERS;
        size_t n = size_min(check->n - first, CHECK_NUMBERS);
        size_t bytes = first / check->info->block_size * check->info->block_bytes;
        size_t bad = first + check->info->find_not_finite(check->data + bytes, n);
        size_t known = atomic_load(&check->first_bad);
        while (bad < first + n && bad < known &&
               !atomic_compare_exchange_weak(&check->first_bad, &known, bad)) {
        }
    }
}

static enum gen_status check_finite(const struct binding *binding,
                                    const struct file_tensor *tensor) {
    struct finite_check check = {.info = tensor_type_info(tensor->type), .data = tensor->data};
    check.n = tensor->size / check.info->block_bytes * check.info->block_size;
    atomic_init(&check.first_bad, check.n);
    size_t n_shares = size_divide_up(check.n, CHECK_NUMBERS);
    thread_pool_run(binding->pool, n_shares, 0, check_finite_share, &check);
    size_t bad = atomic_load(&check.first_bad);
    if (bad == check.n) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(binding->err, GEN_BAD_FILE,
                     "%s: tensor %s has a number that is not finite at index %zu (the file is "
                     "damaged, or its training diverged)",
                     model_file_tensor_where(binding->file, tensor),
                     error_quote(&quoted, tensor->name, strlen(tensor->name)), bad);
}

/* ---- binding ---------------------------------------------------------------------------------*/

static enum gen_status bind_vector(const struct binding *binding, const struct file_tensor *tensor,
                                   float **vector) {
    size_t n = (size_t)tensor->dims[0];
    *vector = memory_new(n, sizeof **vector);
    if (*vector == NULL) {
        return error_no_memory(binding->err, "weights");
    }
    tensor_type_info(tensor->type)->to_f32(*vector, tensor->data, n);
    return check_finite(binding, tensor);
}

/* Matrices that are packed get their numbers when all are known: pack_all(). */
static enum gen_status bind_matrix(struct binding *binding, const struct tensor_spec *spec,
                                   const struct tensor_source *source, struct matrix *matrix) {
    const struct file_tensor *tensor = source->parts[0];
    bool by_inputs = spec->conv1d && binding->file->conv1d_by_inputs;
    enum matrix_layout layout = by_inputs ? MATRIX_ROWS_ARE_INPUTS : MATRIX_ROWS_ARE_OUTPUTS;
    size_t n_in = (size_t)tensor_size_of(spec->in, binding->config);
    size_t n_out = (size_t)tensor_size_of(spec->out, binding->config);
    if (!matrix_plan(matrix, tensor->type, n_in, n_out, layout)) {
        return error_no_memory(binding->err, "weights");
    }
    if (matrix->packed_bytes == 0) {
        matrix->data = tensor->data;
        return check_finite(binding, tensor);
    }
    size_t *total = &binding->weights->packed_bytes;
    if (!memory_add(*total, matrix->packed_bytes, total) ||
        !memory_grow(&binding->packings, &binding->packing_capacity, binding->n_packings + 1,
                     sizeof *binding->packings)) {
        return error_no_memory(binding->err, "weights");
    }
    size_t n_panels = matrix_n_panels(matrix);
    size_t panels_per_piece = PIECE_BYTES / (source->n_parts * tensor->size / n_panels + 1) + 1;
    binding->packings[binding->n_packings++] =
        (struct packing){matrix, *source, layout, panels_per_piece, binding->n_pieces};
    binding->n_pieces += size_divide_up(n_panels, panels_per_piece);
    return GEN_OK;
}

/* The token table: where lm_head is tied to it, it lies in memory once, as lm_head's panels. */
static enum gen_status bind_wte(struct binding *binding, const struct tensor_spec *spec,
                                const struct tensor_source *source) {
    const struct file_tensor *tensor = source->parts[0];
    if (binding->config->tie_word_embeddings) {
        return bind_matrix(binding, spec, source, &binding->weights->lm_head);
    }
    binding->weights->wte = (struct weight_table){tensor->data, tensor->type};
    return check_finite(binding, tensor);
}

static enum gen_status bind(struct binding *binding, const struct tensor_spec *spec,
                            int32_t layer) {
    struct tensor_source source;
    enum gen_status status =
        tensor_spec_find(&source, spec, layer, binding->file, binding->config, binding->err);
    if (status != GEN_OK) {
        return status;
    }
    binding->weights->n_parameters +=
        tensor_size_of(spec->out, binding->config) * tensor_size_of(spec->in, binding->config);
    if (binding->pool == NULL) {
        return GEN_OK;
    }
    const struct file_tensor *tensor = source.parts[0];
    void *field = weights_field(binding->weights, spec, layer);
    switch (spec->role) {
    case ROLE_NORM:
    case ROLE_BIAS:
        return bind_vector(binding, tensor, field);
    case ROLE_POSITIONS:
        binding->weights->wpe = (struct weight_table){tensor->data, tensor->type};
        return check_finite(binding, tensor);
    case ROLE_TOKENS:
        return bind_wte(binding, spec, &source);
    default:
        return bind_matrix(binding, spec, &source, field);
    }
}

static enum gen_status bind_all(struct binding *binding) {
    const struct arch *arch = binding->weights->arch;
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        if (!tensor_spec_exists(spec, binding->config)) {
            continue;
        }
        for (int32_t layer = 0; layer < tensor_spec_count(spec, binding->config); layer++) {
            enum gen_status status = bind(binding, spec, layer);
            if (status != GEN_OK) {
                return status;
            }
        }
    }
    return GEN_OK;
}

/* ---- packing ---------------------------------------------------------------------------------*/

/* The matrix that a piece belongs to: the last one that begins at it or before it. */
static const struct packing *packing_of(const struct binding *binding, size_t piece) {
    size_t low = 0;
    size_t high = binding->n_packings;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (binding->packings[middle].first_piece <= piece) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return &binding->packings[low];
}

/* The n bytes at `at` of the parts of a piece's matrix, one after the other: where they are, or in
 * scratch, which they fit in where they are read or lie in several parts. NULL: they could not be
 * read. */
static const unsigned char *read_parts(struct binding *binding, size_t piece,
                                       const struct tensor_source *source, size_t at, size_t n,
                                       bool in_place, unsigned char *scratch) {
    size_t part_size = source->parts[0]->size;
    for (size_t done = 0, run; done < n; done += run) {
        size_t part = (at + done) / part_size;
        size_t offset = (at + done) % part_size;
        const struct file_tensor *tensor = source->parts[part];
        const struct file_map *map = &binding->file->maps[tensor->map];
        run = size_min(n - done, part_size - offset);
        bool whole = run == n;
        const unsigned char *from = tensor->data + offset;
        const unsigned char *rows =
            whole && in_place ? from : file_map_read(map, from, run, scratch + done);
        if (rows == NULL) {
            atomic_store(&binding->read_error, errno);
            atomic_store(&binding->unread, piece * TENSOR_MAX_PARTS + part);
            return NULL;
        }
        if (whole) {
            return rows;
        }
        if (rows != scratch + done) {
            memcpy(scratch + done, rows, run);
        }
    }
    return scratch;
}

/*
 * Rows of outputs are read in pieces. Packed from the mapping, each of its pages has to be given
 * back at once, or the model would be in memory twice, and to map it and to give it back takes
 * longer than to copy it. So it is done only where a panel is larger than a piece. False if a
 * number is not finite.
 */
static bool pack_rows_of_outputs(struct binding *binding, size_t piece,
                                 const struct packing *packing, size_t begin, size_t end,
                                 unsigned char *scratch) {
    const struct tensor_source *source = &packing->source;
    size_t size = source->n_parts * source->parts[0]->size;
    size_t step = matrix_source_step(packing->matrix, packing->layout);
    bool wide = step > READ_BYTES;
    size_t n_together = wide ? 1 : READ_BYTES / step;
    bool finite = true;
    for (size_t panel = begin, next; panel < end; panel = next) {
        next = end - panel < n_together ? end : panel + n_together;
        size_t at = panel * step;
        size_t n = size_min(size - at, (next - panel) * step);
        const unsigned char *rows = read_parts(binding, piece, source, at, n, wide, scratch);
        if (rows == NULL) {
            return true;
        }
        finite &= matrix_pack(packing->matrix, rows, packing->layout, panel, next);
        if (wide && rows != scratch) {
            const struct file_tensor *tensor = source->parts[at / source->parts[0]->size];
            file_map_drop(&binding->file->maps[tensor->map], rows, n);
        }
    }
    return finite;
}

/* Rows of inputs hold columns of other pieces too: their pages wait for all. */
static void drop_rows_of_inputs(const struct binding *binding) {
    for (size_t i = 0; i < binding->n_packings; i++) {
        const struct file_tensor *tensor = binding->packings[i].source.parts[0];
        if (binding->packings[i].layout == MATRIX_ROWS_ARE_INPUTS) {
            file_map_drop(&binding->file->maps[tensor->map], tensor->data, tensor->size);
        }
    }
}

static void pack_piece(struct binding *binding, size_t piece, unsigned char *scratch) {
    const struct packing *packing = packing_of(binding, piece);
    size_t n_panels = matrix_n_panels(packing->matrix);
    size_t first = (piece - packing->first_piece) * packing->panels_per_piece;
    size_t left = n_panels - first;
    size_t last = first + size_min(left, packing->panels_per_piece);
    size_t step = matrix_source_step(packing->matrix, packing->layout);
    bool finite = packing->layout == MATRIX_ROWS_ARE_OUTPUTS
                      ? pack_rows_of_outputs(binding, piece, packing, first, last, scratch)
                      : matrix_pack(packing->matrix, packing->source.parts[0]->data + first * step,
                                    packing->layout, first, last);
    if (!finite) {
        size_t known = atomic_load(&binding->first_bad);
        while (piece < known && !atomic_compare_exchange_weak(&binding->first_bad, &known, piece)) {
        }
    }
}

/* Item 0 is the other work, as it is the longest; then come the pieces. */
static void pack_items(void *context, size_t begin, size_t end, int thread) {
    struct binding *binding = context;
    unsigned char *scratch = binding->scratch + (size_t)thread * binding->scratch_stride;
    for (size_t item = begin; item < end; item++) {
        if (item > 0) {
            pack_piece(binding, item - 1, scratch);
        } else if (binding->meanwhile != NULL) {
            binding->meanwhile->work(binding->meanwhile->context);
        }
    }
}

static enum gen_status cannot_read(const struct binding *binding, size_t unread) {
    const struct packing *packing = packing_of(binding, unread / TENSOR_MAX_PARTS);
    const struct file_tensor *tensor = packing->source.parts[unread % TENSOR_MAX_PARTS];
    struct gen_error reason;
    file_read_error(&reason, tensor->name, atomic_load(&binding->read_error));
    return error_set(binding->err, GEN_IO_ERROR, "%s: tensor %s",
                     model_file_tensor_where(binding->file, tensor), reason.message);
}

/* A panel of rows from several parts is put together in scratch, however wide it is. */
static size_t scratch_stride(const struct binding *binding) {
    size_t stride = READ_BYTES;
    for (size_t i = 0; i < binding->n_packings; i++) {
        const struct packing *packing = &binding->packings[i];
        if (packing->source.n_parts > 1) {
            stride = size_max(stride, matrix_source_step(packing->matrix, packing->layout));
        }
    }
    return stride;
}

static enum gen_status not_finite(const struct binding *binding, const struct packing *packing) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; status == GEN_OK && i < packing->source.n_parts; i++) {
        status = check_finite(binding, packing->source.parts[i]);
    }
    return status;
}

/* All in one loop over one stretch of memory: threads wait for each other once, and huge pages
 * fit. */
static enum gen_status pack_all(struct binding *binding) {
    struct weights *weights = binding->weights;
    weights->packed = memory_new_aligned(weights->packed_bytes, 1);
    if (weights->packed == NULL) {
        return error_no_memory(binding->err, "weights");
    }
    memory_will_fill(weights->packed, weights->packed_bytes);
    unsigned char *at = weights->packed;
    for (size_t i = 0; i < binding->n_packings; i++) {
        matrix_place(binding->packings[i].matrix, at);
        at += binding->packings[i].matrix->packed_bytes;
    }
    size_t n_threads = (size_t)thread_pool_size(binding->pool);
    binding->scratch_stride = scratch_stride(binding);
    binding->scratch = memory_new_aligned(n_threads, binding->scratch_stride);
    if (binding->scratch == NULL) {
        return error_no_memory(binding->err, "weights");
    }
    atomic_init(&binding->first_bad, binding->n_pieces);
    atomic_init(&binding->unread, SIZE_MAX);
    atomic_init(&binding->read_error, 0);
    thread_pool_run(binding->pool, binding->n_pieces + 1, 1, pack_items, binding);
    memory_free_aligned(binding->scratch, n_threads, binding->scratch_stride);
    drop_rows_of_inputs(binding);
    size_t unread = atomic_load(&binding->unread);
    if (unread != SIZE_MAX) {
        return cannot_read(binding, unread);
    }
    size_t bad = atomic_load(&binding->first_bad);
    return bad < binding->n_pieces ? not_finite(binding, packing_of(binding, bad)) : GEN_OK;
}

enum gen_status weights_init(struct weights *weights, const struct gen_config *config,
                             const struct model_file *file, struct thread_pool *pool,
                             const struct weights_meanwhile *meanwhile, struct gen_error *err) {
    *weights = (struct weights){.arch = arch_of(config)};
    if (!weights_new_layers(weights, config->n_layer)) {
        return error_no_memory(err, "weights");
    }
    struct binding binding = {.weights = weights,
                              .config = config,
                              .file = file,
                              .pool = pool,
                              .meanwhile = meanwhile,
                              .err = err};
    enum gen_status status = bind_all(&binding);
    if (status == GEN_OK && pool != NULL) {
        status = pack_all(&binding);
    }
    memory_free(binding.packings);
    if (status != GEN_OK) {
        weights_release(weights);
    }
    return status;
}

/* Tables lie in the file. */
static void release_tensor(struct weights *weights, const struct tensor_spec *spec, int32_t layer) {
    void *field = weights_field(weights, spec, layer);
    if (role_is_vector(spec->role)) {
        memory_free(*(float **)field);
    } else if (!role_is_table(spec->role)) {
        matrix_release(field);
    }
}

void weights_release(struct weights *weights) {
    for (size_t i = 0; weights->arch != NULL && i < weights->arch->n_tensors; i++) {
        const struct tensor_spec *spec = &weights->arch->tensors[i];
        int32_t n = !spec->per_layer ? 1 : weights->h != NULL ? weights->n_layer : 0;
        for (int32_t layer = 0; layer < n; layer++) {
            release_tensor(weights, spec, layer);
        }
    }
    memory_free(weights->h);
    memory_free_aligned(weights->packed, weights->packed_bytes, 1);
    *weights = (struct weights){0};
}

static void table_row(float *out, const struct weight_table *table, int32_t row, size_t n) {
    const struct tensor_type_info *info = tensor_type_info(table->type);
    size_t row_bytes = n / info->block_size * info->block_bytes;
    info->to_f32(out, table->data + (size_t)row * row_bytes, n);
}

void weights_embed(float *x, const struct weights *weights, int32_t id, int32_t position,
                   size_t n_embd, float *scratch) {
    if (weights->wte.data != NULL) {
        table_row(x, &weights->wte, id, n_embd);
    } else {
        matrix_column(x, &weights->lm_head, (size_t)id);
    }
    table_row(scratch, &weights->wpe, position, n_embd);
    for (size_t i = 0; i < n_embd; i++) {
        x[i] += scratch[i];
    }
}
