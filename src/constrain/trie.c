/**
 * trie.c - builds the tree of a vocabulary: its tokens are sorted by their bytes, so that each
 * shares the way of the one before as far as their bytes agree.
 */
#include "constrain/trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "tokenizer/tokenizer.h"

/* Tokens longer than this are left out: no text needs them, shorter ones spell the same. */
#define LONGEST 4096

struct piece {
    const char *bytes;
    size_t n;
    int32_t id;
};

static int by_bytes(const void *a, const void *b) {
    const struct piece *first = a, *second = b;
    int order = memcmp(first->bytes, second->bytes, size_min(first->n, second->n));
    if (order == 0 && first->n != second->n) {
        order = first->n < second->n ? -1 : 1;
    }
    return order != 0 ? order : first->id < second->id ? -1 : 1;
}

const char *pieces_text(const struct gen_pieces *pieces, int32_t id, size_t *n) {
    const char *bytes = gen_tokenizer_piece(pieces->tokenizer, id, n);
    if (tokenizer_is_special(pieces->tokenizer, id) || *n > LONGEST) {
        *n = 0;
    }
    return bytes;
}

/* Nodes whose subtrees are not complete are on the way to the last token: path[depth]. */
static void close_below(struct gen_pieces *pieces, const uint32_t *path, size_t *depth, size_t to) {
    while (*depth > to) {
        pieces->nodes[path[*depth]].next = (uint32_t)pieces->n;
        (*depth)--;
    }
}

static bool add_node(struct gen_pieces *pieces, uint8_t byte, size_t depth) {
    if (!memory_grow(&pieces->nodes, &pieces->capacity, pieces->n + 1, sizeof *pieces->nodes)) {
        return false;
    }
    pieces->nodes[pieces->n++] =
        (struct trie_node){.token = -1, .depth = (uint16_t)depth, .byte = byte};
    return true;
}

static bool add_all(struct gen_pieces *pieces, const struct piece *sorted, size_t n,
                    uint32_t *path) {
    const struct piece *last = NULL;
    size_t depth = 0;
    if (!add_node(pieces, 0, 0)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        const struct piece *piece = &sorted[i];
        size_t common = 0;
        while (last != NULL && common < last->n && common < piece->n &&
               last->bytes[common] == piece->bytes[common]) {
            common++;
        }
        if (last != NULL && common == piece->n && common == last->n) {
            pieces->same[piece->id] = pieces->same[last->id];
            pieces->same[last->id] = piece->id;
            pieces->nodes[path[depth]].is_shared = true;
            continue;
        }
        close_below(pieces, path, &depth, common);
        while (depth < piece->n) {
            if (!add_node(pieces, (uint8_t)piece->bytes[depth], depth + 1)) {
                return false;
            }
            path[++depth] = (uint32_t)(pieces->n - 1);
        }
        pieces->nodes[path[depth]].token = piece->id;
        pieces->deepest = size_max(pieces->deepest, depth);
        last = piece;
    }
    close_below(pieces, path, &depth, 0);
    pieces->nodes[0].next = (uint32_t)pieces->n;
    return true;
}

static bool build(struct gen_pieces *pieces) {
    size_t n_vocab = (size_t)pieces->n_vocab, n = 0;
    struct piece *sorted = memory_new(n_vocab, sizeof *sorted);
    uint32_t *path = memory_new(LONGEST + 1, sizeof *path);
    pieces->same = memory_new(n_vocab, sizeof *pieces->same);
    bool good = sorted != NULL && path != NULL && pieces->same != NULL;
    for (int32_t id = 0; good && id < pieces->n_vocab; id++) {
        struct piece piece = {.id = id};
        piece.bytes = pieces_text(pieces, id, &piece.n);
        pieces->same[id] = -1;
        if (piece.n > 0) {
            sorted[n++] = piece;
        }
    }
    if (good) {
        qsort(sorted, n, sizeof *sorted, by_bytes);
        good = add_all(pieces, sorted, n, path);
    }
    memory_free(sorted);
    memory_free(path);
    return good;
}

enum gen_status gen_pieces_new(struct gen_pieces **out, const struct gen_tokenizer *tokenizer,
                               struct gen_error *err) {
    *out = NULL;
    struct gen_pieces *pieces = memory_new(1, sizeof *pieces);
    if (pieces == NULL) {
        return error_no_memory(err, "the tree of the vocabulary");
    }
    pieces->tokenizer = tokenizer;
    pieces->n_vocab = gen_tokenizer_n_vocab(tokenizer);
    if (!build(pieces)) {
        gen_pieces_free(pieces);
        return error_no_memory(err, "the tree of the vocabulary");
    }
    *out = pieces;
    return GEN_OK;
}

void gen_pieces_free(struct gen_pieces *pieces) {
    if (pieces == NULL) {
        return;
    }
    memory_free(pieces->nodes);
    memory_free(pieces->same);
    memory_free(pieces);
}
