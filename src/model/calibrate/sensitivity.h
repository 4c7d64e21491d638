/**
 * sensitivity.h - how much a model's predictions change when one of its matrices is another.
 */
#ifndef CALIBRATE_SENSITIVITY_H
#define CALIBRATE_SENSITIVITY_H

#include "model/calibrate/calibration.h"

struct sensitivity;

/** Reads some windows of the calibration's text, which must have one, and keeps what the model says
 *  of them. */
enum gen_status sensitivity_new(struct sensitivity **out, struct calibration *calibration,
                                struct gen_error *err);
void sensitivity_free(struct sensitivity *sensitivity);

/**
 * *divergence is the mean over tokens of the Kullback-Leibler divergence from the model's
 * distribution to the one with rows[n_rows][n_in] in place of a matrix or a table, in nats, to
 * second order: half the variance that the change of logits has under the model's distribution.
 */
enum gen_status sensitivity_measure(struct sensitivity *sensitivity, double *divergence,
                                    const struct tensor_spec *spec, int32_t layer,
                                    const float *rows, struct gen_error *err);

#endif
