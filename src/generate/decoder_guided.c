/**
 * decoder_guided.c - guidance: each text has another one that goes along, with a prompt of its own
 * and the same new ids. When both have their logits the next id is drawn from what they come to, as
 * transformers has it: s (log p - log q) + log q.
 *
 * The other comes after its text in the queue, and the sink never hears of it. A text that is ready
 * first pauses. When one of the two is done, or has failed, so has the other.
 */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "generate/decoder.h"
#include "sample/log_softmax.h"

struct guided_pair {
    struct text *text, *other; /* NULL: it is gone, or has not come yet */
    struct gen_sampler *sampler;
    float *logits; /* [n_vocab] of the one that was ready first */
    bool text_is_ready, other_is_ready;
};

static void free_pair(struct guided_pair *pair) {
    gen_sampler_free(pair->sampler);
    memory_free(pair->logits);
    memory_free(pair);
}

static void finish_both(const struct guided_pair *pair) {
    if (pair->text != NULL) {
        pair->text->done = true;
    }
    if (pair->other != NULL) {
        pair->other->done = pair->other->sequence.finished = true;
    }
}

/* ---- start and end ---------------------------------------------------------------------------*/

/* A pair whose other text will not come any more. */
static void forget_last(struct guided *guided) {
    if (guided->last != NULL && guided->last->text == NULL) {
        free_pair(guided->last);
    }
    guided->last = NULL;
}

static enum gen_status start_text(struct guided *guided, struct text *text, struct gen_error *err) {
    forget_last(guided);
    struct guided_pair *pair = memory_new(1, sizeof *pair);
    if (pair == NULL) {
        return error_no_memory(err, "guidance");
    }
    pair->text = text;
    text->decoding = pair;
    guided->last = pair;
    pair->logits = memory_new((size_t)text->sequence.rules->n_vocab, sizeof *pair->logits);
    if (pair->logits == NULL) {
        return error_no_memory(err, "guidance");
    }
    return decoder_new_sampler(&pair->sampler, guided->scratch, &text->sequence, err);
}

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    struct guided *guided = context;
    text->n_seen = text->sequence.n_before - 1;
    if (!text->is_other) {
        text->done = text->sequence.finished;
        return start_text(guided, text, err);
    }
    struct guided_pair *pair = guided->last;
    guided->last = NULL;
    text->untold = true;
    text->decoding = pair;
    pair->other = text;
    text->done = pair->text == NULL || pair->text->sequence.finished;
    return GEN_OK;
}

static void end(void *context, struct text *text) {
    struct guided *guided = context;
    struct guided_pair *pair = text->decoding;
    if (pair == NULL) {
        return;
    }
    text->decoding = NULL;
    struct text *twin = text == pair->text ? pair->other : pair->text;
    bool failed = text->sequence.finished && text->sequence.finish == GEN_FINISH_ERROR;
    if (text == pair->text) {
        pair->text = NULL;
        gen_sampler_free(pair->sampler);
        pair->sampler = NULL;
    } else {
        pair->other = NULL;
        if (failed && twin != NULL && !twin->sequence.finished) {
            /* What it held back is lost at worst. */
            struct gen_error ignored;
            sequence_fail(&twin->sequence, &text->sequence.error, &ignored);
        }
    }
    finish_both(pair);
    bool comes = guided->last == pair; /* the other has not come yet */
    if (twin == NULL && !comes) {
        free_pair(pair);
    }
}

void guided_release(struct guided *guided) {
    forget_last(guided);
    memory_free(guided->scores);
    *guided = (struct guided){0};
}

/* ---- a step ----------------------------------------------------------------------------------*/

/* The scores that both come to. */
static void join(float *scores, const float *own, const float *other, size_t n, float scale) {
    struct log_softmax p = log_softmax_of(own, n), q = log_softmax_of(other, n);
    for (size_t i = 0; i < n; i++) {
        float log_p = (float)log_softmax_at(p, own[i]), log_q = (float)log_softmax_at(q, other[i]);
        /* What the text itself excludes stays so; the difference would not be a number. */
        scores[i] = log_p > -INFINITY ? scale * (log_p - log_q) + log_q : -INFINITY;
    }
}

/* Draw the next id of both. */
static enum gen_status draw(struct guided *guided, const struct guided_pair *pair, const float *own,
                            const float *other, struct gen_error *err) {
    struct sequence *sequence = &pair->text->sequence;
    size_t n_vocab = (size_t)sequence->rules->n_vocab;
    if (guided->scores == NULL) {
        guided->scores = memory_new(n_vocab, sizeof *guided->scores);
    }
    if (guided->scores == NULL) {
        return error_no_memory(err, "guidance");
    }
    join(guided->scores, own, other, n_vocab, sequence->rules->options->guidance_scale);
    enum gen_status status = decoder_draw(pair->sampler, sequence, guided->scores, own, err);
    const struct gen_ids *ids = &sequence->ids;
    if (status == GEN_OK && !sequence->finished &&
        gen_ids_append(&pair->other->sequence.ids, &ids->data[ids->n - 1], 1) != GEN_OK) {
        status = error_no_memory(err, "guidance");
    }
    return status;
}

/* Both are ready. */
static enum gen_status go_on(struct guided *guided, struct guided_pair *pair, const float *own,
                             const float *other, struct gen_error *err) {
    struct text *text = pair->text;
    pair->text_is_ready = pair->other_is_ready = false;
    text->seat.pauses = pair->other->seat.pauses = false;
    enum gen_status status = draw(guided, pair, own, other, err);
    if (sequence_own_failure(status)) {
        const struct gen_error error = *err;
        status = sequence_fail(&text->sequence, &error, err);
    }
    if (text->sequence.finished) {
        finish_both(pair);
    }
    return status;
}

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    struct guided *guided = context;
    struct guided_pair *pair = text->decoding;
    (void)at; /* always the last */
    if (text == pair->text && pair->other_is_ready) {
        return go_on(guided, pair, logits, pair->logits, err);
    }
    if (text == pair->other && pair->text_is_ready) {
        return go_on(guided, pair, pair->logits, logits, err);
    }
    pair->text_is_ready = text == pair->text;
    pair->other_is_ready = text == pair->other;
    text->seat.pauses = true;
    memcpy(pair->logits, logits, (size_t)text->sequence.rules->n_vocab * sizeof *logits);
    return GEN_OK;
}

struct decoder decoder_guided(struct guided *guided) {
    return (struct decoder){
        .context = guided, .is_unguessed = true, .start = start, .step = step, .end = end};
}
