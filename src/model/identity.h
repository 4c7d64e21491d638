/**
 * identity.h - a number that tells models apart whose keys and values differ.
 */
#ifndef MODEL_IDENTITY_H
#define MODEL_IDENTITY_H

#include "model/model.h"

/**
 * A digest (base/digest.h) of the configuration and of every weight that has a part in keys and
 * values: tables, norms and blocks, as they lie in memory, so that it takes about as long as
 * reading them once. Two files of one model have one number where their weights have the same type
 * and layout. The tokenizer has no part in it. False: out of memory.
 */
bool model_identity(uint64_t *identity, const struct gen_model *model, struct thread_pool *pool);

#endif
