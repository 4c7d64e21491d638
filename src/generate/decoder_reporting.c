/**
 * decoder_reporting.c - the sink hears of the logits after each id, those of a prompt once, with
 * its first text, and those after the last id of each text. What is read next another decoder says.
 */
#include "generate/decoder.h"

static enum gen_status start(void *context, struct text *text, struct gen_error *err) {
    const struct decoder_reporting *reporting = context;
    enum gen_status status = reporting->inner.start(reporting->inner.context, text, err);
    if (text->sequence.number == 0) {
        text->n_seen = 0;
        text->done = false;
    }
    return status;
}

static enum gen_status step(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err) {
    const struct decoder_reporting *reporting = context;
    struct sequence *sequence = &text->sequence;
    enum gen_status status = GEN_OK;
    if (sequence->number == 0 || at >= sequence->n_before) {
        status = reporter_logits(reporting->reporter, text, logits, err);
    }
    if (status != GEN_OK || at + 1 < sequence->ids.n) {
        return status;
    }
    if (sequence->finished) {
        text->done = true;
        return GEN_OK;
    }
    status = reporting->inner.step(reporting->inner.context, text, at, logits, err);
    text->done = false; /* the id just drawn is yet to be read */
    return status;
}

static void end(void *context, struct text *text) {
    const struct decoder_reporting *reporting = context;
    reporting->inner.end(reporting->inner.context, text);
}

struct decoder decoder_reporting(struct decoder_reporting *reporting) {
    return (struct decoder){.context = reporting, .start = start, .step = step, .end = end};
}
