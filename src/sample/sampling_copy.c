/**
 * sampling_copy.c - options of sampling that are kept: bad words and logit biases are copied, a
 * constraint has one user more, all else is numbers. What they mean is for the rules of chain.c.
 */
#include "sample/sampling_copy.h"

#include <string.h>

#include "base/memory.h"

static bool copy_bad_words(struct sampling_copy *copy) {
    struct gen_sampling *options = &copy->options;
    copy->bad_words = memory_new(options->n_bad_words, sizeof *copy->bad_words);
    if (copy->bad_words == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->n_bad_words; i++) {
        if (gen_ids_append(&copy->bad_words[i], options->bad_words[i].data,
                           options->bad_words[i].n) != GEN_OK) {
            return false;
        }
    }
    options->bad_words = copy->bad_words;
    return true;
}

static bool copy_logit_bias(struct sampling_copy *copy) {
    struct gen_sampling *options = &copy->options;
    copy->logit_bias = memory_new(options->n_logit_bias, sizeof *copy->logit_bias);
    if (copy->logit_bias == NULL) {
        return false;
    }
    if (options->n_logit_bias > 0) {
        memcpy(copy->logit_bias, options->logit_bias,
               options->n_logit_bias * sizeof *copy->logit_bias);
    }
    options->logit_bias = copy->logit_bias;
    return true;
}

bool sampling_copy_init(struct sampling_copy *copy, const struct gen_sampling *options) {
    copy->options = *options;
    copy->constraint = gen_constraint_use(options->constraint);
    return copy_bad_words(copy) && copy_logit_bias(copy);
}

void sampling_copy_release(struct sampling_copy *copy) {
    for (size_t i = 0; copy->bad_words != NULL && i < copy->options.n_bad_words; i++) {
        gen_ids_release(&copy->bad_words[i]);
    }
    memory_free(copy->bad_words);
    memory_free(copy->logit_bias);
    gen_constraint_free(copy->constraint);
    *copy = (struct sampling_copy){0};
}
