/**
 * trainer.h - the loop of training: sequences in, steps of the optimizer, checkpoints out.
 *
 * A step: take the next sequences of the source, add up the gradients of the mean loss over all
 * their counted targets, a micro-batch at a time, clip, and let the optimizer move the weights.
 * Which sequences, which learning rate, which dropout a step has depends on its number, the options
 * and the seed alone, so a run that was cut off goes on to the same bits.
 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "gen_train.h"
#include "tensor/ops.h"
#include "train/checkpoint.h"
#include "train/gradient/lora.h"
#include "train/gradient/params.h"
#include "train/gradient/pass.h"
#include "train/optimizer/optimizer.h"
#include "train/optimizer/schedule.h"

/** Where sequences come from. */
struct train_source {
    void *context;
    uint64_t n_sequences; /**< of an epoch; of a source for validation, all there are */
    /** A step has sequences of one epoch only, so that the last of each may be a smaller one. */
    bool ends_steps;
    /** Fill the beginning of ids[T] and targets[T] and return how many there are, 1 ... T; numbers
     *  count on over the epochs. Targets that do not count are NO_TARGET. */
    size_t (*read)(void *context, uint64_t sequence, int32_t *ids, int32_t *targets);
};

/** What a run works with; nothing of it is owned, and `trainable` to `pass` are changed by the run.
 */
struct trainer_inputs {
    const struct gen_train_options *options;
    const struct gen_train_watch *watch;
    const char *path, *state_path; /**< of the model, of the state */
    const struct gen_tokenizer *tokenizer;
    const struct model_file *source; /**< whose metadata the model written has, or NULL */
    enum metadata_carried carried;
    const struct params *params; /**< of the model */
    const struct lora *lora;     /**< NULL: all weights are trainable */
    struct params *trainable;    /**< the trainable ones: `params`, or those of `lora` */
    struct optimizer *optimizer;
    float *gradients; /**< of `trainable`; what they hold before a step does not matter */
    struct compute *compute;
    struct train_pass *pass;
    struct schedule schedule;
    struct train_source data;
    struct train_source valid;    /**< read NULL: none */
    size_t n_positions;           /**< T, of the longest sequence */
    size_t n_sequences;           /**< of a step */
    size_t micro_batch;           /**< sequences that `pass` takes at a time */
    uint64_t n_steps;             /**< in all */
    uint64_t valid_every;         /**< steps between validations, 0: at the end alone */
    bool keeps_best;              /**< the model written is that of the best validation so far */
    bool resumed;                 /**< there is a state of this run */
    bool trained;                 /**< the weights to begin with are those of a model, not random */
    struct checkpoint checkpoint; /**< where the run begins */
};

/**
 * Train until step n_steps, or until somebody stops it: then GEN_CANCELED, with a checkpoint
 * of the steps made. A failure leaves the last checkpoint as it was.
 */
enum gen_status trainer_run(const struct trainer_inputs *in, struct gen_error *err);

#endif
