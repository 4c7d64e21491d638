/**
 * automaton_trim.c - what is true of all states at once: which of them lead to the end of a text,
 * which rules can be empty, which would call themselves before they read anything. All in linear
 * time.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "constrain/automaton.h"

/* Edges in the order of something: those of key k are order[first[k]] ... order[first[k + 1] - 1].
 */
struct edge_index {
    uint32_t *first, *order;
};

struct trim {
    struct automaton *automaton;
    const struct syntax *syntax;
    struct edge_index into;  /* by the state that they lead to */
    struct edge_index calls; /* of a rule */
    bool *alive;             /* states that lead to the end of their rule */
    bool *early;             /* states that are reached before anything is read */
    uint32_t *rule_of;       /* of states */
    uint32_t *work;
    size_t n_work;
};

static bool is_call(const struct edge *edge) {
    return edge->kind == EDGE_CALL;
}

static bool index_edges(struct edge_index *index, const struct automaton *automaton, bool by_rule) {
    size_t n_keys = by_rule ? automaton->n_rules : automaton->n_states;
    index->first = memory_new(n_keys + 2, sizeof *index->first);
    index->order = memory_new(automaton->n_edges, sizeof *index->order);
    if (index->first == NULL || index->order == NULL) {
        return false;
    }
    for (size_t i = 0; i < automaton->n_edges; i++) {
        const struct edge *edge = &automaton->edges[i];
        if (!by_rule || is_call(edge)) {
            index->first[(by_rule ? edge->value : edge->to) + 2]++;
        }
    }
    for (size_t i = 2; i < n_keys + 2; i++) {
        index->first[i] += index->first[i - 1];
    }
    for (size_t i = 0; i < automaton->n_edges; i++) {
        const struct edge *edge = &automaton->edges[i];
        if (!by_rule || is_call(edge)) {
            index->order[index->first[(by_rule ? edge->value : edge->to) + 1]++] = (uint32_t)i;
        }
    }
    return true;
}

static void mark(struct trim *trim, bool *marks, uint32_t state) {
    if (!marks[state]) {
        marks[state] = true;
        trim->work[trim->n_work++] = state;
    }
}

/* ---- what leads to the end -------------------------------------------------------------------*/

static void find_alive(struct trim *trim) {
    const struct automaton *automaton = trim->automaton;
    for (size_t i = 0; i < automaton->n_rules; i++) {
        mark(trim, trim->alive, automaton->rules[i].end);
    }
    while (trim->n_work > 0) {
        uint32_t state = trim->work[--trim->n_work];
        for (uint32_t i = trim->into.first[state]; i < trim->into.first[state + 1]; i++) {
            const struct edge *edge = &automaton->edges[trim->into.order[i]];
            if (!is_call(edge) || trim->alive[automaton->rules[edge->value].start]) {
                mark(trim, trim->alive, edge->from);
            }
        }
        uint32_t rule = trim->rule_of[state];
        if (state != automaton->rules[rule].start) {
            continue;
        }
        for (uint32_t i = trim->calls.first[rule]; i < trim->calls.first[rule + 1]; i++) {
            const struct edge *edge = &automaton->edges[trim->calls.order[i]];
            if (trim->alive[edge->to]) {
                mark(trim, trim->alive, edge->from);
            }
        }
    }
}

static bool drop_dead(struct trim *trim) {
    struct automaton *automaton = trim->automaton;
    size_t n = 0;
    for (size_t i = 0; i < automaton->n_edges; i++) {
        const struct edge *edge = &automaton->edges[i];
        bool can_call = !is_call(edge) || trim->alive[automaton->rules[edge->value].start];
        if (trim->alive[edge->to] && can_call) {
            automaton->edges[n++] = *edge;
        }
    }
    automaton->n_edges = n;
    return automaton_sort(automaton);
}

/* ---- left recursion --------------------------------------------------------------------------*/

/* From the start of each rule, over what reads nothing: also over rules that can be empty. */
static void find_early(struct trim *trim) {
    const struct automaton *automaton = trim->automaton;
    for (size_t i = 0; i < automaton->n_rules; i++) {
        mark(trim, trim->early, automaton->rules[i].start);
    }
    while (trim->n_work > 0) {
        uint32_t state = trim->work[--trim->n_work];
        for (uint32_t i = automaton->first[state]; i < automaton->first[state + 1]; i++) {
            const struct edge *edge = &automaton->edges[i];
            bool empty = edge->kind == EDGE_NOTHING ||
                         (is_call(edge) && trim->early[automaton->rules[edge->value].end]);
            if (empty) {
                mark(trim, trim->early, edge->to);
            }
        }
        uint32_t rule = trim->rule_of[state];
        if (state != automaton->rules[rule].end) {
            continue;
        }
        /* It can be empty: so what calls it can go on. */
        for (uint32_t i = trim->calls.first[rule]; i < trim->calls.first[rule + 1]; i++) {
            const struct edge *edge = &automaton->edges[trim->calls.order[i]];
            if (trim->early[edge->from]) {
                mark(trim, trim->early, edge->to);
            }
        }
    }
}

/* A rule on the way of a search, and which of its edges comes next. */
struct step {
    uint32_t rule, edge;
};

/* The next rule that this one calls before it has read anything; false: no more. */
static bool next_early_call(const struct trim *trim, struct step *step, uint32_t *called) {
    const struct automaton *automaton = trim->automaton;
    const struct automaton_rule *rule = &automaton->rules[step->rule];
    uint32_t end = automaton->first[rule[1].first];
    while (step->edge < end) {
        const struct edge *edge = &automaton->edges[step->edge++];
        if (is_call(edge) && trim->early[edge->from]) {
            *called = edge->value;
            return true;
        }
    }
    return false;
}

/* A rule that comes to itself before anything is read; n_rules: none. */
static size_t find_left_recursion(const struct trim *trim, struct step *way, uint8_t *seen) {
    const struct automaton *automaton = trim->automaton;
    enum { NEW, ON_THE_WAY, DONE };
    for (size_t start = 0; start < automaton->n_rules; start++) {
        if (seen[start] != NEW) {
            continue;
        }
        size_t n = 0;
        way[n++] = (struct step){(uint32_t)start, automaton->first[automaton->rules[start].first]};
        seen[start] = ON_THE_WAY;
        while (n > 0) {
            uint32_t called;
            if (!next_early_call(trim, &way[n - 1], &called)) {
                seen[way[--n].rule] = DONE;
            } else if (seen[called] == ON_THE_WAY) {
                return called;
            } else if (seen[called] == NEW) {
                seen[called] = ON_THE_WAY;
                way[n++] = (struct step){called, automaton->first[automaton->rules[called].first]};
            }
        }
    }
    return automaton->n_rules;
}

static enum gen_status check_left_recursion(struct trim *trim, struct gen_error *err) {
    const struct automaton *automaton = trim->automaton;
    struct step *way = memory_new(automaton->n_rules, sizeof *way);
    uint8_t *seen = memory_new(automaton->n_rules, sizeof *seen);
    if (way == NULL || seen == NULL) {
        memory_free(way);
        memory_free(seen);
        return error_no_memory(err, "the constraint's states");
    }
    size_t rule = find_left_recursion(trim, way, seen);
    memory_free(way);
    memory_free(seen);
    if (rule == automaton->n_rules) {
        return GEN_OK;
    }
    struct error_quoted name;
    const struct syntax_rule *found = &trim->syntax->rules[rule];
    return error_set(err, GEN_BAD_ARGUMENT,
                     "rule \"%s\" calls itself before it reads anything, left recursion (write a "
                     "repetition, or put the call last)",
                     error_quote(&name, found->name, found->n_name));
}

/* ---- tail calls ------------------------------------------------------------------------------*/

/* Whether a state leads to the end of its rule and nowhere else, reading nothing. */
static bool is_exit(const struct automaton *automaton, uint32_t state, uint32_t end) {
    for (int i = 0; i < 16 && state != end; i++) {
        const struct edge *edge = &automaton->edges[automaton->first[state]];
        if (automaton->first[state + 1] - automaton->first[state] != 1 ||
            edge->kind != EDGE_NOTHING) {
            return false;
        }
        state = edge->to;
    }
    return state == end && automaton->first[end] == automaton->first[end + 1];
}

static void find_tails(struct trim *trim) {
    struct automaton *automaton = trim->automaton;
    for (size_t i = 0; i < automaton->n_edges; i++) {
        struct edge *edge = &automaton->edges[i];
        if (is_call(edge) &&
            is_exit(automaton, edge->to, automaton->rules[trim->rule_of[edge->from]].end)) {
            edge->kind = EDGE_TAIL;
        }
    }
}

/* ---- all -------------------------------------------------------------------------------------*/

static bool trim_init(struct trim *trim) {
    const struct automaton *automaton = trim->automaton;
    size_t n = automaton->n_states;
    trim->alive = memory_new(n, sizeof *trim->alive);
    trim->early = memory_new(n, sizeof *trim->early);
    trim->rule_of = memory_new(n, sizeof *trim->rule_of);
    trim->work = memory_new(n, sizeof *trim->work);
    if (trim->alive == NULL || trim->early == NULL || trim->rule_of == NULL || trim->work == NULL) {
        return false;
    }
    for (size_t rule = 0; rule < automaton->n_rules; rule++) {
        for (uint32_t s = automaton->rules[rule].first; s < automaton->rules[rule + 1].first; s++) {
            trim->rule_of[s] = (uint32_t)rule;
        }
    }
    return index_edges(&trim->into, automaton, false) && index_edges(&trim->calls, automaton, true);
}

static void index_release(struct edge_index *index) {
    memory_free(index->first);
    memory_free(index->order);
    *index = (struct edge_index){0};
}

static void trim_release(struct trim *trim) {
    index_release(&trim->into);
    index_release(&trim->calls);
    memory_free(trim->alive);
    memory_free(trim->early);
    memory_free(trim->rule_of);
    memory_free(trim->work);
}

static enum gen_status trim_run(struct trim *trim, struct gen_error *err) {
    struct automaton *automaton = trim->automaton;
    if (!trim_init(trim)) {
        return error_no_memory(err, "the constraint's states");
    }
    find_alive(trim);
    if (!trim->alive[automaton->rules[0].start]) {
        return error_set(err, GEN_BAD_ARGUMENT, "allows no text at all, not even the empty one");
    }
    index_release(&trim->calls);
    if (!drop_dead(trim) || !index_edges(&trim->calls, automaton, true)) {
        return error_no_memory(err, "the constraint's states");
    }
    find_early(trim);
    enum gen_status status = check_left_recursion(trim, err);
    if (status == GEN_OK) {
        find_tails(trim);
    }
    return status;
}

enum gen_status automaton_trim(struct automaton *automaton, const struct syntax *syntax,
                               struct gen_error *err) {
    struct trim trim = {.automaton = automaton, .syntax = syntax};
    enum gen_status status = trim_run(&trim, err);
    trim_release(&trim);
    return status;
}
