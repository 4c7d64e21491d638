/** engine.h - what a gen_engine is made of, for prompt_cache.c. */
#ifndef GENERATE_ENGINE_H
#define GENERATE_ENGINE_H

#include "generate/drafter_model.h"
#include "generate/pass.h"

struct gen_engine {
    const struct gen_model *model;
    struct gen_session *session;
    struct scheduler scheduler;
    struct pass pass;
    struct sampler_scratch scratch;
    struct drafter drafter;
    struct drafter_model *draft_model; /**< part of the drafter; NULL: there is none */
};

#endif
