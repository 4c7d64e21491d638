/**
 * decoder_beams.c - beam search and beam sampling: the beams of a prompt, one step after the other,
 * and the best texts that they come to. The rules are those of transformers 5 (its _beam_search)
 * for a batch of one prompt, with flags where it adds -1e9.
 *
 * Each beam is a text of its own with keys and values in its own slot; one that goes on in two ways
 * gives another what it holds. Of two equals the beam of the better score, then the lower id, comes
 * first. What is chosen among the beams is beam_candidates.c's.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "generate/beam_candidates.h"
#include "generate/beam_group.h"
#include "generate/decoder.h"
#include "sample/log_softmax.h"

/* A beam of the next step. */
struct successor {
    struct sequence sequence;
    struct beam *parent, *place; /* place: whose text it becomes */
    float score;
    int32_t id;
};

/* ---- making and freeing ----------------------------------------------------------------------*/

/* The first beam: it runs alone at first, since the others would be the same. */
static enum gen_status add_first(struct beams *beams, struct text *text, struct gen_error *err) {
    struct beam_group *group = beam_group_new(&text->sequence);
    if (group == NULL) {
        return error_no_memory(err, "the beams");
    }
    group->next = beams->groups;
    beams->groups = group;
    struct beam *beam = &group->beams[0];
    group->running[group->n_running++] = beam;
    enum gen_status status =
        decoder_new_sampler(&beam->sampler, beams->scratch, &text->sequence, err);
    if (status == GEN_OK) {
        sampler_keep_at_least(beam->sampler, beam_group_least(group));
    }
    return status;
}

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    struct beams *beams = context;
    const struct sequence *sequence = &text->sequence;
    text->n_seen = sequence->n_before - 1;
    text->untold = sequence->number >= (uint64_t)sequence->rules->options->num_return_sequences;
    text->done = sequence->finished;
    if (text->done) {
        return GEN_OK;
    }
    enum gen_status status = GEN_OK;
    if (sequence->number == 0) {
        status = add_first(beams, text, err);
    } else {
        text->seat.reserved = true;
    }
    if (status == GEN_OK) {
        struct beam *beam = &beams->groups->beams[sequence->number];
        beam->text = text;
        beam->group->n_users++;
        text->decoding = beam;
    }
    return status;
}

static void forget(struct beams *beams, struct beam_group *group) {
    struct beam_group **link = &beams->groups;
    while (*link != group) {
        link = &(*link)->next;
    }
    *link = group->next;
    beam_group_free(group);
}

static void end(void *context, struct text *text) {
    struct beams *beams = context;
    struct beam *beam = text->decoding;
    if (beam == NULL) {
        return;
    }
    struct beam_group *group = beam->group;
    if (!group->done && text->sequence.finished && text->sequence.finish == GEN_FINISH_ERROR) {
        group->failed = true;
        group->error = text->sequence.error;
        beam_group_drop_new(&text->sequence);
    }
    beam->text = NULL;
    text->decoding = NULL;
    group->n_users--;
    if (group->n_users == 0) {
        forget(beams, group);
    }
}

void beams_release(struct beams *beams) {
    while (beams->groups != NULL) {
        forget(beams, beams->groups);
    }
    beam_candidates_release(&beams->candidates);
    memory_free(beams->logprobs);
    *beams = (struct beams){0};
}

/* ---- one beam --------------------------------------------------------------------------------*/

/* Note what the beam may go on with: where it is drawn all there is, else the best. */
static bool note_next(struct beam *beam, const float *scores) {
    const struct sequence_rules *rules = beam->group->rules;
    size_t n_vocab = (size_t)rules->n_vocab;
    bool all = beam_group_is_drawn(beam->group);
    size_t most = all ? n_vocab : size_min(beam_group_n_candidates(beam->group), n_vocab);
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

/* Keep the logits for the record of log probabilities, if there is one. */
static bool note_logits(struct beam *beam, const float *logits) {
    const struct sequence_rules *rules = beam->group->rules;
    size_t n_vocab = (size_t)rules->n_vocab;
    if (rules->options->n_logprobs == 0) {
        return true;
    }
    if (beam->logits == NULL) {
        beam->logits = memory_new(n_vocab, sizeof *beam->logits);
    }
    if (beam->logits != NULL) {
        memcpy(beam->logits, logits, n_vocab * sizeof *logits);
    }
    return beam->logits != NULL;
}

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    struct beams *beams = context;
    struct beam *beam = text->decoding;
    size_t n_vocab = (size_t)beam->group->rules->n_vocab;
    (void)at; /* always the last */
    if (beams->logprobs == NULL) {
        beams->logprobs = memory_new(n_vocab, sizeof *beams->logprobs);
    }
    if (beams->logprobs == NULL || !note_logits(beam, logits)) {
        return error_no_memory(err, "the beams");
    }
    log_softmax_all(beams->logprobs, logits, n_vocab);
    float *scores = beams->scratch->scores;
    enum gen_status status = gen_sampler_scores(beam->sampler, beams->logprobs, scores, err);
    beam->stepped = true;
    if (status == GEN_BAD_ARGUMENT) {
        /* A dead end: the others may go on. */
        beam->n_next = 0;
        beam->group->error = *err;
        return GEN_OK;
    }
    if (status == GEN_OK && !note_next(beam, scores)) {
        return error_no_memory(err, "the beams");
    }
    return status;
}

/* ---- one step --------------------------------------------------------------------------------*/

static bool all_stepped(const struct beam_group *group) {
    bool all = true;
    for (size_t i = 0; i < group->n_running; i++) {
        all = all && group->running[i]->stepped;
    }
    return all;
}

static bool gather(struct beams *beams, struct beam_group *group) {
    struct beam_candidates *list = &beams->candidates;
    list->n = 0;
    for (size_t i = 0; i < group->n_running; i++) {
        const struct beam *beam = group->running[i];
        if (!beam_candidates_add(list, i, beam->score, beam->next, beam->n_next)) {
            return false;
        }
    }
    if (beam_group_is_drawn(group)) {
        return beam_candidates_draw(list, beam_group_n_candidates(group), &group->rng);
    }
    beam_candidates_keep_best(list, beam_group_n_candidates(group));
    return true;
}

/* What came of the candidates. */
struct outcome {
    struct successor *next; /* [n] those that go on, best first */
    size_t n;
    bool all_end;
};

/* Try a candidate: a text that ends with it is found, if it is good enough; else it goes on. */
static enum gen_status try(struct beam_group *group, const struct beam_candidate *candidate,
                           bool may_end, struct outcome *outcome, struct gen_error *err) {
    struct beam *parent = group->running[candidate->rank];
    struct sequence sequence;
    enum gen_status status = sequence_clone(&sequence, &parent->text->sequence)
                                 ? sequence_take(&sequence, parent->logits, candidate->id, err)
                                 : error_no_memory(err, "the beams");
    if (status != GEN_OK) {
        sequence_release(&sequence);
        return status;
    }
    if (sequence.finished && may_end) {
        beam_group_add_found(group, &sequence, candidate->score);
    } else if (!sequence.finished && outcome->n < group->n) {
        outcome->next[outcome->n++] = (struct successor){
            .sequence = sequence, .parent = parent, .score = candidate->score, .id = candidate->id};
        outcome->all_end = false;
    } else {
        outcome->all_end = outcome->all_end && sequence.finished;
        sequence_release(&sequence);
    }
    return GEN_OK;
}

static enum gen_status try_all(const struct beams *beams, struct beam_group *group,
                               struct outcome *outcome, struct gen_error *err) {
    const struct beam_candidates *list = &beams->candidates;
    bool is_full = group->n_found == group->n;
    bool stops = group->rules->options->early_stopping == GEN_EARLY_STOPPING_TRUE;
    bool adds = group->improves && !(stops && is_full);
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < list->n && status == GEN_OK; i++) {
        if (outcome->n == group->n && i >= group->n) {
            break; /* neither can it be found, nor go on */
        }
        status = try(group, &list->data[i], adds && i < group->n, outcome, err);
    }
    return status;
}

/* A place for each of the next beams: the first of a parent stays with it, the others take those of
 * beams that nobody comes from. */
static void choose_places(struct beam_group *group, const struct outcome *outcome) {
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
            place = &group->beams[at++];
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

/* The next beams are those that run. */
static enum gen_status go_on(struct beam_group *group, struct outcome *outcome,
                             struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < group->n_running; i++) {
        group->running[i]->text->seat.reserved = true;
    }
    group->n_running = outcome->n;
    for (size_t i = 0; i < outcome->n && status == GEN_OK; i++) {
        struct successor *next = &outcome->next[i];
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
        group->running[i] = beam;
        status = sampler_accept(beam->sampler, next->id, err);
    }
    return status;
}

/* Whether the search goes on with the next beams. */
static bool goes_on(struct beam_group *group, const struct outcome *outcome) {
    const struct gen_generate_options *options = group->rules->options;
    bool is_full = group->n_found == group->n;
    if (outcome->n == 0 || outcome->all_end ||
        (is_full && options->early_stopping == GEN_EARLY_STOPPING_TRUE)) {
        return false;
    }
    if (is_full) {
        const struct sequence *best = &outcome->next[0].sequence;
        bool to_the_end =
            options->early_stopping == GEN_EARLY_STOPPING_NEVER && options->length_penalty > 0.0f;
        size_t length = to_the_end ? best->n_new_max : best->ids.n - best->n_before;
        group->improves =
            group->improves && beam_group_normalize(group, outcome->next[0].score, length) >
                                   group->found[group->n_found - 1].score;
    }
    return group->improves;
}

/* All beams know what may come next. */
static enum gen_status take_step(struct beams *beams, struct beam_group *group,
                                 struct gen_error *err) {
    struct outcome outcome = {.next = memory_new(group->n, sizeof *outcome.next), .all_end = true};
    enum gen_status status = outcome.next != NULL && gather(beams, group)
                                 ? try_all(beams, group, &outcome, err)
                                 : error_no_memory(err, "the beams");
    if (status == GEN_OK && !goes_on(group, &outcome)) {
        status = beam_group_finish(group, err);
    } else if (status == GEN_OK) {
        choose_places(group, &outcome);
        status =
            move(beams, &outcome) ? go_on(group, &outcome, err) : error_no_memory(err, "the beams");
    }
    for (size_t i = 0; i < outcome.n; i++) {
        sequence_release(&outcome.next[i].sequence);
    }
    memory_free(outcome.next);
    return status;
}

static enum gen_status settle(void *context, struct gen_error *err) {
    struct beams *beams = context;
    enum gen_status status = GEN_OK;
    for (struct beam_group *group = beams->groups; group != NULL && status == GEN_OK;
         group = group->next) {
        if (group->failed && !group->done) {
            status = beam_group_finish(group, err);
        } else if (!group->done && all_stepped(group)) {
            status = take_step(beams, group, err);
        }
    }
    return status;
}

struct decoder decoder_beams(struct beams *beams) {
    return (struct decoder){.context = beams,
                            .is_provisional = true,
                            .start = start,
                            .step = step,
                            .settle = settle,
                            .end = end};
}
