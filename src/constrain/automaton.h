/**
 * automaton.h - a tree of what a text may be (syntax.h), as states with edges over bytes. A rule is
 * an automaton of its own, with one start and one end; an edge may call it, so that all of them
 * together are a pushdown automaton, which states.h runs.
 *
 * Only what can still become a whole text is kept: whoever can go on can also finish.
 */
#ifndef CONSTRAIN_AUTOMATON_H
#define CONSTRAIN_AUTOMATON_H

#include "constrain/syntax.h"

enum edge_kind {
    EDGE_BYTES,    /**< a byte from low to high */
    EDGE_NOTHING,  /**< no byte */
    EDGE_CALL,     /**< all of rule `value` */
    EDGE_TAIL,     /**< the same, and then this rule is at its end */
    EDGE_TOKEN,    /**< token `value` */
    EDGE_NOT_TOKEN /**< any other token */
};

struct edge {
    uint32_t from, to;
    uint32_t value;
    uint8_t kind; /**< enum edge_kind */
    uint8_t low, high;
};

struct automaton_rule {
    uint32_t start, end;
    uint32_t first; /**< its states are from here to the next rule's first */
};

/** Start from {0}. */
struct automaton {
    struct edge *edges; /**< those of state s: first[s] ... first[s + 1] - 1 */
    uint32_t *first;
    size_t n_edges, edges_capacity;
    size_t n_states;
    struct automaton_rule *rules;
    size_t n_rules;
    uint8_t class_of[256]; /**< bytes that no edge tells apart have one class */
    uint8_t byte_of[256];  /**< a byte of each class */
    size_t n_classes;
    bool has_tokens; /**< edges over tokens */
    bool no_memory, too_large;
};

/**
 * GEN_BAD_ARGUMENT for rules that call themselves before they read anything (left recursion), for
 * what no text can be, and for more states than MAX_STATES. Release also after a failure. The
 * message goes on after what the constraint is called.
 */
enum gen_status automaton_init(struct automaton *automaton, const struct syntax *syntax,
                               struct gen_error *err);
void automaton_release(struct automaton *automaton);

/** automaton_trim.c: leave out what leads to no text, refuse left recursion, find tail calls. */
enum gen_status automaton_trim(struct automaton *automaton, const struct syntax *syntax,
                               struct gen_error *err);
/** automaton_sort.c: order edges by their states, and set `first`. False: out of memory. */
bool automaton_sort(struct automaton *automaton);

#endif
