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

/** The session's threads and kernels, for other work between its passes. */
const struct compute *session_compute(const struct gen_session *session);

#endif
