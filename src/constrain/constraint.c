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

/* What was found out about an automaton, for the texts that stand in it. Where it has become much,
 * texts that begin have another one, and the last text takes it along: so it stays bounded however
 * long a run is. A text for which it is too much goes on in another one, too: so what it may be
 * does not depend on the texts around it. */
struct world {
    struct states states;
    struct masks masks;
    uint32_t start;
    size_t n_users; /* matchers, and the constraint for the one that is its newest */
};

struct gen_constraint {
    const struct gen_pieces *pieces;
    struct automaton automaton;
    pthread_mutex_t lock; /* for all below */
    struct world *newest; /* of texts that begin; NULL: it could not be made */
    size_t n_users;
};

struct gen_matcher {
    struct gen_constraint *constraint;
    struct world *world;
    uint32_t set;
    uint64_t *mask; /* a copy: others may make the world forget its own */
};

/* ---- worlds ----------------------------------------------------------------------------------*/

/* One user less; the last one frees it. */
static void world_drop(struct world *world) {
    if (world == NULL || --world->n_users > 0) {
        return;
    }
    masks_release(&world->masks);
    states_release(&world->states);
    memory_free(world);
}

/* With one user. NULL: out of memory; *is_full: not even the beginning has room. */
static struct world *world_new(const struct gen_constraint *constraint, bool *is_full) {
    *is_full = false;
    struct world *world = memory_new(1, sizeof *world);
    if (world == NULL) {
        return NULL;
    }
    world->n_users = 1;
    bool good = states_init(&world->states, &constraint->automaton) &&
                masks_init(&world->masks, constraint->pieces, &world->states);
    if (good) {
        world->start = states_start(&world->states);
        good = !world->states.failed;
        *is_full = world->states.is_full;
    }
    if (!good) {
        world_drop(world);
        return NULL;
    }
    return world;
}

/* The world of texts that begin now; NULL: out of memory. */
static struct world *world_to_begin_in(struct gen_constraint *constraint) {
    struct world *newest = constraint->newest;
    if (newest == NULL || newest->states.failed || states_are_many(&newest->states)) {
        bool is_full;
        constraint->newest = world_new(constraint, &is_full);
        world_drop(newest);
    }
    return constraint->newest;
}

/* Take a text to another world, as a bound is reached in the one where it stands. A fresh one,
 * where there is nobody else, is the last that is tried. */
static bool move(struct gen_matcher *matcher, bool *is_fresh) {
    struct gen_constraint *constraint = matcher->constraint;
    struct world *old = matcher->world;
    while (old->states.is_full && !*is_fresh) {
        const struct world *before = constraint->newest;
        struct world *world = world_to_begin_in(constraint);
        if (world == NULL) {
            break;
        }
        *is_fresh = world != before;
        uint32_t set = states_carry(&world->states, &old->states, matcher->set);
        if (!world->states.failed) {
            world->n_users++;
            matcher->world = world;
            matcher->set = set;
            world_drop(old);
            return true;
        }
    }
    return false;
}

/* ---- constraints -----------------------------------------------------------------------------*/

enum gen_status constraint_refuse(const char *name, enum gen_status status, struct gen_error *err) {
    if (status != GEN_OK && err != NULL) {
        const struct gen_error cause = *err;
        error_set(err, status, "%.100s: %s", name, cause.message);
    }
    return status;
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
    bool is_full = false;
    if (status == GEN_OK) {
        constraint->newest = world_new(constraint, &is_full);
    }
    if (status == GEN_OK && constraint->newest == NULL) {
        status = is_full
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
    world_drop(constraint->newest);
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
    constraint->n_users++;
    *matcher =
        (struct gen_matcher){.constraint = constraint, .world = world_to_begin_in(constraint)};
    if (matcher->world != NULL) {
        matcher->world->n_users++;
        matcher->set = matcher->world->start;
    }
    pthread_mutex_unlock(&constraint->lock);
    if (matcher->world == NULL) {
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
    matcher->world->n_users++;
    matcher->constraint->n_users++;
    pthread_mutex_unlock(&matcher->constraint->lock);
    *clone = (struct gen_matcher){
        .constraint = matcher->constraint, .world = matcher->world, .set = matcher->set};
    return clone;
}

void gen_matcher_free(struct gen_matcher *matcher) {
    if (matcher == NULL) {
        return;
    }
    pthread_mutex_lock(&matcher->constraint->lock);
    world_drop(matcher->world);
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

/* Go on to a set, if there is one. */
static enum gen_status go_on(struct gen_matcher *matcher, uint32_t set, struct gen_error *err) {
    if (matcher->world->states.failed) {
        return matcher->world->states.is_full
                   ? error_set(err, GEN_CONTEXT_FULL,
                               "the text can be read in more ways than can be kept (write rules so "
                               "that fewer fit the same text)")
                   : error_no_memory(err, "the state of a constraint");
    }
    if (set == SET_DEAD) {
        return error_set(err, GEN_BAD_ARGUMENT, "the constraint does not allow this");
    }
    matcher->set = set;
    return GEN_OK;
}

/* The set after a token. */
static uint32_t step_token(const struct gen_matcher *matcher, int32_t id) {
    const struct gen_constraint *constraint = matcher->constraint;
    struct states *states = &matcher->world->states;
    size_t n;
    const char *bytes = pieces_text(constraint->pieces, id, &n);
    masks_trim(&matcher->world->masks);
    uint32_t set = n > 0 ? step_bytes(states, matcher->set, bytes, n) : SET_DEAD;
    if (constraint->automaton.has_tokens && !states->failed) {
        set = states_union(states, set, states_token(states, matcher->set, id, n > 0));
    }
    return set;
}

enum gen_status gen_matcher_accept(struct gen_matcher *matcher, int32_t id, struct gen_error *err) {
    pthread_mutex_lock(&matcher->constraint->lock);
    bool is_fresh = false;
    uint32_t set = step_token(matcher, id);
    while (matcher->world->states.failed && move(matcher, &is_fresh)) {
        set = step_token(matcher, id);
    }
    enum gen_status status = go_on(matcher, set, err);
    pthread_mutex_unlock(&matcher->constraint->lock);
    return status;
}

enum gen_status gen_matcher_accept_bytes(struct gen_matcher *matcher, const char *bytes, size_t n,
                                         struct gen_error *err) {
    pthread_mutex_lock(&matcher->constraint->lock);
    bool is_fresh = false;
    masks_trim(&matcher->world->masks);
    uint32_t set = step_bytes(&matcher->world->states, matcher->set, bytes, n);
    while (matcher->world->states.failed && move(matcher, &is_fresh)) {
        set = step_bytes(&matcher->world->states, matcher->set, bytes, n);
    }
    enum gen_status status = go_on(matcher, set, err);
    pthread_mutex_unlock(&matcher->constraint->lock);
    return status;
}

bool gen_matcher_may_end(const struct gen_matcher *matcher) {
    pthread_mutex_lock(&matcher->constraint->lock);
    bool may_end = matcher->world->states.sets[matcher->set].may_end;
    pthread_mutex_unlock(&matcher->constraint->lock);
    return may_end;
}

/* The mask after the set of a matcher; NULL: out of memory, or over a bound. */
static const uint64_t *find_mask(const struct gen_matcher *matcher) {
    struct world *world = matcher->world;
    masks_trim(&world->masks);
    return world->states.failed ? NULL : masks_find(&world->masks, matcher->set);
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
    bool is_fresh = false;
    const uint64_t *mask = find_mask(matcher);
    while (mask == NULL && move(matcher, &is_fresh)) {
        mask = find_mask(matcher);
    }
    if (mask != NULL) {
        memcpy(matcher->mask, mask, n * sizeof *mask);
    }
    pthread_mutex_unlock(&constraint->lock);
    return mask != NULL ? matcher->mask : NULL;
}
