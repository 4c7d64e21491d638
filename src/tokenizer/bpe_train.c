/**
 * bpe_train.c - learning the merges of byte pair encoding from counted words: the pair that occurs
 * most often is merged, again and again. Words are counted in word_count.c; vocab_learner.c makes a
 * tokenizer of the merges.
 */
/*
 * The words lie end to end in one row of slots, one for each byte, with a BOUNDARY before and
 * after each. A token's id is in the first and in the last of its slots, those between are
 * INSIDE. So from any token its neighbours are found: the next one begins lengths[id] slots later,
 * and the slot before it holds the id of the one that ends there.
 *
 *     slots   | t h e | t h e n |         | t he   | t he   n |          | the    | the    n |
 *
 * Each pair has the list of the places where it may be. A place that a later merge has changed
 * stays in the list and is passed over: the token that then covers the left one's first slot is
 * longer, hence another. Within a word places ascend, because a merge goes through them in order.
 *
 * A pair of given tokens can only arise while the younger of the two is made; afterwards its count
 * but falls. So a pair that is too rare once a merge is done is forgotten for good, and the heap
 * may hold counts that are too high: the one on top is corrected and sinks to its place.
 */
#include "tokenizer/bpe_train.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

#define BOUNDARY ((uint32_t)0xFFFFFFFF)
#define INSIDE   ((uint32_t)0xFFFFFFFE)

/* Merges between two calls of progress. */
#define PROGRESS_EVERY 32

struct pair {
    uint32_t left;
    uint32_t right;
    uint64_t count;
    uint64_t queued;  /* the count it has in the heap, >= count */
    uint32_t *places; /* first slots of the left token */
    size_t n_places;
    size_t capacity;
};

struct trainer {
    const struct counted_word *words;
    size_t n_words;
    uint64_t min_frequency;

    uint32_t *slots;
    uint32_t *word_of; /* the word of each slot */
    size_t n_slots;
    uint32_t *lengths; /* of each token, in bytes */

    struct pair *pairs;
    size_t n_pairs;
    size_t pair_capacity;
    uint32_t *table; /* open addressing, at most half full: number of a pair + 1, or 0 */
    size_t table_size;

    uint32_t *heap; /* numbers of pairs, the one to merge next on top */
    size_t n_heap;
    size_t heap_capacity;
};

static void trainer_release(struct trainer *t) {
    for (size_t i = 0; i < t->n_pairs; i++) {
        memory_free(t->pairs[i].places);
    }
    memory_free(t->pairs);
    memory_free(t->table);
    memory_free(t->heap);
    memory_free(t->slots);
    memory_free(t->word_of);
    memory_free(t->lengths);
}

/* ---- pairs, found by their tokens ------------------------------------------------------------*/

/* Where in the table the pair is, or the free entry where it belongs. */
static uint32_t *entry_of(const struct trainer *t, uint32_t left, uint32_t right) {
    uint64_t key = (uint64_t)left << 32 | right;
    key = (key ^ key >> 29) * 0x9E3779B97F4A7C15U;
    size_t mask = t->table_size - 1;
    for (size_t at = (size_t)(key >> 32) & mask;; at = (at + 1) & mask) {
        uint32_t *entry = &t->table[at];
        if (*entry == 0 ||
            (t->pairs[*entry - 1].left == left && t->pairs[*entry - 1].right == right)) {
            return entry;
        }
    }
}

static bool grow_table(struct trainer *t) {
    size_t size = t->table_size == 0 ? 1024 : t->table_size * 2;
    uint32_t *table = memory_new(size, sizeof *table);
    if (table == NULL) {
        return false;
    }
    memory_free(t->table);
    t->table = table;
    t->table_size = size;
    for (size_t i = 0; i < t->n_pairs; i++) {
        *entry_of(t, t->pairs[i].left, t->pairs[i].right) = (uint32_t)i + 1;
    }
    return true;
}

/* The pair, made if it is new; NULL if out of memory. */
static struct pair *pair_of(struct trainer *t, uint32_t left, uint32_t right) {
    if (t->n_pairs >= t->table_size / 2 && (t->n_pairs >= INT32_MAX || !grow_table(t))) {
        return NULL;
    }
    uint32_t *entry = entry_of(t, left, right);
    if (*entry == 0) {
        if (!memory_grow(&t->pairs, &t->pair_capacity, t->n_pairs + 1, sizeof *t->pairs)) {
            return NULL;
        }
        t->pairs[t->n_pairs++] = (struct pair){.left = left, .right = right};
        *entry = (uint32_t)t->n_pairs;
    }
    return &t->pairs[*entry - 1];
}

/* The pair occurs at `place`, in a word that occurs `count` times. */
static bool gain(struct trainer *t, uint32_t first, uint32_t second, size_t place, uint64_t count) {
    struct pair *pair = pair_of(t, first, second);
    if (pair == NULL ||
        !memory_grow(&pair->places, &pair->capacity, pair->n_places + 1, sizeof *pair->places)) {
        return false;
    }
    pair->places[pair->n_places++] = (uint32_t)place;
    pair->count += count;
    return true;
}

/* The pair no longer occurs in one place. A forgotten one may lose what it likes. */
static void lose(struct trainer *t, uint32_t first, uint32_t second, uint64_t count) {
    uint32_t entry = *entry_of(t, first, second);
    if (entry != 0) {
        t->pairs[entry - 1].count -= count;
    }
}

static void drop_places(struct pair *pair) {
    memory_free(pair->places);
    pair->places = NULL;
    pair->n_places = pair->capacity = 0;
}

/* ---- the heap --------------------------------------------------------------------------------*/

/* Whether a is merged before b. */
static bool is_before(const struct pair *a, const struct pair *b) {
    if (a->queued != b->queued) {
        return a->queued > b->queued;
    }
    return a->left != b->left ? a->left < b->left : a->right < b->right;
}

static void sift_down(struct trainer *t, size_t at) {
    uint32_t moving = t->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child + 1 < t->n_heap &&
            is_before(&t->pairs[t->heap[child + 1]], &t->pairs[t->heap[child]])) {
            child++;
        }
        if (child >= t->n_heap || !is_before(&t->pairs[t->heap[child]], &t->pairs[moving])) {
            break;
        }
        t->heap[at] = t->heap[child];
        at = child;
    }
    t->heap[at] = moving;
}

static bool push(struct trainer *t, uint32_t number) {
    if (!memory_grow(&t->heap, &t->heap_capacity, t->n_heap + 1, sizeof *t->heap)) {
        return false;
    }
    size_t at = t->n_heap++;
    t->pairs[number].queued = t->pairs[number].count;
    while (at > 0 && is_before(&t->pairs[number], &t->pairs[t->heap[(at - 1) / 2]])) {
        t->heap[at] = t->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    t->heap[at] = number;
    return true;
}

static void pop(struct trainer *t) {
    t->heap[0] = t->heap[--t->n_heap];
    if (t->n_heap > 0) {
        sift_down(t, 0);
    }
}

/*
 * Queue the pairs from number `first` on, which the last merge made, and forget those that are too
 * rare. Open addressing allows to take out what was put in last, so all are taken out in that
 * order and the frequent ones put in again.
 */
static bool queue_new_pairs(struct trainer *t, size_t first) {
    for (size_t i = t->n_pairs; i > first; i--) {
        *entry_of(t, t->pairs[i - 1].left, t->pairs[i - 1].right) = 0;
    }
    size_t n = t->n_pairs;
    t->n_pairs = first;
    bool done = true;
    for (size_t i = first; i < n; i++) {
        struct pair *pair = &t->pairs[i];
        if (pair->count < t->min_frequency || !done) {
            drop_places(pair);
            continue;
        }
        *entry_of(t, pair->left, pair->right) = (uint32_t)t->n_pairs + 1;
        t->pairs[t->n_pairs++] = *pair;
        done = push(t, (uint32_t)t->n_pairs - 1);
    }
    return done;
}

/* ---- merging ---------------------------------------------------------------------------------*/

/* Merge left and right at `place`, if they are there, to `result`. */
static bool merge_at(struct trainer *t, uint32_t left, uint32_t right, uint32_t result,
                     size_t place) {
    uint32_t *slots = t->slots;
    size_t middle = place + t->lengths[left];
    if (slots[place] != left || slots[middle] != right) {
        return true;
    }
    size_t end = middle + t->lengths[right];
    uint32_t before = slots[place - 1];
    uint32_t after = slots[end];
    uint64_t count = t->words[t->word_of[place]].count;
    slots[middle - 1] = slots[middle] = INSIDE;
    slots[place] = slots[end - 1] = result;
    if (before != BOUNDARY) {
        lose(t, before, left, count);
        if (!gain(t, before, result, place - t->lengths[before], count)) {
            return false;
        }
    }
    if (after != BOUNDARY) {
        lose(t, right, after, count);
        return gain(t, result, after, place, count);
    }
    return true;
}

/* Merge a pair wherever it is. */
static bool merge_pair(struct trainer *t, struct pair *pair, uint32_t result) {
    struct pair merged = *pair; /* its neighbours are pairs too, and may move the array */
    size_t first = t->n_pairs;
    bool done = true;
    pair->places = NULL;
    drop_places(pair);
    t->lengths[result] = t->lengths[merged.left] + t->lengths[merged.right];
    for (size_t i = 0; i < merged.n_places && done; i++) {
        done = merge_at(t, merged.left, merged.right, result, merged.places[i]);
    }
    memory_free(merged.places);
    return done && queue_new_pairs(t, first);
}

/* The pair to merge next, taken from the heap; NULL if none is frequent enough. */
static struct pair *next_pair(struct trainer *t) {
    while (t->n_heap > 0) {
        struct pair *pair = &t->pairs[t->heap[0]];
        bool too_long = t->lengths[pair->left] + t->lengths[pair->right] > BPE_TRAIN_LONGEST;
        if (pair->count < t->min_frequency || too_long) {
            drop_places(pair);
            pop(t);
        } else if (pair->count < pair->queued) {
            pair->queued = pair->count;
            sift_down(t, 0);
        } else {
            pop(t);
            return pair;
        }
    }
    return NULL;
}

/* ---- beginning and end -----------------------------------------------------------------------*/

/* All words as single bytes, and their pairs. */
static bool fill_slots(struct trainer *t, const int32_t *byte_ids) {
    size_t at = 0;
    t->slots[at++] = BOUNDARY;
    for (size_t w = 0; w < t->n_words; w++) {
        const struct counted_word *word = &t->words[w];
        for (uint32_t i = 0; i < word->n; i++, at++) {
            t->slots[at] = (uint32_t)byte_ids[(unsigned char)word->bytes[i]];
            t->word_of[at] = (uint32_t)w;
            if (i > 0 && !gain(t, t->slots[at - 1], t->slots[at], at - 1, word->count)) {
                return false;
            }
        }
        t->slots[at++] = BOUNDARY;
    }
    return queue_new_pairs(t, 0);
}

static enum gen_status trainer_init(struct trainer *t, const struct bpe_train_options *options,
                                    struct gen_error *err) {
    t->n_slots = 1;
    for (size_t w = 0; w < t->n_words; w++) {
        t->n_slots += (size_t)t->words[w].n + 1;
        if (t->n_slots >= INSIDE) {
            return error_set(err, GEN_UNSUPPORTED,
                             "the distinct words of the text are more than 4 GiB together (learn "
                             "from a part of it)");
        }
    }
    size_t n_tokens = (size_t)options->first_id + options->n_merges;
    t->slots = memory_new(t->n_slots, sizeof *t->slots);
    t->word_of = memory_new(t->n_slots, sizeof *t->word_of);
    t->lengths = memory_new(n_tokens, sizeof *t->lengths);
    if (t->slots == NULL || t->word_of == NULL || t->lengths == NULL || !grow_table(t)) {
        return error_no_memory(err, "the words of the text");
    }
    for (int32_t i = 0; i < options->first_id; i++) {
        t->lengths[i] = 1;
    }
    return fill_slots(t, options->byte_ids) ? GEN_OK
                                            : error_no_memory(err, "the pairs of the text");
}

static uint64_t count_tokens(const struct trainer *t) {
    uint64_t n = 0;
    for (size_t at = 0; at < t->n_slots;) {
        if (t->slots[at] == BOUNDARY) {
            at++;
        } else {
            n += t->words[t->word_of[at]].count;
            at += t->lengths[t->slots[at]];
        }
    }
    return n;
}

static enum gen_status merge_all(struct trainer *t, struct vocab_merge *merges, size_t *n_merges,
                                 const struct bpe_train_options *options, struct gen_error *err) {
    for (*n_merges = 0; *n_merges < options->n_merges; ++*n_merges) {
        if (*n_merges % PROGRESS_EVERY == 0 && options->progress != NULL &&
            !options->progress(options->context, *n_merges, options->n_merges)) {
            return error_set(err, GEN_CANCELED, "learning a vocabulary was canceled");
        }
        struct pair *pair = next_pair(t);
        if (pair == NULL) {
            break;
        }
        int32_t result = options->first_id + (int32_t)*n_merges;
        merges[*n_merges] = (struct vocab_merge){(int32_t)pair->left, (int32_t)pair->right, result};
        if (!merge_pair(t, pair, (uint32_t)result)) {
            return error_no_memory(err, "the pairs of the text");
        }
    }
    return GEN_OK;
}

enum gen_status bpe_train(struct vocab_merge **merges, size_t *n_merges, uint64_t *n_tokens,
                          const struct counted_word *words, size_t n_words,
                          const struct bpe_train_options *options, struct gen_error *err) {
    struct trainer t = {.words = words, .n_words = n_words};
    t.min_frequency = options->min_frequency > 0 ? options->min_frequency : 1;
    *merges = memory_new(options->n_merges, sizeof **merges);
    enum gen_status status =
        *merges != NULL ? trainer_init(&t, options, err) : error_no_memory(err, "the merges");
    if (status == GEN_OK) {
        status = merge_all(&t, *merges, n_merges, options, err);
    }
    if (status == GEN_OK) {
        *n_tokens = count_tokens(&t);
    } else {
        memory_free(*merges);
        *merges = NULL;
    }
    trainer_release(&t);
    return status;
}
