/**
 * languages.h - sets of texts that are given by several forms at once: which of them a text has,
 * and the texts that have exactly some of them. The forms are automata that go side by side, byte
 * by byte.
 */
#ifndef CONSTRAIN_LANGUAGES_H
#define CONSTRAIN_LANGUAGES_H

#include "constrain/states.h"

enum { LANGUAGES_MOST = 12 };

struct language {
    struct syntax syntax;
    struct automaton automaton;
    struct states states;
    bool is_empty; /**< no text has this form */
};

/** Where all of them stand, and where they go over each byte: to another, 0: nowhere. */
struct languages_state {
    uint32_t sets[LANGUAGES_MOST];
    uint32_t next[256];
    unsigned forms; /**< that a text has which ends here, by bits */
};

/** Start from {0}. Form 0 is the one that all texts must have. */
struct languages {
    struct language parts[LANGUAGES_MOST];
    size_t n;
    struct languages_state *states; /**< from 1 on */
    size_t n_states, capacity;
    uint32_t *table; /**< hash table of the numbers of states */
    bool no_memory, too_large;
};

/** A form more: a tree, which the languages own from now on. */
enum gen_status languages_add(struct languages *languages, struct syntax *syntax,
                              struct gen_error *err);
/** Find all states; GEN_BAD_ARGUMENT: they are too many. */
enum gen_status languages_build(struct languages *languages, struct gen_error *err);
/** The forms of a text; false: it has not form 0. */
bool languages_forms(const struct languages *languages, const char *text, size_t n,
                     unsigned *forms);
/** The different sets of forms that texts have; at most `most`, how many there are. */
size_t languages_kinds(const struct languages *languages, unsigned *kinds, size_t most);
/** The texts whose forms are these in all bits of `mask`. */
uint32_t languages_emit(const struct languages *languages, struct syntax *to, unsigned mask,
                        unsigned forms);
void languages_release(struct languages *languages);

#endif
