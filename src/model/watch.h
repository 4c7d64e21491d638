/**
 * watch.h - what a session lets those do who explain a model: look on at its passes, and ask what
 * any residual stream would say.
 */
#ifndef MODEL_WATCH_H
#define MODEL_WATCH_H

#include "model/forward.h"

/** From now on `watch`, which must outlive the session's passes, looks on; every row that is
 *  evaluated must want logits. NULL: nobody does. */
void session_watch(struct gen_session *session, const struct forward_watch *watch);

/** logits[n][V] = lm_head(ln_f(x)) of x[n][C], n <= FORWARD_MAX_ROWS: the end of a pass, of any
 *  stream. What the session's slots hold stays. False: some of them are not finite. */
bool session_head(struct gen_session *session, float *logits, const float *x, size_t n);

/**
 * Take n ids, 1 ... FORWARD_MAX_ROWS, as the next positions of slot 0 through the layers for the
 * watch, which sees the inputs of lm_head, too; no logits are made. Ids and room as for
 * gen_session_eval(). GEN_BAD_FILE where a number is not finite.
 */
enum gen_status session_watch_inputs(struct gen_session *session, const int32_t *ids, size_t n,
                                     struct gen_error *err);

/** Have room for products with w, which will take the place of one of the model's matrices; false
 * if out of memory. */
bool session_reserve_product(struct gen_session *session, const struct matrix *w);

/** The session's threads and kernels, for other work between its passes. */
const struct compute *session_compute(const struct gen_session *session);

#endif
