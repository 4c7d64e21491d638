/**
 * resume.h - what the state of a run is worth for a job that goes on with it.
 */
#ifndef TRAIN_RESUME_H
#define TRAIN_RESUME_H

#include "train/job.h"

/** GEN_BAD_ARGUMENT unless the options, the model to begin with and the vocabulary fit the state.
 */
enum gen_status resume_check(const struct train_job *job);

/**
 * Whether there is a model at all where the run writes it: an empty file is none, as one that is
 * missing; the state does without.
 */
bool resume_has_model(const struct train_job *job);

/** Take out of `run`, the state's checkpoint, what belongs to other data or to a model that is
 * gone, and say so in the plan. */
void resume_forget(struct checkpoint *run, struct gen_train_plan *plan, const struct train_job *job,
                   const struct train_job_data *data);

#endif
