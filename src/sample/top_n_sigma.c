/**
 * top_n_sigma.c - forbids ids whose logit is more than n standard deviations below the highest
 * (Tang and others 2024, arXiv 2411.07641; llama.cpp's sampler of that name). Mean and deviation
 * are those of the logits above -infinity, summed in double in order of ids. The temperature scales
 * both sides alike, so it does not matter that it is divided by later.
 */
#include <math.h>
#include <stddef.h>

#include "sample/processor.h"

static const struct sample_option options[] = {
    {"top_n_sigma", SAMPLE_NUMBER, offsetof(struct gen_sampling, top_n_sigma), 0, INFINITY, false,
     "a number from 0 (off) up"},
    {.name = NULL},
};

static bool applies(const struct gen_sampling *sampling) {
    return sampling->top_n_sigma > 0.0f;
}

static void forbid(float *scores, const struct sample_context *context) {
    size_t n = 0;
    double sum = 0.0, squares = 0.0;
    float highest = -INFINITY;
    for (size_t i = 0; i < context->n_vocab; i++) {
        if (scores[i] > -INFINITY) {
            highest = scores[i] > highest ? scores[i] : highest;
            sum += (double)scores[i];
            n++;
        }
    }
    double mean = n > 0 ? sum / (double)n : 0.0;
    for (size_t i = 0; i < context->n_vocab; i++) {
        double away = (double)scores[i] - mean;
        squares += scores[i] > -INFINITY ? away * away : 0.0;
    }
    double sigma = n > 0 ? sqrt(squares / (double)n) : 0.0;
    double lowest = (double)highest - (double)context->options->top_n_sigma * sigma;
    for (size_t i = 0; i < context->n_vocab; i++) {
        if ((double)scores[i] < lowest) {
            scores[i] = -INFINITY;
        }
    }
}

const struct processor processor_top_n_sigma = {.name = "top_n_sigma",
                                                .sampler = "top_n_sigma",
                                                .options = options,
                                                .applies = applies,
                                                .logits = forbid};
