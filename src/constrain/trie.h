/**
 * trie.h - the tokens of a vocabulary as a tree of their bytes, in preorder: a walk that cannot go
 * on at a node leaps over all below it.
 *
 * Special tokens and ids without bytes are not in it: they spell no text.
 */
#ifndef CONSTRAIN_TRIE_H
#define CONSTRAIN_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen_constraint.h"

/** A byte after those of the node above it. Node 0 is the root, which has no byte. */
struct trie_node {
    uint32_t next;  /**< the first node after all that are below this one */
    int32_t token;  /**< that ends here, -1: none; others with its bytes: gen_pieces.same */
    uint16_t depth; /**< bytes from the root */
    uint8_t byte;
    bool is_shared; /**< there are others with the bytes of `token` */
};

/** The opaque type of gen_constraint.h; read-only once it is made. */
struct gen_pieces {
    const struct gen_tokenizer *tokenizer;
    struct trie_node *nodes;
    size_t n, capacity;
    int32_t *same; /**< [n_vocab] the next token with the same bytes, -1: none */
    int32_t n_vocab;
    size_t deepest; /**< bytes of the longest token in it */
};

/** Words of a set of tokens. */
static inline size_t pieces_n_words(const struct gen_pieces *pieces) {
    return ((size_t)pieces->n_vocab + 63) / 64;
}

/** The bytes of a token that is text; none for those that are not in the tree. */
const char *pieces_text(const struct gen_pieces *pieces, int32_t id, size_t *n);

#endif
