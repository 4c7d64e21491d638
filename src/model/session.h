/**
 * session.h - what a session does for the rooms above besides the calls of gen_session.h: logits
 * that are looked at and not kept, and slots that are filled otherwise than by reading ids.
 */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include "gen_session.h"
#include "model/forward.h"
#include "model/kv_cache.h"

/**
 * gen_session_eval() of at most FORWARD_MAX_ROWS rows, whose logits are shown to `look` and not
 * kept: gen_session_logits() gives none. The rows that want logits are numbered from 0 in their
 * order, in the elements as in the pieces. Where a logit is not finite the call fails as there,
 * and what was looked at is worth nothing. Memory: 512 logits for each row and thread.
 */
enum gen_status session_look_at_logits(struct gen_session *session, const struct gen_row *rows,
                                       size_t n_rows, const struct forward_look *look,
                                       struct gen_error *err);

/** From now on keep, or no more, what logits are made of: the model's last norm. */
void session_keep_hidden(struct gen_session *session, bool keep);
/** Those n_embd numbers for logits that gen_session_logits() gave, if they were kept then. Valid as
 *  long as the logits. */
const float *session_hidden(const struct gen_session *session, const float *logits);
size_t session_n_embd(const struct gen_session *session);

/** Its threads, for work on the logits of the last evaluation. */
struct thread_pool *session_pool(const struct gen_session *session);

/** Keys and values of its slots. */
struct kv_cache *session_kv_cache(struct gen_session *session);

#endif
