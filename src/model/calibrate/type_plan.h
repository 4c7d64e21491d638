/**
 * type_plan.h - a type for each tensor, so that a file is as good as its size allows: --type auto.
 *
 * What a type costs a tensor is measured: the matrix is rounded to a small type and the change of
 * the model's predictions is seen (sensitivity.h); other types cost as much more or less as their
 * own error in the matrix's products is, of some of its rows. Without a text there is nothing to
 * see: then the error is that of the numbers themselves, relative to their size. What the errors of
 * all tensors cost together is taken to be the sum.
 */
#ifndef CALIBRATE_TYPE_PLAN_H
#define CALIBRATE_TYPE_PLAN_H

#include "model/calibrate/calibration.h"

struct type_plan;

/** Measure all tensors of the model; each has the smallest type that it may have. */
enum gen_status type_plan_new(struct type_plan **out, struct calibration *calibration,
                              struct gen_error *err);
void type_plan_free(struct type_plan *plan);

/** Give tensors larger types, which together take at most `left` bytes more: each time the change
 *  that gains most for its bytes, then those that still fit. */
void type_plan_spend(struct type_plan *plan, uint64_t left);

/** The type of a tensor. */
enum tensor_type type_plan_type(const struct type_plan *plan, const struct tensor_spec *spec,
                                int32_t layer);
/** The type that most bytes have. */
enum tensor_type type_plan_main(const struct type_plan *plan);

/** "12 q4_k, 6 q6_k, 1 f16": how many matrices have which type, from small to large. */
struct type_plan_text {
    char text[200];
};
const char *type_plan_describe(struct type_plan_text *out, const struct type_plan *plan);

#endif
