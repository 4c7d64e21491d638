/**
 * muon.h - Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"):
 * the matrices of the layers move along the gradient's mean with its singular values made equal,
 * so that directions in which little happens are followed as fast as the few that dominate.
 * Formulas and constants are those of PyTorch's torch.optim.Muon with adjust_lr_fn
 * "match_rms_adamw" (Liu et al. 2025, "Muon is Scalable for LLM Training"), by which one learning
 * rate and one weight decay serve it and AdamW, which the other weights have:
 *
 *   m = m + (1 - momentum) (g - m)             u = g + momentum (m - g)
 *   X = u / max(|u|, 1e-7), 5 times:  A = X X^T, X = a X + (b A + c A A) X
 *   w = w (1 - rate decay) - rate 0.2 sqrt(max(n_in, n_out)) X
 *
 * The queries, keys and values of attn.c_attn are three matrices to it, in LoRA's b too. All is f32
 * where PyTorch goes through bfloat16; products are those of the passes, so the bits are the same
 * for any threads and kernels.
 */
#ifndef TRAIN_OPTIMIZER_MUON_H
#define TRAIN_OPTIMIZER_MUON_H

#include <stdbool.h>

#include "tensor/ops.h"
#include "train/gradient/params.h"

/** Scratch for the largest matrix of a model. */
struct muon {
    float *memory;
    size_t n;
};

/** False if out of memory. */
bool muon_init(struct muon *muon, const struct params *params);
void muon_release(struct muon *muon);

/** Whether a tensor is one of those matrices. */
bool muon_takes(const struct param_tensor *tensor);

/** What a step does to one tensor; `compute` has PRODUCT_SCRATCH floats for each thread. */
struct muon_step {
    const struct param_tensor *tensor;
    float *values, *m; /**< arrays as params.values */
    const float *gradients;
    double rate, decay, momentum;
    double scale; /**< of the gradients, from clipping */
};
void muon_step(const struct muon *muon, const struct compute *compute,
               const struct muon_step *step);

#endif
