/**
 * states.c - sets of stacks, and the step from one to the next. A step follows the edges over a
 * byte, and from there all that read nothing: into rules that are called, and back from rules at
 * their end.
 */
#include "constrain/states.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"

#define MAX_STACKS  ((size_t)1 << 22)
#define MAX_MEMBERS ((size_t)1 << 24)
#define MAX_SETS    ((size_t)1 << 20)
/* Bounds are so many times what is called many. */
#define MANY        8
#define SMALL_TABLE 256

/* ---- hash tables of numbers ------------------------------------------------------------------*/

static size_t mix(uint64_t value) {
    value *= 0x9E3779B97F4A7C15u;
    value ^= value >> 29;
    value *= 0xBF58476D1CE4E5B9u;
    return (size_t)(value ^ value >> 32);
}

static size_t hash_stack(const struct stack *stack) {
    return mix((uint64_t)stack->below << 32 | stack->state);
}

static size_t hash_members(const uint32_t *members, size_t n, unsigned flags) {
    size_t hash = mix(n * 8 + flags);
    for (size_t i = 0; i < n; i++) {
        hash = mix(hash ^ members[i]);
    }
    return hash;
}

static unsigned flags_of(const struct stack_set *set) {
    return (set->may_end ? 1u : 0) | (set->escapes ? 2u : 0);
}

static size_t hash_set(const struct states *states, uint32_t set) {
    const struct stack_set *it = &states->sets[set];
    return hash_members(states->members + it->at, it->n, flags_of(it));
}

static void put(uint32_t *table, size_t size, size_t hash, uint32_t number) {
    size_t at = hash & (size - 1);
    while (table[at] != 0) {
        at = (at + 1) & (size - 1);
    }
    table[at] = number;
}

/* Twice the size; false: out of memory. */
static bool grow_stack_table(struct states *states) {
    size_t size = states->stack_table_size == 0 ? SMALL_TABLE : 2 * states->stack_table_size;
    uint32_t *table = memory_new(size, sizeof *table);
    if (table == NULL) {
        return false;
    }
    for (uint32_t i = STACK_HOLE + 1; i < states->n_stacks; i++) {
        put(table, size, hash_stack(&states->stacks[i]), i);
    }
    memory_free(states->stack_table);
    states->stack_table = table;
    states->stack_table_size = size;
    return true;
}

static bool grow_set_table(struct states *states) {
    size_t size = states->set_table_size == 0 ? SMALL_TABLE : 2 * states->set_table_size;
    uint32_t *table = memory_new(size, sizeof *table);
    if (table == NULL) {
        return false;
    }
    for (uint32_t i = SET_DEAD; i < states->n_sets; i++) {
        put(table, size, hash_set(states, i), i);
    }
    memory_free(states->set_table);
    states->set_table = table;
    states->set_table_size = size;
    return true;
}

/* ---- stacks ----------------------------------------------------------------------------------*/

static uint32_t fail(struct states *states) {
    states->failed = true;
    return 0;
}

/* A bound is reached. */
static uint32_t fill(struct states *states) {
    states->is_full = true;
    return fail(states);
}

/* The number of a stack; 0: it cannot be made. */
static uint32_t stack_number(struct states *states, uint32_t state, uint32_t below) {
    const struct stack stack = {state, below};
    size_t mask = states->stack_table_size - 1;
    size_t at = hash_stack(&stack) & mask;
    for (uint32_t found; (found = states->stack_table[at]) != 0; at = (at + 1) & mask) {
        if (states->stacks[found].state == state && states->stacks[found].below == below) {
            return found;
        }
    }
    size_t n = states->n_stacks;
    if (n >= MAX_STACKS) {
        return fill(states);
    }
    if (!memory_grow(&states->stacks, &states->stacks_capacity, n + 1, sizeof *states->stacks) ||
        !memory_grow(&states->seen, &states->seen_capacity, n + 1, sizeof *states->seen)) {
        return fail(states);
    }
    states->stacks[n] = stack;
    states->seen[n] = 0;
    states->n_stacks = n + 1;
    if (2 * states->n_stacks > states->stack_table_size) {
        return grow_stack_table(states) ? (uint32_t)n : fail(states);
    }
    states->stack_table[at] = (uint32_t)n;
    return (uint32_t)n;
}

/* ---- closures --------------------------------------------------------------------------------*/

static void begin_closure(struct states *states) {
    if (++states->closure == 0) {
        memset(states->seen, 0, states->n_stacks * sizeof *states->seen);
        states->closure = 1;
    }
    states->n_found = 0;
    states->may_end = states->escapes = states->has_tokens = false;
}

static void visit(struct states *states, uint32_t stack) {
    if (stack == 0 || states->seen[stack] == states->closure) {
        return;
    }
    states->seen[stack] = states->closure;
    if (!memory_grow(&states->work, &states->work_capacity, states->n_work + 1,
                     sizeof *states->work)) {
        fail(states);
        return;
    }
    states->work[states->n_work++] = stack;
}

/* The rule above this stack is at its end. */
static void leave(struct states *states, uint32_t below) {
    states->may_end = states->may_end || below == STACK_BOTTOM;
    states->escapes = states->escapes || below == STACK_HOLE;
    if (below > STACK_HOLE) {
        visit(states, below);
    }
}

static void follow(struct states *states, const struct edge *edge, uint32_t below) {
    const struct automaton *automaton = states->automaton;
    if (edge->kind == EDGE_NOTHING) {
        visit(states, stack_number(states, edge->to, below));
    } else if (edge->kind == EDGE_TAIL) {
        visit(states, stack_number(states, automaton->rules[edge->value].start, below));
    } else if (edge->kind == EDGE_CALL) {
        uint32_t back = stack_number(states, edge->to, below);
        if (back != 0) {
            visit(states, stack_number(states, automaton->rules[edge->value].start, back));
        }
    }
}

static bool is_end(const struct automaton *automaton, uint32_t state) {
    /* Only the end of a rule has no edges: all else leads to it. */
    return automaton->first[state] == automaton->first[state + 1];
}

/* All that is reached from the stacks at work without reading; those that read are found. */
static void close_set(struct states *states) {
    const struct automaton *automaton = states->automaton;
    while (states->n_work > 0 && !states->failed) {
        uint32_t number = states->work[--states->n_work];
        const struct stack stack = states->stacks[number];
        bool reads = false;
        if (is_end(automaton, stack.state)) {
            leave(states, stack.below);
        }
        for (uint32_t i = automaton->first[stack.state]; i < automaton->first[stack.state + 1];
             i++) {
            const struct edge *edge = &automaton->edges[i];
            bool takes_token = edge->kind == EDGE_TOKEN || edge->kind == EDGE_NOT_TOKEN;
            states->has_tokens = states->has_tokens || takes_token;
            reads = reads || takes_token || edge->kind == EDGE_BYTES;
            follow(states, edge, stack.below);
        }
        if (reads && memory_grow(&states->found, &states->found_capacity, states->n_found + 1,
                                 sizeof *states->found)) {
            states->found[states->n_found++] = number;
        } else if (reads) {
            fail(states);
        }
    }
    states->n_work = 0;
}

/* ---- sets ------------------------------------------------------------------------------------*/

static int ascending(const void *a, const void *b) {
    uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;
    return first < second ? -1 : first > second;
}

static bool is_same(const struct states *states, const struct stack_set *set, unsigned flags) {
    return set->n == states->n_found && flags_of(set) == flags &&
           (set->n == 0 ||
            memcmp(states->members + set->at, states->found, set->n * sizeof *states->found) == 0);
}

static uint32_t new_set(struct states *states) {
    size_t n = states->n_sets, n_members;
    if (n >= MAX_SETS || !memory_add(states->n_members, states->n_found, &n_members) ||
        n_members > MAX_MEMBERS) {
        return fill(states);
    }
    if (!memory_grow(&states->sets, &states->sets_capacity, n + 1, sizeof *states->sets) ||
        !memory_grow(&states->members, &states->members_capacity, n_members + 1,
                     sizeof *states->members)) {
        return fail(states);
    }
    if (states->n_found > 0) {
        memcpy(states->members + states->n_members, states->found,
               states->n_found * sizeof *states->found);
    }
    states->sets[n] = (struct stack_set){.at = (uint32_t)states->n_members,
                                         .n = (uint32_t)states->n_found,
                                         .may_end = states->may_end,
                                         .escapes = states->escapes,
                                         .has_tokens = states->has_tokens};
    states->n_members = n_members;
    states->n_sets = n + 1;
    return (uint32_t)n;
}

/* The set of what a closure has found. */
static uint32_t found_set(struct states *states) {
    if (states->failed) {
        return SET_DEAD;
    }
    if (states->n_found > 1) {
        qsort(states->found, states->n_found, sizeof *states->found, ascending);
    }
    unsigned flags = (states->may_end ? 1u : 0) | (states->escapes ? 2u : 0);
    size_t mask = states->set_table_size - 1;
    size_t at = hash_members(states->found, states->n_found, flags) & mask;
    for (uint32_t found; (found = states->set_table[at]) != 0; at = (at + 1) & mask) {
        if (is_same(states, &states->sets[found], flags)) {
            return found;
        }
    }
    uint32_t set = new_set(states);
    if (set == 0) {
        return SET_DEAD;
    }
    if (2 * states->n_sets > states->set_table_size) {
        if (!grow_set_table(states)) {
            fail(states);
            return SET_DEAD;
        }
    } else {
        states->set_table[at] = set;
    }
    return set;
}

uint32_t states_start(struct states *states) {
    begin_closure(states);
    visit(states, stack_number(states, states->automaton->rules[0].start, STACK_BOTTOM));
    close_set(states);
    return found_set(states);
}

static uint32_t step(struct states *states, uint32_t set, uint8_t byte) {
    const struct automaton *automaton = states->automaton;
    begin_closure(states);
    for (uint32_t i = 0; i < states->sets[set].n; i++) {
        const struct stack stack = states->stacks[states->members[states->sets[set].at + i]];
        for (uint32_t e = automaton->first[stack.state]; e < automaton->first[stack.state + 1];
             e++) {
            const struct edge *edge = &automaton->edges[e];
            if (edge->kind == EDGE_BYTES && edge->low <= byte && byte <= edge->high) {
                visit(states, stack_number(states, edge->to, stack.below));
            }
        }
    }
    close_set(states);
    return found_set(states);
}

uint32_t states_find_step(struct states *states, uint32_t set, unsigned class) {
    size_t n_classes = states->automaton->n_classes;
    if (states->failed || set == SET_DEAD) {
        return SET_DEAD;
    }
    uint32_t next = step(states, set, states->automaton->byte_of[class]);
    if (states->failed) {
        return SET_DEAD;
    }
    uint32_t **steps = &states->sets[set].steps;
    if (*steps == NULL) {
        *steps = memory_new(n_classes, sizeof **steps);
        states->step_bytes += n_classes * sizeof **steps;
    }
    if (*steps == NULL) {
        fail(states);
        return SET_DEAD;
    }
    (*steps)[class] = next;
    return next;
}

uint32_t states_token(struct states *states, uint32_t set, int32_t token, bool spells) {
    const struct automaton *automaton = states->automaton;
    if (!states->sets[set].has_tokens) {
        return SET_DEAD;
    }
    begin_closure(states);
    for (uint32_t i = 0; i < states->sets[set].n; i++) {
        const struct stack stack = states->stacks[states->members[states->sets[set].at + i]];
        for (uint32_t e = automaton->first[stack.state]; e < automaton->first[stack.state + 1];
             e++) {
            const struct edge *edge = &automaton->edges[e];
            bool same = edge->value == (uint32_t)token;
            if ((edge->kind == EDGE_TOKEN && same) ||
                (edge->kind == EDGE_NOT_TOKEN && !same && spells)) {
                visit(states, stack_number(states, edge->to, stack.below));
            }
        }
    }
    close_set(states);
    return found_set(states);
}

/* Visit the stacks of a set again. */
static void visit_all(struct states *states, uint32_t set) {
    for (uint32_t i = 0; i < states->sets[set].n; i++) {
        visit(states, states->members[states->sets[set].at + i]);
    }
}

uint32_t states_union(struct states *states, uint32_t a, uint32_t b) {
    if (a == SET_DEAD || b == SET_DEAD || a == b) {
        return a == SET_DEAD ? b : a;
    }
    bool may_end = states->sets[a].may_end || states->sets[b].may_end;
    bool escapes = states->sets[a].escapes || states->sets[b].escapes;
    begin_closure(states);
    visit_all(states, a);
    visit_all(states, b);
    close_set(states);
    states->may_end = may_end;
    states->escapes = escapes;
    return found_set(states);
}

uint32_t states_alone(struct states *states, uint32_t set, uint32_t below) {
    begin_closure(states);
    for (uint32_t i = 0; i < states->sets[set].n; i++) {
        const struct stack stack = states->stacks[states->members[states->sets[set].at + i]];
        if (stack.below == below) {
            visit(states, stack_number(states, stack.state, STACK_HOLE));
        }
    }
    /* They read something, and what else there is of them stands in the set by itself. */
    states->n_found = states->n_work;
    if (!memory_grow(&states->found, &states->found_capacity, states->n_work + 1,
                     sizeof *states->found)) {
        fail(states);
    }
    for (size_t i = 0; i < states->n_work && !states->failed; i++) {
        states->found[i] = states->work[i];
        states->has_tokens = states->has_tokens || states->sets[set].has_tokens;
    }
    states->n_work = 0;
    return found_set(states);
}

uint32_t states_return(struct states *states, uint32_t below) {
    begin_closure(states);
    leave(states, below);
    close_set(states);
    return found_set(states);
}

/* A stack of other states; numbers[] has those that are here already. It is made from the bottom.
 */
static uint32_t carry_stack(struct states *states, const struct states *from, uint32_t stack,
                            uint32_t *numbers) {
    states->n_work = 0;
    while (numbers[stack] == 0 && !states->failed) {
        if (!memory_grow(&states->work, &states->work_capacity, states->n_work + 1,
                         sizeof *states->work)) {
            return fail(states);
        }
        states->work[states->n_work++] = stack;
        stack = from->stacks[stack].below;
    }
    uint32_t number = numbers[stack];
    while (states->n_work > 0 && !states->failed) {
        uint32_t next = states->work[--states->n_work];
        number = numbers[next] = stack_number(states, from->stacks[next].state, number);
    }
    states->n_work = 0;
    return number;
}

uint32_t states_carry(struct states *states, const struct states *from, uint32_t set) {
    const struct stack_set *carried = &from->sets[set];
    uint32_t *numbers = memory_new(from->n_stacks, sizeof *numbers);
    begin_closure(states);
    if (numbers == NULL || !memory_grow(&states->found, &states->found_capacity,
                                        (size_t)carried->n + 1, sizeof *states->found)) {
        memory_free(numbers);
        fail(states);
        return SET_DEAD;
    }
    numbers[STACK_BOTTOM] = STACK_BOTTOM;
    numbers[STACK_HOLE] = STACK_HOLE;
    for (uint32_t i = 0; i < carried->n && !states->failed; i++) {
        uint32_t stack = from->members[carried->at + i];
        states->found[states->n_found++] = carry_stack(states, from, stack, numbers);
    }
    memory_free(numbers);
    states->may_end = carried->may_end;
    states->escapes = carried->escapes;
    states->has_tokens = carried->has_tokens;
    return found_set(states);
}

bool states_are_many(const struct states *states) {
    return states->n_stacks > MAX_STACKS / MANY || states->n_sets > MAX_SETS / MANY ||
           states->n_members > MAX_MEMBERS / MANY;
}

void states_forget(struct states *states) {
    for (size_t i = 0; i < states->n_sets; i++) {
        memory_free(states->sets[i].steps);
        states->sets[i].steps = NULL;
    }
    states->step_bytes = 0;
}

/* ---- all -------------------------------------------------------------------------------------*/

bool states_init(struct states *states, const struct automaton *automaton) {
    *states = (struct states){.automaton = automaton};
    if (!memory_grow(&states->stacks, &states->stacks_capacity, STACK_HOLE + 1,
                     sizeof *states->stacks) ||
        !memory_grow(&states->seen, &states->seen_capacity, STACK_HOLE + 1, sizeof *states->seen) ||
        !memory_grow(&states->members, &states->members_capacity, 1, sizeof *states->members) ||
        !memory_grow(&states->sets, &states->sets_capacity, SET_DEAD + 1, sizeof *states->sets)) {
        return false;
    }
    for (states->n_stacks = 0; states->n_stacks <= STACK_HOLE; states->n_stacks++) {
        states->stacks[states->n_stacks] = (struct stack){0};
        states->seen[states->n_stacks] = 0;
    }
    for (states->n_sets = 0; states->n_sets <= SET_DEAD; states->n_sets++) {
        states->sets[states->n_sets] = (struct stack_set){0};
    }
    return grow_stack_table(states) && grow_set_table(states);
}

void states_release(struct states *states) {
    states_forget(states);
    memory_free(states->stacks);
    memory_free(states->seen);
    memory_free(states->stack_table);
    memory_free(states->sets);
    memory_free(states->members);
    memory_free(states->set_table);
    memory_free(states->work);
    memory_free(states->found);
    *states = (struct states){0};
}
