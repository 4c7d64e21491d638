/**
 * train.c - gen_train(): text to learn from, cut into sequences that fill the context: the
 * vocabulary, the dataset, the part that validates, and how a step reads them. The run itself is
 * job.c's, which gen_finetune() shares.
 */
#include "base/digest.h"
#include "base/error.h"
#include "base/size.h"
#include "data/corpus.h"
#include "data/dataset.h"
#include "data/vocabulary.h"
#include "train/job.h"
#include "train/options.h"
#include "train/ranks.h"

struct text_job {
    struct train_job job;
    struct dataset data, valid;
    struct token_span data_span, valid_span;
    struct data_order order;
    size_t step_sequences; /* of a step */
};

/* ---- a vocabulary of one's own ---------------------------------------------------------------*/

static bool tell_vocabulary(void *context, enum gen_train_phase phase, uint64_t done,
                            uint64_t total) {
    const struct text_job *text = context;
    const struct gen_train_watch *watch = text->job.in.watch;
    return watch->progress == NULL || watch->progress(watch->context, phase, done, total);
}

static enum gen_status learn_tokenizer(void *context, struct gen_tokenizer **out,
                                       struct gen_error *err) {
    const struct text_job *text = context;
    const struct gen_train_options *options = text->job.in.options;
    struct corpus corpus;
    const struct vocabulary_progress progress = {context, tell_vocabulary};
    enum gen_status status =
        corpus_open(&corpus, options->data, options->n_data, options->field, err);
    if (status == GEN_OK) {
        status =
            vocabulary_learn(out, &corpus, train_options_vocab_size(options),
                             ranks_threads(options->ranks, options->n_threads), &progress, err);
    }
    corpus_release(&corpus);
    return status;
}

/* ---- data ------------------------------------------------------------------------------------*/

static bool tell_reading(void *context, uint64_t done, uint64_t total) {
    const struct text_job *text = context;
    const struct gen_train_watch *watch = text->job.in.watch;
    return watch->progress == NULL ||
           watch->progress(watch->context, GEN_TRAIN_READING, done, total);
}

static enum gen_status open_dataset(struct text_job *text, struct dataset *dataset,
                                    const char *const *files, size_t n_files, uint64_t expected,
                                    struct gen_error *err) {
    const struct train_job *job = &text->job;
    struct corpus corpus;
    struct dataset_progress progress = {text, tell_reading};
    enum gen_status status = corpus_open(&corpus, files, n_files, job->in.options->field, err);
    corpus.special = job->in.options->special;
    for (size_t i = 0; status == GEN_OK && i < n_files; i++) {
        status = train_job_check_input(job, &corpus.files[i].map, err);
    }
    if (status == GEN_OK) {
        status = dataset_open(dataset, job->in.path, &corpus, job->tokenizer, job->compute.pool,
                              expected, &progress, err);
    }
    corpus_release(&corpus);
    return status;
}

/* A step that reads the data more than once works for nothing: whoever says so has mistaken the
 * unit or the file. Whoever says nothing gets what there is. */
static enum gen_status choose_batch(struct text_job *text, struct gen_error *err) {
    const struct gen_train_options *options = text->job.in.options;
    uint64_t n_ctx = text->job.n_positions;
    uint64_t most = text->order.n_windows;
    uint64_t asked = options->batch_size;
    uint64_t n = ((asked != 0 ? asked : TRAIN_BATCH_SIZE) + n_ctx - 1) / n_ctx;
    if (asked != 0 && n > most) {
        struct error_quoted quoted;
        return error_set(err, GEN_BAD_ARGUMENT,
                         "%s: a batch of %llu tokens is %llu sequences of n_ctx %llu, but there "
                         "are %llu (ask for %llu tokens at most, or give more text)",
                         error_path(&quoted, options->data[0]), (unsigned long long)asked,
                         (unsigned long long)n, (unsigned long long)n_ctx, (unsigned long long)most,
                         (unsigned long long)(most * n_ctx));
    }
    text->step_sequences = (size_t)(n < most ? n : most);
    return GEN_OK;
}

static enum gen_status open_data(struct text_job *text, struct gen_error *err) {
    const struct train_job *job = &text->job;
    const struct gen_train_options *options = job->in.options;
    /* One rank alone makes the ids again where they are not those of the state. */
    bool expects = job->resumed && ranks_leads(options->ranks);
    enum gen_status status = open_dataset(text, &text->data, options->data, options->n_data,
                                          expects ? job->saved.checkpoint.data_key : 0, err);
    if (status == GEN_OK && options->n_valid > 0) {
        status = open_dataset(text, &text->valid, options->valid, options->n_valid, 0, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    size_t n_held = (size_t)((double)options->valid_share * (double)text->data.n);
    if (options->valid_share > 0 && n_held < 2 && text->data.n > 2) {
        n_held = 2; /* of fewer nothing can be predicted */
    }
    text->data_span = (struct token_span){&text->data, 0, text->data.n - n_held};
    text->valid_span = options->n_valid > 0
                           ? (struct token_span){&text->valid, 0, text->valid.n}
                           : (struct token_span){&text->data, text->data.n - n_held, n_held};
    struct error_quoted quoted;
    status = data_order_init(&text->order, &text->data_span, job->n_positions, options->seed,
                             error_path(&quoted, options->data[0]), err);
    return status == GEN_OK ? choose_batch(text, err) : status;
}

/* Rank 0 before the others, so that one writes the files of tokens and all read them. */
static enum gen_status open_data_in_turn(struct text_job *text, struct gen_error *err) {
    const struct gen_ranks *ranks = text->job.in.options->ranks;
    enum gen_status status = ranks_leads(ranks) ? open_data(text, err) : GEN_OK;
    status = ranks_join(ranks, status, err);
    if (status == GEN_OK && !ranks_leads(ranks)) {
        status = open_data(text, err);
    }
    return ranks_join(ranks, status, err);
}

static size_t read_data(void *context, uint64_t sequence, int32_t *ids, int32_t *targets) {
    struct text_job *text = context;
    data_order_read(&text->order, sequence, ids, targets);
    return text->job.n_positions;
}

/* Sequences of a validation: the span from its beginning. */
static size_t read_valid(void *context, uint64_t sequence, int32_t *ids, int32_t *targets) {
    const struct text_job *text = context;
    size_t n_positions = text->job.n_positions;
    size_t first = (size_t)sequence * n_positions;
    size_t left = text->valid_span.n - 1 - first; /* ids that have one after them */
    size_t n = size_min(left, n_positions);
    token_span_read(ids, &text->valid_span, first, n);
    token_span_read(targets, &text->valid_span, first + 1, n);
    return n;
}

/* A digest of a part of a dataset that is cut into sequences; never 0. */
static uint64_t span_key(const struct token_span *span, size_t n_positions) {
    struct digest digest = {0};
    digest_add_u64(&digest, span->dataset->key);
    digest_add_u64(&digest, span->first);
    digest_add_u64(&digest, span->n);
    digest_add_u64(&digest, n_positions);
    return digest_value(&digest) | 1;
}

static struct train_job_data describe_data(struct text_job *text) {
    const struct gen_train_options *options = text->job.in.options;
    size_t n_positions = text->job.n_positions;
    struct train_job_data data = {
        .data = {.context = text, .n_sequences = text->order.n_windows, .read = read_data},
        .n_positions = n_positions,
        .n_sequences = text->step_sequences,
        .epoch_steps = (double)text->order.n_windows / (double)text->step_sequences,
        .valid_every = options->valid_every,
        .data_key = text->data.key,
        .earlier_key = text->data.file_key,
        .order_key = span_key(&text->data_span, n_positions),
        .n_tokens = text->data_span.n,
        .n_documents = text->data.n_documents,
        .n_valid_tokens = text->valid_span.n};
    if (text->valid_span.n > 1) {
        size_t n = size_divide_up(text->valid_span.n - 1, n_positions);
        data.valid = (struct train_source){.context = text, .n_sequences = n, .read = read_valid};
        data.valid_key = span_key(&text->valid_span, n_positions);
        data.keeps_best = true;
    }
    return data;
}

enum gen_status gen_train(const char *path, const struct gen_train_options *options,
                          const struct gen_train_watch *watch, struct gen_error *err) {
    static const struct gen_train_watch nobody = {0};
    struct text_job text = {0};
    const struct train_job_inputs inputs = {.options = options,
                                            .watch = watch != NULL ? watch : &nobody,
                                            .path = path,
                                            .learn_tokenizer = learn_tokenizer,
                                            .context = &text};
    enum gen_status status = train_job_open(&text.job, &inputs, err);
    if (status == GEN_OK) {
        status = open_data_in_turn(&text, err);
    }
    if (status == GEN_OK) {
        const struct train_job_data data = describe_data(&text);
        status = train_job_run(&text.job, &data, err);
    }
    train_job_release(&text.job);
    data_order_release(&text.order);
    dataset_release(&text.data);
    dataset_release(&text.valid);
    return status;
}
