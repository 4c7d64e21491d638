/**
 * sampler_options.c - how gen samples where nothing else is said: the defaults of struct
 * gen_sampling. Their ranges are checked by the rules (chain.c).
 */
#include "sample/sampler.h"

struct gen_sampling gen_sampling_default(void) {
    return (struct gen_sampling){
        .temperature = 0.8f,
        .top_k = 40,
        .top_p = 0.95f,
        .min_p = 0.0f,
        .typical_p = 1.0f,
        .repetition_penalty = 1.0f,
    };
}
