/**
 * unread_tensors.c - tensors that a file holds and nothing here can use: of other types, of odd
 * shapes, in a shard that the index does not name for them; and those that have to be copied first,
 * as their numbers lie apart.
 *
 * The readers have checked where they lie. They are kept by name, so that a model that needs one of
 * them is refused with the reason, and one that does not opens. F64 is made F32 when it is needed,
 * and numbers that lie apart are put in a row.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/model_file.h"

enum gen_status model_file_add_unread(struct model_file *file, const struct unread_tensor *unread,
                                      const char *name, size_t n, bool again, const char *where,
                                      struct gen_error *err) {
    uint32_t number = 0;
    bool known = hash_table_find(&file->unread_index, name, n, &number) ||
                 hash_table_find(&file->tensor_index, name, n, &number);
    if (known && again) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    if (known) {
        return error_set(err, GEN_BAD_FILE, "%s: tensor \"%s\" is there twice", where,
                         error_quote(&quoted, name, n));
    }
    char *why = memory_copy_string(unread->why, strlen(unread->why));
    if (why == NULL || !memory_grow(&file->unread, &file->unread_capacity, file->n_unread + 1,
                                    sizeof *file->unread)) {
        memory_free(why);
        return error_no_memory(err, "the list of tensors");
    }
    struct unread_tensor *added = &file->unread[file->n_unread];
    *added = *unread;
    added->why = why;
    enum gen_status status = model_file_add_name(&added->name, &file->unread_index, file->n_unread,
                                                 "tensor", name, n, where, err);
    if (status == GEN_OK) {
        file->n_unread++;
    } else {
        memory_free(why);
    }
    return status;
}

static struct unread_tensor *find(const struct model_file *file, const char *name) {
    uint32_t i = 0;
    return hash_table_find(&file->unread_index, name, strlen(name), &i) ? &file->unread[i] : NULL;
}

const struct unread_tensor *model_file_unread(const struct model_file *file, const char *name) {
    return find(file, name);
}

/* A number of 64 bits as a little-endian float: too large ones become infinite, and are refused as
 * such. */
static void narrow(unsigned char *to, const unsigned char *from) {
    uint64_t wide_bits = bytes_u64(from);
    double wide;
    memcpy(&wide, &wide_bits, sizeof wide);
    float number = (float)wide;
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    bytes_put_u32(to, bits);
}

/* Strides of a tensor whose numbers lie in a row. */
static void plain_strides(uint64_t strides[FILE_TENSOR_MAX_DIMS],
                          const struct file_tensor *tensor) {
    uint64_t stride = 1;
    for (size_t i = 0; i < FILE_TENSOR_MAX_DIMS; i++) {
        strides[i] = stride;
        stride *= tensor->dims[i];
    }
}

/* Its numbers in a row, `to` bytes each, which are `from` bytes each in the file. */
static void gather(unsigned char *out, const struct unread_tensor *unread, size_t from, size_t to) {
    const struct file_tensor *tensor = &unread->tensor;
    uint64_t strides[FILE_TENSOR_MAX_DIMS], index[FILE_TENSOR_MAX_DIMS] = {0};
    plain_strides(strides, tensor);
    if (unread->is_strided) {
        memcpy(strides, unread->strides, sizeof strides);
    }
    size_t n = tensor->size / from, at = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *number = tensor->data + at * from;
        if (unread->is_f64) {
            narrow(out + i * to, number);
        } else {
            memcpy(out + i * to, number, to);
        }
        for (size_t d = 0; d < FILE_TENSOR_MAX_DIMS; d++) { /* the next one */
            at += strides[d];
            if (++index[d] < tensor->dims[d]) {
                break;
            }
            at -= strides[d] * tensor->dims[d];
            index[d] = 0;
        }
    }
}

enum gen_status model_file_narrow(struct model_file *file, const char *name,
                                  struct gen_error *err) {
    struct unread_tensor *unread = find(file, name);
    if (unread == NULL || !(unread->is_f64 || unread->is_strided) || unread->values != NULL) {
        return GEN_OK;
    }
    struct file_tensor tensor = unread->tensor;
    tensor.type = unread->is_f64 ? TENSOR_F32 : tensor.type;
    size_t to = tensor_type_info(tensor.type)->block_bytes;
    size_t from = unread->is_f64 ? sizeof(double) : to;
    unread->values = memory_new(tensor.size / from, to);
    if (unread->values == NULL || !model_file_room_for_map(file)) {
        return error_no_memory(err, "weights");
    }
    gather(unread->values, unread, from, to);
    /* A mapping of its own, that nobody reads from the file or gives back to the system. */
    file->maps[file->n_maps] = (struct file_map){.data = unread->values};
    file->map_where[file->n_maps] = file->map_where[tensor.map];
    tensor.map = file->n_maps++;
    tensor.data = unread->values;
    tensor.size = tensor.size / from * to;
    return model_file_add_tensor(file, &tensor, name, strlen(name), file->where.text, err);
}
