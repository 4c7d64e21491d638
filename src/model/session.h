/** session.h - what a gen_session works with, for rooms above that fill its slots otherwise than by
 *  reading ids. */
#ifndef MODEL_SESSION_H
#define MODEL_SESSION_H

#include "base/threads.h"
#include "model/kv_cache.h"

struct kv_cache *session_kv_cache(struct gen_session *session);
struct thread_pool *session_threads(const struct gen_session *session);

#endif
