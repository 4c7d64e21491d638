/**
 * syntax.c - makes the nodes of a tree of what a text may be. Nothing is checked but memory: what a
 * tree means is automaton.c's.
 */
#include "constrain/syntax.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define MAX_NODES ((size_t)1 << 23)
/* Most ranges of all classes. */
#define MAX_RANGES ((size_t)1 << 23)

bool syntax_init(struct syntax *syntax) {
    *syntax = (struct syntax){0};
    syntax_empty(syntax); /* node 0: none */
    syntax_new_rule(syntax, "root", 4);
    return !syntax->no_memory;
}

void syntax_release(struct syntax *syntax) {
    memory_free(syntax->nodes);
    memory_free(syntax->ranges);
    memory_free(syntax->rules);
    gen_bytes_release(&syntax->bytes);
    *syntax = (struct syntax){0};
}

enum gen_status syntax_status(const struct syntax *syntax, struct gen_error *err) {
    if (syntax->no_memory) {
        return error_no_memory(err, "the constraint");
    }
    return syntax->too_large ? error_set(err, GEN_BAD_ARGUMENT,
                                         "has more than %zu parts (make it shorter)", MAX_NODES)
                             : GEN_OK;
}

static uint32_t new_node(struct syntax *syntax, struct syntax_node node) {
    if (syntax->n_nodes >= MAX_NODES) {
        syntax->too_large = true;
        return 0;
    }
    if (!memory_grow(&syntax->nodes, &syntax->nodes_capacity, syntax->n_nodes + 1,
                     sizeof *syntax->nodes)) {
        syntax->no_memory = true;
        return 0;
    }
    syntax->nodes[syntax->n_nodes] = node;
    return (uint32_t)syntax->n_nodes++;
}

uint32_t syntax_empty(struct syntax *syntax) {
    return new_node(syntax, (struct syntax_node){.kind = SYNTAX_EMPTY});
}

uint32_t syntax_bytes(struct syntax *syntax, const char *bytes, size_t n) {
    size_t at = syntax->bytes.n;
    if (n > UINT32_MAX - at || gen_bytes_append(&syntax->bytes, bytes, n) != GEN_OK) {
        syntax->no_memory = true;
        return 0;
    }
    return new_node(syntax, (struct syntax_node){
                                .kind = SYNTAX_BYTES, .first = (uint32_t)at, .last = (uint32_t)n});
}

uint32_t syntax_byte_range(struct syntax *syntax, unsigned low, unsigned high) {
    return new_node(syntax, (struct syntax_node){.kind = SYNTAX_BYTE, .low = low, .high = high});
}

/* ---- classes ---------------------------------------------------------------------------------*/

static int by_low(const void *a, const void *b) {
    const struct syntax_range *first = a, *second = b;
    return first->low < second->low ? -1 : first->low > second->low;
}

size_t syntax_join_ranges(struct syntax_range *ranges, size_t n) {
    size_t left = 0;
    if (n > 0) {
        qsort(ranges, n, sizeof *ranges, by_low);
    }
    for (size_t i = 0; i < n; i++) {
        struct syntax_range *last = left > 0 ? &ranges[left - 1] : NULL;
        if (last != NULL && ranges[i].low <= last->high + 1) {
            last->high = ranges[i].high > last->high ? ranges[i].high : last->high;
        } else {
            ranges[left++] = ranges[i];
        }
    }
    return left;
}

static bool add_range(struct syntax *syntax, uint32_t low, uint32_t high) {
    if (syntax->n_ranges >= MAX_RANGES) {
        syntax->too_large = true;
        return false;
    }
    if (!memory_grow(&syntax->ranges, &syntax->ranges_capacity, syntax->n_ranges + 1,
                     sizeof *syntax->ranges)) {
        syntax->no_memory = true;
        return false;
    }
    syntax->ranges[syntax->n_ranges++] = (struct syntax_range){low, high};
    return true;
}

uint32_t syntax_class(struct syntax *syntax, const struct syntax_range *ranges, size_t n,
                      bool negated) {
    size_t at = syntax->n_ranges;
    for (size_t i = 0; i < n; i++) {
        if (!add_range(syntax, ranges[i].low, ranges[i].high)) {
            return 0;
        }
    }
    if (n > 0) { /* else there may be no ranges at all */
        n = syntax_join_ranges(syntax->ranges + at, n);
    }
    syntax->n_ranges = at + n;
    if (negated) {
        /* What lies between them, put after them and then moved to their place. */
        uint32_t low = 0;
        for (size_t i = 0; i < n; i++) {
            struct syntax_range range = syntax->ranges[at + i];
            if (range.low > low && !add_range(syntax, low, range.low - 1)) {
                return 0;
            }
            low = range.high + 1;
        }
        if (low <= SYNTAX_LAST_CHAR && !add_range(syntax, low, SYNTAX_LAST_CHAR)) {
            return 0;
        }
        size_t n_between = syntax->n_ranges - at - n;
        if (n_between > 0) {
            memmove(syntax->ranges + at, syntax->ranges + at + n,
                    n_between * sizeof *syntax->ranges);
        }
        n = n_between;
        syntax->n_ranges = at + n;
    }
    return new_node(syntax, (struct syntax_node){
                                .kind = SYNTAX_CLASS, .first = (uint32_t)at, .last = (uint32_t)n});
}

/* ---- what has children -----------------------------------------------------------------------*/

uint32_t syntax_list(struct syntax *syntax, enum syntax_kind kind) {
    return new_node(syntax, (struct syntax_node){.kind = kind});
}

void syntax_append(struct syntax *syntax, uint32_t list, uint32_t child) {
    if (list == 0 || child == 0) {
        return; /* one of them failed */
    }
    struct syntax_node *node = &syntax->nodes[list];
    if (node->last == 0) {
        node->first = child;
    } else {
        syntax->nodes[node->last].next = child;
    }
    node->last = child;
}

uint32_t syntax_repeat(struct syntax *syntax, uint32_t child, uint32_t low, uint32_t high) {
    return new_node(syntax, (struct syntax_node){
                                .kind = SYNTAX_REPEAT, .first = child, .low = low, .high = high});
}

uint32_t syntax_token(struct syntax *syntax, int32_t id, bool negated) {
    return new_node(syntax, (struct syntax_node){.kind = negated ? SYNTAX_NOT_TOKEN : SYNTAX_TOKEN,
                                                 .low = (uint32_t)id});
}

uint32_t syntax_new_rule(struct syntax *syntax, const char *name, size_t n) {
    if (!memory_grow(&syntax->rules, &syntax->rules_capacity, syntax->n_rules + 1,
                     sizeof *syntax->rules)) {
        syntax->no_memory = true;
        return 0;
    }
    syntax->rules[syntax->n_rules] = (struct syntax_rule){.name = name, .n_name = n};
    return (uint32_t)syntax->n_rules++;
}

uint32_t syntax_use(struct syntax *syntax, uint32_t rule) {
    return new_node(syntax, (struct syntax_node){.kind = SYNTAX_RULE, .low = rule});
}
