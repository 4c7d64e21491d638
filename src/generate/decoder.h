/**
 * decoder.h - from the logits of a text to what it reads next.
 *
 * pass.c reads the ids of a text and hands the decoder the logits after each id that it has not
 * seen, in order, one step for each; log probabilities of a prompt, which need more logits, are no
 * concern of the decoder. With the logits after the last id a step adds the next one
 * (sequence_take()), or says that the text is done. A step takes one text; a way to decode that has
 * several rows for a prompt, as beams have, must bring groups of texts with it. Which slots and
 * rows the text has is no concern of the decoder; how ids become text, and when a text has ended,
 * is no concern of pass.c.
 */
#ifndef GENERATE_DECODER_H
#define GENERATE_DECODER_H

#include "generate/reporter.h"
#include "generate/text.h"
#include "sample/sampler.h"

struct decoder {
    void *context;
    /**
     * A text begins: set n_seen to the number of its first id whose logits are needed, and done if
     * none are. A failure may be the text's own. end() also after a failure.
     */
    enum gen_status (*start)(void *context, struct text *text, struct gen_error *err);
    /** Logits after the text's id number `at`, which is n_seen - 1. A failure as above. */
    enum gen_status (*step)(void *context, struct text *text, size_t at, const float *logits,
                            struct gen_error *err);
    /** Free what is kept of the text; may be called again. */
    void (*end)(void *context, struct text *text);
};

/** Draws each id with a sampler. */
struct decoder decoder_sampling(struct sampler_scratch *scratch);

/** Tells the sink of all logits, and else does what another decoder does. Texts must come one at a
 *  time. */
struct decoder_reporting {
    struct decoder inner;
    struct reporter *reporter;
};
struct decoder decoder_reporting(struct decoder_reporting *reporting);

#endif
