/**
 * beam_group.h - the beams of one prompt, and the texts that a search over them has found.
 */
#ifndef GENERATE_BEAM_GROUP_H
#define GENERATE_BEAM_GROUP_H

#include "base/rng.h"
#include "generate/text.h"

struct beam {
    struct beam_group *group;
    struct text *text;           /**< NULL: it is gone */
    struct gen_sampler *sampler; /**< of one that runs */
    float score;                 /**< the sum of the log probabilities of its new ids */
    bool stepped;                /**< it knows what may come next: */
    struct gen_logprob *next;    /**< [n_next] */
    size_t n_next, next_capacity;
    float *logits; /**< its last, where their log probabilities are recorded */
};

/** A text that was found. */
struct found {
    struct sequence sequence;
    float score;
};

/** Number i of beams is that of the prompt's text i. */
struct beam_group {
    struct beam_group *next;
    const struct sequence_rules *rules;
    size_t n, n_users; /**< n_users: texts that have not ended */
    struct beam *beams;
    struct beam **running; /**< [n_running], best first */
    size_t n_running;
    struct found *found; /**< [n_found], best first */
    size_t n_found;
    struct rng rng;
    bool improves; /**< it can still find better ones */
    bool done;
    bool failed; /**< one of its texts did, or all came to a dead end */
    struct gen_error error;
};

/** For a prompt, whose first text begins so; no beam runs yet. NULL: out of memory. */
struct beam_group *beam_group_new(const struct sequence *sequence);
void beam_group_free(struct beam_group *group);

/** Whether what goes on is drawn. */
bool beam_group_is_drawn(const struct beam_group *group);
/** Ids that each of the warpers leaves, as transformers has it: one that does not end the text. */
size_t beam_group_least(const struct beam_group *group);
/** How many candidates a step looks at: so many that those which go on are enough, even if all that
 *  end are among them. */
size_t beam_group_n_candidates(const struct beam_group *group);
/** A sum of log probabilities of that many ids as the score of a text. */
float beam_group_normalize(const struct beam_group *group, float sum, size_t length);

/** A text that has ended, which moves here: it is kept if it is among the n best; of equals the
 *  older stays first. */
void beam_group_add_found(struct beam_group *group, struct sequence *sequence, float sum);

/** The search is over: the prompt's first texts become what was found, or fail. */
enum gen_status beam_group_finish(struct beam_group *group, struct gen_error *err);

/** Of a search that failed there are no new ids: they were those of one beam. */
void beam_group_drop_new(struct sequence *sequence);

#endif
