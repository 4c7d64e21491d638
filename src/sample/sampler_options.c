#include <math.h>
#include <stddef.h>

#include "base/error.h"
#include "base/memory.h"
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

/** Wanted values of a float option; `wanted` says the same in words. */
struct float_range {
    const char *name;
    size_t at; /**< offset in struct gen_sampling */
    float low, high;
    bool above_low; /**< low itself is out */
    const char *wanted;
};

static const struct float_range FLOAT_RANGES[] = {
    {"temperature", offsetof(struct gen_sampling, temperature), 0, INFINITY, false,
     "a number from 0 (greedy) up"},
    {"top_p", offsetof(struct gen_sampling, top_p), 0, 1, true, "above 0 and at most 1 (off)"},
    {"min_p", offsetof(struct gen_sampling, min_p), 0, 1, false, "from 0 (off) to 1"},
    {"typical_p", offsetof(struct gen_sampling, typical_p), 0, 1, true,
     "above 0 and at most 1 (off)"},
    {"repetition_penalty", offsetof(struct gen_sampling, repetition_penalty), 0, INFINITY, true,
     "a number above 0 (1 is off)"},
    {"presence_penalty", offsetof(struct gen_sampling, presence_penalty), -2, 2, false,
     "from -2 to 2"},
    {"frequency_penalty", offsetof(struct gen_sampling, frequency_penalty), -2, 2, false,
     "from -2 to 2"},
};

static const struct {
    const char *name;
    size_t at;
} COUNTS[] = {
    {"top_k", offsetof(struct gen_sampling, top_k)},
    {"no_repeat_ngram_size", offsetof(struct gen_sampling, no_repeat_ngram_size)},
    {"min_new_tokens", offsetof(struct gen_sampling, min_new_tokens)},
    {"min_length", offsetof(struct gen_sampling, min_length)},
};

#define N_OF(array) (sizeof(array) / sizeof(array)[0])

static enum gen_status check_floats(const struct gen_sampling *options, struct gen_error *err) {
    for (size_t i = 0; i < N_OF(FLOAT_RANGES); i++) {
        const struct float_range *range = &FLOAT_RANGES[i];
        float value = *(const float *)(const void *)((const char *)options + range->at);
        bool in_range = isfinite(value) && value >= range->low && value <= range->high &&
                        !(range->above_low && value == range->low);
        if (!in_range) {
            return error_set(err, GEN_BAD_ARGUMENT, "%s is %g but must be %s", range->name,
                             (double)value, range->wanted);
        }
    }
    return GEN_OK;
}

static enum gen_status check_counts(const struct gen_sampling *options, struct gen_error *err) {
    for (size_t i = 0; i < N_OF(COUNTS); i++) {
        int32_t value = *(const int32_t *)(const void *)((const char *)options + COUNTS[i].at);
        if (value < 0) {
            return error_set(err, GEN_BAD_ARGUMENT, "%s is %d but must be 0 (off) or more",
                             COUNTS[i].name, (int)value);
        }
    }
    return GEN_OK;
}

static enum gen_status check_bad_words(const struct gen_sampling *options, int32_t n_vocab,
                                       struct gen_error *err) {
    if (options->n_bad_words > 0 && options->bad_words == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "bad_words is NULL but n_bad_words is %zu",
                         options->n_bad_words);
    }
    for (size_t i = 0; i < options->n_bad_words; i++) {
        const struct gen_ids *word = &options->bad_words[i];
        if (word->n == 0) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "bad word %zu has no ids but must have at least one", i);
        }
        for (size_t j = 0; j < word->n; j++) {
            if (word->data[j] < 0 || word->data[j] >= n_vocab) {
                return error_set(err, GEN_BAD_ARGUMENT,
                                 "bad word %zu has id %d but ids are from 0 to %d", i,
                                 (int)word->data[j], (int)(n_vocab - 1));
            }
        }
    }
    return GEN_OK;
}

/** `seen` has n_vocab zeros. */
static enum gen_status check_biases(const struct gen_sampling *options, int32_t n_vocab,
                                    unsigned char *seen, struct gen_error *err) {
    for (size_t i = 0; i < options->n_logit_bias; i++) {
        int id = (int)options->logit_bias[i].id;
        double bias = (double)options->logit_bias[i].bias;
        if (id < 0 || id >= n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "logit_bias is for id %d but ids are from 0 to %d", id,
                             (int)(n_vocab - 1));
        }
        if (isnan(bias) || bias == (double)INFINITY) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "logit_bias of id %d is %g but must be a number or -inf", id, bias);
        }
        if (seen[id]) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "logit_bias is given twice for id %d but may be given once", id);
        }
        seen[id] = 1;
    }
    return GEN_OK;
}

static enum gen_status check_logit_bias(const struct gen_sampling *options, int32_t n_vocab,
                                        struct gen_error *err) {
    if (options->n_logit_bias == 0) {
        return GEN_OK;
    }
    if (options->logit_bias == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "logit_bias is NULL but n_logit_bias is %zu",
                         options->n_logit_bias);
    }
    unsigned char *seen = memory_new((size_t)n_vocab, 1);
    if (seen == NULL) {
        return error_no_memory(err, "the logit biases");
    }
    enum gen_status status = check_biases(options, n_vocab, seen, err);
    memory_free(seen);
    return status;
}

enum gen_status sampler_check(const struct gen_sampling *options, int32_t n_vocab,
                              struct gen_error *err) {
    enum gen_status status = check_floats(options, err);
    if (status == GEN_OK) {
        status = check_counts(options, err);
    }
    if (status == GEN_OK) {
        status = check_bad_words(options, n_vocab, err);
    }
    if (status == GEN_OK) {
        status = check_logit_bias(options, n_vocab, err);
    }
    return status;
}
