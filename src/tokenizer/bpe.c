/**
 * bpe.c - merging the bytes of one word into tokens: by looking at all pairs for short words, with
 * a linked list and a heap for long ones. Cutting text into words is pretokenize.c's work,
 * remembering words that come again tokenizer.c's.
 */
#include "tokenizer/bpe.h"

#include "base/error.h"
#include "base/memory.h"

/* ---- short words -----------------------------------------------------------------------------*/

size_t bpe_short(const struct gen_tokenizer *vocab, int32_t ids[BPE_SHORT], const char *word,
                 size_t n) {
    uint32_t ranks[BPE_SHORT]; /* of the pair that begins at each token */
    for (size_t i = 0; i < n; i++) {
        ids[i] = vocab->byte_ids[(unsigned char)word[i]];
    }
    for (size_t i = 0; i + 1 < n; i++) {
        ranks[i] = vocab_pair_rank(vocab, ids[i], ids[i + 1]);
    }

    while (n > 1) {
        size_t best = 0;
        for (size_t i = 1; i + 1 < n; i++) {
            if (ranks[i] < ranks[best]) {
                best = i;
            }
        }
        if (ranks[best] == VOCAB_NO_RANK) {
            break;
        }
        ids[best] = vocab->merges[ranks[best]].result;
        n--;
        for (size_t i = best + 1; i < n; i++) {
            ids[i] = ids[i + 1];
            ranks[i - 1] = ranks[i];
        }
        if (best > 0) {
            ranks[best - 1] = vocab_pair_rank(vocab, ids[best - 1], ids[best]);
        }
        if (best + 1 < n) {
            ranks[best] = vocab_pair_rank(vocab, ids[best], ids[best + 1]);
        }
    }
    return n;
}

/* ---- long words ------------------------------------------------------------------------------*/

/* "No neighbour" in the list. */
#define NO_NODE UINT32_MAX

/* A token of the word, at the place of its first byte. */
struct bpe_node {
    int32_t id; /* -1: merged into a token to its left */
    uint32_t previous;
    uint32_t next;
};

/*
 * The pairs that may be merged, smallest first: rank in the upper half, place in the lower, so
 * that one comparison orders by rank, then from left to right. Entries are not removed when a
 * merge next to them takes one of their tokens away; they are found stale when their turn comes.
 */
struct heap {
    uint64_t *entries;
    size_t n;
    uint64_t steps;
};

static void heap_sink(struct heap *heap, size_t at) {
    uint64_t entry = heap->entries[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= heap->n) {
            break;
        }
        if (child + 1 < heap->n && heap->entries[child + 1] < heap->entries[child]) {
            child++;
        }
        heap->steps++;
        if (entry <= heap->entries[child]) {
            break;
        }
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = entry;
}

static void heap_push(struct heap *heap, uint64_t entry) {
    size_t at = heap->n++;
    while (at > 0 && entry < heap->entries[(at - 1) / 2]) {
        heap->entries[at] = heap->entries[(at - 1) / 2];
        at = (at - 1) / 2;
        heap->steps++;
    }
    heap->entries[at] = entry;
}

static uint64_t heap_pop(struct heap *heap) {
    uint64_t entry = heap->entries[0];
    heap->entries[0] = heap->entries[--heap->n];
    if (heap->n > 0) {
        heap_sink(heap, 0);
    }
    return entry;
}

/* Put the pair that begins at `place` into the heap if it has a merge. */
static void push_pair(const struct gen_tokenizer *vocab, const struct bpe_node *nodes,
                      struct heap *heap, uint32_t place) {
    const struct bpe_node *node = &nodes[place];
    uint32_t rank = vocab_pair_rank(vocab, node->id, nodes[node->next].id);
    if (rank != VOCAB_NO_RANK) {
        heap_push(heap, (uint64_t)rank << 32 | place);
    }
}

/* The word's bytes as a list of tokens, and all their pairs as a heap, built in linear time. */
static void start(const struct gen_tokenizer *vocab, struct bpe_node *nodes, struct heap *heap,
                  const char *word, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) {
        nodes[i].id = vocab->byte_ids[(unsigned char)word[i]];
        nodes[i].previous = i == 0 ? NO_NODE : i - 1;
        nodes[i].next = i + 1 == n ? NO_NODE : i + 1;
    }
    for (uint32_t i = 0; i + 1 < n; i++) {
        uint32_t rank = vocab_pair_rank(vocab, nodes[i].id, nodes[i + 1].id);
        if (rank != VOCAB_NO_RANK) {
            heap->entries[heap->n++] = (uint64_t)rank << 32 | i;
        }
    }
    for (size_t i = heap->n / 2; i-- > 0;) {
        heap_sink(heap, i);
    }
}

/* Merge the token at `place` with the next one; false if this is no longer the merge's pair. */
static bool merge_at(struct bpe_node *nodes, const struct vocab_merge *merge, uint32_t place) {
    struct bpe_node *left = &nodes[place];
    if (left->id != merge->left || left->next == NO_NODE || nodes[left->next].id != merge->right) {
        return false;
    }
    struct bpe_node *right = &nodes[left->next];
    left->id = merge->result;
    right->id = -1;
    left->next = right->next;
    if (left->next != NO_NODE) {
        nodes[left->next].previous = place;
    }
    return true;
}

/* Merge until nothing fits. The heap never outgrows `2 n`: a merge takes one and adds two. */
static void merge_all(const struct gen_tokenizer *vocab, struct bpe_node *nodes,
                      struct heap *heap) {
    while (heap->n > 0) {
        uint64_t entry = heap_pop(heap);
        uint32_t place = (uint32_t)entry;
        if (!merge_at(nodes, &vocab->merges[entry >> 32], place)) {
            continue;
        }
        if (nodes[place].previous != NO_NODE) {
            push_pair(vocab, nodes, heap, nodes[place].previous);
        }
        if (nodes[place].next != NO_NODE) {
            push_pair(vocab, nodes, heap, place);
        }
    }
}

/* Append the ids of the list, gathered in portions. */
static enum gen_status append_list(struct gen_ids *ids, const struct bpe_node *nodes) {
    int32_t portion[256];
    size_t n = 0;
    enum gen_status status = GEN_OK;
    for (uint32_t i = 0; i != NO_NODE && status == GEN_OK; i = nodes[i].next) {
        portion[n++] = nodes[i].id;
        if (n == 256 || nodes[i].next == NO_NODE) {
            status = gen_ids_append(ids, portion, n);
            n = 0;
        }
    }
    return status;
}

enum gen_status bpe_long(const struct gen_tokenizer *vocab, struct bpe_scratch *scratch,
                         struct gen_ids *ids, const char *word, size_t n, struct gen_error *err) {
    if (n >= NO_NODE) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the text has a word of %zu bytes, at most %u can be encoded (split it)",
                         n, NO_NODE - 1);
    }
    if (!memory_grow(&scratch->nodes, &scratch->n_nodes, n, sizeof *scratch->nodes) ||
        !memory_grow(&scratch->heap, &scratch->n_heap, 2 * n, sizeof *scratch->heap)) {
        return error_no_memory(err, "encoding a long word");
    }

    struct heap heap = {scratch->heap, 0, 0};
    start(vocab, scratch->nodes, &heap, word, (uint32_t)n);
    merge_all(vocab, scratch->nodes, &heap);
    scratch->steps += heap.steps;
    if (append_list(ids, scratch->nodes) != GEN_OK) {
        return error_no_memory(err, "token ids");
    }
    return GEN_OK;
}

void bpe_scratch_release(struct bpe_scratch *scratch) {
    memory_free(scratch->nodes);
    memory_free(scratch->heap);
    *scratch = (struct bpe_scratch){0};
}
