/**
 * sampling_copy.h - options of sampling with copies of the arrays that they point to, for those who
 * outlive their caller's.
 */
#ifndef SAMPLE_SAMPLING_COPY_H
#define SAMPLE_SAMPLING_COPY_H

#include <stdbool.h>

#include "gen.h"

/** Start from {0}. */
struct sampling_copy {
    struct gen_sampling options; /**< its arrays are those below */
    struct gen_ids *bad_words, *dry_breakers;
    size_t n_bad_words, n_dry_breakers;
    struct gen_logit_bias *logit_bias;
    struct gen_constraint *constraint; /**< that of the options */
    struct gen_bad_texts *bad_texts;   /**< that of the options */
    struct gen_sequence_bias *sequence_bias;
    size_t n_sequence_bias;
    struct gen_ids suppress, begin_suppress, forced_eos;
    char *samplers;
};

/** False: out of memory. Release also after a failure. */
bool sampling_copy_init(struct sampling_copy *copy, const struct gen_sampling *options);
void sampling_copy_release(struct sampling_copy *copy);

/** Copy n lists of ids; *n_copied counts those that are there, also after a failure (false: out of
 *  memory). Lists without ids may come of a caller's mistake, which others find. */
bool sampling_copy_lists(struct gen_ids **copy, size_t *n_copied, const struct gen_ids *lists,
                         size_t n);
void sampling_free_lists(struct gen_ids *lists, size_t n);

#endif
