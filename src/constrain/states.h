/**
 * states.h - runs an automaton over bytes. Where a text stands is a set of stacks, each with a
 * state on top of the places to which rules that were called will return. Stacks share what lies
 * below; each stack and each set has a number and is there once, so that the step from a set over a
 * byte is found once and then looked up: an automaton without stacks that is made as far as texts
 * go.
 *
 * Numbers stay good as long as the struct states. Memory is bounded: steps are forgotten and found
 * anew (states_forget()), and past MAX_STACKS or MAX_SETS nothing new is made.
 */
#ifndef CONSTRAIN_STATES_H
#define CONSTRAIN_STATES_H

#include "constrain/automaton.h"

/** Stacks that have nothing below: at the end of the text; and of a rule that is looked at alone.
 */
enum { STACK_NONE, STACK_BOTTOM, STACK_HOLE };
/** Sets: no step was found yet; nothing can come. */
enum { SET_UNKNOWN, SET_DEAD };

struct stack {
    uint32_t state;
    uint32_t below; /**< a stack, to whose state a call returns */
};

struct stack_set {
    uint32_t at, n;  /**< its stacks, ascending, each with an edge that reads something */
    bool may_end;    /**< the text may be at its end */
    bool escapes;    /**< the rule that is looked at alone may be at its end */
    bool has_tokens; /**< there are edges over tokens */
    uint32_t *steps; /**< [n_classes] sets; NULL: none known */
};

struct states {
    const struct automaton *automaton;
    struct stack *stacks;
    size_t n_stacks, stacks_capacity;
    uint32_t *seen; /**< [n_stacks] the number of the last closure that has met it */
    size_t seen_capacity;
    uint32_t closure;
    uint32_t *stack_table; /**< hash table of numbers */
    size_t stack_table_size;

    struct stack_set *sets;
    size_t n_sets, sets_capacity;
    uint32_t *members; /**< of all sets */
    size_t n_members, members_capacity;
    uint32_t *set_table;
    size_t set_table_size;

    uint32_t *work, *found; /**< of a closure */
    size_t n_work, work_capacity, n_found, found_capacity;
    bool may_end, escapes, has_tokens;
    size_t step_bytes; /**< memory of all steps */
    bool failed;       /**< out of memory or over a bound, since states_init() */
    bool is_full;      /**< failed by a bound */
};

/** False: out of memory. Release also after a failure. */
bool states_init(struct states *states, const struct automaton *automaton);
void states_release(struct states *states);

/** The set of a text that begins. */
uint32_t states_start(struct states *states);
/** The set after a byte of this class; SET_DEAD: none. Sets `failed` where it cannot say. */
uint32_t states_find_step(struct states *states, uint32_t set, unsigned class);
/** The set after a token that edges name, not by its bytes; `spells`: it has some, so that it is
 * one of those that "any other" means. */
uint32_t states_token(struct states *states, uint32_t set, int32_t token, bool spells);
/** Both together. */
uint32_t states_union(struct states *states, uint32_t a, uint32_t b);
/** The tops of the stacks of a set above `below`, alone: above STACK_HOLE. */
uint32_t states_alone(struct states *states, uint32_t set, uint32_t below);
/** The set after the end of a rule above the stack `below`. */
uint32_t states_return(struct states *states, uint32_t below);
/** The set of other states over the same automaton, here; sets `failed` where it cannot be made.
 * The others may have failed since. */
uint32_t states_carry(struct states *states, const struct states *from, uint32_t set);
/** Whether it is time to begin anew: a bound is not near, but it comes nearer. */
bool states_are_many(const struct states *states);
/** Forget all steps. */
void states_forget(struct states *states);

static inline uint32_t states_step(struct states *states, uint32_t set, unsigned char byte) {
    unsigned class = states->automaton->class_of[byte];
    const uint32_t *steps = states->sets[set].steps;
    uint32_t next = steps != NULL ? steps[class] : SET_UNKNOWN;
    return next != SET_UNKNOWN ? next : states_find_step(states, set, class);
}

#endif
