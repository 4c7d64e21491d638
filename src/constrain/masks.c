/**
 * masks.c - walks over the tree of a vocabulary, and keeps what it finds. The sets of stacks are
 * states.c's.
 */
#include "constrain/masks.h"

#include <string.h>

#include "base/memory.h"

/* Memory of masks and steps; past it all of them are found anew. */
#define MAX_BYTES ((size_t)96 << 20)
/* Most different places below the tops of a set that are looked at one by one. */
#define MAX_PLACES 16

/* What is known of a set; NULL: out of memory. */
static struct known *known_of(struct masks *masks, uint32_t set) {
    if (set >= masks->n) {
        size_t n = masks->states->n_sets;
        if (!memory_grow(&masks->known, &masks->capacity, n, sizeof *masks->known)) {
            return NULL;
        }
        memset(masks->known + masks->n, 0, (n - masks->n) * sizeof *masks->known);
        masks->n = n;
    }
    return &masks->known[set];
}

static void put(uint64_t *mask, int32_t token) {
    mask[token / 64] |= (uint64_t)1 << (token % 64);
}

static void put_all(const struct gen_pieces *pieces, uint64_t *mask, int32_t token) {
    for (; token >= 0; token = pieces->same[token]) {
        put(mask, token);
    }
}

static bool add_escape(struct masks *masks, struct known *known, uint32_t node) {
    size_t before = known->escapes_capacity;
    if (!memory_grow(&known->escapes, &known->escapes_capacity, known->n_escapes + 1,
                     sizeof *known->escapes)) {
        return false;
    }
    masks->bytes += (known->escapes_capacity - before) * sizeof *known->escapes;
    known->escapes[known->n_escapes++] = node;
    return true;
}

/* The tokens below a node that may come where `set` is at that node. With `known` also the nodes at
 * which the rule may be at its end. False: out of memory. */
static bool walk(struct masks *masks, uint32_t root, uint32_t set, uint64_t *mask,
                 struct known *known) {
    const struct trie_node *nodes = masks->pieces->nodes;
    struct states *states = masks->states;
    uint32_t end = nodes[root].next;
    uint32_t *path = masks->path;
    path[nodes[root].depth] = set;
    for (uint32_t at = root + 1; at < end;) {
        const struct trie_node *node = &nodes[at];
        uint32_t next = states_step(states, path[node->depth - 1], node->byte);
        if (next == SET_DEAD) {
            at = node->next;
            continue;
        }
        path[node->depth] = next;
        if (node->token >= 0) {
            put(mask, node->token);
            if (node->is_shared) {
                put_all(masks->pieces, mask, masks->pieces->same[node->token]);
            }
        }
        const struct stack_set *found = &states->sets[next];
        if (known != NULL && found->escapes && !add_escape(masks, known, at)) {
            return false;
        }
        at = found->n > 0 ? at + 1 : node->next;
    }
    return !states->failed;
}

static uint64_t *new_mask(struct masks *masks) {
    size_t n = pieces_n_words(masks->pieces);
    masks->bytes += n * sizeof(uint64_t);
    return memory_new(n, sizeof(uint64_t));
}

/* The mask of a rule that is looked at alone. */
static const struct known *find_alone(struct masks *masks, uint32_t set) {
    struct known *known = known_of(masks, set);
    if (known == NULL || known->mask != NULL) {
        return known;
    }
    uint64_t *mask = new_mask(masks);
    struct known found = {0};
    if (mask == NULL || !walk(masks, 0, set, mask, &found)) {
        memory_free(mask);
        memory_free(found.escapes);
        return NULL;
    }
    found.mask = mask;
    known = known_of(masks, set);
    *known = found;
    return known;
}

/* Add what may come by the stacks above `below`. */
static bool add_place(struct masks *masks, uint32_t set, uint32_t below, uint64_t *mask) {
    struct states *states = masks->states;
    uint32_t alone = states_alone(states, set, below);
    uint32_t after = states_return(states, below);
    const struct known *known = states->failed ? NULL : find_alone(masks, alone);
    if (known == NULL) {
        return false;
    }
    for (size_t i = 0; i < pieces_n_words(masks->pieces); i++) {
        mask[i] |= known->mask[i];
    }
    for (size_t i = 0; i < known->n_escapes && states->sets[after].n > 0; i++) {
        if (!walk(masks, known->escapes[i], after, mask, NULL)) {
            return false;
        }
    }
    return true;
}

/* The different places below the tops of a set; MAX_PLACES + 1 where there are more. */
static size_t find_places(const struct states *states, uint32_t set, uint32_t *places) {
    size_t n = 0;
    for (uint32_t i = 0; i < states->sets[set].n; i++) {
        uint32_t below = states->stacks[states->members[states->sets[set].at + i]].below;
        size_t at = 0;
        while (at < n && places[at] != below) {
            at++;
        }
        if (at == n && n == MAX_PLACES) {
            return MAX_PLACES + 1;
        }
        if (at == n) {
            places[n++] = below;
        }
    }
    return n;
}

/* Tokens that edges name. */
static void add_tokens(const struct masks *masks, uint32_t set, uint64_t *mask) {
    const struct states *states = masks->states;
    const struct automaton *automaton = states->automaton;
    const struct gen_pieces *pieces = masks->pieces;
    for (uint32_t i = 0; i < states->sets[set].n && states->sets[set].has_tokens; i++) {
        uint32_t state = states->stacks[states->members[states->sets[set].at + i]].state;
        for (uint32_t e = automaton->first[state]; e < automaton->first[state + 1]; e++) {
            const struct edge *edge = &automaton->edges[e];
            if (edge->kind == EDGE_TOKEN) {
                put(mask, (int32_t)edge->value);
            }
            for (size_t at = 1; edge->kind == EDGE_NOT_TOKEN && at < pieces->n; at++) {
                for (int32_t id = pieces->nodes[at].token; id >= 0; id = pieces->same[id]) {
                    if ((uint32_t)id != edge->value) {
                        put(mask, id);
                    }
                }
            }
        }
    }
}

static bool find(struct masks *masks, uint32_t set, uint64_t *mask) {
    uint32_t places[MAX_PLACES];
    size_t n = find_places(masks->states, set, places);
    if (n > MAX_PLACES || (n == 1 && places[0] == STACK_BOTTOM)) {
        if (!walk(masks, 0, set, mask, NULL)) {
            return false;
        }
    } else {
        for (size_t i = 0; i < n; i++) {
            if (!add_place(masks, set, places[i], mask)) {
                return false;
            }
        }
    }
    add_tokens(masks, set, mask);
    return true;
}

const uint64_t *masks_find(struct masks *masks, uint32_t set) {
    struct known *known = known_of(masks, set);
    if (known == NULL || known->mask != NULL) {
        return known != NULL ? known->mask : NULL;
    }
    uint64_t *mask = new_mask(masks);
    if (mask == NULL || !find(masks, set, mask)) {
        memory_free(mask);
        return NULL;
    }
    known = known_of(masks, set);
    known->mask = mask;
    return mask;
}

static void forget(struct masks *masks) {
    for (size_t i = 0; i < masks->n; i++) {
        memory_free(masks->known[i].mask);
        memory_free(masks->known[i].escapes);
        masks->known[i] = (struct known){0};
    }
    masks->bytes = 0;
}

void masks_trim(struct masks *masks) {
    if (masks->bytes + masks->states->step_bytes > MAX_BYTES) {
        forget(masks);
        states_forget(masks->states);
    }
}

bool masks_init(struct masks *masks, const struct gen_pieces *pieces, struct states *states) {
    *masks = (struct masks){.pieces = pieces, .states = states};
    masks->path = memory_new(pieces->deepest + 1, sizeof *masks->path);
    return masks->path != NULL;
}

void masks_release(struct masks *masks) {
    forget(masks);
    memory_free(masks->known);
    memory_free(masks->path);
    *masks = (struct masks){0};
}
