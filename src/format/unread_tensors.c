/**
 * unread_tensors.c - tensors that a file holds and nothing here can use: of other types, of odd
 * shapes, in a shard that the index does not name for them.
 *
 * The readers have checked where they lie. They are kept by name, so that a model that needs one of
 * them is refused with the reason, and one that does not opens. F64 is made F32 when it is needed.
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

/* Its numbers as little-endian floats: too large ones become infinite, and are refused as such. */
static float *narrow(const struct file_tensor *tensor) {
    size_t n = tensor->size / sizeof(double);
    float *values = memory_new(n, sizeof *values);
    for (size_t i = 0; values != NULL && i < n; i++) {
        uint64_t wide_bits = bytes_u64(tensor->data + i * sizeof wide_bits);
        double wide;
        memcpy(&wide, &wide_bits, sizeof wide);
        float number = (float)wide;
        uint32_t bits;
        memcpy(&bits, &number, sizeof bits);
        bytes_put_u32((unsigned char *)&values[i], bits);
    }
    return values;
}

enum gen_status model_file_narrow(struct model_file *file, const char *name,
                                  struct gen_error *err) {
    struct unread_tensor *unread = find(file, name);
    if (unread == NULL || !unread->is_f64 || unread->values != NULL) {
        return GEN_OK;
    }
    unread->values = narrow(&unread->tensor);
    if (unread->values == NULL || !model_file_room_for_map(file)) {
        return error_no_memory(err, "weights");
    }
    /* A mapping of its own, that nobody reads from the file or gives back to the system. */
    struct file_tensor tensor = unread->tensor;
    file->maps[file->n_maps] = (struct file_map){.data = (unsigned char *)unread->values};
    file->map_where[file->n_maps] = file->map_where[tensor.map];
    tensor.map = file->n_maps++;
    tensor.type = TENSOR_F32;
    tensor.data = (unsigned char *)unread->values;
    tensor.size = tensor.size / sizeof(double) * sizeof(float);
    return model_file_add_tensor(file, &tensor, name, strlen(name), file->where.text, err);
}
