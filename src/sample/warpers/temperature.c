/**
 * temperature.c - scores divided by the temperature; with a range it depends on the entropy of what
 * may be drawn (llama.cpp's dynamic temperature): low + (high - low) (H / log n)^exponent, with low
 * and high the temperature less and more the range, low at least 0, and n candidates.
 */
#include <float.h>
#include <math.h>
#include <stddef.h>

#include "base/floats.h"
#include "base/math.h"
#include "sample/processor.h"
#include "sample/sampler.h"

#define AT(member) offsetof(struct gen_sampling, member)

static const struct sample_option options[] = {
    {"temperature", SAMPLE_NUMBER, AT(temperature), 0, INFINITY, false,
     "a number from 0 (greedy) up"},
    {.name = NULL},
};
static const struct sample_option dynamic_options[] = {
    {"dynatemp_range", SAMPLE_NUMBER, AT(dynatemp_range), 0, INFINITY, false,
     "a number from 0 (off) up"},
    {"dynatemp_exponent", SAMPLE_NUMBER, AT(dynatemp_exponent), 0, INFINITY, false,
     "a number from 0 up"},
    {.name = NULL},
};

static bool is_dynamic(const struct gen_sampling *sampling) {
    return sampling->dynatemp_range > 0.0f;
}

static bool is_fixed(const struct gen_sampling *sampling) {
    return !is_dynamic(sampling);
}

/*
 * What overflows is put back into range, NaN is forbidden. Written without calls and branches, so
 * that compilers make vector code of it.
 */
static void divide(float *scores, size_t n, float temperature) {
    for (size_t i = 0; i < n; i++) {
        float score = scores[i];
        float divided = score / temperature;
        divided = divided > FLT_MAX ? FLT_MAX : divided;
        divided = divided < -FLT_MAX ? -FLT_MAX : divided;
        /* False for -infinity and for NaN. */
        scores[i] = score > -INFINITY ? divided : -INFINITY;
    }
}

static void divide_all(float *scores, const struct sample_context *context) {
    divide(scores, context->n_vocab, context->options->temperature);
}

static bool divide_candidates(struct candidates *list, const struct sample_context *context) {
    divide(list->scores, list->n, context->options->temperature);
    candidates_weigh(list);
    return true;
}

/* x^exponent for x from 0 up. */
static float power(float x, float exponent) {
    if (exponent == 0.0f || exponent == 1.0f) {
        return exponent == 0.0f ? 1.0f : x;
    }
    return x > 0.0f ? math_exp(exponent * math_log(x)) : 0.0f;
}

static float dynamic_temperature(const struct candidates *list,
                                 const struct gen_sampling *sampling) {
    float low = sampling->temperature - sampling->dynatemp_range;
    float high = sampling->temperature + sampling->dynatemp_range;
    low = low < 0.0f ? 0.0f : low;
    double entropy = candidates_entropy(list, candidates_total_weight(list));
    float normalized = (float)(entropy / (double)math_log((float)list->n));
    normalized = normalized > 0.0f ? normalized : 0.0f;
    return low + (high - low) * power(normalized, sampling->dynatemp_exponent);
}

static bool divide_by_entropy(struct candidates *list, const struct sample_context *context) {
    if (list->n < 2) {
        return true;
    }
    float temperature = dynamic_temperature(list, context->options);
    if (temperature < SAMPLER_GREEDY_BELOW) {
        candidates_keep_best(list, context->least);
    } else {
        divide(list->scores, list->n, temperature);
        candidates_weigh(list);
    }
    return true;
}

const struct processor processor_temperature = {.name = "temperature",
                                                .sampler = "temperature",
                                                .options = options,
                                                .applies = is_fixed,
                                                .warps = true,
                                                .logits = divide_all,
                                                .candidates = divide_candidates};

const struct processor processor_dynamic_temperature = {.name = "dynatemp_range",
                                                        .sampler = "temperature",
                                                        .options = dynamic_options,
                                                        .applies = is_dynamic,
                                                        .warps = true,
                                                        .candidates = divide_by_entropy};
