/**
 * constraint.c - gen_constraint: an automaton with all that was found out about it, which the texts
 * under it share; and gen_matcher, the state of one text.
 */
#include "constrain/constraint.h"

#include <pthread.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "constrain/masks.h"

struct gen_constraint {
    const struct gen_pieces *pieces;
    struct automaton automaton;
    pthread_mutex_t lock; /* for all below */
    struct states states;
    struct masks masks;
    uint32_t start;
    size_t n_matchers, n_users;
};

struct gen_matcher {
    struct gen_constraint *constraint;
    uint32_t set;
    uint64_t *mask; /* a copy: others may make the constraint forget its own */
};

/* Past this many sets a constraint that no text is under begins anew. */
#define MANY_SETS ((size_t)1 << 17)

/* ---- constraints -----------------------------------------------------------------------------*/

enum gen_status constraint_refuse(const char *name, enum gen_status status, struct gen_error *err) {
    if (status != GEN_OK && err != NULL) {
        const struct gen_error cause = *err;
        error_set(err, status, "%.100s: %s", name, cause.message);
    }
    return status;
}

/* Forget all that was found out. */
static bool begin_anew(struct gen_constraint *constraint) {
    masks_release(&constraint->masks);
    states_release(&constraint->states);
    if (!states_init(&constraint->states, &constraint->automaton) ||
        !masks_init(&constraint->masks, constraint->pieces, &constraint->states)) {
        constraint->states.failed = true;
        return false;
    }
    constraint->start = states_start(&constraint->states);
    return !constraint->states.failed;
}

enum gen_status constraint_new(struct gen_constraint **out, const struct gen_pieces *pieces,
                               const char *name, const struct syntax *syntax,
                               struct gen_error *err) {
    *out = NULL;
    struct gen_constraint *constraint = memory_new(1, sizeof *constraint);
    if (constraint == NULL) {
        return error_no_memory(err, "the constraint");
    }
    constraint->pieces = pieces;
    constraint->n_users = 1;
    pthread_mutex_init(&constraint->lock, NULL);
    enum gen_status status = syntax_status(syntax, err);
    if (status == GEN_OK) {
        status = automaton_init(&constraint->automaton, syntax, err);
    }
    if (status == GEN_OK && !begin_anew(constraint)) {
        status = states_is_full(&constraint->states)
                     ? error_set(err, GEN_BAD_ARGUMENT,
                                 "too ambiguous: its beginning alone can be read in more ways than "
                                 "can be kept (write rules so that fewer fit the same text)")
                     : error_no_memory(err, "the constraint's states");
    }
    if (status != GEN_OK) {
        gen_constraint_free(constraint);
        return status == GEN_NO_MEMORY ? status : constraint_refuse(name, status, err);
    }
    *out = constraint;
    return GEN_OK;
}

/* One user more or less; how many there are then. */
static size_t count_users(struct gen_constraint *constraint, int more) {
    pthread_mutex_lock(&constraint->lock);
    constraint->n_users += (size_t)more;
    size_t n = constraint->n_users;
    pthread_mutex_unlock(&constraint->lock);
    return n;
}

struct gen_constraint *gen_constraint_use(struct gen_constraint *constraint) {
    if (constraint != NULL) {
        count_users(constraint, 1);
    }
    return constraint;
}

void gen_constraint_free(struct gen_constraint *constraint) {
    if (constraint == NULL || count_users(constraint, -1) > 0) {
        return;
    }
    masks_release(&constraint->masks);
    states_release(&constraint->states);
    automaton_release(&constraint->automaton);
    pthread_mutex_destroy(&constraint->lock);
    memory_free(constraint);
}

size_t gen_constraint_n_vocab(const struct gen_constraint *constraint) {
    return (size_t)constraint->pieces->n_vocab;
}

/* ---- matchers --------------------------------------------------------------------------------*/

enum gen_status gen_matcher_new(struct gen_matcher **out, struct gen_constraint *constraint,
                                struct gen_error *err) {
    *out = NULL;
    struct gen_matcher *matcher = memory_new(1, sizeof *matcher);
    if (matcher == NULL) {
        return error_no_memory(err, "the state of a constraint");
    }
    pthread_mutex_lock(&constraint->lock);
    bool is_full = constraint->states.failed || constraint->states.n_sets > MANY_SETS;
    bool good = constraint->n_matchers > 0 || !is_full || begin_anew(constraint);
    constraint->n_matchers++;
    constraint->n_users++;
    *matcher = (struct gen_matcher){.constraint = constraint, .set = constraint->start};
    pthread_mutex_unlock(&constraint->lock);
    if (!good) {
        gen_matcher_free(matcher);
        return error_no_memory(err, "the state of a constraint");
    }
    *out = matcher;
    return GEN_OK;
}

struct gen_matcher *gen_matcher_clone(const struct gen_matcher *matcher) {
    struct gen_matcher *clone = memory_new(1, sizeof *clone);
    if (clone == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&matcher->constraint->lock);
    matcher->constraint->n_matchers++;
    matcher->constraint->n_users++;
    pthread_mutex_unlock(&matcher->constraint->lock);
    *clone = (struct gen_matcher){.constraint = matcher->constraint, .set = matcher->set};
    return clone;
}

void gen_matcher_free(struct gen_matcher *matcher) {
    if (matcher == NULL) {
        return;
    }
    pthread_mutex_lock(&matcher->constraint->lock);
    matcher->constraint->n_matchers--;
    pthread_mutex_unlock(&matcher->constraint->lock);
    gen_constraint_free(matcher->constraint);
    memory_free(matcher->mask);
    memory_free(matcher);
}

static uint32_t step_bytes(struct states *states, uint32_t set, const char *bytes, size_t n) {
    for (size_t i = 0; i < n && set != SET_DEAD; i++) {
        set = states_step(states, set, (unsigned char)bytes[i]);
    }
    return set;
}

/* Go on to a set, if there is one. Gives up the lock. */
static enum gen_status go_on(struct gen_matcher *matcher, uint32_t set, struct gen_error *err) {
    bool failed = matcher->constraint->states.failed;
    pthread_mutex_unlock(&matcher->constraint->lock);
    if (failed) {
        return error_set(err, GEN_NO_MEMORY,
                         "the constraint needs more memory than it may take, or there is none");
    }
    if (set == SET_DEAD) {
        return error_set(err, GEN_BAD_ARGUMENT, "the constraint does not allow this");
    }
    matcher->set = set;
    return GEN_OK;
}

enum gen_status gen_matcher_accept(struct gen_matcher *matcher, int32_t id, struct gen_error *err) {
    struct gen_constraint *constraint = matcher->constraint;
    struct states *states = &constraint->states;
    size_t n;
    const char *bytes = pieces_text(constraint->pieces, id, &n);
    pthread_mutex_lock(&constraint->lock);
    masks_trim(&constraint->masks);
    uint32_t set = n > 0 ? step_bytes(states, matcher->set, bytes, n) : SET_DEAD;
    if (constraint->automaton.has_tokens && !states->failed) {
        set = states_union(states, set, states_token(states, matcher->set, id, n > 0));
    }
    return go_on(matcher, set, err);
}

enum gen_status gen_matcher_accept_bytes(struct gen_matcher *matcher, const char *bytes, size_t n,
                                         struct gen_error *err) {
    struct gen_constraint *constraint = matcher->constraint;
    pthread_mutex_lock(&constraint->lock);
    masks_trim(&constraint->masks);
    return go_on(matcher, step_bytes(&constraint->states, matcher->set, bytes, n), err);
}

bool gen_matcher_may_end(const struct gen_matcher *matcher) {
    pthread_mutex_lock(&matcher->constraint->lock);
    bool may_end = matcher->constraint->states.sets[matcher->set].may_end;
    pthread_mutex_unlock(&matcher->constraint->lock);
    return may_end;
}

const uint64_t *gen_matcher_mask(struct gen_matcher *matcher) {
    struct gen_constraint *constraint = matcher->constraint;
    size_t n = pieces_n_words(constraint->pieces);
    if (matcher->mask == NULL) {
        matcher->mask = memory_new(n, sizeof *matcher->mask);
    }
    if (matcher->mask == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&constraint->lock);
    masks_trim(&constraint->masks);
    const uint64_t *mask =
        constraint->states.failed ? NULL : masks_find(&constraint->masks, matcher->set);
    if (mask != NULL) {
        memcpy(matcher->mask, mask, n * sizeof *mask);
    }
    pthread_mutex_unlock(&constraint->lock);
    return mask != NULL ? matcher->mask : NULL;
}
