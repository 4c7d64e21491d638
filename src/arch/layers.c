/**
 * layers.c - which member of the weights a tensor is, by the table of the architecture, and the
 * array of layers, still empty. model/weights.c fills it when a model is opened,
 * train/gradient/params.c for training.
 */
#include "arch/layers.h"

#include "arch/arch.h"
#include "base/field.h"
#include "base/memory.h"

void *weights_field(struct weights *weights, const struct tensor_spec *spec, int32_t layer) {
    return field_at(spec->per_layer ? (void *)&weights->h[layer] : weights, spec->offset);
}

bool weights_new_layers(struct weights *weights, int32_t n_layer) {
    weights->n_layer = n_layer;
    weights->h = memory_new((size_t)n_layer, sizeof *weights->h);
    for (size_t i = 0; weights->h != NULL && i < weights->arch->n_tensors; i++) {
        const struct tensor_spec *spec = &weights->arch->tensors[i];
        for (int32_t layer = 0; role_is_linear(spec->role) && layer < n_layer; layer++) {
            struct linear *linear = weights_field(weights, spec, layer); /* its first member */
            linear->role = spec->role;
        }
    }
    return weights->h != NULL;
}
