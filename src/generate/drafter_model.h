/**
 * drafter_model.h - a smaller model with the same vocabulary that guesses what follows a text.
 *
 * It draws its guesses as the text draws its ids: with a copy of the text's sampler, with all its
 * rules and its next random numbers. So where both models agree on the probabilities the guess
 * comes true, also where ids are drawn at random.
 */
#ifndef GENERATE_DRAFTER_MODEL_H
#define GENERATE_DRAFTER_MODEL_H

#include "generate/draft_pace.h"
#include "generate/draft_reader.h"
#include "generate/drafter.h"

struct drafter_model {
    struct draft_pace pace;
    struct draft_reader reader; /**< {0}: it has given up */
    struct gen_row *rows;       /**< [n_ctx of the reader] */
    struct gen_draft_report report;
};

/** For the texts of `model`, with a session as `options` has it, its n_ctx apart: no more than the
 *  draft model has. Another vocabulary is GEN_BAD_ARGUMENT. NULL after a failure. */
enum gen_status drafter_model_new(struct drafter_model **out, const struct gen_model *draft,
                                  const struct gen_model *model,
                                  const struct gen_session_options *options, struct gen_error *err);
void drafter_model_free(struct drafter_model *drafter);

/** As a drafter, whose free() frees it. */
struct drafter drafter_model_drafter(struct drafter_model *drafter);

#endif
