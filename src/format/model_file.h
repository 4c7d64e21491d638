/**
 * model_file.h - a model on disk, whatever its format: named tensors, settings, a tokenizer.
 *
 * Opening checks everything that can be checked without knowing what a GPT-2 is: sizes, offsets,
 * types, overlaps, duplicates, names. Whoever uses the result may trust that a tensor's data
 * lies inside the mapping and has the size its shape and type say.
 */
#ifndef FORMAT_MODEL_FILE_H
#define FORMAT_MODEL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "base/hash_table.h"
#include "base/notes.h"
#include "gen.h"
#include "tensor/tensor_type.h"
#include "tokenizer/tokenizer.h"

#define FILE_TENSOR_MAX_DIMS 4

struct file_tensor {
    char *name; /**< valid UTF-8 without control characters */
    enum tensor_type type;
    int n_dims;
    uint64_t dims[FILE_TENSOR_MAX_DIMS]; /**< innermost (contiguous) first, as in GGUF; rest 1 */
    const unsigned char *data;           /**< little-endian, as in the file; any alignment */
    size_t size;                         /**< bytes */
    size_t map;                          /**< which of the file's mappings holds the data */
};

/**
 * A tensor that is where it should be, but in a type, of a shape or in a place that nothing here
 * can use. It does no harm unless the model needs it: model_file_unread() then says why it cannot
 * be.
 */
struct unread_tensor {
    char *name;
    char *why;                 /**< the rest of a sentence after the name: "has dtype ..." */
    bool is_f64;               /**< model_file_narrow() can make an F32 tensor of it */
    bool is_strided;           /**< it can put its numbers in a row, which lie apart */
    bool is_listed;            /**< false: it is in a shard, but the index does not say so */
    struct file_tensor tensor; /**< its place, dims and size, as if in a row; name NULL, type only
                                    where it is_strided and not is_f64 */
    uint64_t strides[FILE_TENSOR_MAX_DIMS]; /**< where it is_strided: in numbers, one a dimension */
    void *values;                           /**< once narrowed, else NULL */
};

/**
 * GGUF value types, by their numbers in the file; JSON values use the same struct. A JSON number
 * is I64 where it is a whole number below 2^53 in size, else F64.
 */
enum setting_type {
    SETTING_U8 = 0,
    SETTING_I8,
    SETTING_U16,
    SETTING_I16,
    SETTING_U32,
    SETTING_I32,
    SETTING_F32,
    SETTING_BOOL,
    SETTING_STRING,
    SETTING_ARRAY,
    SETTING_U64,
    SETTING_I64,
    SETTING_F64,
    SETTING_NULL,  /**< JSON only */
    SETTING_OBJECT /**< JSON only: its size is known, its contents are not kept */
};

/** One key of a GGUF, or one member of config.json. */
struct setting {
    char *key;
    enum setting_type type;
    enum setting_type element_type; /**< of an array; of a JSON array's first element, or NULL */
    union {
        uint64_t u; /**< unsigned integers, bool */
        int64_t i;  /**< signed integers */
        double f;   /**< F32, F64 */
        struct {
            const char *text; /**< not NUL-terminated */
            size_t n;
        } string;
        struct {
            /** Encoded elements as in the file; JSON: an array's text, NULL for an object. */
            const unsigned char *data;
            size_t size;
            uint64_t n; /**< elements, or members of a JSON object */
        } array;
    } value;
    void *owned; /**< memory that the value lies in and that goes with the setting, or NULL */
};

/** Whose names settings and tensors have. */
enum naming {
    NAMES_GGUF, /**< llama.cpp's: gpt2.context_length, blk.0.attn_qkv.weight */
    NAMES_HF    /**< Hugging Face's: n_positions, h.0.attn.c_attn.weight */
};

struct model_file {
    /* What the reader says of it; which reader it was does not matter. */
    const char *format; /**< "gguf v3", "safetensors"; static text */
    enum naming naming;
    /** Makes the tokenizer of what was read, where that is left for later; NULL: it is there, or
     *  there is none. */
    enum gen_status (*make_tokenizer)(struct model_file *file, struct gen_error *err);
    /** Compares the sums that the format keeps of its data with the data, all of which are read:
     *  *n_sums counts them, `wrong` is told of each that differs, in a sentence that names it.
     * NULL: the format keeps none. */
    enum gen_status (*check_sums)(const struct model_file *file, uint64_t *n_sums,
                                  void (*wrong)(void *context, const char *sentence), void *context,
                                  struct gen_error *err);
    bool conv1d_by_inputs; /**< matrices that were a Conv1D lie by rows of inputs, not of outputs */
    char *name;            /**< path of the file or directory */
    struct error_quoted where; /**< the same, printable, for messages about the whole */
    /* In a directory: the file that holds the settings, and the one that lists the tensors. */
    struct error_quoted settings_where, tensors_where;
    struct file_map *maps;
    struct error_quoted *map_where; /**< [n_maps] their paths; NULL for a memory image */
    size_t n_maps;
    struct file_tensor *tensors; /**< in file order */
    size_t n_tensors;
    size_t tensor_capacity;
    struct hash_table tensor_index;
    struct unread_tensor *unread; /**< tensors that cannot be used */
    size_t n_unread;
    size_t unread_capacity;
    struct hash_table unread_index;
    struct setting *settings; /**< in file order */
    size_t n_settings;
    size_t setting_capacity;
    struct hash_table setting_index;
    char *text; /**< memory that strings of the settings point into (HF), or NULL */
    void *made; /**< memory of tensors that the reader made itself, or NULL */
    /** HF: the ids that end a text, as config.json and then generation_config.json name them: 0 or
     *  more, but perhaps beyond the vocabulary, perhaps twice. */
    struct gen_ids eos_ids;
    char *templates;  /**< HF: memory that chat templates in the settings point into, or NULL */
    char *generation; /**< settings of generation that the file asks for, an object as JSON text;
                           NULL: none; of a GGUF where model/generation.h has read them */
    char *unheeded;   /**< a sentence about these */
    struct gen_tokenizer *tokenizer; /**< NULL where there is none */
    struct note_list notes;          /**< about all but the tokenizer, which has its own */
};

/** Open a GGUF file or a Hugging Face directory; the tokenizer comes with it where there is one. No
 *  descriptor stays open, tensors are mapped. */
enum gen_status model_file_open(struct model_file **out, const char *path, struct gen_error *err);
/** A GGUF image in memory that outlives the result. */
enum gen_status model_file_open_memory(struct model_file **out, const char *name, const void *data,
                                       size_t size, struct gen_error *err);
/**
 * The same in two steps, and with files left open for file_map_read(): a GGUF's tokenizer, which
 * takes milliseconds to build, is left to model_file_read_tokenizer(). That touches nothing of the
 * file but `tokenizer`, so others may read the rest meanwhile; it does nothing where the tokenizer
 * is there.
 */
enum gen_status model_file_begin(struct model_file **out, const char *path, struct gen_error *err);
enum gen_status model_file_begin_memory(struct model_file **out, const char *name, const void *data,
                                        size_t size, struct gen_error *err);
enum gen_status model_file_read_tokenizer(struct model_file *file, struct gen_error *err);
/** Close what is open of the files, which stay mapped: their tensors will not be read in pieces. */
void model_file_stop_reading(struct model_file *file);
void model_file_free(struct model_file *file);

const struct file_tensor *model_file_tensor(const struct model_file *file, const char *name);
const struct setting *model_file_setting(const struct model_file *file, const char *key);
/** A tensor of this name that cannot be used, or NULL. */
const struct unread_tensor *model_file_unread(const struct model_file *file, const char *name);
/**
 * Where a tensor of this name is there as F64, which has no kernels, make an F32 tensor of it, each
 * number rounded to nearest; where its numbers lie apart, as those of a transposed tensor do in a
 * PyTorch file, one in which they do not. For tensors that the model needs: it takes memory for all
 * numbers.
 */
enum gen_status model_file_narrow(struct model_file *file, const char *name, struct gen_error *err);

/* For messages, printable: the file in which the settings are; the one that says which tensors
 * there are; the one that holds this tensor. All are the file itself where the model is one file.
 */
const char *model_file_settings_where(const struct model_file *file);
const char *model_file_tensors_where(const struct model_file *file);
const char *model_file_tensor_where(const struct model_file *file,
                                    const struct file_tensor *tensor);

/**
 * Typed access. Returns GEN_OK and leaves *value alone if the key is missing (set the default
 * first); a value of another type or out of [low, high] is GEN_BAD_FILE with a sentence naming
 * file, key, what was found and what must be. Integers may be of any width and signedness; a JSON
 * number must be spelled as an integer. JSON null is a value of another type: ask
 * model_file_is_null() first where it stands for "none".
 */
bool model_file_is_null(const struct model_file *file, const char *key);
enum gen_status model_file_get_int(const struct model_file *file, const char *key, int64_t low,
                                   int64_t high, int64_t *value, struct gen_error *err);
enum gen_status model_file_get_float(const struct model_file *file, const char *key, double low,
                                     double high, double *value, struct gen_error *err);
enum gen_status model_file_get_bool(const struct model_file *file, const char *key, bool *value,
                                    struct gen_error *err);
/** *text points into the file, *n bytes. */
enum gen_status model_file_get_string(const struct model_file *file, const char *key,
                                      const char **text, size_t *n, struct gen_error *err);

/* ---- for the readers: each fills an empty *file, which the caller frees on failure -----------*/

/** From file->maps[0]; all but the tokenizer. */
enum gen_status gguf_read(struct model_file *file, struct gen_error *err);
/** Whether the directory has config.json and weights that can be read. */
bool hf_dir_is_model(const char *directory);
/** Such a directory. weights: a file of PyTorch's there that holds the weights; NULL: whichever
 * there is. */
enum gen_status hf_dir_read(struct model_file *file, const char *directory, const char *weights,
                            struct gen_error *err);
/** Only the settings, from config.json. */
enum gen_status hf_config_read(struct model_file *file, const char *directory,
                               struct gen_error *err);
/** The end-of-text id that config.json names, or -1: none, or several. */
int64_t hf_config_eos(const struct model_file *file);
/** Which tensors of a shard are read: those that the index puts there. */
struct shard_filter {
    const struct hash_table *owners; /**< name of a tensor to number of its shard */
    uint32_t number;                 /**< of this shard */
};
/** Add the tensors of one safetensors file, already mapped as file->maps[map]; filter may be NULL.
 */
enum gen_status safetensors_read(struct model_file *file, size_t map, const char *path,
                                 const struct shard_filter *filter, struct gen_error *err);
/**
 * Whether a tensor of this name is attn.bias or attn.masked_bias (of GPT-Neo attn.attention.bias
 * and so on), the causal mask that old checkpoints carry along: no weight.
 */
bool safetensors_is_old_buffer(const char *name);

/** A sentence that is no failure, for the program to say once; see gen_note. */
enum gen_status model_file_add_note(struct model_file *file, bool verbose_only,
                                    struct gen_error *err, const char *format, ...)
    ERROR_PRINTF(4, 5);
/** Check and copy a name of n untrusted bytes, and enter it in `index` as number `number`. */
enum gen_status model_file_add_name(char **out, struct hash_table *index, size_t number,
                                    const char *kind, const char *name, size_t n, const char *where,
                                    struct gen_error *err);
/** Room for one more of file->maps, whose number is n_maps; false if out of memory. */
bool model_file_room_for_map(struct model_file *file);
/** Open `path` as one more mapping, the last of file->maps, readable. */
enum gen_status model_file_map(struct model_file *file, const char *path, struct gen_error *err);
/**
 * Add a tensor or a setting under a name of n untrusted bytes, which is checked and copied;
 * tensor->name and setting->key are not looked at. `where` names the file in messages.
 */
enum gen_status model_file_add_tensor(struct model_file *file, const struct file_tensor *tensor,
                                      const char *name, size_t n, const char *where,
                                      struct gen_error *err);
/** The same for one that cannot be used, and why not. A name that is there in any form is refused,
 *  but for `again`: then the first one stays. */
enum gen_status model_file_add_unread(struct model_file *file, const struct unread_tensor *unread,
                                      const char *name, size_t n, bool again, const char *where,
                                      struct gen_error *err);
enum gen_status model_file_add_setting(struct model_file *file, const struct setting *setting,
                                       const char *key, size_t n, const char *where,
                                       struct gen_error *err);

/** Names of the tensor types that can be read from such a file, for messages: "F32, F16, BF16". */
struct readable_types {
    char text[160];
};
const char *model_file_readable_types(struct readable_types *out, enum naming naming);

/** Where a tensor's bytes lie, to find overlaps and holes. */
struct file_span {
    uint64_t begin, end;
    const char *name;
};
/** Sort by begin, then by end. */
void file_spans_sort(struct file_span *spans, size_t n);

#endif
