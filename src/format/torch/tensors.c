/**
 * tensors.c - a dict of tensors, as a pickle has it, made tensors of a model_file: where they lie
 * in their storages, of which type and shape. Those whose numbers lie in a row are used in place,
 * others are copied when the model needs them (model_file_narrow).
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "format/torch/torch.h"

/* How often the numbers of a storage may be used, under different names: wte and lm_head are twice.
 * More would make a small file a model that fills all memory. */
#define MAX_SHARED 4

/* A tensor as the pickle describes it. */
struct described {
    struct torch_storage *storage;
    const struct torch_type *type;
    uint64_t offset; /* in numbers */
    uint64_t n;      /* numbers in it */
    size_t n_dims;
    uint64_t dims[FILE_TENSOR_MAX_DIMS], strides[FILE_TENSOR_MAX_DIMS]; /* innermost first */
    bool in_a_row;
    const char *odd_shape; /* why the shape cannot be used, else NULL */
};

struct reading {
    struct model_file *file;
    const struct torch_state *state;
    const char *name; /* of the tensor */
    size_t n_name;
    struct gen_error *err;
};

static enum gen_status bad(const struct reading *r, enum gen_status status, const char *what) {
    struct error_quoted quoted;
    return error_set(r->err, status, "%s: tensor \"%s\" %s", r->state->archive->where.text,
                     error_quote(&quoted, r->name, r->n_name), what);
}

/* The tuple of a shape: the tuple itself, or torch.Size of it. */
static uint32_t shape_of(const struct pickle *pickle, uint32_t value) {
    const struct pickle_value *at = pickle_at(pickle, value);
    if (at->tag != PICKLE_CALL || at->global != PICKLE_SIZE) {
        return value;
    }
    uint32_t tuple = at->as.arguments;
    size_t n = 0;
    bool one = pickle_tuple(pickle, at->as.arguments, &tuple, 1, &n) && n == 1;
    return one ? tuple : value;
}

/* Dimensions and strides, turned around. */
static enum gen_status read_shape(const struct reading *r, uint32_t shape, uint32_t strides,
                                  struct described *d) {
    const struct pickle *pickle = &r->state->archive->pickle;
    uint32_t dim[FILE_TENSOR_MAX_DIMS], stride[FILE_TENSOR_MAX_DIMS];
    size_t n = 0, n_strides = 0;
    bool tuples =
        pickle_tuple(pickle, shape_of(pickle, shape), dim, FILE_TENSOR_MAX_DIMS, &n) &&
        pickle_tuple(pickle, shape_of(pickle, strides), stride, FILE_TENSOR_MAX_DIMS, &n_strides);
    if (!tuples || n != n_strides) {
        return bad(r, GEN_BAD_FILE, "has a shape and strides that are no tuples of one length");
    }
    if (n > FILE_TENSOR_MAX_DIMS) {
        d->odd_shape = "has more than 4 dimensions";
        return GEN_OK;
    }
    d->n_dims = n;
    for (size_t i = 0; i < FILE_TENSOR_MAX_DIMS; i++) {
        d->dims[i] = 1;
        d->strides[i] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        int64_t size = 0, step = 0;
        if (!pickle_int(pickle, dim[n - 1 - i], &size) || size < 0 || (uint64_t)size > SIZE_MAX ||
            !pickle_int(pickle, stride[n - 1 - i], &step) || step < 0) {
            return bad(r, GEN_BAD_FILE,
                       "has a dimension or stride that is not a whole number, 0 or above");
        }
        d->dims[i] = (uint64_t)size;
        d->strides[i] = (uint64_t)step;
        if (size == 0) {
            d->odd_shape = "has a dimension of 0";
        }
    }
    return GEN_OK;
}

/* All numbers must be in the storage: the last of them is. */
static enum gen_status check_place(const struct reading *r, struct described *d) {
    size_t n = 1, span = 0, expected = 1;
    bool fits = true;
    d->in_a_row = true;
    for (size_t i = 0; i < FILE_TENSOR_MAX_DIMS; i++) {
        size_t reach = 0;
        if (d->dims[i] > 1) {
            d->in_a_row = d->in_a_row && d->strides[i] == expected;
        }
        fits = fits && memory_multiply((size_t)d->dims[i] - 1, (size_t)d->strides[i], &reach) &&
               memory_add(span, reach, &span) && memory_multiply(n, (size_t)d->dims[i], &n);
        expected = n;
    }
    d->n = n;
    uint64_t size = d->storage->n;
    if (!fits || d->offset >= size || span >= size - d->offset) {
        return bad(r, GEN_BAD_FILE, "reaches beyond the end of its storage");
    }
    d->storage->n_used += d->n <= size ? d->n : size * MAX_SHARED + 1;
    if (d->storage->n_used > size * MAX_SHARED) {
        return bad(r, GEN_BAD_FILE,
                   "uses numbers again that other tensors have already used several times, as no "
                   "model does");
    }
    return GEN_OK;
}

/* The arguments of _rebuild_tensor_v2: storage, offset, shape, strides, ... */
static enum gen_status describe(const struct reading *r, uint32_t tensor, struct described *d) {
    struct torch_archive *archive = r->state->archive;
    const struct pickle *pickle = &archive->pickle;
    uint32_t part[4];
    size_t n = 0;
    int64_t offset = 0;
    pickle_tuple(pickle, pickle_at(pickle, tensor)->as.arguments, part, 4, &n);
    if (n < 6 || n > 7 || pickle_at(pickle, part[0])->tag != PICKLE_PERSISTENT ||
        !pickle_int(pickle, part[1], &offset) || offset < 0) {
        return bad(r, GEN_BAD_FILE, "is not described as torch.save() does");
    }
    d->offset = (uint64_t)offset;
    enum gen_status status = torch_archive_storage(archive, part[0], &d->storage, r->err);
    if (status == GEN_OK) {
        d->type = torch_type_of(d->storage->type);
        status = read_shape(r, part[2], part[3], d);
    }
    return status == GEN_OK && d->odd_shape == NULL ? check_place(r, d) : status;
}

/* The tensor in a parameter; another value for itself. */
static uint32_t unwrap(const struct pickle *pickle, uint32_t value) {
    for (int i = 0; i < 2; i++) {
        const struct pickle_value *at = pickle_at(pickle, value);
        bool wraps = at->tag == PICKLE_CALL &&
                     (at->global == PICKLE_REBUILD_PARAMETER || at->global == PICKLE_PARAMETER);
        uint32_t inner = value;
        size_t n = 0;
        if (!wraps || !pickle_tuple(pickle, at->as.arguments, &inner, 1, &n) || n == 0) {
            break;
        }
        value = inner;
    }
    return value;
}

/* A tensor that is there, but that no model can use as it is, and the rest of a sentence on it. */
static enum gen_status add_unread(const struct reading *r, struct unread_tensor *unread,
                                  bool listed, const char *why) {
    char copy[300];
    snprintf(copy, sizeof copy, "%s", why);
    unread->why = copy;
    unread->is_listed = listed;
    return model_file_add_unread(r->file, unread, r->name, r->n_name, !listed,
                                 r->state->archive->where.text, r->err);
}

/* Where the index of the shards puts the tensor. */
enum place { HERE, IN_ANOTHER_SHARD, NOWHERE };

static enum place place_of(const struct reading *r) {
    const struct shard_filter *filter = r->state->filter;
    uint32_t owner = 0;
    if (filter == NULL) {
        return HERE;
    }
    if (!hash_table_find(filter->owners, r->name, r->n_name, &owner)) {
        return NOWHERE;
    }
    return owner == filter->number ? HERE : IN_ANOTHER_SHARD;
}

/* One of a shard that does not name it, or that is no tensor. */
static enum gen_status add_odd(const struct reading *r, const char *kind) {
    struct unread_tensor unread = {.tensor = {.map = r->state->map}};
    char why[300];
    bool listed = place_of(r) == HERE;
    if (!listed) {
        snprintf(why, sizeof why, "is in %.100s, but the \"weight_map\" does not name it",
                 r->state->archive->where.text);
    } else {
        snprintf(why, sizeof why, "is no tensor, but %s", kind);
    }
    return add_unread(r, &unread, listed, why);
}

static enum gen_status add_tensor(const struct reading *r, const struct described *d) {
    struct unread_tensor unread = {.tensor = {.map = r->state->map}};
    struct file_tensor *tensor = &unread.tensor;
    struct readable_types types;
    char why[300];
    if (d->odd_shape != NULL) {
        return add_unread(r, &unread, true, d->odd_shape);
    }
    if (!d->type->readable && !d->type->is_f64) {
        snprintf(why, sizeof why, "has dtype %s, which is not read; types that are: %s, F64",
                 d->type->name, model_file_readable_types(&types, NAMES_HF));
        return add_unread(r, &unread, true, why);
    }
    tensor->type = d->type->type;
    tensor->n_dims = d->n_dims > 0 ? (int)d->n_dims : 1; /* a single number is a row of one */
    memcpy(tensor->dims, d->dims, sizeof tensor->dims);
    tensor->data = d->storage->data + (size_t)d->offset * d->type->size;
    tensor->size = (size_t)d->n * d->type->size;
    unread.is_f64 = d->type->is_f64;
    unread.is_strided = !d->in_a_row;
    memcpy(unread.strides, d->strides, sizeof unread.strides);
    if (unread.is_f64 || unread.is_strided) {
        return add_unread(r, &unread, true,
                          unread.is_f64 ? "has dtype float64" : "has numbers that lie apart");
    }
    return model_file_add_tensor(r->file, tensor, r->name, r->n_name, r->state->archive->where.text,
                                 r->err);
}

static enum gen_status add_item(struct reading *r, uint32_t value) {
    const struct pickle *pickle = &r->state->archive->pickle;
    struct described d = {.n = 0};
    uint32_t tensor = unwrap(pickle, value);
    const struct pickle_value *at = pickle_at(pickle, tensor);
    enum place place = place_of(r);
    if (place == IN_ANOTHER_SHARD) { /* that shard's reading, or the check after it, says more */
        return GEN_OK;
    }
    if (place == NOWHERE || at->tag != PICKLE_CALL || at->global != PICKLE_REBUILD_TENSOR) {
        return add_odd(r, pickle_kind_name(at));
    }
    enum gen_status status = describe(r, tensor, &d);
    return status == GEN_OK ? add_tensor(r, &d) : status;
}

enum gen_status torch_add_state(struct model_file *file, const struct torch_state *state,
                                struct gen_error *err) {
    const struct pickle *pickle = &state->archive->pickle;
    struct pickle_walk walk = pickle_walk(pickle, state->dict);
    size_t n_prefix = state->prefix != NULL ? strlen(state->prefix) : 0;
    enum gen_status status = GEN_OK;
    uint32_t key, value;
    while (status == GEN_OK && pickle_next(&walk, &key) && pickle_next(&walk, &value)) {
        struct reading r = {.file = file, .state = state, .err = err};
        r.name = pickle_text(pickle, key, &r.n_name);
        if (r.name == NULL) {
            return error_set(err, GEN_BAD_FILE,
                             "%s: has %s where the name of a tensor must be (in Python: "
                             "torch.save(model.state_dict(), FILE))",
                             state->archive->where.text, pickle_kind_name(pickle_at(pickle, key)));
        }
        if (n_prefix > 0 && r.n_name > n_prefix && memcmp(r.name, state->prefix, n_prefix) == 0) {
            r.name += n_prefix;
            r.n_name -= n_prefix;
        }
        if (!safetensors_is_old_buffer(r.name)) { /* texts of a pickle have a NUL after them */
            status = add_item(&r, value);
        }
    }
    return status;
}

/* A dict that holds the weights under a name, as trainings save them. */
static enum gen_status refuse_wrapped(const struct torch_archive *archive, struct gen_error *err) {
    static const char *const names[] = {"state_dict", "model_state_dict", "model", "module"};
    const struct pickle *pickle = &archive->pickle;
    uint32_t value;
    for (size_t i = 0; i < N_OF(names); i++) {
        if (pickle_member(pickle, pickle->root, names[i], &value) &&
            pickle_at(pickle, value)->tag == PICKLE_DICT) {
            return error_set(err, GEN_UNSUPPORTED,
                             "%s: is a checkpoint of a training that has the weights under \"%s\" "
                             "(in Python: torch.save(torch.load(FILE)[\"%s\"], OTHER))",
                             archive->where.text, names[i], names[i]);
        }
    }
    return GEN_OK;
}

static enum gen_status read_archive(struct model_file *file, struct torch_archive *archive,
                                    size_t map, const struct shard_filter *filter,
                                    struct gen_error *err) {
    struct torch_state state = {
        .archive = archive, .dict = archive->pickle.root, .map = map, .filter = filter};
    const struct pickle_value *root = pickle_at(&archive->pickle, archive->pickle.root);
    if (root->tag != PICKLE_DICT) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: holds %s, but must hold a dict of tensors (in Python: "
                         "torch.save(model.state_dict(), FILE))",
                         archive->where.text, pickle_kind_name(root));
    }
    enum gen_status status = refuse_wrapped(archive, err);
    return status == GEN_OK ? torch_add_state(file, &state, err) : status;
}

enum gen_status torch_read(struct model_file *file, size_t map, const char *path,
                           const struct shard_filter *filter, struct gen_error *err) {
    const struct file_map *bytes = &file->maps[map];
    struct torch_archive archive = {0};
    file->check_sums = torch_check_sums;
    enum gen_status status = torch_archive_open(&archive, bytes->data, bytes->size, path, err);
    if (status == GEN_OK) {
        status = read_archive(file, &archive, map, filter, err);
    }
    torch_archive_release(&archive);
    return status;
}

bool torch_is_file(const char *path) {
    struct file_map map;
    if (file_kind_of(path) != FILE_REGULAR || file_map_open(&map, path, NULL) != GEN_OK) {
        return false;
    }
    bool is = torch_begins(map.data, map.size);
    file_map_close(&map);
    return is;
}
