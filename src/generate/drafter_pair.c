/**
 * drafter_pair.c - two drafters: the first guesses where it can, which costs less, and where it
 * cannot the second does. What comes of a draft hears who made it.
 */
#include "base/memory.h"
#include "generate/drafter.h"

struct pair {
    struct drafter first, second;
    bool *is_firsts; /* [n_slots] who made the last draft */
    size_t n_firsts; /* drafts of the pass that the first made */
};

static void seat(void *context, int32_t slot, const struct sequence *sequence) {
    struct pair *pair = context;
    pair->first.seat(pair->first.context, slot, sequence);
    pair->second.seat(pair->second.context, slot, sequence);
}

static void guess(void *context, struct draft *drafts, size_t n_drafts, size_t n_plain) {
    struct pair *pair = context;
    pair->first.draft(pair->first.context, drafts, n_drafts, n_plain);
    pair->n_firsts = 0;
    for (size_t i = 0; i < n_drafts; i++) {
        pair->is_firsts[drafts[i].text->seat.slot] = drafts[i].n > 0;
        pair->n_firsts += drafts[i].n > 0;
    }
    pair->second.draft(pair->second.context, drafts, n_drafts, n_plain);
}

static void learn(void *context, const struct draft *draft, size_t n_accepted) {
    struct pair *pair = context;
    const struct drafter *by =
        pair->is_firsts[draft->text->seat.slot] ? &pair->first : &pair->second;
    by->learn(by->context, draft, n_accepted);
}

/* How long a pass took is the second's to know, if all its drafts are. */
static void passed(void *context, size_t n_plain, size_t n_drafted, double seconds) {
    struct pair *pair = context;
    if (pair->n_firsts == 0) {
        pair->second.passed(pair->second.context, n_plain, n_drafted, seconds);
    }
    pair->n_firsts = 0;
}

static bool forget(void *context) {
    struct pair *pair = context;
    return pair->second.forget(pair->second.context);
}

static void release(void *context) {
    struct pair *pair = context;
    drafter_release(&pair->first);
    drafter_release(&pair->second);
    memory_free(pair->is_firsts);
    memory_free(pair);
}

bool drafter_pair_init(struct drafter *drafter, struct drafter first, struct drafter second,
                       size_t n_slots) {
    *drafter = (struct drafter){0};
    struct pair *pair = memory_new(1, sizeof *pair);
    if (pair == NULL) {
        drafter_release(&first);
        drafter_release(&second);
        return false;
    }
    *pair = (struct pair){.first = first, .second = second};
    pair->is_firsts = memory_new(n_slots, sizeof *pair->is_firsts);
    if (pair->is_firsts == NULL) {
        release(pair);
        return false;
    }
    *drafter = (struct drafter){.context = pair,
                                .seat = seat,
                                .draft = guess,
                                .learn = learn,
                                .passed = passed,
                                .forget = forget,
                                .free = release};
    return true;
}
