/**
 * decoder_contrastive.c - contrastive search, as transformers had it up to 4.55. A prompt has as
 * many texts as there are candidates at each step; each reads one of them after what is chosen so
 * far, which is kept apart, and the best is chosen (contrast.c). The first text shows what text
 * there is of that, and at the end becomes it.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "generate/contrast.h"
#include "generate/decoder.h"
#include "generate/ways.h"
#include "model/session.h"

/* The search of one prompt. */
struct contrastive_search {
    struct contrastive_search *next;
    struct sequence sequence; /* what is chosen so far */
    struct gen_sampler *sampler;
    struct contrast contrast;
    struct text **texts; /* [n]; NULL: it is gone */
    size_t n, n_users;
    size_t holder;    /* of the texts: the one whose slot holds what is chosen */
    bool is_proposed; /* there are candidates; before that the prompt is read */
    bool done, failed;
    struct gen_error error;
};

/* ---- making and freeing ----------------------------------------------------------------------*/

static void search_free(struct contrastive_search *search) {
    sequence_release(&search->sequence);
    gen_sampler_free(search->sampler);
    contrast_release(&search->contrast);
    memory_free(search->texts);
    memory_free(search);
}

static struct contrastive_search *search_new(const struct contrastive *all,
                                             const struct sequence *sequence) {
    const struct sequence_rules *rules = sequence->rules;
    struct contrastive_search *search = memory_new(1, sizeof *search);
    if (search == NULL) {
        return NULL;
    }
    search->n = ways_n_searching(rules);
    search->texts = memory_new(search->n, sizeof *search->texts);
    search->contrast = (struct contrast){.n_embd = session_n_embd(all->scheduler->session),
                                         .n_vocab = (size_t)rules->n_vocab,
                                         .alpha = rules->options->penalty_alpha};
    if (search->texts == NULL || !contrast_init(&search->contrast) ||
        !sequence_clone(&search->sequence, sequence)) {
        search_free(search);
        return NULL;
    }
    return search;
}

static enum gen_status add_first(struct contrastive *all, struct text *text,
                                 struct gen_error *err) {
    struct contrastive_search *search = search_new(all, &text->sequence);
    if (search == NULL) {
        return error_no_memory(err, "a contrastive search");
    }
    search->next = all->searches;
    all->searches = search;
    session_keep_hidden(all->scheduler->session, true);
    text->n_seen = 0; /* the hidden states of the whole prompt are needed */
    return decoder_new_sampler(&search->sampler, all->scratch, &text->sequence, err);
}

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    struct contrastive *all = context;
    const struct sequence *sequence = &text->sequence;
    text->n_seen = sequence->n_before - 1;
    text->untold = sequence->number > 0;
    text->done = sequence->finished;
    if (text->done) {
        return GEN_OK;
    }
    enum gen_status status = GEN_OK;
    if (sequence->number == 0) {
        status = add_first(all, text, err);
    } else {
        text->seat.reserved = true;
    }
    if (status == GEN_OK) {
        struct contrastive_search *search = all->searches;
        search->texts[sequence->number] = text;
        search->n_users++;
        text->decoding = search;
    }
    return status;
}

static void forget(struct contrastive *all, struct contrastive_search *search) {
    struct contrastive_search **link = &all->searches;
    while (*link != search) {
        link = &(*link)->next;
    }
    *link = search->next;
    search_free(search);
    if (all->searches == NULL) {
        session_keep_hidden(all->scheduler->session, false);
    }
}

static void end(void *context, struct text *text) {
    struct contrastive *all = context;
    struct contrastive_search *search = text->decoding;
    if (search == NULL) {
        return;
    }
    const struct sequence *sequence = &text->sequence;
    if (!search->done && sequence->finished && sequence->finish == GEN_FINISH_ERROR) {
        search->failed = true;
        search->error = sequence->error;
        text->sequence.ids.n = sequence->n_before; /* the last one is but a candidate */
    }
    search->texts[sequence->number] = NULL;
    text->decoding = NULL;
    search->n_users--;
    if (search->n_users == 0) {
        forget(all, search);
    }
}

void contrastive_release(struct contrastive *all) {
    while (all->searches != NULL) {
        forget(all, all->searches);
    }
}

/* ---- steps -----------------------------------------------------------------------------------*/

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    const struct contrastive *all = context;
    struct contrastive_search *search = text->decoding;
    const float *hidden = session_hidden(all->scheduler->session, logits);
    (void)at;
    if (search->is_proposed) {
        contrast_try(&search->contrast, (size_t)text->sequence.number, hidden, logits);
        return GEN_OK;
    }
    return contrast_read(&search->contrast, hidden, logits)
               ? GEN_OK
               : error_no_memory(err, "a contrastive search");
}

/* Text number i reads candidate number i after what is chosen. */
static enum gen_status seat(const struct contrastive *all, const struct contrastive_search *search,
                            size_t i, struct gen_error *err) {
    struct text *text = search->texts[i];
    struct gen_ids *ids = &text->sequence.ids;
    const struct gen_ids *chosen = &search->sequence.ids;
    if (i != search->holder) {
        scheduler_adopt(all->scheduler, text, search->texts[search->holder]);
    }
    ids->n = 0;
    if (gen_ids_append(ids, chosen->data, chosen->n) != GEN_OK ||
        gen_ids_append(ids, &search->contrast.candidates[i].id, 1) != GEN_OK) {
        return error_no_memory(err, "a contrastive search");
    }
    text->n_seen = ids->n - 1;
    text->seat.reserved = false;
    return GEN_OK;
}

static enum gen_status propose(const struct contrastive *all, struct contrastive_search *search,
                               struct gen_error *err) {
    struct contrast *contrast = &search->contrast;
    float *scores = all->scratch->scores;
    enum gen_status status = gen_sampler_scores(search->sampler, contrast->logits, scores, err);
    if (status == GEN_BAD_ARGUMENT) {
        search->failed = true;
        search->error = *err;
        return GEN_OK;
    }
    if (status == GEN_OK && !contrast_propose(contrast, scores, search->n)) {
        status = error_no_memory(err, "a contrastive search");
    }
    for (size_t i = 0; i < contrast->n_candidates && status == GEN_OK; i++) {
        status = seat(all, search, i, err);
    }
    for (size_t i = contrast->n_candidates; i < search->n; i++) {
        search->texts[i]->seat.reserved = true;
    }
    search->is_proposed = true;
    return status;
}

/* The first text shows what there is. */
static enum gen_status show(const struct contrastive_search *search, struct gen_error *err) {
    const struct gen_bytes *all = &search->sequence.text;
    if (search->texts[0] == NULL) {
        return GEN_OK;
    }
    struct gen_bytes *shown = &search->texts[0]->sequence.text;
    return all->n == shown->n ||
                   gen_bytes_append(shown, all->data + shown->n, all->n - shown->n) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "a contrastive search");
}

/* All candidates were tried. */
static enum gen_status choose(struct contrastive_search *search, struct gen_error *err) {
    struct contrast *contrast = &search->contrast;
    int32_t id = contrast->candidates[contrast->best].id;
    search->holder = contrast->best;
    enum gen_status status = sequence_take(&search->sequence, contrast->logits, id, err);
    if (status == GEN_OK && !contrast_take(contrast)) {
        status = error_no_memory(err, "a contrastive search");
    }
    if (status == GEN_OK) {
        status = sampler_accept(search->sampler, id, err);
    }
    return status == GEN_OK ? show(search, err) : status;
}

/* The first text becomes what was chosen, or fails. */
static enum gen_status finish(struct contrastive_search *search, struct gen_error *err) {
    struct text *first = search->texts[0];
    search->done = true;
    for (size_t i = 0; i < search->n; i++) {
        if (search->texts[i] != NULL) {
            search->texts[i]->done = true;
        }
    }
    if (first == NULL) {
        return GEN_OK;
    }
    sequence_release(&first->sequence);
    first->sequence = search->sequence;
    search->sequence = (struct sequence){0};
    return search->failed ? sequence_fail(&first->sequence, &search->error, err) : GEN_OK;
}

static enum gen_status conclude(void *context, struct text *text, enum gen_status why,
                                struct gen_error *err) {
    struct contrastive_search *search = text->decoding;
    (void)context;
    (void)why;
    return search != NULL && !search->done ? finish(search, err) : GEN_OK;
}

static bool has_read_prompt(const struct contrastive_search *search) {
    return search->contrast.n_before == search->sequence.ids.n;
}

static enum gen_status settle_one(const struct contrastive *all, struct contrastive_search *search,
                                  struct gen_error *err) {
    const struct contrast *contrast = &search->contrast;
    enum gen_status status = GEN_OK;
    if (search->is_proposed && !search->failed) {
        if (contrast->n_tried < contrast->n_candidates) {
            return GEN_OK;
        }
        status = choose(search, err);
    }
    if (status == GEN_OK && !search->failed && !search->sequence.finished &&
        has_read_prompt(search)) {
        status = propose(all, search, err);
    }
    return status == GEN_OK && (search->failed || search->sequence.finished) ? finish(search, err)
                                                                             : status;
}

static enum gen_status settle(void *context, struct gen_error *err) {
    const struct contrastive *all = context;
    enum gen_status status = GEN_OK;
    for (struct contrastive_search *search = all->searches; search != NULL && status == GEN_OK;
         search = search->next) {
        if (!search->done) {
            status = settle_one(all, search, err);
        }
    }
    return status;
}

struct decoder decoder_contrastive(struct contrastive *all) {
    return (struct decoder){.context = all,
                            .is_unguessed = true,
                            .start = start,
                            .step = step,
                            .settle = settle,
                            .conclude = conclude,
                            .end = end};
}
