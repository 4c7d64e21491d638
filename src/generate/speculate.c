/**
 * speculate.c - prompt lookup: the draft for what follows, taken from an earlier place in the text,
 * and more caution after drafts that failed. pass.c evaluates a draft and keeps what comes true.
 */
#include "generate/speculate.h"

#include "base/size.h"

/* So many ids before a place must be those at the end of the text: always, and after the worst
 * of failures. Longer matches are not told apart. */
#define MATCH_LEAST 2
#define MATCH_MOST  16

#define CAUTION_AT_RANDOM 3

/** How many ids before ids[place] are those at the end of ids[n]. */
static size_t match_length(const int32_t *ids, size_t n, size_t place) {
    size_t length = 0;
    while (length < MATCH_MOST && length < place &&
           ids[place - 1 - length] == ids[n - 1 - length]) {
        length++;
    }
    return length;
}

struct speculation speculation_start(bool at_random) {
    return (struct speculation){.caution = at_random ? CAUTION_AT_RANDOM : 0};
}

size_t speculation_draft(int32_t draft[SPECULATE_MAX], const struct speculation *speculation,
                         const int32_t *ids, size_t n, size_t n_most) {
    /* The place that is most like the end, of several the last one. */
    size_t best = n;
    size_t best_length = MATCH_LEAST + speculation->caution - 1;
    for (size_t place = n; place-- > MATCH_LEAST && best_length < MATCH_MOST;) {
        size_t length = match_length(ids, n, place);
        if (length > best_length) {
            best = place;
            best_length = length;
        }
    }
    /* The longer the match, the further it is to be trusted. */
    size_t n_draft = best < n ? size_min(size_min(n_most, SPECULATE_MAX), best_length) : 0;
    for (size_t i = 0; i < n_draft; i++) {
        /* What follows the place may reach the end of the text: then it goes on with the draft. */
        draft[i] = best + i < n ? ids[best + i] : draft[best + i - n];
    }
    return n_draft;
}

void speculation_learn(struct speculation *speculation, size_t n_accepted) {
    size_t caution = speculation->caution;
    speculation->caution =
        n_accepted > 0 ? caution / 2 : size_min(2 * caution + 1, MATCH_MOST - MATCH_LEAST);
}
