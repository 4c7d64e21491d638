/** parts.h - what the files of this folder share: the search for steps and minimums. */
#ifndef ROUNDING_PARTS_H
#define ROUNDING_PARTS_H

#include "tensor/kernels/kernels.h"
#include "tensor/kernels/rounding/tries.h"

/** The lane of least loss, the first of equal ones. */
size_t tries_best(const struct rounding_tries *tries);

/** A step and a minimum; min 0 where the format has none. */
struct pair {
    float step, min;
};

/** The best pair of any numbers, found roughly; minimums are not above 0. */
struct pair search_pair(struct rounding_tries *tries, const struct rounding_group *group,
                        const struct kernels *kernels);
/** The best pair of half-precision numbers; its lane of the tries. */
size_t search_halves(struct rounding_tries *tries, const struct rounding_group *group,
                     const struct kernels *kernels);

#endif
