/**
 * bad_texts.c - texts that are never written. They are one tree of bytes, in which a text goes
 * along as Aho and Corasick (1975) have it: it stands at the longest end of it that begins a bad
 * text.
 *
 * A token is forbidden that has a bad text within it, which does not depend on what came before, or
 * one that completes what is begun: the trees of the bad texts and of the vocabulary are walked
 * together, from the places that the text stands at.
 */
#include "constrain/bad_texts.h"

#include <pthread.h>

#include "base/error.h"
#include "base/memory.h"
#include "constrain/trie.h"

/* Most bytes of all of them. */
#define MAX_BYTES ((size_t)1 << 24)
#define NONE      UINT32_MAX

/* A beginning of a bad text. */
struct place {
    uint32_t child, sibling; /* NONE: there is none */
    uint32_t shorter;        /* the longest end of it that is another place */
    uint32_t near; /* the first of it and of shorter ones that a token may complete; NONE: none */
    uint32_t left; /* bytes to the nearest end of a bad text below */
    uint8_t byte;
    bool is_end;  /* a bad text ends here */
    bool has_end; /* or one that is shorter */
};

struct gen_bad_texts {
    const struct gen_pieces *pieces;
    struct place *places;
    size_t n, capacity;
    struct gen_ids within;  /* tokens that have a bad text within them */
    struct gen_ids special; /* tokens with bytes that are not in the tree of the vocabulary */
    pthread_mutex_t lock;   /* for what is below */
    size_t n_users;
};

/* ---- places ----------------------------------------------------------------------------------*/

static uint32_t child_of(const struct gen_bad_texts *bad, uint32_t at, uint8_t byte) {
    uint32_t child = bad->places[at].child;
    while (child != NONE && bad->places[child].byte != byte) {
        child = bad->places[child].sibling;
    }
    return child;
}

static bool add_place(struct gen_bad_texts *bad, uint32_t above, uint8_t byte) {
    if (!memory_grow(&bad->places, &bad->capacity, bad->n + 1, sizeof *bad->places)) {
        return false;
    }
    uint32_t sibling = bad->n > 0 ? bad->places[above].child : NONE;
    bad->places[bad->n] =
        (struct place){.child = NONE, .sibling = sibling, .near = NONE, .left = NONE, .byte = byte};
    if (bad->n > 0) {
        bad->places[above].child = (uint32_t)bad->n;
    }
    bad->n++;
    return true;
}

static bool add_text(struct gen_bad_texts *bad, const char *text, size_t n) {
    uint32_t at = BAD_TEXTS_START;
    for (size_t i = 0; i < n; i++) {
        uint32_t child = child_of(bad, at, (uint8_t)text[i]);
        size_t left = n - i;
        if (left < bad->places[at].left) {
            bad->places[at].left = (uint32_t)left;
        }
        if (child == NONE) {
            child = (uint32_t)bad->n;
            if (!add_place(bad, at, (uint8_t)text[i])) {
                return false;
            }
        }
        at = child;
    }
    bad->places[at].is_end = true;
    return true;
}

static uint32_t step_byte(const struct gen_bad_texts *bad, uint32_t at, uint8_t byte) {
    uint32_t child = child_of(bad, at, byte);
    while (child == NONE && at != BAD_TEXTS_START) {
        at = bad->places[at].shorter;
        child = child_of(bad, at, byte);
    }
    return child != NONE ? child : BAD_TEXTS_START;
}

/* Whether a token may complete what begins here. */
static bool is_near(const struct gen_bad_texts *bad, uint32_t at) {
    return at != BAD_TEXTS_START && bad->places[at].left <= bad->pieces->deepest;
}

/* What a place takes from the shorter one, which is ready: its depth is less. */
static void link_place(struct gen_bad_texts *bad, uint32_t above, uint32_t at) {
    struct place *place = &bad->places[at];
    place->shorter = BAD_TEXTS_START;
    if (above != BAD_TEXTS_START) {
        place->shorter = step_byte(bad, bad->places[above].shorter, place->byte);
    }
    const struct place *shorter = &bad->places[place->shorter];
    place->has_end = place->is_end || shorter->has_end;
    place->near = is_near(bad, at) ? at : shorter->near;
}

/* Link all places, those that are less deep first. */
static bool link_all(struct gen_bad_texts *bad) {
    uint32_t *queue = memory_new(bad->n, sizeof *queue);
    size_t n = 1;
    if (queue == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) { /* queue[0] is the start */
        for (uint32_t at = bad->places[queue[i]].child; at != NONE; at = bad->places[at].sibling) {
            link_place(bad, queue[i], at);
            queue[n++] = at;
        }
    }
    memory_free(queue);
    return true;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

/* The place after these bytes; *complete: a bad text ended among them. */
static uint32_t step_bytes(const struct gen_bad_texts *bad, uint32_t at, const char *bytes,
                           size_t n, bool *complete) {
    *complete = false;
    for (size_t i = 0; i < n; i++) {
        at = step_byte(bad, at, (uint8_t)bytes[i]);
        *complete = *complete || bad->places[at].has_end;
    }
    return at;
}

static bool find_tokens(struct gen_bad_texts *bad) {
    bool good = true;
    for (int32_t id = 0; id < bad->pieces->n_vocab && good; id++) {
        size_t n, n_cut;
        bool complete;
        const char *bytes = gen_tokenizer_piece(bad->pieces->tokenizer, id, &n);
        pieces_text(bad->pieces, id, &n_cut);
        step_bytes(bad, BAD_TEXTS_START, bytes, n, &complete);
        if (n_cut == 0 && n > 0) {
            good = gen_ids_append(&bad->special, &id, 1) == GEN_OK;
        } else if (complete) {
            good = gen_ids_append(&bad->within, &id, 1) == GEN_OK;
        }
    }
    return good;
}

size_t bad_texts_deepest(const struct gen_bad_texts *bad) {
    return bad->pieces->deepest;
}

uint32_t bad_texts_step(const struct gen_bad_texts *bad, uint32_t at, int32_t id) {
    size_t n;
    bool complete;
    const char *bytes = gen_tokenizer_piece(bad->pieces->tokenizer, id, &n);
    return step_bytes(bad, at, bytes, n, &complete);
}

bool bad_texts_completes(const struct gen_bad_texts *bad, uint32_t at, int32_t id) {
    size_t n;
    bool complete;
    const char *bytes = gen_tokenizer_piece(bad->pieces->tokenizer, id, &n);
    step_bytes(bad, at, bytes, n, &complete);
    return complete;
}

bool bad_texts_is_special(const struct gen_bad_texts *bad, int32_t id) {
    size_t n;
    pieces_text(bad->pieces, id, &n);
    return n == 0;
}

/* ---- what is forbidden -----------------------------------------------------------------------*/

/* Those that go on from this place to the end of a bad text. */
static void find_from(const struct gen_bad_texts *bad, uint32_t from, uint32_t *path, void *context,
                      void (*forbid)(void *context, int32_t id)) {
    const struct gen_pieces *pieces = bad->pieces;
    path[0] = from;
    for (uint32_t at = 1; at < pieces->n;) {
        const struct trie_node *node = &pieces->nodes[at];
        uint32_t place = child_of(bad, path[node->depth - 1], node->byte);
        bool is_end = place != NONE && bad->places[place].is_end;
        for (uint32_t below = at; is_end && below < node->next; below++) {
            for (int32_t id = pieces->nodes[below].token; id >= 0; id = pieces->same[id]) {
                forbid(context, id);
            }
        }
        path[node->depth] = place;
        at = place == NONE || is_end ? node->next : at + 1;
    }
}

void bad_texts_find(const struct gen_bad_texts *bad, uint32_t at, uint32_t *path, void *context,
                    void (*forbid)(void *context, int32_t id)) {
    for (size_t i = 0; i < bad->within.n; i++) {
        forbid(context, bad->within.data[i]);
    }
    for (size_t i = 0; i < bad->special.n; i++) {
        size_t n;
        bool complete;
        const char *bytes = gen_tokenizer_piece(bad->pieces->tokenizer, bad->special.data[i], &n);
        step_bytes(bad, at, bytes, n, &complete);
        if (complete) {
            forbid(context, bad->special.data[i]);
        }
    }
    for (uint32_t near = bad->places[at].near; near != NONE;
         near = bad->places[bad->places[near].shorter].near) {
        find_from(bad, near, path, context, forbid);
    }
}

/* ---- making and freeing ----------------------------------------------------------------------*/

static enum gen_status add_all(struct gen_bad_texts *bad, const char *const *texts,
                               const size_t *lengths, size_t n, struct gen_error *err) {
    size_t n_bytes = 0;
    bool good = add_place(bad, BAD_TEXTS_START, 0);
    for (size_t i = 0; i < n && good; i++) {
        if (lengths[i] == 0) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "bad text %zu is empty but must have at least one byte", i);
        }
        if (lengths[i] > MAX_BYTES - n_bytes) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "the bad texts have more than %zu bytes together (give fewer)",
                             MAX_BYTES);
        }
        n_bytes += lengths[i];
        good = add_text(bad, texts[i], lengths[i]);
    }
    return good && link_all(bad) && find_tokens(bad) ? GEN_OK
                                                     : error_no_memory(err, "the bad texts");
}

enum gen_status gen_bad_texts_new(struct gen_bad_texts **out, const struct gen_pieces *pieces,
                                  const char *const *texts, const size_t *lengths, size_t n,
                                  struct gen_error *err) {
    *out = NULL;
    struct gen_bad_texts *bad = memory_new(1, sizeof *bad);
    if (bad == NULL) {
        return error_no_memory(err, "the bad texts");
    }
    bad->pieces = pieces;
    bad->n_users = 1;
    pthread_mutex_init(&bad->lock, NULL);
    enum gen_status status = add_all(bad, texts, lengths, n, err);
    if (status != GEN_OK) {
        gen_bad_texts_free(bad);
        return status;
    }
    *out = bad;
    return GEN_OK;
}

/* One user more or less; how many there are then. */
static size_t count_users(struct gen_bad_texts *bad, int more) {
    pthread_mutex_lock(&bad->lock);
    bad->n_users += (size_t)more;
    size_t n = bad->n_users;
    pthread_mutex_unlock(&bad->lock);
    return n;
}

struct gen_bad_texts *gen_bad_texts_use(struct gen_bad_texts *bad) {
    if (bad != NULL) {
        count_users(bad, 1);
    }
    return bad;
}

void gen_bad_texts_free(struct gen_bad_texts *bad) {
    if (bad == NULL || count_users(bad, -1) > 0) {
        return;
    }
    memory_free(bad->places);
    gen_ids_release(&bad->within);
    gen_ids_release(&bad->special);
    pthread_mutex_destroy(&bad->lock);
    memory_free(bad);
}
