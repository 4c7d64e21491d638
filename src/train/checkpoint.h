/**
 * checkpoint.h - a run on disk: the model as a plain GGUF, and all else that going on needs.
 *
 * PATH.state holds everything, the weights too, so it never depends on the GGUF next to it. Each of
 * the two is written next to its target, flushed and renamed, the state first; whatever cuts the
 * writing off leaves a whole state of this or the last checkpoint, and a whole GGUF. Layout,
 * little-endian:
 *
 *   "GENSTATE" u32 version = 6, u32 bytes of the header that follows
 *   header: fields of struct checkpoint in their order, u64 (best_loss as its f64 bits), and of its
 *           configuration the number of the architecture (arch.h), window and local_layers, then
 *           the other members of the configuration, i32 each (epsilon as its f32 bits), then u64
 *           n_values
 *   n_values x f32 trainable weights, as many m, as many v, as params.h or lora.h lays them out
 *   n_note bytes of the note (since version 5)
 *   u64 digest of all before
 *
 * Of the u64 before the configuration, states of earlier versions have fewer, and the others are 0:
 * version 5 has the first 17, 4 the first 11, 3 the first 10, 2 the first 9, 1 the first 6.
 */
#ifndef TRAIN_CHECKPOINT_H
#define TRAIN_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/file.h"
#include "format/gguf_write.h"
#include "gen_train.h"
#include "model/metadata.h"
#include "train/gradient/params.h"
#include "train/optimizer/adamw.h"

/** Where a run is. */
struct checkpoint {
    uint64_t step;        /**< steps done */
    uint64_t n_tokens;    /**< trained on in them */
    uint64_t n_sequences; /**< taken from the data so far: the position in their order */
    uint64_t data_key;    /**< of the data they were taken from */
    uint64_t seed;
    uint64_t vocab; /**< digest of the vocabulary */
    /* The best validation so far. It belongs to the pairs or the text that valid_key names: losses
     * on others cannot be compared with it. */
    uint64_t best_step; /**< states before version 5 have 0 where there was none */
    uint64_t n_worse;   /**< validations since then */
    double best_loss;
    enum gen_optimizer optimizer;
    uint64_t base; /**< digest of the weights that are not trainable; 0: all are, or not known */
    bool has_best; /**< best_step, n_worse and best_loss say something */
    uint64_t valid_key; /**< digest of what was validated on; 0: nothing, or it is not known */
    uint64_t order_key; /**< digest of all that n_sequences depends on; 0: it is not known */
    bool has_first;     /**< first_loss says something */
    double first_loss;  /**< of the validation before the first step */
    const char *note;   /**< n_note bytes that the caller of the run keeps with it; borrowed */
    size_t n_note;
    struct gen_config config;
};

/** Write the state to `path`. */
enum gen_status checkpoint_write_state(const char *path, const struct checkpoint *checkpoint,
                                       const struct params *params, const struct adamw *adamw,
                                       struct gen_error *err);
/** Write the weights as an f32 GGUF to `path`. From `source`, the model that they began as or an
 *  earlier writing of this one, its metadata are carried over as `carried` says; NULL: none. */
enum gen_status checkpoint_write_model(const char *path, const struct params *params,
                                       const struct gen_tokenizer *tokenizer,
                                       const struct model_file *source,
                                       enum metadata_carried carried, struct gen_error *err);

/** A state that was read and checked. Start from {0}. */
struct saved_state {
    struct checkpoint checkpoint;
    size_t n_values;
    const unsigned char *numbers; /**< n_values weights, m, v */
    struct file_map map;
};

/** GEN_BAD_FILE unless the file is whole, GEN_UNSUPPORTED for versions, architectures or optimizers
 * to come. */
enum gen_status saved_state_open(struct saved_state *state, const char *path,
                                 struct gen_error *err);
/** Weights and moments, for params of the checkpoint's configuration; `path` is for messages. */
enum gen_status saved_state_load(const struct saved_state *state, const char *path,
                                 struct params *params, struct adamw *adamw, struct gen_error *err);
void saved_state_close(struct saved_state *state);

#endif
