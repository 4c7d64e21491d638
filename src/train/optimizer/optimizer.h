/**
 * optimizer.h - a step of training: AdamW for every weight, or Muon for the matrices of the layers
 * and AdamW for what else there is.
 */
#ifndef TRAIN_OPTIMIZER_OPTIMIZER_H
#define TRAIN_OPTIMIZER_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "gen_train.h"
#include "train/optimizer/adamw.h"
#include "train/optimizer/muon.h"

struct optimizer {
    enum gen_optimizer kind;
    struct adamw adamw; /**< m of a matrix that Muon takes is Muon's; its v stays 0 */
    struct muon muon;
    double momentum; /**< of Muon */
};

/** An optimizer as the options of a run say; false if out of memory. */
bool optimizer_init(struct optimizer *optimizer, const struct params *params,
                    const struct gen_train_options *options);
void optimizer_release(struct optimizer *optimizer, const struct params *params);

/** One step on params->values. */
void optimizer_step(struct optimizer *optimizer, struct params *params, const float *gradients,
                    const struct adamw_step *step, const struct compute *compute);

#endif
