/**
 * numbers.c - the check of all numbers of a file's tensors: whether they are finite, and in
 * matrices what looks as if something went wrong when they were made: rows that are zero or there
 * twice, huge numbers, a tensor that is there twice.
 */
#include <string.h>

#include "arch/arch.h"
#include "base/digest.h"
#include "base/hash_table.h"
#include "base/memory.h"
#include "base/size.h"
#include "model/check/checker.h"

/* Weights of models that work are far below; half precision ends at 65504. */
#define HUGE_NUMBER 1000.0f
/* Numbers of a row that are widened at a time, whole blocks of any type. */
#define RUN ((size_t)1024)

/* What a thread found in its rows; the least row of each kind. */
struct row_findings {
    size_t bad_row, huge_row; /* SIZE_MAX: none */
    size_t n_bad, n_huge, n_zero;
    float greatest;
    float run[RUN];
};

struct scan {
    const struct tensor_type_info *type;
    const unsigned char *data;
    size_t row, row_bytes;         /* numbers and bytes of a row */
    struct row_findings *findings; /* of each thread */
};

static void scan_row(const struct scan *scan, size_t row, struct row_findings *found) {
    const unsigned char *data = scan->data + row * scan->row_bytes;
    float greatest = 0.0f;
    if (scan->type->find_not_finite(data, scan->row) < scan->row) {
        found->n_bad++;
        found->bad_row = size_min(found->bad_row, row);
        return;
    }
    for (size_t first = 0; first < scan->row; first += RUN) {
        size_t n = size_min(scan->row - first, RUN);
        scan->type->to_f32(found->run,
                           data + first / scan->type->block_size * scan->type->block_bytes, n);
        for (size_t i = 0; i < n; i++) {
            float magnitude = __builtin_fabsf(found->run[i]);
            greatest = magnitude > greatest ? magnitude : greatest;
        }
    }
    found->n_zero += greatest == 0.0f;
    found->greatest = greatest > found->greatest ? greatest : found->greatest;
    if (greatest > HUGE_NUMBER) {
        found->n_huge++;
        found->huge_row = size_min(found->huge_row, row);
    }
}

static void scan_share(void *context, size_t begin, size_t end, int thread) {
    const struct scan *scan = context;
    for (size_t row = begin; row < end; row++) {
        scan_row(scan, row, &scan->findings[thread]);
    }
}

static struct row_findings gather(const struct scan *scan, int n_threads) {
    struct row_findings all = {.bad_row = SIZE_MAX, .huge_row = SIZE_MAX};
    for (int t = 0; t < n_threads; t++) {
        const struct row_findings *found = &scan->findings[t];
        all.bad_row = size_min(all.bad_row, found->bad_row);
        all.huge_row = size_min(all.huge_row, found->huge_row);
        all.n_bad += found->n_bad;
        all.n_huge += found->n_huge;
        all.n_zero += found->n_zero;
        all.greatest = found->greatest > all.greatest ? found->greatest : all.greatest;
    }
    return all;
}

static void tell(struct checker *checker, const struct file_tensor *tensor, size_t n_rows,
                 const struct row_findings *found) {
    const char *name = tensor->name;
    bool is_block = tensor_type_info(tensor->type)->quant != NULL;
    if (found->n_bad > 0) {
        checker_wrong(checker,
                      "%.200s: %s not finite in %zu of %zu rows, the first of them row %zu", name,
                      is_block ? "scales of blocks are" : "numbers are", found->n_bad, n_rows,
                      found->bad_row);
    }
    if (found->n_huge > 0) {
        checker_odd(checker,
                    "%.200s: numbers up to %g in %zu of %zu rows, the first of them row %zu", name,
                    (double)found->greatest, found->n_huge, n_rows, found->huge_row);
    }
    if (found->n_zero > 0 && n_rows > 1) {
        checker_odd(checker, "%.200s: %zu of %zu rows are zero", name, found->n_zero, n_rows);
    }
}

/* Rows of the token table that are another one's: they were never trained, or a tool padded it. */
static enum gen_status find_equal_rows(struct checker *checker, const struct file_tensor *tensor,
                                       const struct scan *scan, size_t n_rows) {
    struct hash_table rows = {0};
    size_t n_equal = 0, first = 0, other = 0;
    bool room = n_rows < UINT32_MAX && hash_table_reserve(&rows, n_rows);
    for (size_t row = 0; room && row < n_rows; row++) {
        const char *bytes = (const char *)scan->data + row * scan->row_bytes;
        enum hash_result result = hash_table_add(&rows, bytes, scan->row_bytes, (uint32_t)row);
        uint32_t earlier;
        if (result == HASH_EXISTS && n_equal++ == 0 &&
            hash_table_find(&rows, bytes, scan->row_bytes, &earlier)) {
            first = row;
            other = earlier;
        }
        room = result != HASH_NO_MEMORY;
    }
    hash_table_release(&rows);
    if (room && n_equal > 0) {
        checker_odd(checker, "%.200s: %zu of %zu rows are another one's, row %zu that of row %zu",
                    tensor->name, n_equal, n_rows, first, other);
    }
    return room ? GEN_OK : error_no_memory(checker->err, "the check");
}

static bool is_token_table(const struct checker *checker, const struct file_tensor *tensor) {
    const struct gen_model *model = checker->model;
    struct tensor_source source;
    return model->kind == GEN_KIND_MODEL &&
           tensor_spec_find(&source, tensor_spec_of(&model->config, ROLE_TOKENS), 0, model->source,
                            &model->config, NULL) == GEN_OK &&
           source.parts[0] == tensor;
}

static enum gen_status check_tensor(struct checker *checker, const struct file_tensor *tensor,
                                    struct scan *scan) {
    int n_threads = thread_pool_size(checker->pool);
    size_t row = (size_t)tensor->dims[0];
    scan->type = tensor_type_info(tensor->type);
    size_t n = tensor->size / scan->type->block_bytes * scan->type->block_size;
    if (row == 0 || n == 0 || n % row != 0) {
        return GEN_OK; /* nothing in it */
    }
    scan->data = tensor->data;
    scan->row = row;
    scan->row_bytes = row / scan->type->block_size * scan->type->block_bytes;
    for (int t = 0; t < n_threads; t++) {
        scan->findings[t] = (struct row_findings){.bad_row = SIZE_MAX, .huge_row = SIZE_MAX};
    }
    thread_pool_run(checker->pool, n / row, 0, scan_share, scan);
    struct row_findings found = gather(scan, n_threads);
    tell(checker, tensor, n / row, &found);
    if (is_token_table(checker, tensor)) {
        return find_equal_rows(checker, tensor, scan, n / row);
    }
    return GEN_OK;
}

/* Matrices that are another one's, but for those of zeros. */
static enum gen_status note_equal(struct checker *checker, struct hash_table *seen,
                                  const struct file_tensor *tensor, uint64_t *digests, size_t i) {
    const struct model_file *file = checker->model->source;
    uint32_t other;
    if (tensor->n_dims < 2 || tensor->size < 64) {
        return GEN_OK;
    }
    digests[i] = digest_of(tensor->data, tensor->size);
    const char *key = (const char *)&digests[i];
    if (hash_table_find(seen, key, sizeof digests[i], &other)) {
        const struct file_tensor *twin = &file->tensors[other];
        if (twin->size == tensor->size && memcmp(twin->data, tensor->data, tensor->size) == 0) {
            checker_odd(checker, "%.200s: has the same numbers as %.200s", tensor->name,
                        twin->name);
        }
        return GEN_OK;
    }
    return hash_table_add(seen, key, sizeof digests[i], (uint32_t)i) == HASH_NO_MEMORY
               ? error_no_memory(checker->err, "the check")
               : GEN_OK;
}

enum gen_status check_numbers(struct checker *checker) {
    const struct model_file *file = checker->model->source;
    struct scan scan = {
        .findings = memory_new((size_t)thread_pool_size(checker->pool), sizeof *scan.findings)};
    uint64_t *digests = memory_new(file->n_tensors, sizeof *digests);
    struct hash_table seen = {0};
    enum gen_status status = scan.findings != NULL && digests != NULL
                                 ? GEN_OK
                                 : error_no_memory(checker->err, "the check");
    checker->summary.n = file->n_tensors;
    for (size_t i = 0; i < file->n_tensors && status == GEN_OK; i++) {
        const struct file_tensor *tensor = &file->tensors[i];
        status = check_tensor(checker, tensor, &scan);
        if (status == GEN_OK && !safetensors_is_old_buffer(tensor->name)) {
            status = note_equal(checker, &seen, tensor, digests, i);
        }
        if (status == GEN_OK) {
            status = checker_progress(checker, tensor->size);
        }
        file_map_drop(&file->maps[tensor->map], tensor->data, tensor->size);
    }
    hash_table_release(&seen);
    memory_free(digests);
    memory_free(scan.findings);
    return status;
}

/* ---- layer norms -----------------------------------------------------------------------------*/

static void check_norm(struct checker *checker, const struct file_tensor *tensor) {
    const struct tensor_type_info *type = tensor_type_info(tensor->type);
    size_t n = tensor->size / type->block_bytes * type->block_size;
    size_t n_zero = 0;
    for (size_t i = 0; type->block_size == 1 && i < n; i++) {
        float weight;
        type->to_f32(&weight, tensor->data + i * type->block_bytes, 1);
        n_zero += weight == 0.0f;
    }
    if (n_zero == n) {
        checker_wrong(checker, "%.200s: all weights are zero, so that nothing comes through",
                      tensor->name);
    } else if (n_zero > 0) {
        checker_odd(checker, "%.200s: %zu of %zu weights are zero", tensor->name, n_zero, n);
    }
}

enum gen_status check_norms(struct checker *checker) {
    const struct gen_model *model = checker->model;
    if (model->kind != GEN_KIND_MODEL) {
        return GEN_OK;
    }
    const struct arch *arch = arch_of(&model->config);
    for (size_t i = 0; i < arch->n_tensors; i++) {
        const struct tensor_spec *spec = &arch->tensors[i];
        int32_t n = spec->role == ROLE_NORM ? tensor_spec_count(spec, &model->config) : 0;
        for (int32_t layer = 0; layer < n; layer++) {
            struct tensor_source source;
            enum gen_status status =
                tensor_spec_find(&source, spec, layer, model->source, &model->config, checker->err);
            if (status != GEN_OK) {
                return status;
            }
            check_norm(checker, source.parts[0]);
            checker->summary.n++;
        }
    }
    return GEN_OK;
}
