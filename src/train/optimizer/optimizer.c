/**
 * optimizer.c - a step for every tensor, by Muon or AdamW. Their formulas are in muon.c and
 * adamw.c, the rate comes from schedule.c.
 */
#include "train/optimizer/optimizer.h"

bool optimizer_init(struct optimizer *optimizer, const struct params *params,
                    const struct gen_train_options *options) {
    const struct adamw_options adamw = {.beta1 = (double)options->beta1,
                                        .beta2 = (double)options->beta2,
                                        .epsilon = (double)options->epsilon,
                                        .decay = (double)options->weight_decay,
                                        .decay_embeddings = options->decay_embeddings};
    *optimizer =
        (struct optimizer){.kind = options->optimizer, .momentum = (double)options->momentum};
    return adamw_init(&optimizer->adamw, params, &adamw) &&
           (optimizer->kind != GEN_OPTIMIZER_MUON || muon_init(&optimizer->muon, params));
}

void optimizer_release(struct optimizer *optimizer, const struct params *params) {
    adamw_release(&optimizer->adamw, params);
    muon_release(&optimizer->muon);
}

void optimizer_step(struct optimizer *optimizer, struct params *params, const float *gradients,
                    const struct adamw_step *step, const struct compute *compute) {
    for (size_t i = 0; i < params->n_tensors; i++) {
        const struct param_tensor *tensor = &params->tensors[i];
        if (optimizer->kind == GEN_OPTIMIZER_MUON && muon_takes(tensor)) {
            const struct muon_step muon = {.tensor = tensor,
                                           .values = params->values,
                                           .m = optimizer->adamw.m,
                                           .gradients = gradients,
                                           .rate = step->rate,
                                           .decay = optimizer->adamw.options.decay,
                                           .momentum = optimizer->momentum,
                                           .scale = step->scale};
            muon_step(&optimizer->muon, compute, &muon);
        } else {
            adamw_step(&optimizer->adamw, params, tensor, gradients, step, compute);
        }
    }
}
