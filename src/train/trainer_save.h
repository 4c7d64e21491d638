/**
 * trainer_save.h - for trainer.c: checkpoints, and whether all ranks hold the same.
 */
#ifndef TRAIN_TRAINER_SAVE_H
#define TRAIN_TRAINER_SAVE_H

#include "train/trainer.h"

/** A run on its way; trainer.c's own. */
struct trainer {
    const struct trainer_inputs *in;
    struct checkpoint checkpoint; /**< where the run is */
    int32_t *ids, *targets;       /**< [n_sequences of a step, or of a micro-batch][n_positions] */
    size_t *lengths;              /**< [the same sequences], as they were read */
    int32_t *batch_ids, *batch_targets; /**< [micro_batch][longest of these] */
    uint64_t saved_step;                /**< of the last checkpoint, UINT64_MAX: none yet */
    double saved_at;                    /**< when, as gen_clock() */
    struct file_identity saved_state;   /**< the state of it; all 0: none yet */
};

/** Fails on all ranks unless they agree: weights ever so little different would drift apart unseen.
 */
enum gen_status trainer_compare_ranks(const struct trainer *trainer, struct gen_error *err);

/** Write a checkpoint, state and model, and tell the watcher. */
enum gen_status trainer_save(struct trainer *trainer, struct gen_error *err);

/** Whether the weights as they are were the best so far. */
bool trainer_is_best(const struct trainer *trainer);

/** Write the model as it is before the first step, which is the best so far; the state, if there is
 * one, is that of this step. */
enum gen_status trainer_write_best(const struct trainer *trainer, struct gen_error *err);

#endif
