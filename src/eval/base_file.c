/**
 * base_file.c - reading and writing log probabilities of a base. A file is checked whole when it is
 * opened: what its head says of sizes must be the size that it has.
 */
#include "eval/base_file.h"

#include <float.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

#define MAGIC "_logits_"
/* Logits so far below the greatest are as good as any lower ones. */
#define SPAN  16.0f
#define STEPS 65535
/* How far above 0 rounding may have put a log probability. */
#define ROUNDING 1e-3f

size_t base_file_row_bytes(size_t n_vocab) {
    return 2 * sizeof(float) + size_round_up(n_vocab, 2) * sizeof(uint16_t);
}

size_t base_file_rows(size_t n_ctx) {
    return n_ctx - 1 - n_ctx / 2;
}

/* ---- reading ---------------------------------------------------------------------------------*/

/* Bytes that follow the head of a file; false: more than there can be. */
static bool expected_bytes(const struct gen_base_file *file, size_t *bytes) {
    size_t window, ids, rows;
    return memory_multiply((size_t)file->n_ctx, sizeof(int32_t), &ids) &&
           memory_multiply(base_file_rows((size_t)file->n_ctx), file->row_bytes, &rows) &&
           memory_add(ids, rows, &window) && memory_multiply(window, file->n_windows, bytes);
}

static enum gen_status read_head(struct gen_base_file *file, const char *path,
                                 struct gen_error *err) {
    struct cursor cursor = cursor_over(file->map.data, file->map.size);
    const unsigned char *magic = cursor_take(&cursor, strlen(MAGIC));
    error_quote(&file->name, path, strlen(path));
    if (magic == NULL || memcmp(magic, MAGIC, strlen(MAGIC)) != 0) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: holds no log probabilities, it must begin with \"%s\" as gen compare "
                         "--save-base and llama-perplexity write it",
                         file->name.text, MAGIC);
    }
    file->n_ctx = (int32_t)cursor_u32(&cursor);
    file->n_vocab = (int32_t)cursor_u32(&cursor);
    int32_t n_windows = (int32_t)cursor_u32(&cursor);
    if (cursor.failed || file->n_ctx < 3 || file->n_vocab < 1 || n_windows < 1) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: says that it has %d windows of %d tokens out of %d, but must have at "
                         "least 1 of 3",
                         file->name.text, (int)n_windows, (int)file->n_ctx, (int)file->n_vocab);
    }
    file->n_windows = (size_t)n_windows;
    file->row_bytes = base_file_row_bytes((size_t)file->n_vocab);
    size_t bytes;
    if (!expected_bytes(file, &bytes) || bytes != cursor_left(&cursor)) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: is cut off or changed, after its head it has %zu bytes, but not as "
                         "many as %d windows of %d tokens out of %d take",
                         file->name.text, cursor_left(&cursor), (int)n_windows, (int)file->n_ctx,
                         (int)file->n_vocab);
    }
    file->rows_at = cursor.position + file->n_windows * (size_t)file->n_ctx * sizeof(int32_t);
    size_t n_ids = file->n_windows * (size_t)file->n_ctx;
    file->ids = memory_new(n_ids, sizeof *file->ids);
    if (file->ids == NULL) {
        return error_no_memory(err, "ids");
    }
    for (size_t i = 0; i < n_ids; i++) {
        file->ids[i] = (int32_t)cursor_u32(&cursor);
        if (file->ids[i] < 0 || file->ids[i] >= file->n_vocab) {
            return error_set(err, GEN_BAD_FILE, "%s: has token id %d, but its ids are 0 to %d",
                             file->name.text, (int)file->ids[i], (int)file->n_vocab - 1);
        }
    }
    return GEN_OK;
}

enum gen_status gen_base_file_open(struct gen_base_file **out, const char *path,
                                   struct gen_error *err) {
    *out = NULL;
    struct gen_base_file *file = memory_new(1, sizeof *file);
    if (file == NULL) {
        return error_no_memory(err, "a file of log probabilities");
    }
    enum gen_status status = file_map_open(&file->map, path, err);
    if (status == GEN_OK) {
        status = read_head(file, path, err);
    }
    if (status != GEN_OK) {
        gen_base_file_free(file);
        return status;
    }
    *out = file;
    return GEN_OK;
}

void gen_base_file_free(struct gen_base_file *file) {
    if (file != NULL) {
        file_map_close(&file->map);
        memory_free(file->ids);
        memory_free(file);
    }
}

const int32_t *gen_base_file_ids(const struct gen_base_file *file, size_t *n, int32_t *n_ctx) {
    *n = file->n_windows * (size_t)file->n_ctx;
    *n_ctx = file->n_ctx;
    return file->ids;
}

static float float_at(const unsigned char *at) {
    uint32_t bits = bytes_u32(at);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

bool base_file_read_row(const struct gen_base_file *file, size_t window, size_t row, float *out) {
    size_t number = window * base_file_rows((size_t)file->n_ctx) + row;
    const unsigned char *at = file->map.data + file->rows_at + number * file->row_bytes;
    float scale = float_at(at);
    float least = float_at(at + sizeof(float));
    at += 2 * sizeof(float);
    /* Comparisons with what is NaN are false. */
    bool good = scale >= 0 && least > -FLT_MAX && scale * STEPS + least <= ROUNDING;
    for (size_t i = 0; i < (size_t)file->n_vocab && good; i++) {
        out[i] = scale * (float)bytes_u16(at + 2 * i) + least;
    }
    return good;
}

/* ---- writing ---------------------------------------------------------------------------------*/

enum gen_status gen_base_writer_open(struct gen_base_writer **out, const char *path,
                                     struct gen_error *err) {
    *out = NULL;
    struct gen_base_writer *writer = memory_new(1, sizeof *writer);
    if (writer == NULL) {
        return error_no_memory(err, "a file of log probabilities");
    }
    enum gen_status status = file_writer_open(&writer->file, path, err);
    if (status != GEN_OK) {
        gen_base_writer_free(writer);
        return status;
    }
    *out = writer;
    return GEN_OK;
}

void gen_base_writer_free(struct gen_base_writer *writer) {
    if (writer != NULL) {
        file_writer_close(&writer->file);
        memory_free(writer);
    }
}

static enum gen_status put_u32(struct file_writer *writer, uint32_t value, struct gen_error *err) {
    unsigned char bytes[4];
    bytes_put_u32(bytes, value);
    return file_writer_put(writer, bytes, sizeof bytes, err);
}

enum gen_status base_file_put_head(struct file_writer *writer, int32_t n_ctx, int32_t n_vocab,
                                   size_t n_windows, const int32_t *ids, struct gen_error *err) {
    if (n_windows > INT32_MAX) {
        return error_set(err, GEN_BAD_ARGUMENT, "%zu windows are more than a file can hold",
                         n_windows);
    }
    const uint32_t head[] = {(uint32_t)n_ctx, (uint32_t)n_vocab, (uint32_t)n_windows};
    enum gen_status status = file_writer_put(writer, MAGIC, strlen(MAGIC), err);
    for (size_t i = 0; i < N_OF(head) && status == GEN_OK; i++) {
        status = put_u32(writer, head[i], err);
    }
    for (size_t i = 0; i < n_windows * (size_t)n_ctx && status == GEN_OK; i++) {
        status = put_u32(writer, (uint32_t)ids[i], err);
    }
    return status;
}

static void put_float(unsigned char *at, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bytes_put_u32(at, bits);
}

void base_file_make_row(unsigned char *out, const float *logits, size_t n_vocab, float greatest,
                        float log_sum) {
    float least = greatest;
    for (size_t i = 0; i < n_vocab; i++) {
        least = logits[i] < least ? logits[i] : least;
    }
    least = least < greatest - SPAN ? greatest - SPAN : least;
    float scale = (greatest - least) / STEPS;
    float inverse = scale > 0 ? 1 / scale : 0;
    put_float(out, scale);
    put_float(out + sizeof(float), least - greatest - log_sum);
    out += 2 * sizeof(float);
    for (size_t i = 0; i < n_vocab; i++) {
        float steps = logits[i] > least ? inverse * (logits[i] - least) : 0;
        bytes_put_u16(out + 2 * i, (uint16_t)__builtin_rintf(steps < STEPS ? steps : STEPS));
    }
    if (n_vocab % 2 == 1) {
        bytes_put_u16(out + 2 * n_vocab, 0);
    }
}
