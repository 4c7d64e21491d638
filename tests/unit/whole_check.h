/**
 * whole_check.h - what comes of opening the models of whole_model.h: many cases, each counted, all
 * of them said before the test fails.
 */
#ifndef WHOLE_CHECK_H
#define WHOLE_CHECK_H

#include <stdbool.h>

/**
 * Count a case: opening `path` must fail with one fit line below 560 bytes that names `file` and
 * holds `expected` (NULL: anything). Otherwise it says what is wrong.
 */
void whole_must_refuse(const char *what, const char *path, const char *file, const char *expected);
/**
 * Whether `path` opens and generates a token; if not, it says so. The model's logits after two
 * tokens, each with a weight, go to *sum.
 */
bool whole_runs(const char *what, const char *path, double *sum);
/** Count a case: it must run, and come to the sum of the plain model. */
void whole_must_run(const char *what, const char *path, double plain);
/** Say how many cases there were; fails the test if one was bad, and begins anew. */
void whole_report(const char *kind);

#endif
