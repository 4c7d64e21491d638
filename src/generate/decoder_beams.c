/**
 * decoder_beams.c - beam search and beam sampling: the beams of a prompt, and what each of them may
 * go on with. The rules are those of transformers, for a batch of one prompt.
 *
 * Each beam is a text of its own with keys and values in its own slot; one that goes on in two ways
 * gives another what it holds. Of two equals the beam of the better score, then the lower id, comes
 * first. What is chosen among the beams is beam_step.c's.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "generate/beam_step.h"
#include "generate/decoder.h"
#include "sample/log_softmax.h"

/* ---- making and freeing ----------------------------------------------------------------------*/

/* The first beam: it runs alone at first, since the others would be the same. */
static enum gen_status add_first(struct beams *beams, struct text *text, struct gen_error *err) {
    struct beam_search *search = beam_search_new(&text->sequence);
    if (search == NULL) {
        return error_no_memory(err, "the beams");
    }
    search->next = beams->searches;
    beams->searches = search;
    struct beam *beam = &search->beams[0];
    enum gen_status status =
        decoder_new_sampler(&beam->sampler, beams->scratch, &text->sequence, err);
    if (status == GEN_OK) {
        sampler_keep_at_least(beam->sampler, beam_search_least(search));
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
        struct beam *beam = &beams->searches->beams[sequence->number];
        beam->text = text;
        beam->search->n_users++;
        text->decoding = beam;
    }
    return status;
}

static void forget(struct beams *beams, struct beam_search *search) {
    struct beam_search **link = &beams->searches;
    while (*link != search) {
        link = &(*link)->next;
    }
    *link = search->next;
    beam_search_free(search);
}

static void end(void *context, struct text *text) {
    struct beams *beams = context;
    struct beam *beam = text->decoding;
    if (beam == NULL) {
        return;
    }
    struct beam_search *search = beam->search;
    if (!search->done && text->sequence.finished && text->sequence.finish == GEN_FINISH_ERROR) {
        search->failed = true;
        search->error = text->sequence.error;
        sequence_drop_new(&text->sequence);
    }
    beam->text = NULL;
    text->decoding = NULL;
    search->n_users--;
    if (search->n_users == 0) {
        forget(beams, search);
    }
}

void beams_release(struct beams *beams) {
    while (beams->searches != NULL) {
        forget(beams, beams->searches);
    }
    beam_candidates_release(&beams->candidates);
    memory_free(beams->logprobs);
    *beams = (struct beams){0};
}

/* ---- one beam --------------------------------------------------------------------------------*/

/* Keep the logits for the record of log probabilities, if there is one. */
static bool note_logits(struct beam *beam, const float *logits) {
    const struct sequence_rules *rules = beam->search->rules;
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

/* Where there are several groups, what may come next is known when those before have chosen. */
static bool note_logprobs(struct beam *beam, const float *logprobs) {
    size_t n_vocab = (size_t)beam->search->rules->n_vocab;
    if (beam->logprobs == NULL) {
        beam->logprobs = memory_new(n_vocab, sizeof *beam->logprobs);
    }
    if (beam->logprobs != NULL) {
        memcpy(beam->logprobs, logprobs, n_vocab * sizeof *logprobs);
    }
    return beam->logprobs != NULL;
}

/* Note which ids bring the beam closer to words that must come. */
static bool note_advances(struct beam *beam, const float *scores) {
    const struct sequence *sequence = &beam->text->sequence;
    struct forced_advances *advances = &beam->advances;
    struct forced_progress progress;
    if (sequence->rules->options->n_force_words == 0) {
        return true;
    }
    if (!forced_words_read(&progress, advances, sequence->rules->options, sequence->ids.data,
                           sequence->ids.n)) {
        return false;
    }
    for (size_t i = 0; i < advances->n; i++) {
        advances->data[i].score = beam->score + scores[advances->data[i].id];
    }
    return true;
}

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    struct beams *beams = context;
    struct beam *beam = text->decoding;
    struct beam_search *search = beam->search;
    size_t n_vocab = (size_t)search->rules->n_vocab;
    (void)at; /* always the last */
    if (beams->logprobs == NULL) {
        beams->logprobs = memory_new(n_vocab, sizeof *beams->logprobs);
    }
    if (beams->logprobs == NULL || !note_logits(beam, logits)) {
        return error_no_memory(err, "the beams");
    }
    log_softmax_all(beams->logprobs, logits, n_vocab);
    beam->stepped = true;
    if (search->n_groups > 1) {
        return note_logprobs(beam, beams->logprobs) ? GEN_OK : error_no_memory(err, "the beams");
    }
    float *scores = beams->scratch->scores;
    enum gen_status status = gen_sampler_scores(beam->sampler, beams->logprobs, scores, err);
    if (status == GEN_BAD_ARGUMENT) {
        /* A dead end: the others may go on. */
        beam->n_next = beam->advances.n = 0;
        search->error = *err;
        return GEN_OK;
    }
    if (status == GEN_OK && (!beam_step_note_next(beam, scores) || !note_advances(beam, scores))) {
        return error_no_memory(err, "the beams");
    }
    return status;
}

/* ---- all of a search -------------------------------------------------------------------------*/

static bool all_stepped(const struct beam_search *search) {
    bool all = true;
    for (size_t i = 0; i < search->n_groups; i++) {
        const struct beam_group *group = &search->groups[i];
        for (size_t j = 0; j < group->n_running; j++) {
            all = all && group->running[j]->stepped;
        }
    }
    return all;
}

static enum gen_status settle(void *context, struct gen_error *err) {
    struct beams *beams = context;
    enum gen_status status = GEN_OK;
    for (struct beam_search *search = beams->searches; search != NULL && status == GEN_OK;
         search = search->next) {
        if (search->failed && !search->done) {
            status = beam_search_finish(search, err);
        } else if (!search->done && all_stepped(search)) {
            status = beam_step_take(beams, search, err);
        }
    }
    return status;
}

static enum gen_status conclude(void *context, struct text *text, enum gen_status why,
                                struct gen_error *err) {
    struct beam *beam = text->decoding;
    (void)context;
    if (beam == NULL || beam->search->done || text->sequence.ids.n == text->sequence.n_before) {
        return GEN_OK;
    }
    if (why == GEN_CANCELED) {
        return beam_step_conclude(beam->search, err);
    }
    sequence_drop_new(&text->sequence);
    return GEN_OK;
}

struct decoder decoder_beams(struct beams *beams) {
    return (struct decoder){.context = beams,
                            .is_provisional = true,
                            .start = start,
                            .step = step,
                            .settle = settle,
                            .conclude = conclude,
                            .end = end};
}
