/**
 * drafter_lookup.c - prompt lookup decoding (Saxena 2023), which needs no second model: the draft
 * is what followed at an earlier place of the text that was like its end. After drafts that failed
 * it takes more to be alike. pass.c evaluates a draft and keeps what comes true.
 */
#include "generate/drafter.h"

#include "base/memory.h"
#include "base/size.h"
#include "sample/sampler.h"

/* So many ids before a place must be those at the end of the text: always, and after the worst
 * of failures. Longer matches are not told apart. */
#define MATCH_LEAST 2
#define MATCH_MOST  16

#define CAUTION_AT_RANDOM 3

/* How many ids before ids[place] are those at the end of ids[n]. */
static size_t match_length(const int32_t *ids, size_t n, size_t place) {
    size_t length = 0;
    while (length < MATCH_MOST && length < place &&
           ids[place - 1 - length] == ids[n - 1 - length]) {
        length++;
    }
    return length;
}

/* How well guessing went lately with the text of each slot. */
struct lookup {
    size_t *caution; /* [n_slots] ids that must match, beyond the least */
};

/* Where ids are drawn at random a text leaves the beaten track sooner than where the likeliest is
 *  always taken, so guessing begins with caution (measured in scripts/SPEED.md). */
static void seat(void *context, int32_t slot, const struct sequence *sequence) {
    const struct lookup *lookup = context;
    float temperature = sequence->rules->options->sampling.temperature;
    lookup->caution[slot] = temperature >= SAMPLER_GREEDY_BELOW ? CAUTION_AT_RANDOM : 0;
}

/* Looks no further back than the model can see. */
static void look_up(const struct lookup *lookup, struct draft *draft) {
    const struct sequence *sequence = &draft->text->sequence;
    size_t n = size_min(sequence->ids.n, (size_t)sequence->rules->n_ctx);
    const int32_t *ids = sequence->ids.data + (sequence->ids.n - n);
    /* The place that is most like the end, of several the last one. */
    size_t best = n;
    size_t best_length = MATCH_LEAST + lookup->caution[draft->text->seat.slot] - 1;
    for (size_t place = n; place-- > MATCH_LEAST && best_length < MATCH_MOST;) {
        size_t length = match_length(ids, n, place);
        if (length > best_length) {
            best = place;
            best_length = length;
        }
    }
    /* The longer the match, the further it is to be trusted. */
    draft->n = best < n ? size_min(size_min(draft->n_most, DRAFT_MOST), best_length) : 0;
    for (size_t i = 0; i < draft->n; i++) {
        /* What follows the place may reach the end of the text: then it goes on with the draft. */
        draft->ids[i] = best + i < n ? ids[best + i] : draft->ids[best + i - n];
    }
}

static void guess(void *context, struct draft *drafts, size_t n_drafts, size_t n_plain) {
    (void)n_plain;
    for (size_t i = 0; i < n_drafts; i++) {
        if (drafts[i].n == 0) {
            look_up(context, &drafts[i]);
        }
    }
}

/* Caution grows with each draft that did not come true at all, so that a text without repetition
 *  is soon left alone. */
static void learn(void *context, const struct draft *draft, size_t n_accepted) {
    const struct lookup *lookup = context;
    int32_t slot = draft->text->seat.slot;
    size_t caution = lookup->caution[slot];
    lookup->caution[slot] =
        n_accepted > 0 ? caution / 2 : size_min(2 * caution + 1, MATCH_MOST - MATCH_LEAST);
}

static void release(void *context) {
    struct lookup *lookup = context;
    memory_free(lookup->caution);
    memory_free(lookup);
}

bool drafter_lookup_init(struct drafter *drafter, size_t n_slots) {
    *drafter = (struct drafter){0};
    struct lookup *lookup = memory_new(1, sizeof *lookup);
    if (lookup == NULL) {
        return false;
    }
    lookup->caution = memory_new(n_slots, sizeof *lookup->caution);
    if (lookup->caution == NULL) {
        release(lookup);
        return false;
    }
    *drafter = (struct drafter){
        .context = lookup, .seat = seat, .draft = guess, .learn = learn, .free = release};
    return true;
}

void drafter_release(struct drafter *drafter) {
    if (drafter->free != NULL) {
        drafter->free(drafter->context);
    }
    *drafter = (struct drafter){0};
}
