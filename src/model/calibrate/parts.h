/** parts.h - what the files of this folder share: a model that is calibrated. */
#ifndef CALIBRATE_PARTS_H
#define CALIBRATE_PARTS_H

#include "model/calibrate/calibration.h"
#include "model/calibrate/sample.h"
#include "model/model.h"
#include "model/session.h"
#include "model/watch.h"

/** A matrix and the sums of its inputs' products. */
struct input_sums {
    const struct tensor_spec *spec;
    int32_t layer;
    const struct matrix *matrix;
    float *h; /**< in panels; NULL: not collected, or taken */
};

struct calibration {
    const struct gen_convert_options *options;
    struct gen_model *model;
    struct gen_session *session;
    struct compute compute;    /**< the session's threads and kernels with more scratch */
    struct text_sample sample; /**< empty: there is no text */
    struct forward_watch watch;
    struct input_sums *inputs; /**< in the order of the table of tensors */
    size_t n_inputs;
    struct rounding rounding;
};

/** Whether the caller wants to go on: GEN_CANCELED if not. How far reading is, is not told: the bar
 *  is for writing. */
enum gen_status calibration_go_on(const struct calibration *c, struct gen_error *err);

#endif
