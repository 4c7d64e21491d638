/**
 * beam_search.h - the search of one prompt: its beams, in groups, and the texts that it has found.
 *
 * There is one group, unless options->num_beam_groups says otherwise. A search with several groups
 * or with words that must come goes by the rules of transformers 4.56, which has such searches; any
 * other by those of transformers 5. They differ in when a text is found and when a search is over:
 * beam_step.c has both.
 */
#ifndef GENERATE_BEAM_SEARCH_H
#define GENERATE_BEAM_SEARCH_H

#include "base/rng.h"
#include "generate/forced_words.h"
#include "generate/text.h"

struct beam {
    struct beam_search *search;
    struct text *text;           /**< NULL: it is gone */
    struct gen_sampler *sampler; /**< of one that runs */
    float score;                 /**< the sum of the log probabilities of its new ids */
    bool stepped;                /**< it knows what may come next: */
    struct gen_logprob *next;    /**< [n_next] */
    size_t n_next, next_capacity;
    float *logits;                   /**< its last, where their log probabilities are recorded */
    float *logprobs;                 /**< the same, log-softmaxed, where there are several groups */
    struct forced_advances advances; /**< ids that bring it closer to words that must come */
};

/** A text that was found. */
struct found {
    struct sequence sequence;
    float score;
};

/** Beams that go on with the best of their own. */
struct beam_group {
    size_t n;              /**< beams, at most */
    struct beam **running; /**< [n_running], best first */
    size_t n_running;
    struct found *found; /**< [n_found], best first */
    size_t n_found;
    bool over; /**< it finds no better ones */
};

/** Number i of beams is that of the prompt's text i. */
struct beam_search {
    struct beam_search *next;
    const struct sequence_rules *rules;
    size_t n, n_users; /**< n_users: texts that have not ended */
    struct beam *beams;
    struct beam_group *groups; /**< [n_groups] */
    size_t n_groups;
    struct rng rng;
    bool done;
    bool failed; /**< one of its texts did, or all came to a dead end */
    struct gen_error error;
};

/** For a prompt, whose first text begins so; its first beam runs in every group. NULL: out of
 *  memory. */
struct beam_search *beam_search_new(const struct sequence *sequence);
void beam_search_free(struct beam_search *search);

/** Whether it goes by the rules of transformers 4.56. */
bool beam_search_is_classic(const struct beam_search *search);
/** Whether what goes on is drawn. */
bool beam_search_is_drawn(const struct beam_search *search);
/** Ids that each of the warpers leaves, as transformers has it: one that does not end the text. */
size_t beam_search_least(const struct beam_search *search);
/** How many candidates a group looks at in a step: so many that those which go on are enough, even
 *  if all that end are among them. */
size_t beam_search_n_candidates(const struct beam_search *search);
/** A sum of log probabilities of that many ids as the score of a text. */
float beam_search_normalize(const struct beam_search *search, float sum, size_t length);

/** Whether the search ends as soon as there are enough texts. */
bool beam_search_stops_when_full(const struct beam_search *search);
/** How long a beam is taken to become, of whose new ids there are n. */
size_t beam_search_length_in_view(const struct beam_search *search, const struct sequence *sequence,
                                  size_t n);

/** A text that has ended, which moves to the group: it is kept if it is among the n best; of equals
 *  the older stays first. */
void beam_search_add_found(struct beam_search *search, struct beam_group *group,
                           struct sequence *sequence, float sum);

/** The search is over: the prompt's first texts become what was found, or fail. */
enum gen_status beam_search_finish(struct beam_search *search, struct gen_error *err);

#endif
