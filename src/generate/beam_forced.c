/**
 * beam_forced.c - the next beams of a search where words must come, as transformers 4.56 chooses
 * them (step_sentence_constraint of its ConstrainedBeamSearchScorer): next to the likeliest ones
 * there are the ids that bring a beam closer to its words, and of each bank, which is how far a
 * text is, the best goes on before the second best of any. An id that some rule forbids takes part
 * in that, and its beam runs on with a score of minus infinity: it takes the place that it takes
 * there.
 */
#include "generate/beam_forced.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"

/* What may go on. */
struct entry {
    struct beam *parent;
    float score;
    int32_t id;
    size_t likeliest; /* which of the likeliest ones; SIZE_MAX: none, it has still to be made */
    size_t bank, at;  /* at: in the order of the list */
    float value;
    size_t rank; /* in its bank */
};

struct entries {
    struct entry *data;
    size_t n, n_likeliest;
};

static size_t most_entries(const struct beam_group *group, const struct successors *next) {
    size_t n = next->n;
    for (size_t i = 0; i < group->n_running; i++) {
        n += group->running[i]->advances.n;
    }
    return n;
}

/* A bank counts for 100 of the score, in single precision. */
static void add(struct entries *entries, struct entry entry) {
    entry.at = entries->n;
    entry.value = (float)(100 * entry.bank) + entry.score;
    entries->data[entries->n++] = entry;
}

static bool is_there(const struct entries *entries, const struct beam *parent, int32_t id) {
    bool found = false;
    for (size_t i = 0; i < entries->n; i++) {
        found = found || (entries->data[i].parent == parent && entries->data[i].id == id);
    }
    return found;
}

/* The likeliest ones, then what brings beams further. False: out of memory. */
static bool fill(struct entries *entries, const struct beam_search *search,
                 const struct beam_group *group, const struct successors *next) {
    for (size_t i = 0; i < next->n; i++) {
        const struct successor *one = &next->data[i];
        struct forced_progress progress;
        if (!forced_words_read(&progress, NULL, search->rules->options, one->sequence.ids.data,
                               one->sequence.ids.n)) {
            return false;
        }
        add(entries, (struct entry){.parent = one->parent,
                                    .score = one->score,
                                    .id = one->id,
                                    .likeliest = i,
                                    .bank = progress.bank});
    }
    entries->n_likeliest = entries->n;
    for (size_t i = 0; i < group->n_running; i++) {
        struct beam *beam = group->running[i];
        for (size_t j = 0; j < beam->advances.n; j++) {
            const struct forced_advance *advance = &beam->advances.data[j];
            if (!is_there(entries, beam, advance->id)) {
                add(entries, (struct entry){.parent = beam,
                                            .score = advance->score,
                                            .id = advance->id,
                                            .likeliest = SIZE_MAX,
                                            .bank = advance->bank});
            }
        }
    }
    return true;
}

static int by_value(const void *a, const void *b) {
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->value != y->value) {
        return x->value > y->value ? -1 : 1;
    }
    return (x->at > y->at) - (x->at < y->at);
}

static int by_rank(const void *a, const void *b) {
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->rank != y->rank) {
        return x->rank < y->rank ? -1 : 1;
    }
    return (x->at > y->at) - (x->at < y->at);
}

/* Best of each bank first. A bank whose entries do not lie together counts anew at each place. */
static void sort(struct entries *entries) {
    qsort(entries->data, entries->n, sizeof *entries->data, by_value);
    for (size_t i = 0; i < entries->n; i++) {
        struct entry *entry = &entries->data[i];
        bool goes_on = i > 0 && entry->bank == entries->data[i - 1].bank;
        entry->rank = goes_on ? entries->data[i - 1].rank + 1 : 0;
        entry->at = i;
    }
    qsort(entries->data, entries->n, sizeof *entries->data, by_rank);
}

/* The chosen ones become the next beams. A stop text may end one that is made for its words, too.
 */
static enum gen_status take(struct beam_search *search, struct beam_group *group,
                            struct successors *next, struct successor *likeliest,
                            const struct entries *entries, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    size_t n = size_min(entries->n, group->n);
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        const struct entry *entry = &entries->data[i];
        if (entry->likeliest != SIZE_MAX) {
            next->data[next->n++] = likeliest[entry->likeliest];
            likeliest[entry->likeliest].sequence = (struct sequence){0};
        } else {
            status = successors_add(next, search, group, entry->parent, entry->id, entry->score,
                                    true, err);
        }
    }
    return status;
}

static enum gen_status choose(struct beam_search *search, struct beam_group *group,
                              struct successors *next, struct successor *likeliest,
                              struct entries *entries, struct gen_error *err) {
    if (!fill(entries, search, group, next)) {
        return error_no_memory(err, "the beams");
    }
    if (entries->n == entries->n_likeliest) {
        return GEN_OK; /* all have their words, or are closer to them by what is likeliest */
    }
    size_t n = next->n;
    sort(entries);
    for (size_t i = 0; i < n; i++) {
        likeliest[i] = next->data[i];
    }
    next->n = 0;
    enum gen_status status = take(search, group, next, likeliest, entries, err);
    for (size_t i = 0; i < n; i++) {
        sequence_release(&likeliest[i].sequence);
    }
    for (size_t i = next->n; i < n; i++) {
        next->data[i].sequence = (struct sequence){0};
    }
    return status;
}

enum gen_status beam_forced_choose(struct beam_search *search, struct beam_group *group,
                                   struct successors *next, struct gen_error *err) {
    size_t most = most_entries(group, next);
    struct entries entries = {.data = memory_new(most + 1, sizeof *entries.data)};
    struct successor *likeliest = memory_new(next->n + 1, sizeof *likeliest);
    enum gen_status status = entries.data != NULL && likeliest != NULL
                                 ? choose(search, group, next, likeliest, &entries, err)
                                 : error_no_memory(err, "the beams");
    memory_free(entries.data);
    memory_free(likeliest);
    return status;
}
