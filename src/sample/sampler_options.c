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
        .repeat_last_n = -1,
        .forced_bos = -1,
        .length_decay_factor = 1.0f,
        .dry_base = 1.75f,
        .dry_allowed_length = 2,
        .dry_penalty_last_n = 64,
        .dynatemp_exponent = 1.0f,
        .xtc_threshold = 0.1f,
        .mirostat_tau = 5.0f,
        .mirostat_eta = 0.1f,
        .adaptive_target = -1.0f,
        .adaptive_decay = 0.9f,
    };
}
