/** type_costs.h - what each type would cost a tensor; type_plan.h says how that is found. */
#ifndef CALIBRATE_TYPE_COSTS_H
#define CALIBRATE_TYPE_COSTS_H

#include "model/calibrate/calibration.h"
#include "tensor/tensor_type.h"

struct type_costs {
    const struct tensor_spec *spec;
    int32_t layer;
    size_t n_rows, n_in;
    enum tensor_type source;     /**< as the file has it; costs nothing */
    bool can[TENSOR_N_TYPES];    /**< whether it may have the type: none larger than the source */
    double loss[TENSOR_N_TYPES]; /**< 0 or more, comparable between tensors of a model */
};

struct type_meter;
enum gen_status type_meter_new(struct type_meter **out, struct calibration *calibration,
                               struct gen_error *err);
void type_meter_free(struct type_meter *meter);
/** Matrices and tables of the model. */
size_t type_meter_n_tensors(const struct type_meter *meter);
/** The costs of the next one, in the order of the table of tensors. */
enum gen_status type_meter_next(struct type_meter *meter, struct type_costs *costs,
                                struct gen_error *err);

#endif
