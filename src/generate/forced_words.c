/**
 * forced_words.c - how far a text is with words that must come, by the rules of transformers 4.56
 * (its ConstraintListState with phrasal and disjunctive constraints). Which texts are kept for it
 * is beam_forced.c's.
 */
#include "generate/forced_words.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

void forced_advances_release(struct forced_advances *list) {
    memory_free(list->data);
    *list = (struct forced_advances){0};
}

/* ---- a copy ----------------------------------------------------------------------------------*/

void forced_words_release(struct gen_force_words *words, size_t n) {
    for (size_t i = 0; words != NULL && i < n; i++) {
        /* They were made here. */
        struct gen_ids *spellings = (struct gen_ids *)words[i].spellings;
        for (size_t j = 0; spellings != NULL && j < words[i].n_spellings; j++) {
            gen_ids_release(&spellings[j]);
        }
        memory_free(spellings);
    }
    memory_free(words);
}

static bool copy(struct gen_force_words *to, const struct gen_force_words *from) {
    struct gen_ids *spellings = memory_new(from->n_spellings, sizeof *spellings);
    *to = (struct gen_force_words){spellings, spellings != NULL ? from->n_spellings : 0};
    bool good = spellings != NULL || from->n_spellings == 0;
    for (size_t i = 0; i < to->n_spellings && good; i++) {
        good =
            gen_ids_append(&spellings[i], from->spellings[i].data, from->spellings[i].n) == GEN_OK;
    }
    return good;
}

struct gen_force_words *forced_words_copy(const struct gen_force_words *words, size_t n) {
    struct gen_force_words *copies = words != NULL && n > 0 ? memory_new(n, sizeof *copies) : NULL;
    bool good = true;
    for (size_t i = 0; copies != NULL && i < n && good; i++) {
        good = copy(&copies[i], &words[i]);
    }
    if (!good) {
        forced_words_release(copies, n);
        return NULL;
    }
    return copies;
}

/* ---- words -----------------------------------------------------------------------------------*/

static bool begins_with(const struct gen_ids *word, const struct gen_ids *with, size_t n) {
    return word->n >= n && memcmp(word->data, with->data, n * sizeof *word->data) == 0;
}

static bool has_any(const struct gen_ids *word, const int32_t *ids, size_t n) {
    bool any = false;
    for (size_t i = 0; i < word->n; i++) {
        for (size_t j = 0; j < n; j++) {
            any = any || word->data[i] == ids[j];
        }
    }
    return any;
}

/* What is wrong with spelling number `at` of words, or NULL. */
static const char *wrong_with(const struct gen_force_words *words, size_t at, const int32_t *eos,
                              size_t n_eos, int32_t n_vocab) {
    const struct gen_ids *spelling = &words->spellings[at];
    if (spelling->n == 0) {
        return "has no ids";
    }
    for (size_t i = 0; i < spelling->n; i++) {
        if (spelling->data[i] < 0 || spelling->data[i] >= n_vocab) {
            return "holds an id that the model does not have";
        }
    }
    if (has_any(spelling, eos, n_eos)) {
        return "holds an id that ends the text";
    }
    for (size_t i = 0; i < words->n_spellings; i++) {
        if (i != at && begins_with(&words->spellings[i], spelling, spelling->n)) {
            return "is the beginning of another that may come in its place";
        }
    }
    return NULL;
}

enum gen_status forced_words_check(const struct gen_generate_options *options, const int32_t *eos,
                                   size_t n_eos, int32_t n_vocab, struct gen_error *err) {
    for (size_t i = 0; i < options->n_force_words; i++) {
        const struct gen_force_words *words = &options->force_words[i];
        if (words->n_spellings == 0) {
            return error_set(err, GEN_BAD_ARGUMENT, "force_words %zu has no words", i);
        }
        for (size_t j = 0; j < words->n_spellings; j++) {
            const char *wrong = wrong_with(words, j, eos, n_eos, n_vocab);
            if (wrong != NULL) {
                return error_set(err, GEN_BAD_ARGUMENT, "force_words: word %zu of entry %zu %s",
                                 j + 1, i + 1, wrong);
            }
        }
    }
    return GEN_OK;
}

/* ---- how far a text is -----------------------------------------------------------------------*/

/* In the middle of a word: its first `depth` ids are there. */
struct place {
    const struct gen_force_words *words; /* NULL: in none */
    const struct gen_ids *spelling;      /* one that begins with these ids */
    size_t depth;
};

struct state {
    const struct gen_force_words **pending; /* [n_pending] in the order in which they are tried */
    size_t n_pending, n_complete;
    struct place place;
    size_t longest; /* of all words */
};

static size_t longest_of(const struct gen_force_words *words) {
    size_t longest = 0;
    for (size_t i = 0; i < words->n_spellings; i++) {
        longest = size_max(longest, words->spellings[i].n);
    }
    return longest;
}

/* Go on with an id; false: no spelling does. */
static bool go_on(struct place *place, int32_t id) {
    for (size_t i = 0; i < place->words->n_spellings; i++) {
        const struct gen_ids *spelling = &place->words->spellings[i];
        if (spelling->n > place->depth && spelling->data[place->depth] == id &&
            (place->depth == 0 || begins_with(spelling, place->spelling, place->depth))) {
            place->spelling = spelling;
            place->depth++;
            return true;
        }
    }
    return false;
}

/* No spelling is the beginning of another, so one that is whole is the end. */
static bool is_whole(const struct place *place) {
    return place->spelling != NULL && place->depth == place->spelling->n;
}

static bool is_complete(const struct state *state) {
    return state->n_pending == 0 && state->place.words == NULL;
}

static void settle(struct state *state) {
    if (is_whole(&state->place)) {
        state->n_complete++;
        state->place = (struct place){0};
    }
}

/* A text has one more id. */
static void add(struct state *state, int32_t id) {
    if (state->place.words != NULL) {
        if (go_on(&state->place, id)) {
            settle(state);
        } else {
            state->pending[state->n_pending++] = state->place.words;
            state->place = (struct place){0};
        }
        return;
    }
    for (size_t i = 0; i < state->n_pending; i++) {
        struct place place = {.words = state->pending[i]};
        if (go_on(&place, id)) {
            state->n_pending--;
            for (size_t j = i; j < state->n_pending; j++) {
                state->pending[j] = state->pending[j + 1];
            }
            state->place = place;
            settle(state);
            return;
        }
    }
}

static size_t bank_of(const struct state *state, size_t n_complete, const struct place *place) {
    size_t bank = n_complete * state->longest;
    if (place->words != NULL) {
        bank += state->longest - (longest_of(place->words) - place->depth);
    }
    return bank;
}

/* ---- how it goes on --------------------------------------------------------------------------*/

static bool add_advance(struct forced_advances *list, int32_t id, size_t bank) {
    if (!memory_grow(&list->data, &list->capacity, list->n + 1, sizeof *list->data)) {
        return false;
    }
    list->data[list->n++] = (struct forced_advance){.id = id, .bank = bank};
    return true;
}

/* The ids that go on from a place, each once. */
static bool add_ids(struct forced_advances *list, const struct place *place) {
    bool good = true;
    for (size_t i = 0; i < place->words->n_spellings && good; i++) {
        const struct gen_ids *spelling = &place->words->spellings[i];
        struct place next = *place;
        /* The first that goes on with the id stands for all. */
        if (spelling->n > place->depth && go_on(&next, spelling->data[place->depth]) &&
            next.spelling == spelling) {
            good = add_advance(list, spelling->data[place->depth], 0);
        }
    }
    return good;
}

/* How far the text is with the first id of a word that waits. */
static size_t bank_after_first(const struct state *state, const struct gen_force_words *words,
                               int32_t id) {
    struct place place = {.words = words};
    go_on(&place, id);
    return is_whole(&place) ? bank_of(state, state->n_complete + 1, &(struct place){0})
                            : bank_of(state, state->n_complete, &place);
}

/* No word has begun: the first id of any. */
static bool add_beginnings(struct forced_advances *list, const struct state *state) {
    for (size_t i = 0; i < state->n_pending; i++) {
        size_t first = list->n;
        if (!add_ids(list, &(struct place){.words = state->pending[i]})) {
            return false;
        }
        for (size_t j = first; j < list->n; j++) {
            list->data[j].bank = bank_after_first(state, state->pending[i], list->data[j].id);
        }
    }
    return true;
}

/*
 * A word has begun: the ids that go on with it. Of several, transformers counts the second and
 * those after it from where the first leads to, as the copies of its constraint have one list of
 * ids together; what does not fit there begins the word anew. So do we, as else other beams would
 * be kept.
 */
static bool add_continuations(struct forced_advances *list, const struct state *state) {
    struct place shared = state->place;
    if (!add_ids(list, &state->place)) {
        return false;
    }
    for (size_t i = 0; i < list->n; i++) {
        struct forced_advance *advance = &list->data[i];
        if (!go_on(&shared, advance->id)) {
            advance->bank = bank_of(state, state->n_complete, &(struct place){0});
        } else if (is_whole(&shared)) {
            advance->bank = bank_of(state, state->n_complete + 1, &(struct place){0});
        } else {
            advance->bank = SIZE_MAX; /* in the word, however far the shared list comes */
        }
    }
    for (size_t i = 0; i < list->n; i++) {
        if (list->data[i].bank == SIZE_MAX) {
            list->data[i].bank = bank_of(state, state->n_complete, &shared);
        }
    }
    return true;
}

bool forced_words_read(struct forced_progress *progress, struct forced_advances *advances,
                       const struct gen_generate_options *options, const int32_t *ids, size_t n) {
    struct state state = {.pending = memory_new(options->n_force_words, sizeof *state.pending)};
    if (state.pending == NULL) {
        return false;
    }
    for (size_t i = 0; i < options->n_force_words; i++) {
        state.longest = size_max(state.longest, longest_of(&options->force_words[i]));
        state.pending[state.n_pending++] = &options->force_words[i];
    }
    for (size_t i = 0; i < n && !is_complete(&state); i++) {
        add(&state, ids[i]);
    }
    *progress = (struct forced_progress){.bank = bank_of(&state, state.n_complete, &state.place),
                                         .complete = is_complete(&state)};
    bool good = true;
    if (advances != NULL) {
        advances->n = 0;
        good = is_complete(&state)         ? true
               : state.place.words != NULL ? add_continuations(advances, &state)
                                           : add_beginnings(advances, &state);
    }
    memory_free(state.pending);
    return good;
}
