/**
 * beam_options.c - the options of a beam search, checked by themselves and against each other. What
 * must come as words is checked in forced_words.c, which knows ids that end a text.
 */
#include "generate/beam_options.h"

#include "base/error.h"
#include "sample/sampler.h"

#define MAX_PENALTY   100.0
#define MAX_DIVERSITY 1000.0

static enum gen_status check_groups(const struct gen_generate_options *options,
                                    struct gen_error *err) {
    int32_t n_groups = options->num_beam_groups;
    float penalty = options->diversity_penalty;
    if (n_groups < 1 || n_groups > options->num_beams || options->num_beams % n_groups != 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "num_beam_groups is %d, but must divide num_beams, which is %d",
                         (int)n_groups, (int)options->num_beams);
    }
    if (!(penalty >= 0.0f && penalty <= (float)MAX_DIVERSITY)) {
        return error_set(err, GEN_BAD_ARGUMENT, "diversity_penalty is %g, but must be from 0 to %g",
                         (double)penalty, MAX_DIVERSITY);
    }
    if (n_groups > 1 && !(penalty > 0.0f)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "num_beam_groups is %d, but diversity_penalty is 0 (raise it: all groups "
                         "would find the same)",
                         (int)n_groups);
    }
    if (n_groups == 1 && penalty > 0.0f) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "diversity_penalty is %g, but there is one group of beams (raise "
                         "num_beam_groups)",
                         (double)penalty);
    }
    return GEN_OK;
}

/* Groups and words that must come go with a search alone. */
static enum gen_status check_classic(const struct gen_generate_options *options,
                                     struct gen_error *err) {
    bool has_groups = options->num_beam_groups > 1;
    if (options->n_force_words > 0 && options->force_words == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT, "force_words is NULL but n_force_words is not 0");
    }
    if (options->n_force_words > 0 && options->num_beams < 2) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "num_beams is %d, but must be 2 or more where words must come "
                         "(force_words)",
                         (int)options->num_beams);
    }
    if (options->n_force_words > 0 && has_groups) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "num_beam_groups is %d, but must be 1 where words must come "
                         "(force_words)",
                         (int)options->num_beam_groups);
    }
    if ((has_groups || options->n_force_words > 0) &&
        options->sampling.temperature >= SAMPLER_GREEDY_BELOW) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "temperature is %g, but must be 0 with %s: such a search draws nothing",
                         (double)options->sampling.temperature,
                         has_groups ? "num_beam_groups" : "force_words");
    }
    return GEN_OK;
}

static enum gen_status check_contrast(const struct gen_generate_options *options,
                                      struct gen_error *err) {
    float alpha = options->penalty_alpha;
    if (!(alpha >= 0.0f && alpha <= 1.0f)) {
        return error_set(err, GEN_BAD_ARGUMENT, "penalty_alpha is %g, but must be from 0 to 1",
                         (double)alpha);
    }
    if (!(alpha > 0.0f)) {
        return GEN_OK;
    }
    if (options->sampling.top_k < 2 || options->sampling.top_k > GEN_MAX_BEAMS) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "top_k is %d, but must be from 2 to %d with penalty_alpha: so many "
                         "tokens are tried",
                         (int)options->sampling.top_k, GEN_MAX_BEAMS);
    }
    if (options->num_beams > 1 || options->num_return_sequences > 1) {
        return error_set(
            err, GEN_BAD_ARGUMENT, "%s is %d, but must be 1 with penalty_alpha",
            options->num_beams > 1 ? "num_beams" : "num_return_sequences",
            (int)(options->num_beams > 1 ? options->num_beams : options->num_return_sequences));
    }
    if (options->sampling.temperature >= SAMPLER_GREEDY_BELOW) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "temperature is %g, but must be 0 with penalty_alpha: such a search draws "
                         "nothing",
                         (double)options->sampling.temperature);
    }
    if (options->slide) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the context slides, but must not with penalty_alpha (leave one out)");
    }
    return GEN_OK;
}

enum gen_status beam_options_check(const struct gen_generate_options *options,
                                   struct gen_error *err) {
    if (options->num_beams < 1 || options->num_beams > GEN_MAX_BEAMS) {
        return error_set(err, GEN_BAD_ARGUMENT, "num_beams is %d, but must be from 1 to %d",
                         (int)options->num_beams, GEN_MAX_BEAMS);
    }
    if (options->num_beams > 1 && options->num_return_sequences > options->num_beams) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "num_return_sequences is %d, but a search with num_beams %d finds no more "
                         "than %d (raise num_beams)",
                         (int)options->num_return_sequences, (int)options->num_beams,
                         (int)options->num_beams);
    }
    if (!(options->length_penalty >= -(float)MAX_PENALTY &&
          options->length_penalty <= (float)MAX_PENALTY)) {
        return error_set(err, GEN_BAD_ARGUMENT, "length_penalty is %g, but must be from -%g to %g",
                         (double)options->length_penalty, MAX_PENALTY, MAX_PENALTY);
    }
    if (options->early_stopping < GEN_EARLY_STOPPING_FALSE ||
        options->early_stopping > GEN_EARLY_STOPPING_NEVER) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "early_stopping is %d, but must be one of enum gen_early_stopping",
                         (int)options->early_stopping);
    }
    enum gen_status status = check_groups(options, err);
    if (status == GEN_OK) {
        status = check_classic(options, err);
    }
    return status == GEN_OK ? check_contrast(options, err) : status;
}
