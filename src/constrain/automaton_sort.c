/**
 * automaton_sort.c - puts the edges of an automaton into the order of their states.
 */
#include "base/memory.h"
#include "constrain/automaton.h"

bool automaton_sort(struct automaton *automaton) {
    size_t n = automaton->n_edges;
    struct edge *sorted = memory_new(n, sizeof *sorted);
    uint32_t *first = memory_new(automaton->n_states + 2, sizeof *first);
    if (sorted == NULL || first == NULL) {
        memory_free(sorted);
        memory_free(first);
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        first[automaton->edges[i].from + 2]++;
    }
    for (size_t i = 2; i < automaton->n_states + 2; i++) {
        first[i] += first[i - 1];
    }
    for (size_t i = 0; i < n; i++) {
        sorted[first[automaton->edges[i].from + 1]++] = automaton->edges[i];
    }
    memory_free(automaton->edges);
    memory_free(automaton->first);
    automaton->edges = sorted;
    automaton->edges_capacity = n;
    automaton->first = first;
    return true;
}
