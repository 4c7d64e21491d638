/**
 * bad_texts.h - texts that are never written (gen_constraint.h), for sample/bad_texts.c: where a
 * text stands among them, and which tokens would complete one of them.
 */
#ifndef CONSTRAIN_BAD_TEXTS_H
#define CONSTRAIN_BAD_TEXTS_H

#include "gen_constraint.h"

/** Where a text stands that has none of their beginnings at its end. */
#define BAD_TEXTS_START 0u

/** Bytes of the longest token: what `path` of bad_texts_find() must have room for, and one more. */
size_t bad_texts_deepest(const struct gen_bad_texts *bad);
/** Where a text stands after one more token. */
uint32_t bad_texts_step(const struct gen_bad_texts *bad, uint32_t at, int32_t id);
/** Whether one of them is complete with one more token after `at`. */
bool bad_texts_completes(const struct gen_bad_texts *bad, uint32_t at, int32_t id);
/** Whether the id is a special token, or another one that is not cut from text. */
bool bad_texts_is_special(const struct gen_bad_texts *bad, int32_t id);
/** Call forbid() for each token that would complete one of them; for some perhaps several times. */
void bad_texts_find(const struct gen_bad_texts *bad, uint32_t at, uint32_t *path, void *context,
                    void (*forbid)(void *context, int32_t id));

#endif
