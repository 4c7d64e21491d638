/**
 * beam_classic.c - which beams go on and which texts are found by the rules of transformers 4.56
 * (its BeamSearchScorer): for searches in groups, and those where words must come. beam_step.c has
 * the rules of transformers 5.
 */
#include "generate/beam_classic.h"

#include <math.h>

#include "base/error.h"
#include "generate/beam_forced.h"

/* Whether nothing better than what was found is in sight. */
static bool is_over(const struct beam_search *search, const struct beam_group *group, float best) {
    if (group->n_found < group->n || beam_search_stops_when_full(search)) {
        return group->n_found == group->n;
    }
    const struct sequence *sequence = &group->running[0]->text->sequence;
    size_t length =
        beam_search_length_in_view(search, sequence, sequence->ids.n + 1 - sequence->n_before);
    return group->found[group->n_found - 1].score >= beam_search_normalize(search, best, length);
}

enum gen_status beam_classic_choose(const struct beam_candidates *list, struct beam_search *search,
                                    struct beam_group *group, struct successors *next,
                                    struct gen_error *err) {
    float best = list->n > 0 ? list->data[0].score : -INFINITY;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < list->n && next->n < group->n && status == GEN_OK; i++) {
        const struct beam_candidate *candidate = &list->data[i];
        status = successors_add(next, search, group, group->running[candidate->rank], candidate->id,
                                candidate->score, i < group->n, err);
    }
    if (status == GEN_OK && search->rules->options->n_force_words > 0) {
        status = beam_forced_choose(search, group, next, err);
    }
    if (status == GEN_OK) {
        group->over = next->n == 0 || is_over(search, group, best);
    }
    return status;
}

/* A beam that has no room for more is a text that was found. */
static enum gen_status find(struct beam_search *search, struct beam_group *group,
                            struct successor *one, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (!one->sequence.finished) {
        /* Only time can have ended another one sooner. */
        status = sequence_finish(&one->sequence, GEN_FINISH_TIME, err);
    }
    /* A forbidden id may have been the only way to a word. */
    if (status == GEN_OK && one->score > -INFINITY) {
        beam_search_add_found(search, group, &one->sequence, one->score);
        one->sequence = (struct sequence){0};
    }
    return status;
}

/* All beams of a group; where words must come those that have them, and the others if these are too
 * few. */
enum gen_status beam_classic_finish(struct beam_search *search, struct beam_group *group,
                                    struct successors *next, struct gen_error *err) {
    size_t n_returned = (size_t)search->rules->options->num_return_sequences;
    size_t n_whole = 0;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < next->n && status == GEN_OK; i++) {
        bool has_words;
        if (!successor_has_words(&next->data[i].sequence, &has_words)) {
            return error_no_memory(err, "the beams");
        }
        if (has_words) {
            status = find(search, group, &next->data[i], err);
            n_whole++;
        }
    }
    for (size_t i = 0; i < next->n && n_whole < n_returned && status == GEN_OK; i++) {
        if (next->data[i].sequence.ids.n > 0) {
            status = find(search, group, &next->data[i], err);
        }
    }
    successors_drop(next);
    return status;
}
