/**
 * chain.h - the rules that are on for one text, in their order, with what they keep of it. The text
 * grows at one place, chain_accept().
 */
#ifndef SAMPLE_CHAIN_H
#define SAMPLE_CHAIN_H

#include "sample/processor.h"

/** A rule that is on. */
struct chain_rule {
    const struct processor *processor;
    void *state; /**< NULL: it keeps nothing */
};

struct chain {
    const struct gen_sampling *options; /**< checked; they belong to the caller */
    size_t n_vocab, least;              /**< least: ids that each of the warpers leaves */
    size_t n_new_max;                   /**< new ids that the text may have; SIZE_MAX: unknown */
    bool eos_is_text;                   /**< none of the eos ends the text */
    int32_t completes;  /**< the next id takes this one's place in the prompt; -1: it is new */
    uint64_t seed;      /**< for random numbers besides those of the draw */
    struct gen_ids eos; /**< all ids that end a text */
    struct history history;
    struct chain_rule rules[N_PROCESSORS];
    size_t n;
};

/** A text without ids. False: out of memory. Release also after a failure. */
bool chain_init(struct chain *chain, const struct gen_sampling *options, size_t n_vocab,
                uint64_t seed);
/** The same text, to go on by itself. False: out of memory. Release also after a failure. */
bool chain_clone(struct chain *chain, const struct chain *from);
void chain_release(struct chain *chain);

/** The text has one more id, of the prompt or a new one. False: out of memory. */
bool chain_accept(struct chain *chain, int32_t id, enum sample_origin origin);

/** Apply the rules that do not warp to the scores of all ids. */
void chain_logits(const struct chain *chain, float *scores);
/** The name of the first of these that leaves no id; NULL: there is one. scores[n_vocab] are used
 *  up. */
const char *chain_culprit(const struct chain *chain, float *scores);
/**
 * Apply all rules: from the scores of all ids, which are used up, to what may be drawn, with
 * weights. Where nothing may be, *culprit names the rule that left none, if that was one that had
 * a list before it, else NULL. False: out of memory.
 */
bool chain_candidates(const struct chain *chain, float *scores, struct candidates *list,
                      const char **culprit);

#endif
