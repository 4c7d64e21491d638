/**
 * arch.h - a kind of model: what its blocks do, as a list that run.h plays.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "arch/run.h"

struct arch {
    const char *name; /**< general.architecture in a GGUF, model_type in config.json */
    void (*layer_forward)(struct run *run, const struct layer *h);
    /** The same list upside down; `h` are the weights, not their gradients. */
    void (*layer_backward)(struct run *run, const struct layer *h);
};

extern const struct arch arch_gpt2;

#endif
