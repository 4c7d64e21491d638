/**
 * automaton.c - makes states and edges of a tree, as Thompson did: each node is a way from one
 * state to another. Code points are cut into ranges of UTF-8 bytes. What is left out of it
 * afterwards is automaton_trim.c's.
 */
#include "constrain/automaton.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

#define MAX_STATES ((size_t)1 << 21)
#define MAX_EDGES  ((size_t)1 << 22)

struct builder {
    struct automaton *automaton;
    const struct syntax *syntax;
};

static bool failed(const struct builder *builder) {
    return builder->automaton->no_memory || builder->automaton->too_large;
}

static uint32_t new_state(struct builder *builder) {
    struct automaton *automaton = builder->automaton;
    if (automaton->n_states >= MAX_STATES) {
        automaton->too_large = true;
        return 0;
    }
    return (uint32_t)automaton->n_states++;
}

static void add_edge(struct builder *builder, struct edge edge) {
    struct automaton *automaton = builder->automaton;
    if (automaton->n_edges >= MAX_EDGES) {
        automaton->too_large = true;
        return;
    }
    if (!memory_grow(&automaton->edges, &automaton->edges_capacity, automaton->n_edges + 1,
                     sizeof edge)) {
        automaton->no_memory = true;
        return;
    }
    automaton->edges[automaton->n_edges++] = edge;
}

static void add_bytes(struct builder *builder, uint32_t from, uint32_t to, unsigned low,
                      unsigned high) {
    add_edge(builder, (struct edge){.from = from,
                                    .to = to,
                                    .kind = EDGE_BYTES,
                                    .low = (uint8_t)low,
                                    .high = (uint8_t)high});
}

static void add_empty(struct builder *builder, uint32_t from, uint32_t to) {
    add_edge(builder, (struct edge){.from = from, .to = to, .kind = EDGE_NOTHING});
}

/* ---- code points -----------------------------------------------------------------------------*/

/* States before the last 1, 2 and 3 bytes of a character, any of them; 0: not made. */
struct rests {
    uint32_t any[4];
    uint32_t to;
};

static uint32_t any_rest(struct builder *builder, struct rests *rests, unsigned n) {
    if (n == 0) {
        return rests->to;
    }
    if (rests->any[n] == 0) {
        uint32_t next = any_rest(builder, rests, n - 1);
        rests->any[n] = new_state(builder);
        add_bytes(builder, rests->any[n], next, 0x80, 0xBF);
    }
    return rests->any[n];
}

/* The byte of a code point with n more after it, in a character of `length` bytes. */
static unsigned byte_of(uint32_t code, unsigned n, unsigned length) {
    static const unsigned marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    if (n + 1 < length) {
        return 0x80 | (code >> (6 * n) & 0x3F);
    }
    return marks[length] | code >> (6 * n);
}

/* All code points of low ... high, which agree in all bytes before the last n + 1. */
static void add_cut(struct builder *builder, uint32_t from, struct rests *rests, uint32_t low,
                    uint32_t high, unsigned n, unsigned length) {
    uint32_t mask = n > 0 ? ((uint32_t)1 << (6 * n)) - 1 : 0;
    if (n == 0) {
        add_bytes(builder, from, rests->to, byte_of(low, 0, length), byte_of(high, 0, length));
        return;
    }
    uint32_t first = low >> (6 * n), last = high >> (6 * n);
    /* The first and the last byte may have some of their rests only. */
    if (first == last && ((low & mask) != 0 || (high & mask) != mask)) {
        uint32_t state = new_state(builder);
        add_bytes(builder, from, state, byte_of(low, n, length), byte_of(low, n, length));
        add_cut(builder, state, rests, low, high, n - 1, length);
        return;
    }
    if ((low & mask) != 0) {
        add_cut(builder, from, rests, low, low | mask, n, length);
        low = (low | mask) + 1;
    }
    if ((high & mask) != mask) {
        add_cut(builder, from, rests, high & ~mask, high, n, length);
        high = (high & ~mask) - 1;
    }
    if (low <= high) {
        add_bytes(builder, from, any_rest(builder, rests, n), byte_of(low, n, length),
                  byte_of(high, n, length));
    }
}

static void add_range(struct builder *builder, uint32_t from, struct rests *rests, uint32_t low,
                      uint32_t high) {
    static const struct syntax_range lengths[] = {
        {0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, SYNTAX_LAST_CHAR}};
    static const unsigned n_bytes[] = {1, 2, 3, 3, 4};
    for (size_t i = 0; i < N_OF(lengths); i++) {
        uint32_t first = low > lengths[i].low ? low : lengths[i].low;
        uint32_t last = high < lengths[i].high ? high : lengths[i].high;
        if (first <= last) {
            add_cut(builder, from, rests, first, last, n_bytes[i] - 1, n_bytes[i]);
        }
    }
}

/* ---- nodes -----------------------------------------------------------------------------------*/

static void build(struct builder *builder, uint32_t at, uint32_t from, uint32_t to);

static void build_bytes(struct builder *builder, const struct syntax_node *node, uint32_t from,
                        uint32_t to) {
    const unsigned char *bytes = (const unsigned char *)builder->syntax->bytes.data + node->first;
    if (node->last == 0) {
        add_empty(builder, from, to);
    }
    for (uint32_t i = 0; i < node->last && !failed(builder); i++) {
        uint32_t next = i + 1 == node->last ? to : new_state(builder);
        add_bytes(builder, from, next, bytes[i], bytes[i]);
        from = next;
    }
}

static void build_sequence(struct builder *builder, const struct syntax_node *node, uint32_t from,
                           uint32_t to) {
    if (node->first == 0) {
        add_empty(builder, from, to);
    }
    for (uint32_t child = node->first; child != 0 && !failed(builder);) {
        uint32_t after = builder->syntax->nodes[child].next;
        uint32_t next = after == 0 ? to : new_state(builder);
        build(builder, child, from, next);
        from = next;
        child = after;
    }
}

/* A loop has a state of its own, so that it is not entered from anywhere else. */
static void build_repeat(struct builder *builder, const struct syntax_node *node, uint32_t from,
                         uint32_t to) {
    bool limited = node->high != SYNTAX_NO_LIMIT;
    for (uint32_t i = 0; i < node->low && !failed(builder); i++) {
        uint32_t next = limited && i + 1 == node->high ? to : new_state(builder);
        build(builder, node->first, from, next);
        from = next;
    }
    for (uint32_t i = node->low; limited && i < node->high && !failed(builder); i++) {
        uint32_t next = i + 1 == node->high ? to : new_state(builder);
        add_empty(builder, from, to);
        build(builder, node->first, from, next);
        from = next;
    }
    if (limited && node->high == 0) {
        add_empty(builder, from, to);
    }
    if (!limited) {
        uint32_t loop = new_state(builder);
        add_empty(builder, from, loop);
        build(builder, node->first, loop, loop);
        add_empty(builder, loop, to);
    }
}

static void build(struct builder *builder, uint32_t at, uint32_t from, uint32_t to) {
    const struct syntax *syntax = builder->syntax;
    const struct syntax_node *node = &syntax->nodes[at];
    struct rests rests = {.to = to};
    switch (node->kind) {
    case SYNTAX_EMPTY:
        add_empty(builder, from, to);
        break;
    case SYNTAX_BYTES:
        build_bytes(builder, node, from, to);
        break;
    case SYNTAX_BYTE:
        add_bytes(builder, from, to, node->low, node->high);
        break;
    case SYNTAX_CLASS:
        for (uint32_t i = 0; i < node->last && !failed(builder); i++) {
            const struct syntax_range *range = &syntax->ranges[node->first + i];
            add_range(builder, from, &rests, range->low, range->high);
        }
        break;
    case SYNTAX_SEQUENCE:
        build_sequence(builder, node, from, to);
        break;
    case SYNTAX_CHOICE:
        for (uint32_t child = node->first; child != 0 && !failed(builder);
             child = syntax->nodes[child].next) {
            build(builder, child, from, to);
        }
        break;
    case SYNTAX_REPEAT:
        build_repeat(builder, node, from, to);
        break;
    case SYNTAX_RULE:
        add_edge(builder,
                 (struct edge){.from = from, .to = to, .kind = EDGE_CALL, .value = node->low});
        break;
    case SYNTAX_TOKEN:
    case SYNTAX_NOT_TOKEN:
        builder->automaton->has_tokens = true;
        add_edge(builder,
                 (struct edge){.from = from,
                               .to = to,
                               .kind = node->kind == SYNTAX_TOKEN ? EDGE_TOKEN : EDGE_NOT_TOKEN,
                               .value = node->low});
        break;
    }
}

/* ---- all -------------------------------------------------------------------------------------*/

/* Bytes that begin or end no edge's range between them are of one class. */
static void find_classes(struct automaton *automaton) {
    bool begins[257] = {true};
    for (size_t i = 0; i < automaton->n_edges; i++) {
        if (automaton->edges[i].kind == EDGE_BYTES) {
            begins[automaton->edges[i].low] = true;
            begins[automaton->edges[i].high + 1] = true;
        }
    }
    automaton->n_classes = 0;
    for (size_t byte = 0; byte < 256; byte++) {
        if (begins[byte]) {
            automaton->byte_of[automaton->n_classes++] = (uint8_t)byte;
        }
        automaton->class_of[byte] = (uint8_t)(automaton->n_classes - 1);
    }
}

static enum gen_status finish(struct automaton *automaton, const struct syntax *syntax,
                              struct gen_error *err) {
    if (automaton->too_large) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "needs more than %zu states (lower its bounds of repetition, or make it "
                         "shorter)",
                         MAX_STATES);
    }
    if (automaton->no_memory || !automaton_sort(automaton)) {
        return error_no_memory(err, "the constraint's states");
    }
    enum gen_status status = automaton_trim(automaton, syntax, err);
    if (status == GEN_OK) {
        find_classes(automaton);
    }
    return status;
}

enum gen_status automaton_init(struct automaton *automaton, const struct syntax *syntax,
                               struct gen_error *err) {
    *automaton = (struct automaton){.n_rules = syntax->n_rules, .n_states = 1};
    struct builder builder = {automaton, syntax};
    automaton->rules = memory_new(syntax->n_rules + 1, sizeof *automaton->rules);
    if (automaton->rules == NULL) {
        return error_no_memory(err, "the constraint's states");
    }
    for (size_t i = 0; i < syntax->n_rules && !failed(&builder); i++) {
        struct automaton_rule *rule = &automaton->rules[i];
        rule->first = rule->start = new_state(&builder);
        rule->end = new_state(&builder);
        build(&builder, syntax->rules[i].node, rule->start, rule->end);
    }
    automaton->rules[syntax->n_rules].first = (uint32_t)automaton->n_states;
    return finish(automaton, syntax, err);
}

void automaton_release(struct automaton *automaton) {
    memory_free(automaton->edges);
    memory_free(automaton->first);
    memory_free(automaton->rules);
    *automaton = (struct automaton){0};
}
