/**
 * search.c - which steps and minimums are tried for a group: first a coarse net over all that make
 * sense, then finer ones around the best so far.
 */
#include "base/size.h"
#include "tensor/float_types.h"
#include "tensor/quant/rounding/parts.h"

/* How much of a range coarse tries may cut off: with few bits less range and finer steps pay. */
static float most_cut(const struct quant_format *format) {
    switch (format->low_bits + format->high_bits) {
    case 4:
        return 0.5f;
    case 5:
        return 0.35f;
    case 6:
        return 0.25f;
    default:
        return 0.08f;
    }
}

static float half(float x) {
    return tensor_f16_to_f32(tensor_f16_from_f32(x));
}

/* Make what the lanes say what the file can say. */
static void to_halves(struct rounding_tries *tries) {
    for (size_t l = 0; l < TRIES_LANES; l++) {
        tries->step[l] = half(tries->step[l]);
        tries->min[l] = half(tries->min[l]);
    }
}

size_t tries_best(const struct rounding_tries *tries) {
    size_t best = 0;
    for (size_t l = 1; l < TRIES_LANES; l++) {
        if (tries->loss[l] < tries->loss[best]) {
            best = l;
        }
    }
    return best;
}

/* What a search is for. */
struct search {
    struct rounding_tries *tries;
    const struct rounding_group *group;
    const struct kernels *kernels;
    bool below;  /* minimums are not above 0 */
    bool halves; /* pairs are half-precision numbers */
    int n_finer; /* nets cast around the best of the first one */
};

static size_t play(const struct search *s) {
    if (s->halves) {
        to_halves(s->tries);
    }
    s->kernels->round_tries(s->tries, s->group);
    return tries_best(s->tries);
}

/* ---- formats without a minimum ---------------------------------------------------------------*/

/* The number of greatest magnitude becomes the least or the greatest value, or goes beyond it. */
static size_t search_signed(const struct search *s) {
    const struct rounding_group *group = s->group;
    struct rounding_tries *tries = s->tries;
    const struct quant_format *format = group->format;
    enum { HALF = TRIES_LANES / 2 };
    float greatest = 0.0f;
    for (size_t i = 0; i < group->n; i++) {
        if (__builtin_fabsf(group->t[i]) > __builtin_fabsf(greatest)) {
            greatest = group->t[i];
        }
    }
    int32_t last = (1 << (format->low_bits + format->high_bits)) - 1;
    float ends[2] = {(float)(quant_value(format, 0) - format->offset),
                     (float)(quant_value(format, last) - format->offset)};
    float cut = most_cut(format);
    float net = (cut + 0.06f) / (float)(HALF - 1);
    for (size_t l = 0; l < TRIES_LANES; l++) {
        tries->min[l] = 0.0f;
        tries->step[l] = greatest / ends[l / HALF] * (1.06f - net * (float)(l % HALF));
    }
    float best = tries->step[play(s)];
    for (size_t l = 0; l < TRIES_LANES; l++) {
        float part = (float)((int)l - HALF) / (float)HALF; /* -1 ... 1 */
        tries->step[l] = best * (1.0f + net * part);
    }
    return play(s);
}

/* ---- formats with one ------------------------------------------------------------------------*/

/* A net of tries: parts `low` and `high` of the range are cut off its ends, LOWS times HIGHS of
 * them around a middle. */
enum { LOWS = 4, HIGHS = TRIES_LANES / LOWS };
struct net {
    float least, greatest; /* the range */
    float low, low_by, high, high_by;
    float n_steps;
    bool below;
};

static float net_low(const struct net *net, size_t lane) {
    return net->low + net->low_by * ((float)(lane % LOWS) - 0.5f * (LOWS - 1));
}

static float net_high(const struct net *net, size_t lane) {
    return net->high + net->high_by * ((float)(lane / LOWS) - 0.5f * (HIGHS - 1));
}

static void cast(struct rounding_tries *tries, const struct net *net) {
    float range = net->greatest - net->least;
    for (size_t l = 0; l < TRIES_LANES; l++) {
        float low = net->least + range * net_low(net, l);
        float high = net->greatest - range * net_high(net, l);
        low = net->below && low > 0.0f ? 0.0f : low;
        tries->min[l] = low;
        tries->step[l] = (high - low) / net->n_steps;
    }
}

static void set_range(struct net *net, const struct rounding_group *group) {
    net->least = net->greatest = group->t[0];
    for (size_t i = 1; i < group->n; i++) {
        net->least = group->t[i] < net->least ? group->t[i] : net->least;
        net->greatest = group->t[i] > net->greatest ? group->t[i] : net->greatest;
    }
    net->least = net->below && net->least > 0.0f ? 0.0f : net->least;
}

static size_t search_ranged(const struct search *s) {
    const struct rounding_group *group = s->group;
    struct rounding_tries *tries = s->tries;
    const struct quant_format *format = group->format;
    const float beyond = 0.02f; /* of the range is tried, too */
    float cut = 0.5f * most_cut(format);
    struct net net = {.low = 0.5f * (cut - beyond),
                      .low_by = (cut + beyond) / (LOWS - 1),
                      .high = 0.5f * (cut - beyond),
                      .high_by = (cut + beyond) / (HIGHS - 1),
                      .n_steps = (float)((1 << (format->low_bits + format->high_bits)) - 1),
                      .below = s->below};
    set_range(&net, group);
    cast(tries, &net);
    size_t best = play(s);
    for (int finer = 0; finer < s->n_finer; finer++) {
        /* A net with half the room around the best, which stays as its first lane. */
        struct pair kept = {tries->step[best], tries->min[best]};
        if (finer == 0 || best != 0) {
            net.low = net_low(&net, best);
            net.high = net_high(&net, best);
        }
        net.low_by *= 0.5f;
        net.high_by *= 0.3f;
        cast(tries, &net);
        tries->step[0] = kept.step;
        tries->min[0] = kept.min;
        best = play(s);
    }
    return best;
}

static size_t search(const struct search *s) {
    return s->group->format->has_min ? search_ranged(s) : search_signed(s);
}

struct pair search_pair(struct rounding_tries *tries, const struct rounding_group *group,
                        const struct kernels *kernels) {
    /* the search fills it */
    // cppcheck-suppress ctuuninitvar
    const struct search s = {tries, group, kernels, .below = true, .n_finer = 1};
    size_t lane = search(&s);
    return (struct pair){tries->step[lane], tries->min[lane]};
}

size_t search_halves(struct rounding_tries *tries, const struct rounding_group *group,
                     const struct kernels *kernels) {
    /* the search fills it */
    // cppcheck-suppress ctuuninitvar
    const struct search s = {tries, group, kernels, .halves = true, .n_finer = 2};
    return search(&s);
}
