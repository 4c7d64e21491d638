/**
 * sampling_copy.c - options of sampling that are kept: lists of ids, biases and texts are copied, a
 * constraint has one user more, all else is numbers. What they mean is for the rules of order.c.
 */
#include "sample/sampling_copy.h"

#include <string.h>

#include "base/memory.h"

bool sampling_copy_lists(struct gen_ids **copy, size_t *n_copied, const struct gen_ids *lists,
                         size_t n) {
    *copy = memory_new(n, sizeof **copy);
    for (size_t i = 0; i < n && *copy != NULL; i++) {
        if (gen_ids_append(&(*copy)[i], lists[i].data, lists[i].n) != GEN_OK) {
            return false;
        }
        ++*n_copied;
    }
    return *copy != NULL;
}

static bool copy_logit_bias(struct sampling_copy *copy) {
    const struct gen_sampling *options = &copy->options;
    copy->logit_bias = memory_new(options->n_logit_bias, sizeof *copy->logit_bias);
    if (copy->logit_bias != NULL && options->n_logit_bias > 0) {
        memcpy(copy->logit_bias, options->logit_bias,
               options->n_logit_bias * sizeof *copy->logit_bias);
    }
    return copy->logit_bias != NULL;
}

static bool copy_sequence_bias(struct sampling_copy *copy) {
    const struct gen_sampling *options = &copy->options;
    copy->sequence_bias = memory_new(options->n_sequence_bias, sizeof *copy->sequence_bias);
    for (size_t i = 0; i < options->n_sequence_bias && copy->sequence_bias != NULL; i++) {
        const struct gen_sequence_bias *from = &options->sequence_bias[i];
        copy->sequence_bias[i].bias = from->bias;
        if (gen_ids_append(&copy->sequence_bias[i].ids, from->ids.data, from->ids.n) != GEN_OK) {
            return false;
        }
        copy->n_sequence_bias++;
    }
    return copy->sequence_bias != NULL;
}

static bool copy_ids(struct gen_ids *copy, const struct gen_ids *ids) {
    return gen_ids_append(copy, ids->data, ids->n) == GEN_OK;
}

static bool copy_samplers(struct sampling_copy *copy) {
    const char *samplers = copy->options.samplers;
    if (samplers == NULL) {
        return true;
    }
    copy->samplers = memory_copy_string(samplers, strlen(samplers));
    return copy->samplers != NULL;
}

bool sampling_copy_init(struct sampling_copy *copy, const struct gen_sampling *options) {
    copy->options = *options;
    copy->constraint = gen_constraint_use(options->constraint);
    copy->bad_texts = gen_bad_texts_use(options->bad_texts);
    if (!sampling_copy_lists(&copy->bad_words, &copy->n_bad_words, options->bad_words,
                             options->n_bad_words) ||
        !sampling_copy_lists(&copy->dry_breakers, &copy->n_dry_breakers, options->dry_breakers,
                             options->n_dry_breakers) ||
        !copy_logit_bias(copy) || !copy_sequence_bias(copy) ||
        !copy_ids(&copy->suppress, &options->suppress_tokens) ||
        !copy_ids(&copy->begin_suppress, &options->begin_suppress_tokens) ||
        !copy_ids(&copy->forced_eos, &options->forced_eos) || !copy_samplers(copy)) {
        return false;
    }
    copy->options.bad_words = copy->bad_words;
    copy->options.dry_breakers = copy->dry_breakers;
    copy->options.logit_bias = copy->logit_bias;
    copy->options.sequence_bias = copy->sequence_bias;
    copy->options.suppress_tokens = copy->suppress;
    copy->options.begin_suppress_tokens = copy->begin_suppress;
    copy->options.forced_eos = copy->forced_eos;
    copy->options.samplers = copy->samplers;
    return true;
}

void sampling_free_lists(struct gen_ids *lists, size_t n) {
    for (size_t i = 0; i < n; i++) {
        gen_ids_release(&lists[i]);
    }
    memory_free(lists);
}

void sampling_copy_release(struct sampling_copy *copy) {
    sampling_free_lists(copy->bad_words, copy->n_bad_words);
    sampling_free_lists(copy->dry_breakers, copy->n_dry_breakers);
    for (size_t i = 0; i < copy->n_sequence_bias; i++) {
        gen_ids_release(&copy->sequence_bias[i].ids);
    }
    memory_free(copy->sequence_bias);
    memory_free(copy->logit_bias);
    gen_constraint_free(copy->constraint);
    gen_bad_texts_free(copy->bad_texts);
    gen_ids_release(&copy->suppress);
    gen_ids_release(&copy->begin_suppress);
    gen_ids_release(&copy->forced_eos);
    memory_free(copy->samplers);
    *copy = (struct sampling_copy){0};
}
