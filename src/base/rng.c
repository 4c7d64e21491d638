/**
 * rng.c - random numbers: PCG32, its seeding so that every text of a run has a stream of its own,
 * hashes of two numbers, and entropy from the system. The draw of a token is in src/sample.
 */
#include "base/rng.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "gen.h"

static const uint64_t pcg_multiplier = 6364136223846793005u;

uint32_t rng_u32(struct rng *rng) {
    uint64_t old = rng->state;
    rng->state = old * pcg_multiplier + rng->increment;
    uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27);
    uint32_t rotation = (uint32_t)(old >> 59);
    return shifted >> rotation | shifted << ((32 - rotation) & 31);
}

void rng_init(struct rng *rng, uint64_t state, uint64_t stream) {
    rng->state = 0;
    rng->increment = stream << 1 | 1;
    rng_u32(rng);
    rng->state += state;
    rng_u32(rng);
}

/* SplitMix64's output function (Steele, Lea, Flood 2014): every input bit moves every output. */
static uint64_t mix(uint64_t z) {
    z += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t rng_hash(uint64_t a, uint64_t b) {
    return mix(mix(a) ^ b);
}

void rng_init_sequence(struct rng *rng, uint64_t seed, uint64_t index, uint64_t sequence) {
    uint64_t key = mix(rng_hash(seed, index) ^ sequence);
    rng_init(rng, key, mix(key));
}

float rng_float(struct rng *rng) {
    return (float)(rng_u32(rng) >> 8) * 0x1p-24f;
}

double rng_double(struct rng *rng) {
    uint64_t high = rng_u32(rng) >> 5;
    uint64_t low = rng_u32(rng) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

uint64_t rng_entropy(void) {
    uint64_t value;
    if (getentropy(&value, sizeof value) == 0) {
        return value;
    }
    /* No system entropy (very old kernels): differ at least between runs. */
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return mix(mix((uint64_t)now.tv_sec ^ (uint64_t)getpid() << 32) ^ (uint64_t)now.tv_nsec);
}

uint64_t gen_random_seed(void) {
    return rng_entropy();
}
