/**
 * rng.h - PCG32 (XSH-RR 64/32, M. O'Neill, "PCG: A Family of Simple Fast Space-Efficient
 * Statistically Good Algorithms for Random Number Generation", 2014): the same numbers from the
 * same seed on every machine.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state;
    uint64_t increment; /**< odd; selects the stream */
};

/** As pcg32_srandom of the reference: start state and stream number. */
void rng_init(struct rng *rng, uint64_t state, uint64_t stream);
/**
 * The generator of return sequence `sequence` of prompt `index`: state and stream are SplitMix64
 * hashes of all three numbers, so that neighbours share nothing.
 */
void rng_init_sequence(struct rng *rng, uint64_t seed, uint64_t index, uint64_t sequence);
/** A hash of two numbers: each bit of either changes any bit of it. */
uint64_t rng_hash(uint64_t a, uint64_t b);
uint32_t rng_u32(struct rng *rng);
/** Uniform in [0, 1) with 24 random bits: exact in a float. */
float rng_float(struct rng *rng);
/** Uniform in [0, 1) with 53 random bits, from two draws. */
double rng_double(struct rng *rng);
/** Entropy from the system. */
uint64_t rng_entropy(void);

#endif
