/**
 * session.c - gen_session: the public face of the forward pass. Rows are checked and taken through
 * forward.c in chunks, their logits kept or shown to somebody (session.h), and slots of the KV
 * cache cut back or copied. What is drawn from logits is decided elsewhere (src/sample,
 * src/generate).
 */
#include "model/session.h"

#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/threads.h"
#include "model/model.h"
#include "model/session.h"
#include "model/watch.h"

struct gen_session {
    const struct gen_model *model;
    struct kv_cache cache;
    struct activations activations;
    struct compute compute;
    struct forward forward;
    float *logits;          /* [capacity][n_vocab], for the rows that need them */
    size_t logits_capacity; /* rows */
    size_t *logits_row;     /* row of the last eval -> row of logits, or SIZE_MAX */
    size_t logits_row_capacity;
    size_t n_rows; /* of the last eval */
    bool keeps_hidden;
    float *hidden; /* [capacity][n_embd], of the rows that have logits */
    size_t hidden_capacity;
    float *pieces; /* of logits that are not kept, for FORWARD_MAX_ROWS rows; NULL: none so far */
};

struct gen_session_options gen_session_options_default(void) {
    return (struct gen_session_options){.n_slots = 1};
}

static enum gen_status check_options(const struct gen_session_options *options,
                                     const struct gen_config *config, struct gen_error *err) {
    enum gen_status status = threads_check(options->n_threads, err);
    if (status != GEN_OK) {
        return status;
    }
    if (options->n_slots < 1) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_slots is %d, but must be at least 1",
                         options->n_slots);
    }
    if (options->n_ctx < 0 || options->n_ctx > config->n_ctx) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_ctx is %d, the model has 1 to %d",
                         options->n_ctx, config->n_ctx);
    }
    return GEN_OK;
}

static enum gen_status session_init(struct gen_session *session, const struct gen_model *model,
                                    const struct gen_session_options *options,
                                    struct gen_error *err) {
    const struct kernels *kernels = NULL;
    enum tensor_type kv_type;
    enum gen_status status = check_options(options, &model->config, err);
    if (status != GEN_OK || (status = kernels_choose(&kernels, options->kernels, err)) != GEN_OK ||
        (status = kv_cache_choose_type(&kv_type, options->kv_type, err)) != GEN_OK) {
        return status;
    }
    if (model->weights.lm_head.data == NULL) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s: was opened for its metadata only, a session needs the weights",
                         model->where.text);
    }
    int32_t n_ctx = options->n_ctx > 0 ? options->n_ctx : model->config.n_ctx;
    session->model = model;
    status = kv_cache_init(&session->cache, &model->config, kv_type, options->n_slots, n_ctx, err);
    if (status != GEN_OK) {
        return status;
    }
    size_t scratch = forward_scratch(&model->weights, &model->config, (size_t)n_ctx);
    if (!activations_init(&session->activations, &model->config, FORWARD_MAX_ROWS) ||
        !compute_init(&session->compute, kernels, options->n_threads, scratch) ||
        !compute_reserve_inputs(&session->compute, forward_inputs(&model->weights))) {
        return error_no_memory(err, "a session");
    }
    session->forward = (struct forward){.config = &model->config,
                                        .weights = &model->weights,
                                        .cache = &session->cache,
                                        .activations = &session->activations,
                                        .compute = &session->compute};
    return GEN_OK;
}

enum gen_status gen_session_new(struct gen_session **out, const struct gen_model *model,
                                const struct gen_session_options *options, struct gen_error *err) {
    *out = NULL;
    struct gen_session *session = memory_new(1, sizeof *session);
    if (session == NULL) {
        return error_no_memory(err, "a session");
    }
    session->model = model;
    enum gen_status status = session_init(session, model, options, err);
    if (status != GEN_OK) {
        gen_session_free(session);
        return status;
    }
    *out = session;
    return GEN_OK;
}

static size_t logits_row_bytes(const struct gen_session *session) {
    return (size_t)session->model->config.n_vocab * sizeof(float);
}

static size_t pieces_floats(const struct gen_session *session) {
    return session->pieces != NULL ? op_pieces_floats(&session->compute, FORWARD_MAX_ROWS) : 0;
}

void gen_session_free(struct gen_session *session) {
    if (session == NULL) {
        return;
    }
    kv_cache_release(&session->cache);
    activations_release(&session->activations, &session->model->config);
    memory_free_aligned(session->pieces, pieces_floats(session), sizeof *session->pieces);
    compute_release(&session->compute);
    memory_free_aligned(session->logits, session->logits_capacity, logits_row_bytes(session));
    memory_free(session->logits_row);
    memory_free(session->hidden);
    memory_free(session);
}

/* ---- one evaluation --------------------------------------------------------------------------*/

/* Check the rows and count those that want logits; nothing has happened yet if this fails. */
static enum gen_status check_rows(const struct gen_session *session, const struct gen_row *rows,
                                  size_t n_rows, int32_t *lengths, size_t *n_logits,
                                  struct gen_error *err) {
    const struct gen_config *config = &session->model->config;
    *n_logits = 0;
    for (size_t i = 0; i < n_rows; i++) {
        const struct gen_row *row = &rows[i];
        if (row->id < 0 || row->id >= config->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "token id %d is out of range, the model's ids are 0 to %d", row->id,
                             config->n_vocab - 1);
        }
        if (row->slot < 0 || (size_t)row->slot >= session->cache.n_slots) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "slot %d is out of range, the session's are 0 to %zu", row->slot,
                             session->cache.n_slots - 1);
        }
        if ((size_t)lengths[row->slot] >= session->cache.n_ctx) {
            return error_set(err, GEN_CONTEXT_FULL, "the context of %zu positions is full",
                             session->cache.n_ctx);
        }
        lengths[row->slot]++;
        *n_logits += row->want_logits;
    }
    return GEN_OK;
}

/* Make room for the results of n_rows rows, of which n_logits want logits. */
static enum gen_status reserve(struct gen_session *session, size_t n_rows, size_t n_logits,
                               struct gen_error *err) {
    if (!memory_grow(&session->logits_row, &session->logits_row_capacity, n_rows,
                     sizeof *session->logits_row)) {
        return error_no_memory(err, "a batch");
    }
    if (session->keeps_hidden && !memory_grow(&session->hidden, &session->hidden_capacity, n_logits,
                                              session_n_embd(session) * sizeof *session->hidden)) {
        return error_no_memory(err, "hidden states");
    }
    if (n_logits > session->logits_capacity) {
        float *logits = memory_new_aligned(n_logits, logits_row_bytes(session));
        if (logits == NULL) {
            return error_set(err, GEN_NO_MEMORY, "out of memory for the logits of %zu tokens",
                             n_logits);
        }
        memory_free_aligned(session->logits, session->logits_capacity, logits_row_bytes(session));
        session->logits = logits;
        session->logits_capacity = n_logits;
    }
    return GEN_OK;
}

static bool all_finite(const float *x, size_t n) {
    return tensor_type_info(TENSOR_F32)->find_not_finite((const unsigned char *)x, n) == n;
}

/* What is known of the numbers of an evaluation, by any thread. */
struct finding {
    const struct forward_look *look; /* NULL: logits are kept */
    atomic_bool is_finite;
};

/* Look whether all is finite, and let the caller look. */
static void look_first(void *context, const struct op_piece *piece) {
    struct finding *finding = context;
    for (size_t row = 0; row < piece->n_rows; row++) {
        if (!all_finite(piece->y + row * piece->y_stride, piece->n)) {
            atomic_store(&finding->is_finite, false);
        }
    }
    finding->look->look(finding->look->context, piece);
}

/* What the logits of n rows were made of, the first of them number n_before. */
static void keep_hidden(struct gen_session *session, size_t n_before, size_t n) {
    size_t c = session_n_embd(session);
    for (size_t i = 0; i < n; i++) {
        memcpy(session->hidden + (n_before + i) * c,
               session->activations.normal + i * op_row_stride(c), c * sizeof *session->hidden);
    }
}

/* The logits of the rows that went through the layers last. */
static void eval_head(struct gen_session *session, size_t n_before, size_t n,
                      struct finding *finding) {
    size_t n_vocab = (size_t)session->model->config.n_vocab;
    if (finding->look == NULL) {
        float *logits = session->logits + n_before * n_vocab;
        forward_logits(&session->forward, logits, n);
        if (session->keeps_hidden) {
            keep_hidden(session, n_before, n);
        }
        if (!all_finite(logits, n * n_vocab)) {
            atomic_store(&finding->is_finite, false);
        }
    } else {
        struct forward_look look = *finding->look;
        look.look = look_first;
        look.context = finding;
        forward_look_at_logits(&session->forward, session->pieces, n, &look);
    }
}

/* Take rows first ... first+n-1, at most FORWARD_MAX_ROWS, through the model. Returns how many
 * rows of logits there are now; is_finite becomes false where something is not. */
static size_t eval_chunk(struct gen_session *session, const struct gen_row *rows, size_t first,
                         size_t n, size_t n_logits, struct finding *finding) {
    struct forward_row chunk[FORWARD_MAX_ROWS];
    size_t which[FORWARD_MAX_ROWS];
    size_t n_needed = 0;
    for (size_t i = 0; i < n; i++) {
        const struct gen_row *row = &rows[first + i];
        chunk[i] = (struct forward_row){row->id, row->slot, session->cache.lengths[row->slot]++};
        session->logits_row[first + i] = row->want_logits ? n_logits + n_needed : SIZE_MAX;
        if (row->want_logits) {
            which[n_needed++] = i;
        }
    }
    if (!forward_layers(&session->forward, chunk, n, which, n_needed)) {
        atomic_store(&finding->is_finite, false);
    }
    if (n_needed > 0) {
        eval_head(session, n_logits, n_needed, finding);
    }
    return n_logits + n_needed;
}

/* Back to these lengths. */
static void truncate_slots(struct gen_session *session, const int32_t *lengths) {
    for (size_t slot = 0; slot < session->cache.n_slots; slot++) {
        kv_cache_truncate(&session->cache, slot, (size_t)lengths[slot]);
    }
}

static enum gen_status not_finite(const struct gen_session *session, struct gen_error *err) {
    bool is_f16 = session->cache.type == TENSOR_F16;
    return error_set(err, GEN_BAD_FILE, "%s: the model's output is not finite (%s)",
                     session->model->where.text,
                     is_f16 ? "its weights overflow f32, or its keys and values the KV "
                              "cache of type f16: try f32"
                            : "its weights overflow f32");
}

/* Check and make room; `lengths` are those of the slots, before and after. */
static enum gen_status prepare(struct gen_session *session, const struct gen_row *rows,
                               size_t n_rows, bool keeps_logits, int32_t *lengths,
                               struct gen_error *err) {
    size_t bytes = session->cache.n_slots * sizeof *lengths;
    size_t n_logits;
    memcpy(lengths, session->cache.lengths, bytes);
    enum gen_status status = check_rows(session, rows, n_rows, lengths, &n_logits, err);
    if (status == GEN_OK) {
        status = kv_cache_reserve(&session->cache, lengths, err);
    }
    memcpy(lengths, session->cache.lengths, bytes);
    if (status == GEN_OK) {
        status = reserve(session, n_rows, keeps_logits ? n_logits : 0, err);
        if (status != GEN_OK) {
            truncate_slots(session, lengths);
        }
    }
    return status;
}

/* Process rows, whose logits are kept, or where there is a look looked at. */
static enum gen_status eval(struct gen_session *session, const struct gen_row *rows, size_t n_rows,
                            const struct forward_look *look, struct gen_error *err) {
    int32_t *lengths = memory_new(session->cache.n_slots, sizeof *lengths);
    if (lengths == NULL) {
        return error_no_memory(err, "a batch");
    }
    enum gen_status status = prepare(session, rows, n_rows, look == NULL, lengths, err);
    if (status != GEN_OK) {
        memory_free(lengths);
        return status;
    }
    struct finding finding = {.look = look};
    atomic_init(&finding.is_finite, true);
    size_t done_logits = 0;
    for (size_t first = 0; first < n_rows; first += FORWARD_MAX_ROWS) {
        size_t n = size_min(n_rows - first, FORWARD_MAX_ROWS);
        done_logits = eval_chunk(session, rows, first, n, done_logits, &finding);
    }
    session->n_rows = look == NULL ? n_rows : 0;
    if (!atomic_load(&finding.is_finite)) {
        truncate_slots(session, lengths);
        session->n_rows = 0;
        status = not_finite(session, err);
    }
    memory_free(lengths);
    return status;
}

enum gen_status gen_session_eval(struct gen_session *session, const struct gen_row *rows,
                                 size_t n_rows, struct gen_error *err) {
    return eval(session, rows, n_rows, NULL, err);
}

enum gen_status session_look_at_logits(struct gen_session *session, const struct gen_row *rows,
                                       size_t n_rows, const struct forward_look *look,
                                       struct gen_error *err) {
    if (session->pieces == NULL) {
        size_t floats = op_pieces_floats(&session->compute, FORWARD_MAX_ROWS);
        session->pieces = memory_new_aligned(floats, sizeof *session->pieces);
        if (session->pieces == NULL) {
            return error_no_memory(err, "logits");
        }
    }
    return eval(session, rows, n_rows, look, err);
}

const float *gen_session_logits(const struct gen_session *session, size_t i) {
    if (i >= session->n_rows || session->logits_row[i] == SIZE_MAX) {
        return NULL;
    }
    return session->logits + session->logits_row[i] * (size_t)session->model->config.n_vocab;
}

void session_keep_hidden(struct gen_session *session, bool keep) {
    session->keeps_hidden = keep;
}

const float *session_hidden(const struct gen_session *session, const float *logits) {
    size_t row = (size_t)(logits - session->logits) / (size_t)session->model->config.n_vocab;
    return session->hidden + row * session_n_embd(session);
}

size_t session_n_embd(const struct gen_session *session) {
    return (size_t)session->model->config.n_embd;
}

int32_t gen_session_length(const struct gen_session *session, int32_t slot) {
    bool valid = slot >= 0 && (size_t)slot < session->cache.n_slots;
    return valid ? session->cache.lengths[slot] : 0;
}

void gen_session_truncate(struct gen_session *session, int32_t slot, int32_t length) {
    if (length >= 0 && length < gen_session_length(session, slot)) {
        kv_cache_truncate(&session->cache, (size_t)slot, (size_t)length);
    }
}

enum gen_status gen_session_copy(struct gen_session *session, int32_t to_slot, int32_t from_slot,
                                 int32_t length) {
    bool valid = to_slot >= 0 && (size_t)to_slot < session->cache.n_slots && length >= 0 &&
                 from_slot >= 0 && (size_t)from_slot < session->cache.n_slots &&
                 length <= session->cache.lengths[from_slot];
    if (!valid) {
        return GEN_BAD_ARGUMENT;
    }
    if (to_slot == from_slot) {
        gen_session_truncate(session, to_slot, length);
    } else {
        kv_cache_copy(&session->cache, (size_t)to_slot, (size_t)from_slot, (size_t)length);
    }
    return GEN_OK;
}

int32_t gen_session_n_ctx(const struct gen_session *session) {
    return (int32_t)session->cache.n_ctx;
}

struct thread_pool *session_pool(const struct gen_session *session) {
    return session->compute.pool;
}

int gen_session_n_threads(const struct gen_session *session) {
    return thread_pool_size(session->compute.pool);
}

const char *gen_session_kernels(const struct gen_session *session) {
    return session->compute.kernels->name;
}

struct kv_cache *session_kv_cache(struct gen_session *session) {
    return &session->cache;
}

/* ---- for those who explain a model -----------------------------------------------------------*/

void session_watch(struct gen_session *session, const struct forward_watch *watch) {
    session->forward.watch = watch;
}

enum gen_status session_watch_inputs(struct gen_session *session, const int32_t *ids, size_t n,
                                     struct gen_error *err) {
    struct gen_row rows[FORWARD_MAX_ROWS];
    struct forward_row chunk[FORWARD_MAX_ROWS];
    size_t which[FORWARD_MAX_ROWS];
    for (size_t i = 0; i < n; i++) {
        rows[i] = (struct gen_row){.id = ids[i]};
        chunk[i] =
            (struct forward_row){.id = ids[i], .position = session->cache.lengths[0] + (int32_t)i};
        which[i] = i;
    }
    int32_t *lengths = memory_new(session->cache.n_slots, sizeof *lengths);
    if (lengths == NULL) {
        return error_no_memory(err, "a batch");
    }
    enum gen_status status = prepare(session, rows, n, false, lengths, err);
    memory_free(lengths);
    if (status != GEN_OK) {
        return status;
    }
    session->cache.lengths[0] += (int32_t)n;
    session->n_rows = 0;
    bool is_finite = forward_layers(&session->forward, chunk, n, which, n);
    const struct activations *a = &session->activations;
    for (size_t i = 0; i < n; i++) {
        is_finite = is_finite && all_finite(a->x + i * op_row_stride(session_n_embd(session)),
                                            session_n_embd(session));
    }
    if (!is_finite) {
        return not_finite(session, err);
    }
    forward_show_head(&session->forward, n);
    return GEN_OK;
}

bool session_head(struct gen_session *session, float *logits, const float *x, size_t n) {
    size_t c = (size_t)session->model->config.n_embd;
    for (size_t i = 0; i < n; i++) {
        memcpy(session->activations.x + i * op_row_stride(c), x + i * c, c * sizeof *x);
    }
    forward_logits(&session->forward, logits, n);
    return all_finite(logits, n * (size_t)session->model->config.n_vocab);
}

bool session_reserve_product(struct gen_session *session, const struct matrix *w) {
    return compute_reserve_scratch(&session->compute, kernels_matmul_scratch(w));
}

const struct compute *session_compute(const struct gen_session *session) {
    return &session->compute;
}
