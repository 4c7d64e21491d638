#include "generate/speculate.h"

/* A place is like the end of the text if at least so many ids before it are the same; more than
 * the most are not compared. */
#define MATCH_LEAST 2
#define MATCH_MOST  4
/* First length of a draft, and the longest pause. */
#define FIRST_LENGTH  4
#define LONGEST_PAUSE 64

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/** How many ids before ids[place] are those at the end of ids[n]. */
static size_t match_length(const int32_t *ids, size_t n, size_t place) {
    size_t length = 0;
    while (length < MATCH_MOST && length < place &&
           ids[place - 1 - length] == ids[n - 1 - length]) {
        length++;
    }
    return length;
}

/** The place that is most like the end of ids[n], of several the last one; n: there is none. */
static size_t find_place(const int32_t *ids, size_t n) {
    size_t best = n;
    size_t best_length = MATCH_LEAST - 1;
    for (size_t place = n; place-- > MATCH_LEAST && best_length < MATCH_MOST;) {
        size_t length = match_length(ids, n, place);
        if (length > best_length) {
            best = place;
            best_length = length;
        }
    }
    return best;
}

size_t speculation_draft(int32_t draft[SPECULATE_MAX], struct speculation *speculation,
                         const int32_t *ids, size_t n, size_t n_most) {
    if (speculation->pause > 0) {
        speculation->pause--;
        return 0;
    }
    size_t n_trusted = speculation->n_trusted > 0 ? speculation->n_trusted : FIRST_LENGTH;
    size_t place = find_place(ids, n);
    size_t n_draft = place < n ? smaller(n_most, n_trusted) : 0;
    for (size_t i = 0; i < n_draft; i++) {
        /* What follows the place may reach the end of the text: then it goes on with the draft. */
        draft[i] = place + i < n ? ids[place + i] : draft[place + i - n];
    }
    return n_draft;
}

void speculation_learn(struct speculation *speculation, size_t n_drafted, size_t n_accepted) {
    if (n_accepted == 0) {
        speculation->n_trusted = 1;
        speculation->pause = speculation->next_pause;
        speculation->next_pause = smaller(2 * speculation->next_pause + 1, LONGEST_PAUSE);
        return;
    }
    speculation->next_pause = 0;
    speculation->n_trusted =
        smaller(n_accepted == n_drafted ? 2 * n_drafted : n_accepted + 1, SPECULATE_MAX);
}
