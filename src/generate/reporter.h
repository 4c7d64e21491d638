/**
 * reporter.h - what the sink is told of texts. That it is told in order is answers.c's.
 */
#ifndef GENERATE_REPORTER_H
#define GENERATE_REPORTER_H

#include "generate/text.h"

/** Start from {0} with the sink. Every function is GEN_CANCELED where a callback says no. */
struct reporter {
    const struct gen_sink *sink;
    bool text_is_refused; /**< the text callback said no: it gets no more */
};

/** A text begins; nothing if it has begun. */
enum gen_status reporter_begin(const struct reporter *reporter, struct text *text,
                               struct gen_error *err);
/** What there is of new text. */
enum gen_status reporter_text(struct reporter *reporter, struct text *text, struct gen_error *err);
/** A row of logits of a text, which begins with it. There must be a callback for them. */
enum gen_status reporter_logits(const struct reporter *reporter, struct text *text,
                                const float *logits, struct gen_error *err);
/** A text is done, or has failed. */
enum gen_status reporter_end(const struct reporter *reporter, const struct text *text,
                             struct gen_error *err);
/** Ask whether to go on. */
enum gen_status reporter_go_on(const struct reporter *reporter, struct gen_error *err);

#endif
