/**
 * compare.c - several models and a base over one text, a few rows at a time: each row's logits are
 * there from all of them when they are held against each other (agreement.h). The base may be a
 * file, and may be kept in one (base_file.h).
 */
#include <stdatomic.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "eval/agreement.h"
#include "eval/base_file.h"
#include "eval/windows.h"
#include "model/model.h"
#include "model/session.h"
#include "tokenizer/tokenizer.h"

/* Rows whose logits are there at a time, of each model. */
#define ROWS ((size_t)128)

struct comparison {
    const struct gen_compare_options *options;
    const struct gen_base_file *file; /* NULL: the base is the first of the models */
    const struct gen_model **models;  /* [n_models] the base, if it is a model, and the others */
    struct gen_session **sessions;    /* [n_models] */
    size_t n_models;
    struct agreement *agreements; /* [n_models], those of models that are held against the base */
    const int32_t *ids;
    size_t n_ids, n_ctx, stride, n_vocab;
    struct window window;
    size_t n_windows;         /* before this one */
    float *file_rows;         /* [ROWS][n_vocab] of the file */
    unsigned char *made_rows; /* [ROWS][row bytes] for the file that is written */
    atomic_bool bad_base;     /* a row of the file holds no log probabilities */
    struct agreement_place places[ROWS];
};

struct gen_compare_options gen_compare_options_default(void) {
    return (struct gen_compare_options){0};
}

bool gen_same_vocabulary(const struct gen_tokenizer *a, const struct gen_tokenizer *b) {
    struct error_quoted difference;
    return tokenizer_difference(&difference, a, b) == NULL;
}

/* ---- rows ------------------------------------------------------------------------------------*/

/* Rows first ... first+n-1 of the window, of which logits are wanted or not, by all models. */
static enum gen_status eval_rows(struct comparison *c, size_t first, size_t n, bool want_logits,
                                 struct gen_error *err) {
    struct gen_row rows[ROWS];
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < n; i++) {
        rows[i] =
            (struct gen_row){.id = c->ids[c->window.begin + first + i], .want_logits = want_logits};
    }
    for (size_t i = 0; i < c->n_models && status == GEN_OK; i++) {
        status = gen_session_eval(c->sessions[i], rows, n, err);
    }
    return status;
}

/* Row i of those that were evaluated last. */
static struct agreement_row row_of_model(const struct comparison *c, size_t model, size_t i) {
    return agreement_row_of_logits(gen_session_logits(c->sessions[model], i), c->n_vocab);
}

struct rows_work {
    struct comparison *comparison;
    size_t first; /* row of the window */
    size_t model; /* that is held against the base */
};

/* The base's row i, which is row `row` of the window. */
static struct agreement_row row_of_base(struct comparison *c, size_t row, size_t i) {
    if (c->file == NULL) {
        return row_of_model(c, 0, i);
    }
    float *logprobs = c->file_rows + i * c->n_vocab;
    size_t in_file = row + 1 + c->window.begin - c->window.from;
    if (!base_file_read_row(c->file, c->n_windows, in_file, logprobs)) {
        atomic_store(&c->bad_base, true);
    }
    return agreement_row_of_file(logprobs, c->n_vocab);
}

static void agree_share(void *context, size_t begin, size_t end, int thread) {
    const struct rows_work *work = context;
    struct comparison *c = work->comparison;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        size_t row = work->first + i;
        struct agreement_row base = row_of_base(c, row, i);
        struct agreement_row other = row_of_model(c, work->model, i);
        c->places[i] = agreement_at(&base, &other, c->ids[c->window.begin + row + 1]);
    }
}

static void make_share(void *context, size_t begin, size_t end, int thread) {
    const struct rows_work *work = context;
    struct comparison *c = work->comparison;
    (void)thread;
    for (size_t i = begin; i < end; i++) {
        struct agreement_row row = row_of_model(c, 0, i);
        base_file_make_row(c->made_rows + i * base_file_row_bytes(c->n_vocab), row.x, row.n,
                           (float)row.greatest, (float)row.log_sum);
    }
}

/* Hold n rows of all models against the base's, and keep these if they are to be kept. */
static enum gen_status take_rows(struct comparison *c, size_t first, size_t n,
                                 struct gen_error *err) {
    struct thread_pool *pool = session_pool(c->sessions[0]);
    struct rows_work work = {.comparison = c, .first = first};
    for (size_t model = c->file == NULL ? 1 : 0; model < c->n_models; model++) {
        work.model = model;
        thread_pool_run(pool, n, 0, agree_share, &work);
        if (atomic_load(&c->bad_base)) {
            return error_set(err, GEN_BAD_FILE,
                             "%s: is damaged, in window %zu it has numbers that are no log "
                             "probabilities",
                             c->file->name.text, c->n_windows + 1);
        }
        const struct gen_tokenizer *tokenizer = c->models[model]->tokenizer;
        for (size_t i = 0; i < n; i++) {
            size_t n_bytes = 0;
            if (tokenizer != NULL) {
                gen_tokenizer_piece(tokenizer, c->ids[c->window.begin + first + i + 1], &n_bytes);
            }
            c->agreements[model].n_bytes += n_bytes;
            if (!agreement_add(&c->agreements[model], &c->places[i])) {
                return error_no_memory(err, "a comparison");
            }
        }
    }
    if (c->options->save_base == NULL) {
        return GEN_OK;
    }
    thread_pool_run(pool, n, 0, make_share, &work);
    return file_writer_put(&c->options->save_base->file, c->made_rows,
                           n * base_file_row_bytes(c->n_vocab), err);
}

/* ---- windows ---------------------------------------------------------------------------------*/

static bool is_in_halves(const struct comparison *c) {
    return c->file != NULL || c->options->convention == GEN_CONVENTION_LLAMA_CPP;
}

static bool next_window(struct comparison *c) {
    return is_in_halves(c) ? window_next_half(&c->window, c->n_ids, c->n_ctx)
                           : window_next(&c->window, c->n_ids, 0, c->n_ctx, c->stride);
}

static enum gen_status take_window(struct comparison *c, struct gen_error *err) {
    size_t n_rows = c->window.end - c->window.begin - 1;
    size_t n_unscored = c->window.from - c->window.begin - 1;
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < c->n_models; i++) {
        gen_session_truncate(c->sessions[i], 0, 0);
    }
    for (size_t first = 0; first < n_rows && status == GEN_OK;) {
        bool scored = first >= n_unscored;
        size_t n = size_min(ROWS, (scored ? n_rows : n_unscored) - first);
        status = eval_rows(c, first, n, scored, err);
        if (status == GEN_OK && scored) {
            status = take_rows(c, first, n, err);
        }
        first += n;
    }
    for (size_t i = 0; i < c->n_models; i++) {
        agreement_end_window(&c->agreements[i]);
    }
    return status;
}

static enum gen_status take_text(struct comparison *c, struct gen_error *err) {
    const struct gen_compare_options *options = c->options;
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && next_window(c)) {
        status = take_window(c, err);
        c->n_windows++;
        if (status == GEN_OK && options->progress != NULL &&
            !options->progress(options->context, c->window.end, c->n_ids)) {
            status = error_set(err, GEN_CANCELED, "canceled");
        }
    }
    return status;
}

/* ---- a comparison ----------------------------------------------------------------------------*/

/* The models must have as many ids as the base; and how many they see at once, if nobody says. */
static enum gen_status check_models(struct comparison *c, struct gen_error *err) {
    int32_t least = INT32_MAX;
    c->n_vocab = c->file != NULL ? (size_t)c->file->n_vocab : (size_t)c->models[0]->config.n_vocab;
    for (size_t i = 0; i < c->n_models; i++) {
        const struct gen_config *config = &c->models[i]->config;
        least = config->n_ctx < least ? config->n_ctx : least;
        if ((size_t)config->n_vocab != c->n_vocab) {
            return error_set(
                err, GEN_BAD_ARGUMENT,
                "%s: has %d token ids, but the base has %zu: their probabilities cannot "
                "be compared",
                c->models[i]->where.text, (int)config->n_vocab, c->n_vocab);
        }
    }
    int32_t wanted = c->file != NULL ? c->file->n_ctx : c->options->n_ctx;
    if (wanted < 0 || wanted > least) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "n_ctx is %d, but the least context of the models is %d", (int)wanted,
                         (int)least);
    }
    c->n_ctx = wanted > 0 ? (size_t)wanted : (size_t)least;
    return GEN_OK;
}

static enum gen_status check_text(struct comparison *c, struct gen_error *err) {
    const struct gen_compare_options *options = c->options;
    if (c->file == NULL && (options->stride < 0 || (size_t)options->stride > c->n_ctx)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "stride is %d, but must be from 1 to %zu, the ids that are seen at once",
                         (int)options->stride, c->n_ctx);
    }
    c->stride = options->stride > 0 ? (size_t)options->stride : c->n_ctx;
    if (!is_in_halves(c) && c->n_ctx < 2 && c->n_ids > 2) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "with a context of 1 no token has one before it and none is scored, it "
                         "must be 2 or more");
    }
    /* Sessions check what they read, but of a window's last id only the logit is read. */
    for (size_t i = 0; i < c->n_ids; i++) {
        if (c->ids[i] < 0 || (size_t)c->ids[i] >= c->n_vocab) {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "token id %d is out of range, the models' ids are 0 to %zu",
                             (int)c->ids[i], c->n_vocab - 1);
        }
    }
    if (!is_in_halves(c) && c->n_ids < 2) {
        return error_set(
            err, GEN_BAD_ARGUMENT,
            "the text has %zu token%s, but must have at least 2: the first has nothing "
            "before it and is not scored",
            c->n_ids, c->n_ids == 1 ? "" : "s");
    }
    size_t needed = c->file != NULL ? c->n_ctx : 2 * c->n_ctx;
    if (is_in_halves(c) && (c->n_ids < needed || c->n_ctx < 3)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the text has %zu token%s, but llama.cpp's convention needs at least %zu, "
                         "twice the context of %zu, which must be 3 or more",
                         c->n_ids, c->n_ids == 1 ? "" : "s", needed, c->n_ctx);
    }
    if (options->save_base != NULL && (!is_in_halves(c) || c->file != NULL)) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "a base is saved from a model, by the convention of llama.cpp alone");
    }
    return GEN_OK;
}

static enum gen_status reserve(struct comparison *c, struct gen_error *err) {
    c->sessions = memory_new(c->n_models, sizeof(struct gen_session *));
    c->agreements = memory_new(c->n_models, sizeof *c->agreements);
    c->file_rows = c->file != NULL ? memory_new(ROWS * c->n_vocab, sizeof *c->file_rows) : NULL;
    c->made_rows =
        c->options->save_base != NULL ? memory_new(ROWS, base_file_row_bytes(c->n_vocab)) : NULL;
    bool good = c->sessions != NULL && c->agreements != NULL &&
                (c->file == NULL || c->file_rows != NULL) &&
                (c->options->save_base == NULL || c->made_rows != NULL);
    return good ? GEN_OK : error_no_memory(err, "a comparison");
}

static enum gen_status prepare(struct comparison *c, struct gen_error *err) {
    const struct gen_compare_options *options = c->options;
    struct gen_session_options session_options = gen_session_options_default();
    enum gen_status status = check_models(c, err);
    if (status != GEN_OK || (status = check_text(c, err)) != GEN_OK ||
        (status = reserve(c, err)) != GEN_OK) {
        return status;
    }
    session_options.n_threads = options->n_threads;
    session_options.kernels = options->kernels;
    session_options.kv_type = options->kv_type;
    session_options.n_ctx = (int32_t)c->n_ctx;
    for (size_t i = 0; i < c->n_models && status == GEN_OK; i++) {
        c->agreements[i].by_tokens = is_in_halves(c);
        status = gen_session_new(&c->sessions[i], c->models[i], &session_options, err);
    }
    if (status == GEN_OK && options->save_base != NULL) {
        status = base_file_put_head(&options->save_base->file, (int32_t)c->n_ctx,
                                    (int32_t)c->n_vocab, c->n_ids / c->n_ctx, c->ids, err);
    }
    return status;
}

static void release(struct comparison *c) {
    for (size_t i = 0; i < c->n_models; i++) {
        if (c->sessions != NULL) {
            gen_session_free(c->sessions[i]);
        }
        if (c->agreements != NULL) {
            agreement_release(&c->agreements[i]);
        }
    }
    memory_free(c->sessions);
    memory_free(c->agreements);
    memory_free(c->file_rows);
    memory_free(c->made_rows);
    memory_free(c->models);
    memory_free(c);
}

enum gen_status gen_compare(struct gen_agreement *out, const struct gen_model *base,
                            const struct gen_base_file *base_file,
                            const struct gen_model *const *models, size_t n, const int32_t *ids,
                            size_t n_ids, const struct gen_compare_options *options,
                            struct gen_error *err) {
    size_t n_base = base_file == NULL ? 1 : 0;
    struct comparison *c = memory_new(1, sizeof *c);
    const struct gen_model **all = memory_new(n + 1, sizeof *all);
    if (c == NULL || all == NULL) {
        memory_free(c);
        memory_free(all);
        return error_no_memory(err, "a comparison");
    }
    c->options = options;
    c->file = base_file;
    c->models = all;
    c->n_models = n + n_base;
    c->ids = base_file != NULL ? base_file->ids : ids;
    c->n_ids = n_ids;
    atomic_init(&c->bad_base, false);
    if (base_file != NULL) {
        c->n_ids = base_file->n_windows * (size_t)base_file->n_ctx;
    } else {
        all[0] = base;
    }
    for (size_t i = 0; i < n; i++) {
        all[n_base + i] = models[i];
    }
    enum gen_status status = c->n_models > 0
                                 ? prepare(c, err)
                                 : error_set(err, GEN_BAD_ARGUMENT, "there is no model to compare");
    if (status == GEN_OK) {
        status = take_text(c, err);
    }
    if (status == GEN_OK && options->save_base != NULL) {
        status = file_writer_commit(&options->save_base->file, err);
    }
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        out[i] = agreement_result(&c->agreements[n_base + i]);
    }
    release(c);
    return status;
}
