/**
 * whole_model.h - a small GPT-2 that can be opened and run, as a list of tensors and settings that
 * a test changes before it is written as a Hugging Face directory or a GGUF. Built byte by byte,
 * without the library's own writers.
 *
 * 259 tokens (those of format_fixture.h), 8 positions, 8 wide, 2 heads, 2 layers, 32 inner.
 */
#ifndef WHOLE_MODEL_H
#define WHOLE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

#define WHOLE_MAX_TENSORS  64
#define WHOLE_MAX_SETTINGS 32
#define WHOLE_N_TENSORS    28

struct whole_tensor {
    char name[80];
    char dtype[16]; /**< as safetensors has it; of a GGUF "F32" or a number as text */
    int n_dims;
    uint64_t dims[6]; /**< outermost first in a directory, innermost first in a GGUF */
    size_t size;      /**< bytes of data, by the dtype that it had when it was made */
    unsigned char *data;
};

/** A key of a GGUF with its encoded value, or a member of config.json with its JSON text. */
struct whole_setting {
    char key[64];
    uint32_t type; /**< GGUF */
    char value[400];
    size_t n;
};

struct whole_model {
    bool gguf;
    struct whole_tensor tensors[WHOLE_MAX_TENSORS];
    size_t n_tensors;
    struct whole_setting settings[WHOLE_MAX_SETTINGS];
    size_t n_settings;
    uint32_t version, alignment; /**< GGUF */
};

void whole_init(struct whole_model *model, bool gguf);
void whole_release(struct whole_model *model);

struct whole_tensor *whole_tensor(struct whole_model *model, const char *name);
struct whole_tensor *whole_add(struct whole_model *model, const char *name, const char *dtype,
                               int n_dims, const uint64_t *dims, size_t size);
/** Add an F32 tensor with the numbers of another. */
struct whole_tensor *whole_copy(struct whole_model *model, const char *from, const char *name);
/** Turn the order of the tensors around. */
void whole_turn_around(struct whole_model *model);
void whole_remove(struct whole_model *model, const char *name);
/** Give a tensor another type: its numbers as F16, BF16 or F64, or zeros of so many bytes. */
void whole_retype(struct whole_tensor *tensor, const char *dtype);

/** config.json: the member becomes this JSON text; NULL removes it. */
void whole_json(struct whole_model *model, const char *key, const char *json);
/** GGUF: the key becomes a value of that type and these bytes. */
void whole_key(struct whole_model *model, const char *key, uint32_t type, const void *bytes,
               size_t n);
void whole_key_u32(struct whole_model *model, const char *key, uint32_t value);
void whole_key_text(struct whole_model *model, const char *key, const char *text);
void whole_remove_setting(struct whole_model *model, const char *key);

void whole_config(struct gen_bytes *out, const struct whole_model *model);
/** A safetensors file of n tensors. */
void whole_safetensors(struct gen_bytes *out, const struct whole_tensor *tensors, size_t n);
void whole_gguf(struct gen_bytes *out, const struct whole_model *model);
/** config.json, model.safetensors, vocab.json, merges.txt; or model.gguf. */
void whole_write(const char *directory, const struct whole_model *model);

#define WHOLE_SHARD_1 "model-00001-of-00002.safetensors"
#define WHOLE_SHARD_2 "model-00002-of-00002.safetensors"
/**
 * In a directory that is written, two shards in the place of model.safetensors, without an index:
 * n_first tensors and the rest, of which n_twice are in the first shard, too.
 */
void whole_write_shards(const char *directory, const struct whole_model *model, size_t n_first,
                        size_t n_twice);

#endif
