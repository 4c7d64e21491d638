/**
 * beam_step.c - one step of a search over beams. Candidates are beam_candidates.c's; here texts are
 * made of them, those that end are found, the others go on in places that are free. The rules of
 * transformers 5 (its _beam_search) and those of 4.56 (its BeamSearchScorer) are two ways to
 * choose; both with flags where it adds -1e9.
 */
#include "generate/beam_step.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "generate/beam_classic.h"
#include "sample/log_softmax.h"

/* What comes of a step. */
struct outcome {
    struct successor *next; /* [n] of all groups, one group after the other */
    size_t n;
    int32_t *taken; /* [n_taken] ids that groups before this one go on with */
    size_t n_taken;
    bool all_end; /* of one group */
};

/* ---- what may come next ----------------------------------------------------------------------*/

bool beam_step_note_next(struct beam *beam, const float *scores) {
    const struct beam_search *search = beam->search;
    size_t n_vocab = (size_t)search->rules->n_vocab;
    bool all = beam_search_is_drawn(search);
    size_t most = all ? n_vocab : size_min(beam_search_n_candidates(search), n_vocab);
    if (!memory_grow(&beam->next, &beam->next_capacity, most, sizeof *beam->next)) {
        return false;
    }
    beam->n_next = 0;
    if (!all) {
        beam->n_next = log_softmax_find_best(beam->next, most, scores, n_vocab);
    }
    for (size_t i = 0; all && i < n_vocab; i++) {
        if (scores[i] > -INFINITY) {
            beam->next[beam->n_next++] =
                (struct gen_logprob){.id = (int32_t)i, .logprob = scores[i]};
        }
    }
    return true;
}

/* The same where ids that other groups go on with are less likely. */
static enum gen_status note_diverse(struct beams *beams, struct beam *beam,
                                    const struct outcome *outcome, struct gen_error *err) {
    const struct sequence_rules *rules = beam->search->rules;
    float *scores = beams->scratch->scores;
    memcpy(beams->logprobs, beam->logprobs, (size_t)rules->n_vocab * sizeof *beams->logprobs);
    for (size_t i = 0; i < outcome->n_taken; i++) {
        beams->logprobs[outcome->taken[i]] -= rules->options->diversity_penalty;
    }
    enum gen_status status = gen_sampler_scores(beam->sampler, beams->logprobs, scores, err);
    if (status == GEN_BAD_ARGUMENT) {
        /* A dead end: the others may go on. */
        beam->n_next = 0;
        beam->search->error = *err;
        return GEN_OK;
    }
    return status == GEN_OK && !beam_step_note_next(beam, scores)
               ? error_no_memory(err, "the beams")
               : status;
}

static bool gather(struct beams *beams, struct beam_search *search,
                   const struct beam_group *group) {
    struct beam_candidates *list = &beams->candidates;
    list->n = 0;
    for (size_t i = 0; i < group->n_running; i++) {
        const struct beam *beam = group->running[i];
        if (!beam_candidates_add(list, i, beam->score, beam->next, beam->n_next)) {
            return false;
        }
    }
    if (beam_search_is_drawn(search)) {
        return beam_candidates_draw(list, beam_search_n_candidates(search), &search->rng);
    }
    beam_candidates_keep_best(list, beam_search_n_candidates(search));
    return true;
}

/* ---- the rules of transformers 5 -------------------------------------------------------------*/

/* Try a candidate: a text that ends with it is found, if it is good enough; else it goes on. */
static enum gen_status try(struct beam_search *search, const struct beam_candidate *candidate,
                           bool may_end, struct outcome *outcome, struct gen_error *err) {
    struct beam_group *group = search->groups;
    struct successor next;
    enum gen_status status = successor_init(&next, group->running[candidate->rank], candidate->id,
                                            candidate->score, err);
    if (status != GEN_OK) {
        return status;
    }
    if (next.sequence.finished && may_end) {
        beam_search_add_found(search, group, &next.sequence, candidate->score);
    } else if (!next.sequence.finished && outcome->n < group->n) {
        outcome->next[outcome->n++] = next;
        outcome->all_end = false;
    } else {
        outcome->all_end = outcome->all_end && next.sequence.finished;
        sequence_release(&next.sequence);
    }
    return GEN_OK;
}

static enum gen_status choose(struct beams *beams, struct beam_search *search,
                              struct outcome *outcome, struct gen_error *err) {
    struct beam_group *group = search->groups;
    const struct beam_candidates *list = &beams->candidates;
    bool is_full = group->n_found == group->n;
    bool adds = !group->over && !(beam_search_stops_when_full(search) && is_full);
    enum gen_status status = GEN_OK;
    outcome->all_end = true;
    for (size_t i = 0; i < list->n && status == GEN_OK; i++) {
        if (outcome->n == group->n && i >= group->n) {
            break; /* neither can it be found, nor go on */
        }
        status = try(search, &list->data[i], adds && i < group->n, outcome, err);
    }
    is_full = group->n_found == group->n;
    if (outcome->n == 0 || outcome->all_end || (is_full && beam_search_stops_when_full(search))) {
        group->over = true;
    } else if (is_full) {
        const struct sequence *best = &outcome->next[0].sequence;
        size_t length = beam_search_length_in_view(search, best, best->ids.n - best->n_before);
        group->over = !(beam_search_normalize(search, outcome->next[0].score, length) >
                        group->found[group->n_found - 1].score);
    }
    return status;
}

/* ---- one group -------------------------------------------------------------------------------*/

/* What later groups are to do without. A group that is over counts as transformers has it, which
 * goes on with the token of padding there: the first that ends a text. */
static void note_taken(const struct beam_search *search, const struct beam_group *group,
                       const struct successors *next, struct outcome *outcome) {
    for (size_t i = 0; i < next->n; i++) {
        outcome->taken[outcome->n_taken++] = next->data[i].id;
    }
    for (size_t i = 0; next->n == 0 && i < group->n && search->rules->n_eos > 0; i++) {
        outcome->taken[outcome->n_taken++] = search->rules->eos[0];
    }
}

static enum gen_status step_group(struct beams *beams, struct beam_search *search,
                                  struct beam_group *group, struct outcome *outcome,
                                  struct successors *next, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; search->n_groups > 1 && i < group->n_running && status == GEN_OK; i++) {
        status = note_diverse(beams, group->running[i], outcome, err);
    }
    if (status == GEN_OK && !gather(beams, search, group)) {
        status = error_no_memory(err, "the beams");
    }
    if (status != GEN_OK) {
        return status;
    }
    if (!beam_search_is_classic(search)) {
        status = choose(beams, search, outcome, err);
        next->n = outcome->n;
        return status;
    }
    return beam_classic_choose(&beams->candidates, search, group, next, err);
}

/* ---- places ----------------------------------------------------------------------------------*/

/* A place for each of the next beams: the first of a parent stays with it, the others take those of
 * beams that nobody comes from. */
static void choose_places(struct beam_search *search, const struct outcome *outcome) {
    for (size_t i = 0; i < outcome->n; i++) {
        struct successor *next = &outcome->next[i];
        bool is_taken = false;
        for (size_t j = 0; j < i; j++) {
            is_taken = is_taken || outcome->next[j].parent == next->parent;
        }
        next->place = is_taken ? NULL : next->parent;
    }
    size_t at = 0;
    for (size_t i = 0; i < outcome->n; i++) {
        struct beam *place = NULL;
        while (outcome->next[i].place == NULL && place == NULL) {
            place = &search->beams[at++];
            for (size_t j = 0; j < outcome->n; j++) {
                place = place == outcome->next[j].place ? NULL : place;
            }
        }
        outcome->next[i].place = place != NULL ? place : outcome->next[i].place;
    }
}

/* Give each of the next beams that comes from another place what is known there. */
static bool move(const struct beams *beams, const struct outcome *outcome) {
    bool good = true;
    for (size_t i = 0; i < outcome->n; i++) {
        const struct successor *next = &outcome->next[i];
        if (next->place != next->parent) {
            scheduler_adopt(beams->scheduler, next->place->text, next->parent->text);
            gen_sampler_free(next->place->sampler);
            next->place->sampler = sampler_clone(next->parent->sampler);
            good = good && next->place->sampler != NULL;
        }
    }
    return good;
}

/* The next beam becomes the text of its place. */
static enum gen_status take_place(struct successor *next, struct gen_error *err) {
    struct beam *beam = next->place;
    struct text *text = beam->text;
    uint64_t number = text->sequence.number;
    sequence_release(&text->sequence);
    text->sequence = next->sequence;
    text->sequence.number = number;
    next->sequence = (struct sequence){0};
    text->n_seen = text->sequence.ids.n - 1;
    text->seat.reserved = false;
    beam->score = next->score;
    beam->stepped = false;
    return sampler_accept(beam->sampler, next->id, err);
}

/* The next beams are those that run. */
static enum gen_status go_on(struct beam_search *search, struct outcome *outcome,
                             const struct successors *parts, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < search->n; i++) {
        if (search->beams[i].text != NULL) {
            search->beams[i].text->seat.reserved = true;
        }
    }
    for (size_t i = 0; i < search->n_groups; i++) {
        struct beam_group *group = &search->groups[i];
        group->n_running = parts[i].n;
        for (size_t j = 0; j < parts[i].n; j++) {
            group->running[j] = parts[i].data[j].place;
        }
    }
    for (size_t i = 0; i < outcome->n && status == GEN_OK; i++) {
        status = take_place(&outcome->next[i], err);
    }
    return status;
}

/* ---- the step --------------------------------------------------------------------------------*/

/* Whether a beam has no room for more, which ends the search. */
static bool is_at_end(const struct outcome *outcome) {
    bool any = false;
    for (size_t i = 0; i < outcome->n; i++) {
        any = any || outcome->next[i].sequence.finished;
    }
    return any;
}

/* All groups in turn; parts are their next beams, which lie one after the other in `outcome`. */
static enum gen_status step_groups(struct beams *beams, struct beam_search *search,
                                   struct outcome *outcome, struct successors *parts,
                                   struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < search->n_groups && status == GEN_OK; i++) {
        struct beam_group *group = &search->groups[i];
        struct successors *next = &parts[i];
        next->data = outcome->next + outcome->n;
        if (!group->over) {
            status = step_group(beams, search, group, outcome, next, err);
        }
        if (search->n_groups > 1) {
            note_taken(search, group, next, outcome);
        }
        if (group->over) {
            successors_drop(next);
        }
        outcome->n = (size_t)(next->data - outcome->next) + next->n;
    }
    return status;
}

static bool all_over(const struct beam_search *search) {
    bool all = true;
    for (size_t i = 0; i < search->n_groups; i++) {
        all = all && search->groups[i].over;
    }
    return all;
}

static enum gen_status finish(struct beam_search *search, struct successors *parts,
                              struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < search->n_groups && status == GEN_OK; i++) {
        status = beam_classic_finish(search, &search->groups[i], &parts[i], err);
    }
    return status == GEN_OK ? beam_search_finish(search, err) : status;
}

/* The beams of a group as they are, as texts that end here. */
static enum gen_status stop_running(const struct beam_group *group, struct successors *next,
                                    struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < group->n_running && status == GEN_OK; i++) {
        struct beam *beam = group->running[i];
        if (beam->text == NULL) {
            continue;
        }
        struct successor *one = &next->data[next->n++];
        *one = (struct successor){.parent = beam, .score = beam->score};
        status = sequence_clone(&one->sequence, &beam->text->sequence)
                     ? sequence_finish(&one->sequence, GEN_FINISH_CANCELED, err)
                     : error_no_memory(err, "the beams");
    }
    return status;
}

enum gen_status beam_step_conclude(struct beam_search *search, struct gen_error *err) {
    struct successors next = {.data = memory_new(search->n, sizeof *next.data)};
    enum gen_status status = next.data != NULL ? GEN_OK : error_no_memory(err, "the beams");
    for (size_t i = 0; i < search->n_groups && status == GEN_OK; i++) {
        status = stop_running(&search->groups[i], &next, err);
        if (status == GEN_OK) {
            status = beam_classic_finish(search, &search->groups[i], &next, err);
        }
    }
    successors_drop(&next);
    memory_free(next.data);
    return status == GEN_OK ? beam_search_finish(search, err) : status;
}

static enum gen_status take(struct beams *beams, struct beam_search *search,
                            struct outcome *outcome, struct successors *parts,
                            struct gen_error *err) {
    enum gen_status status = step_groups(beams, search, outcome, parts, err);
    if (status != GEN_OK) {
        return status;
    }
    if (all_over(search) || is_at_end(outcome)) {
        return finish(search, parts, err);
    }
    choose_places(search, outcome);
    return move(beams, outcome) ? go_on(search, outcome, parts, err)
                                : error_no_memory(err, "the beams");
}

enum gen_status beam_step_take(struct beams *beams, struct beam_search *search,
                               struct gen_error *err) {
    struct outcome outcome = {.next = memory_new(search->n, sizeof *outcome.next),
                              .taken = memory_new(search->n, sizeof *outcome.taken)};
    struct successors *parts = memory_new(search->n_groups, sizeof *parts);
    bool good = outcome.next != NULL && outcome.taken != NULL && parts != NULL;
    enum gen_status status =
        good ? take(beams, search, &outcome, parts, err) : error_no_memory(err, "the beams");
    for (size_t i = 0; outcome.next != NULL && i < search->n; i++) {
        sequence_release(&outcome.next[i].sequence);
    }
    memory_free(outcome.next);
    memory_free(outcome.taken);
    memory_free(parts);
    return status;
}
