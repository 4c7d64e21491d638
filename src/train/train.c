/* gen_train: from options and files to a trainer, and its run. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/model_file.h"
#include "model/config.h"
#include "model/forward.h"
#include "train/corpus.h"
#include "train/dataset.h"
#include "train/options.h"
#include "train/ranks.h"
#include "train/trainer.h"
#include "train/vocabulary.h"

/* All that a run owns. */
struct job {
    const struct gen_train_options *options;
    const struct gen_train_watch *watch;
    struct gen_error *err;
    char *state_path;
    struct saved_state saved; /* of a run that is resumed; map empty: of none */
    bool resumed;
    struct model_file *init;
    struct gen_tokenizer *own_tokenizer;
    const struct gen_tokenizer *tokenizer;
    struct gen_config config;
    size_t n_positions;
    struct compute compute;
    bool computes; /* compute is initialized */
    struct dataset data, valid;
    struct token_span data_span, valid_span;
    struct data_order order;
    struct params params;
    struct adamw adamw;
    float *gradients;
    struct train_pass *pass;
    uint64_t memory;
    struct trainer trainer;
};

/* ---- what there is to go on from -------------------------------------------------------------*/

static enum gen_status open_state(struct job *job, const char *path) {
    size_t size = strlen(path) + sizeof ".state";
    job->state_path = memory_new(size, 1);
    if (job->state_path == NULL) {
        return error_no_memory(job->err, "a path");
    }
    snprintf(job->state_path, size, "%s.state", path);
    file_writer_sweep(path);
    if (file_kind_of(job->state_path) == FILE_MISSING) {
        return GEN_OK;
    }
    if (!job->options->resume) {
        struct error_quoted quoted;
        return error_set(
            job->err, GEN_BAD_ARGUMENT,
            "%s: there is a run already (resume it, remove this file to begin anew, or "
            "choose another output)",
            error_path(&quoted, job->state_path));
    }
    job->resumed = true;
    return saved_state_open(&job->saved, job->state_path, job->err);
}

static bool tell_vocabulary(void *context, enum gen_train_phase phase, uint64_t done,
                            uint64_t total) {
    const struct gen_train_watch *watch = context;
    return watch->progress == NULL || watch->progress(watch->context, phase, done, total);
}

static enum gen_status learn_tokenizer(struct job *job) {
    const struct gen_train_options *options = job->options;
    struct corpus corpus;
    struct gen_train_watch watch = *job->watch;
    const struct vocabulary_progress progress = {&watch, tell_vocabulary};
    enum gen_status status =
        corpus_open(&corpus, options->data, options->n_data, options->field, job->err);
    if (status == GEN_OK) {
        status = vocabulary_learn(&job->own_tokenizer, &corpus, train_options_vocab_size(options),
                                  ranks_threads(options->ranks, options->n_threads), &progress,
                                  job->err);
    }
    corpus_release(&corpus);
    return status;
}

/* The tokenizer that the options name, else, to go on, that of the model written so far, else the
 * one of the model to begin with, else one learned from the data. */
static enum gen_status open_tokenizer(struct job *job, const char *path) {
    const struct gen_train_options *options = job->options;
    const char *source = options->vocab;
    if (source == NULL && job->resumed) {
        source = file_kind_of(path) == FILE_REGULAR ? path : options->init;
    } else if (source == NULL && job->init != NULL) {
        job->tokenizer = job->init->tokenizer;
    }
    if (job->tokenizer == NULL && (source != NULL || job->init == NULL)) {
        enum gen_status status = source != NULL
                                     ? gen_tokenizer_open(&job->own_tokenizer, source, job->err)
                                     : learn_tokenizer(job);
        if (status != GEN_OK) {
            return status;
        }
        job->tokenizer = job->own_tokenizer;
    }
    if (job->tokenizer == NULL) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: this model has no vocabulary to train with (name one)",
                         job->init->where.text);
    }
    if (gen_tokenizer_eos(job->tokenizer) < 0) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "the vocabulary has no end-of-text token to stand between documents");
    }
    return GEN_OK;
}

/* A vocabulary of its own for a model that has one: its ids must mean the same. */
static enum gen_status check_init_tokenizer(const struct job *job) {
    const struct gen_tokenizer *own = job->init->tokenizer;
    int32_t n = gen_tokenizer_n_vocab(job->tokenizer);
    if (n > job->config.n_vocab ||
        (own != NULL && own != job->tokenizer &&
         dataset_vocab_digest(own) != dataset_vocab_digest(job->tokenizer))) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the vocabulary of %d tokens is not the one this model was trained "
                         "with, which has %d (leave the vocabulary away, or train anew)",
                         job->init->where.text, n,
                         own != NULL ? gen_tokenizer_n_vocab(own) : job->config.n_vocab);
    }
    return GEN_OK;
}

static enum gen_status check_saved(const struct job *job) {
    const struct checkpoint *saved = &job->saved.checkpoint;
    struct error_quoted quoted;
    const char *name = error_path(&quoted, job->state_path);
    if (saved->vocab != dataset_vocab_digest(job->tokenizer)) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run was begun with another vocabulary", name);
    }
    if (saved->seed != job->options->seed) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run was begun with seed %llu, the options have %llu", name,
                         (unsigned long long)saved->seed, (unsigned long long)job->options->seed);
    }
    if (saved->step > job->options->n_steps) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run has made %llu steps, the options ask for %llu in all", name,
                         (unsigned long long)saved->step,
                         (unsigned long long)job->options->n_steps);
    }
    return train_options_fit(job->options, &saved->config, name, job->err);
}

/* The configuration is that of the state, of the model to begin with, or a new one. */
static enum gen_status choose_config(struct job *job) {
    enum gen_status status = GEN_OK;
    if (job->resumed) {
        job->config = job->saved.checkpoint.config;
        status = check_saved(job);
    } else if (job->init != NULL) {
        status = config_read(&job->config, job->init, job->err);
        if (status == GEN_OK) {
            status = check_init_tokenizer(job);
        }
        if (status == GEN_OK) {
            status = train_options_fit(job->options, &job->config, job->init->where.text, job->err);
        }
    } else {
        status = train_options_config(&job->config, job->options, job->tokenizer, job->err);
    }
    int32_t n_ctx = job->options->shape.n_ctx;
    job->n_positions = (size_t)(n_ctx > 0 ? n_ctx : job->config.n_ctx);
    return status;
}

/* What is read must not be what is written: the first checkpoint would destroy it. */
static enum gen_status check_input(const struct job *job, const struct file_map *map,
                                   const char *path) {
    struct error_quoted quoted;
    if (!file_map_is(map, path) && !file_map_is(map, job->state_path)) {
        return GEN_OK;
    }
    return error_set(job->err, GEN_BAD_ARGUMENT,
                     "%s: is read by this run and cannot be its output (choose another name)",
                     error_path(&quoted, path));
}

static enum gen_status open_init(struct job *job, const char *path) {
    enum gen_status status = model_file_open(&job->init, job->options->init, job->err);
    for (size_t i = 0; status == GEN_OK && i < job->init->n_maps; i++) {
        status = check_input(job, &job->init->maps[i], path);
    }
    return status;
}

static enum gen_status open_model(struct job *job, const char *path) {
    enum gen_status status = open_state(job, path);
    if (status == GEN_OK && job->options->init != NULL && !job->resumed) {
        status = open_init(job, path);
    }
    if (status == GEN_OK) {
        status = open_tokenizer(job, path);
    }
    return status == GEN_OK ? choose_config(job) : status;
}

/* ---- data ------------------------------------------------------------------------------------*/

static bool tell_reading(void *context, uint64_t done, uint64_t total) {
    const struct gen_train_watch *watch = context;
    return watch->progress == NULL ||
           watch->progress(watch->context, GEN_TRAIN_READING, done, total);
}

static enum gen_status open_dataset(struct job *job, struct dataset *dataset, const char *path,
                                    const char *const *files, size_t n_files) {
    struct corpus corpus;
    struct gen_train_watch watch = *job->watch;
    struct dataset_progress progress = {&watch, tell_reading};
    enum gen_status status = corpus_open(&corpus, files, n_files, job->options->field, job->err);
    for (size_t i = 0; status == GEN_OK && i < n_files; i++) {
        status = check_input(job, &corpus.files[i].map, path);
    }
    if (status == GEN_OK) {
        status = dataset_open(dataset, path, &corpus, job->tokenizer, job->compute.pool, &progress,
                              job->err);
    }
    corpus_release(&corpus);
    return status;
}

static enum gen_status open_data(struct job *job, const char *path) {
    const struct gen_train_options *options = job->options;
    enum gen_status status = open_dataset(job, &job->data, path, options->data, options->n_data);
    if (status == GEN_OK && options->n_valid > 0) {
        status = open_dataset(job, &job->valid, path, options->valid, options->n_valid);
    }
    if (status != GEN_OK) {
        return status;
    }
    size_t n_held = (size_t)((double)options->valid_share * (double)job->data.n);
    job->data_span = (struct token_span){&job->data, 0, job->data.n - n_held};
    job->valid_span = options->n_valid > 0
                          ? (struct token_span){&job->valid, 0, job->valid.n}
                          : (struct token_span){&job->data, job->data.n - n_held, n_held};
    struct error_quoted quoted;
    return data_order_init(&job->order, &job->data_span, job->n_positions, options->seed,
                           error_path(&quoted, options->data[0]), job->err);
}

/* Rank 0 before the others, so that one writes the files of tokens and all read them. */
static enum gen_status open_data_in_turn(struct job *job, const char *path) {
    const struct gen_ranks *ranks = job->options->ranks;
    enum gen_status status = ranks_leads(ranks) ? open_data(job, path) : GEN_OK;
    status = ranks_join(ranks, status, job->err);
    if (status == GEN_OK && !ranks_leads(ranks)) {
        status = open_data(job, path);
    }
    return ranks_join(ranks, status, job->err);
}

static void read_data(void *context, uint64_t sequence, int32_t *ids, int32_t *targets) {
    data_order_read(context, sequence, ids, targets);
}

/* Sequences of a validation: the span from its beginning, the last filled up. */
static void read_valid(void *context, uint64_t sequence, int32_t *ids, int32_t *targets) {
    const struct job *job = context;
    size_t first = (size_t)sequence * job->n_positions;
    size_t left = job->valid_span.n - 1 - first; /* ids that have one behind them */
    size_t n = left < job->n_positions ? left : job->n_positions;
    token_span_read(ids, &job->valid_span, first, n);
    token_span_read(targets, &job->valid_span, first + 1, n);
    for (size_t i = n; i < job->n_positions; i++) {
        ids[i] = 0;
        targets[i] = TRAIN_NO_TARGET;
    }
}

/* ---- weights and memory ----------------------------------------------------------------------*/

/* Sequences of a micro-batch: so many that products are large, as few as possible beyond that,
 * within half of the machine's memory, and dividing a step evenly. */
#define MICRO_BATCH_ROWS 4096

static struct train_pass_options pass_options(const struct job *job, size_t micro_batch) {
    return (struct train_pass_options){.max_sequences = micro_batch,
                                       .max_positions = job->n_positions,
                                       .recompute = job->options->checkpoint_activations,
                                       .dropout = job->options->dropout};
}

static size_t choose_micro_batch(const struct job *job, size_t n_sequences) {
    const struct gen_ranks *ranks = job->options->ranks;
    if (job->options->micro_batch > 0) {
        size_t wanted = (size_t)job->options->micro_batch;
        return wanted < n_sequences ? wanted : n_sequences;
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t limit = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : UINT64_MAX;
    limit /= ranks != NULL ? (uint64_t)ranks->n_on_machine : 1;
    uint64_t weights = 16 * (uint64_t)job->params.n_values;
    size_t most = MICRO_BATCH_ROWS / job->n_positions;
    most = most < 1 ? 1 : most > n_sequences ? n_sequences : most;
    for (; most > 1; most--) {
        struct train_pass_options options = pass_options(job, most);
        if (weights + train_pass_bytes(&job->config, &options) <= limit) {
            break;
        }
    }
    size_t n_parts = (n_sequences + most - 1) / most;
    return (n_sequences + n_parts - 1) / n_parts;
}

static enum gen_status fill_weights(struct job *job) {
    if (job->resumed) {
        return saved_state_load(&job->saved, &job->params, &job->adamw, job->err);
    }
    if (job->init != NULL) {
        return params_load(&job->params, job->init, job->err);
    }
    params_randomize(&job->params, job->options->seed);
    return GEN_OK;
}

static enum gen_status make_weights(struct job *job) {
    const struct gen_train_options *options = job->options;
    const struct adamw_options adamw = {.beta1 = (double)options->beta1,
                                        .beta2 = (double)options->beta2,
                                        .epsilon = (double)options->epsilon,
                                        .decay = (double)options->weight_decay,
                                        .decay_embeddings = options->decay_embeddings};
    enum gen_status status = params_init(&job->params, &job->config, job->err);
    if (status != GEN_OK) {
        return status;
    }
    job->gradients = params_new_array(&job->params);
    if (!adamw_init(&job->adamw, &job->params, &adamw) || job->gradients == NULL) {
        return error_set(job->err, GEN_NO_MEMORY,
                         "out of memory for training %llu parameters, which takes 16 bytes each",
                         (unsigned long long)job->params.n_parameters);
    }
    return fill_weights(job);
}

/* ---- the run ---------------------------------------------------------------------------------*/

static struct checkpoint first_checkpoint(const struct job *job) {
    struct checkpoint checkpoint = job->saved.checkpoint; /* all 0 for a new run */
    checkpoint.config = job->config;
    checkpoint.seed = job->options->seed;
    checkpoint.vocab = dataset_vocab_digest(job->tokenizer);
    if (checkpoint.data_key != job->data.key) { /* other data begin at their beginning */
        checkpoint.n_sequences = 0;
        checkpoint.data_key = job->data.key;
    }
    return checkpoint;
}

static void fill_trainer(struct job *job, const char *path) {
    const struct gen_train_options *options = job->options;
    struct trainer *trainer = &job->trainer;
    *trainer = (struct trainer){
        .options = options,
        .watch = job->watch,
        .path = path,
        .state_path = job->state_path,
        .tokenizer = job->tokenizer,
        .params = &job->params,
        .adamw = &job->adamw,
        .gradients = job->gradients,
        .compute = &job->compute,
        .schedule = {.kind = options->schedule,
                     .peak = (double)options->learning_rate,
                     .least = (double)options->least_rate,
                     .n_steps = options->n_steps,
                     .n_warmup = options->n_warmup,
                     .decay_share = (double)options->decay_share},
        .data = {&job->order, job->order.n_windows, read_data},
        .n_positions = job->n_positions,
        .n_sequences = (size_t)((options->batch_size + job->n_positions - 1) / job->n_positions),
        .checkpoint = first_checkpoint(job),
    };
    if (job->valid_span.n > 1) {
        size_t n = (job->valid_span.n - 1 + job->n_positions - 1) / job->n_positions;
        trainer->valid = (struct train_source){job, n, read_valid};
    }
}

static void tell_plan(const struct job *job) {
    const struct trainer *trainer = &job->trainer;
    struct gen_train_plan plan = {
        .config = &job->config,
        .n_parameters = job->params.n_parameters,
        .n_tokens = job->data_span.n,
        .n_valid_tokens = job->valid_span.n,
        .n_sequences = trainer->data.n_sequences,
        .step_sequences = trainer->n_sequences,
        .sequence_length = (int32_t)trainer->n_positions,
        .micro_batch = (int32_t)trainer->micro_batch,
        .first_step = trainer->checkpoint.step,
        .n_steps = job->options->n_steps,
        .memory = job->memory,
    };
    if (job->watch->plan != NULL) {
        job->watch->plan(job->watch->context, &plan);
    }
}

/* What the options name, but for the data. */
static enum gen_status open_all(struct job *job, const char *path) {
    const struct gen_train_options *options = job->options;
    const struct kernels *kernels = NULL;
    enum gen_status status = train_options_check(options, job->err);
    if (status != GEN_OK ||
        (status = kernels_choose(&kernels, options->kernels, job->err)) != GEN_OK ||
        (status = open_model(job, path)) != GEN_OK) {
        return status;
    }
    int n_threads = ranks_threads(options->ranks, options->n_threads);
    job->computes = compute_init(&job->compute, kernels, n_threads, 0);
    return job->computes ? GEN_OK : error_no_memory(job->err, "threads");
}

static enum gen_status make_trainer(struct job *job, const char *path) {
    const struct gen_ranks *ranks = job->options->ranks;
    enum gen_status status = make_weights(job);
    if (status != GEN_OK) {
        return status;
    }
    fill_trainer(job, path);
    saved_state_close(&job->saved);
    if (ranks != NULL && job->trainer.n_sequences < (size_t)ranks->n) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%d processes share the sequences of a step, and it has only %zu (train "
                         "with fewer processes, larger batches or shorter sequences)",
                         ranks->n, job->trainer.n_sequences);
    }
    uint64_t first, end;
    ranks_share(&first, &end, ranks, job->trainer.n_sequences);
    job->trainer.micro_batch = choose_micro_batch(job, (size_t)(end - first));
    struct train_pass_options options = pass_options(job, job->trainer.micro_batch);
    job->memory = 16 * (uint64_t)job->params.n_values + train_pass_bytes(&job->config, &options);
    status = train_pass_new(&job->pass, &job->params, &options, &job->compute, job->err);
    job->trainer.pass = job->pass;
    return status;
}

/* After each part the ranks meet, so that what fails on one ends all. */
static enum gen_status prepare(struct job *job, const char *path) {
    const struct gen_ranks *ranks = job->options->ranks;
    enum gen_status status = ranks_join(ranks, open_all(job, path), job->err);
    if (status == GEN_OK) {
        status = open_data_in_turn(job, path);
    }
    return status == GEN_OK ? ranks_join(ranks, make_trainer(job, path), job->err) : status;
}

static void release(struct job *job) {
    train_pass_free(job->pass);
    params_free_array(&job->params, job->gradients);
    adamw_release(&job->adamw, &job->params);
    params_release(&job->params);
    data_order_release(&job->order);
    dataset_release(&job->data);
    dataset_release(&job->valid);
    if (job->computes) {
        compute_release(&job->compute);
    }
    saved_state_close(&job->saved);
    gen_tokenizer_free(job->own_tokenizer);
    model_file_free(job->init);
    memory_free(job->state_path);
}

enum gen_status gen_train(const char *path, const struct gen_train_options *options,
                          const struct gen_train_watch *watch, struct gen_error *err) {
    static const struct gen_train_watch nobody = {0};
    struct job job = {.options = options, .watch = watch != NULL ? watch : &nobody, .err = err};
    enum gen_status status = ranks_check(options->ranks, err);
    if (status == GEN_OK) {
        status = prepare(&job, path);
    }
    if (status == GEN_OK) {
        tell_plan(&job);
        status = trainer_run(&job.trainer, err);
    }
    release(&job);
    return status;
}
