/**
 * languages.c - automata side by side: from each place that all of them can be at together, the
 * place after each byte.
 */
#include "constrain/languages.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define MAX_STATES 4000
#define TABLE_SIZE 16384 /* a power of two, well above that */

enum gen_status languages_add(struct languages *languages, struct syntax *syntax,
                              struct gen_error *err) {
    if (languages->n >= LANGUAGES_MOST) {
        syntax_release(syntax);
        return error_set(err, GEN_BAD_ARGUMENT, "more than %d forms hold at one place",
                         LANGUAGES_MOST - 1);
    }
    struct language *part = &languages->parts[languages->n++];
    part->syntax = *syntax;
    *syntax = (struct syntax){0};
    enum gen_status status = syntax_status(&part->syntax, err);
    struct gen_error cause = {0};
    if (status == GEN_OK) {
        status = automaton_init(&part->automaton, &part->syntax, &cause);
    }
    if (status == GEN_BAD_ARGUMENT && !part->automaton.too_large) {
        part->is_empty = true;
        return GEN_OK;
    }
    if (status != GEN_OK) {
        return error_set(err, status, "%s", cause.message);
    }
    return states_init(&part->states, &part->automaton) ? GEN_OK
                                                        : error_no_memory(err, "the constraint");
}

static size_t hash_of(const uint32_t *sets) {
    uint64_t hash = 0;
    for (size_t i = 0; i < LANGUAGES_MOST; i++) {
        hash = (hash ^ sets[i]) * 0x9E3779B97F4A7C15u;
        hash ^= hash >> 31;
    }
    return (size_t)(hash % TABLE_SIZE);
}

/* The number of a place, a new one if it is new; 0: it cannot be made. */
static uint32_t number_of(struct languages *languages, const uint32_t *sets) {
    size_t place = hash_of(sets);
    for (uint32_t found; (found = languages->table[place]) != 0; place = (place + 1) % TABLE_SIZE) {
        if (memcmp(languages->states[found].sets, sets, LANGUAGES_MOST * sizeof *sets) == 0) {
            return found;
        }
    }
    if (languages->n_states >= MAX_STATES) {
        languages->too_large = true;
        return 0;
    }
    if (!memory_grow(&languages->states, &languages->capacity, languages->n_states + 1,
                     sizeof *languages->states)) {
        languages->no_memory = true;
        return 0;
    }
    struct languages_state *state = &languages->states[languages->n_states];
    *state = (struct languages_state){0};
    memcpy(state->sets, sets, sizeof state->sets);
    for (size_t i = 0; i < languages->n; i++) {
        const struct language *part = &languages->parts[i];
        bool ends = !part->is_empty && part->states.sets[sets[i]].may_end;
        state->forms |= ends ? 1u << i : 0;
    }
    languages->table[place] = (uint32_t)languages->n_states;
    return (uint32_t)languages->n_states++;
}

/* Whether no form tells a byte from the one before it. */
static bool is_like_last(const struct languages *languages, unsigned byte) {
    for (size_t i = 0; i < languages->n && byte > 0; i++) {
        const struct language *part = &languages->parts[i];
        if (!part->is_empty &&
            part->automaton.class_of[byte] != part->automaton.class_of[byte - 1]) {
            return false;
        }
    }
    return byte > 0;
}

/* Where a byte leads; 0: nowhere. */
static uint32_t step(struct languages *languages, uint32_t from, unsigned byte) {
    uint32_t sets[LANGUAGES_MOST] = {0};
    for (size_t i = 0; i < languages->n; i++) {
        struct language *part = &languages->parts[i];
        uint32_t set = languages->states[from].sets[i];
        sets[i] = part->is_empty || set == SET_DEAD
                      ? SET_DEAD
                      : states_step(&part->states, set, (unsigned char)byte);
        languages->no_memory = languages->no_memory || part->states.failed;
    }
    return sets[0] == SET_DEAD ? 0 : number_of(languages, sets);
}

enum gen_status languages_build(struct languages *languages, struct gen_error *err) {
    uint32_t sets[LANGUAGES_MOST] = {0};
    languages->table = memory_new(TABLE_SIZE, sizeof *languages->table);
    if (languages->table == NULL ||
        !memory_grow(&languages->states, &languages->capacity, 1, sizeof *languages->states)) {
        return error_no_memory(err, "the constraint");
    }
    languages->states[0] = (struct languages_state){0};
    languages->n_states = 1;
    for (size_t i = 0; i < languages->n; i++) {
        struct language *part = &languages->parts[i];
        sets[i] = part->is_empty ? SET_DEAD : states_start(&part->states);
    }
    number_of(languages, sets);
    for (uint32_t at = 1; at < languages->n_states; at++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            uint32_t next = is_like_last(languages, byte) ? languages->states[at].next[byte - 1]
                                                          : step(languages, at, byte);
            if (languages->no_memory) {
                return error_no_memory(err, "the constraint");
            }
            if (languages->too_large) {
                return error_set(err, GEN_BAD_ARGUMENT,
                                 "patterns and lengths that hold together need more than %d "
                                 "states (make them simpler)",
                                 MAX_STATES);
            }
            languages->states[at].next[byte] = next;
        }
    }
    return GEN_OK;
}

bool languages_forms(const struct languages *languages, const char *text, size_t n,
                     unsigned *forms) {
    uint32_t at = 1;
    for (size_t i = 0; i < n && at != 0; i++) {
        at = languages->states[at].next[(unsigned char)text[i]];
    }
    *forms = languages->states[at].forms;
    return (*forms & 1) != 0;
}

size_t languages_kinds(const struct languages *languages, unsigned *kinds, size_t most) {
    size_t n = 0;
    for (size_t i = 1; i < languages->n_states; i++) {
        unsigned forms = languages->states[i].forms;
        size_t at = 0;
        while (at < n && kinds[at] != forms) {
            at++;
        }
        if (at == n && (forms & 1) != 0 && n < most) {
            kinds[n++] = forms;
        }
    }
    return n;
}

/* What may come at a place, its rule being `first` + its number. */
static uint32_t emit_state(const struct languages *languages, struct syntax *to, uint32_t first,
                           uint32_t at, bool ends) {
    const struct languages_state *state = &languages->states[at];
    uint32_t list = syntax_list(to, SYNTAX_CHOICE);
    if (ends) {
        syntax_append(to, list, syntax_empty(to));
    }
    for (unsigned low = 0, high; low < 256; low = high + 1) {
        high = low;
        while (high < 255 && state->next[high + 1] == state->next[low]) {
            high++;
        }
        if (state->next[low] != 0) {
            uint32_t pair = syntax_list(to, SYNTAX_SEQUENCE);
            syntax_append(to, pair, syntax_byte_range(to, low, high));
            syntax_append(to, pair, syntax_use(to, first + state->next[low]));
            syntax_append(to, list, pair);
        }
    }
    return list;
}

uint32_t languages_emit(const struct languages *languages, struct syntax *to, unsigned mask,
                        unsigned forms) {
    uint32_t first = 0;
    for (size_t i = 0; i < languages->n_states; i++) {
        uint32_t rule = syntax_new_rule(to, "text", 4);
        first = i == 0 ? rule : first;
    }
    for (uint32_t i = 0; i < languages->n_states && !to->no_memory; i++) {
        bool ends = i > 0 && (languages->states[i].forms & 1) != 0 &&
                    (languages->states[i].forms & mask) == forms;
        uint32_t node = emit_state(languages, to, first, i, ends);
        to->rules[first + i].node = node;
    }
    return syntax_use(to, first + 1);
}

void languages_release(struct languages *languages) {
    for (size_t i = 0; i < languages->n; i++) {
        states_release(&languages->parts[i].states);
        automaton_release(&languages->parts[i].automaton);
        syntax_release(&languages->parts[i].syntax);
    }
    memory_free(languages->states);
    memory_free(languages->table);
    *languages = (struct languages){0};
}
