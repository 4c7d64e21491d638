/**
 * sampler.h - what the other rooms need of the sampler besides its public half in gen_session.h.
 *
 * A step is: copy the logits, the rules of the chain (processor.h), and the draw (candidates.h).
 * Greedy leaves out the rules that warp, and takes the first of the best. A temperature below
 * SAMPLER_GREEDY_BELOW is greedy as well, since dividing by it would overflow.
 *
 * Each draw takes one rng_double(), also when only one candidate is left, so the random stream
 * depends on the number of ids drawn and on nothing else.
 */
#ifndef SAMPLE_SAMPLER_H
#define SAMPLE_SAMPLER_H

#include <stdint.h>

#include "gen.h"
#include "sample/candidates.h"

#define SAMPLER_GREEDY_BELOW 1e-6f

/**
 * Check options for a vocabulary of n_vocab ids: GEN_BAD_ARGUMENT with a sentence naming the
 * option, the value found and the range that it must be in.
 */
enum gen_status sampler_check(const struct gen_sampling *options, int32_t n_vocab,
                              struct gen_error *err);

/** Memory for a draw, which nothing outlives: samplers that draw in turn can share one. */
struct sampler_scratch {
    float *scores; /**< [n_vocab] */
    struct candidates candidates;
};

/** False: out of memory. Release also after a failure. */
bool sampler_scratch_init(struct sampler_scratch *scratch, size_t n_vocab);
void sampler_scratch_release(struct sampler_scratch *scratch);

/**
 * As gen_sampler_new(), but it borrows the options, which must be checked, with their arrays, and
 * its scratch memory: what many texts have in common is there once.
 */
enum gen_status sampler_new(struct gen_sampler **out, const struct gen_sampling *options,
                            int32_t n_vocab, uint64_t seed, uint64_t index, uint64_t sequence,
                            struct sampler_scratch *scratch, struct gen_error *err);

/**
 * A sampler that goes on from here by itself, with the same ids, states and random numbers; for a
 * text that is continued in two ways. It borrows what the other borrows or owns, so it must be
 * freed first where that was made by gen_sampler_new(). NULL: out of memory.
 */
struct gen_sampler *sampler_clone(const struct gen_sampler *sampler);

/** The text ends with its new id number n: what forced_eos looks at. Unless it is said there is no
 *  limit. */
void sampler_ends_with(struct gen_sampler *sampler, size_t n);

/** None of the eos ends the text: what is drawn of them is written. */
void sampler_writes_eos(struct gen_sampler *sampler);

/** The next id that is drawn counts as the last one of the prompt, in the place of `id`, which no
 *  rule forbids: the prompt has it. What must or must not come as a new id says nothing of it. */
void sampler_completes_prompt(struct gen_sampler *sampler, int32_t id);

/** Of the warpers, each leaves at least n ids where there are as many; 1 unless it is said. */
void sampler_keep_at_least(struct gen_sampler *sampler, size_t n);

/** Remember an id, 0 <= id < n_vocab, as if gen_sampler_next() had chosen it: how a test gives the
 *  rules a text that it knows. */
enum gen_status sampler_accept(struct gen_sampler *sampler, int32_t id, struct gen_error *err);

#endif
