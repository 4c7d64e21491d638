#include "train/job.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "model/config.h"
#include "tensor/kernels/training.h"
#include "train/dataset.h"
#include "train/digest.h"
#include "train/options.h"
#include "train/ranks.h"

/* ---- what there is to go on from -------------------------------------------------------------*/

static enum gen_status open_state(struct train_job *job) {
    size_t size = strlen(job->path) + sizeof ".state";
    job->state_path = memory_new(size, 1);
    if (job->state_path == NULL) {
        return error_no_memory(job->err, "a path");
    }
    snprintf(job->state_path, size, "%s.state", job->path);
    if (file_identity_of(job->state_path).inode == 0) {
        return GEN_OK; /* not there, or a link to what is not: it is made */
    }
    if (!job->options.resume) {
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

/* Whether all files can be written, to be known before anything else is done: the longest name may
 * be too long where the model's is not. */
static enum gen_status check_output(const struct train_job *job) {
    if (!ranks_leads(job->options.ranks)) {
        return GEN_OK;
    }
    enum gen_status status = file_writer_check(job->path, job->err);
    if (status == GEN_OK) {
        status = file_writer_check_ending(job->path, ".state", job->err);
    }
    if (status == GEN_OK && job->learn_tokenizer != NULL) { /* text, whose tokens are kept */
        status = file_writer_check_ending(job->path, DATASET_LONGEST_ENDING, job->err);
    }
    return status;
}

/* The tokenizer that the options name, else that of the model to begin with, else, to go on
 * without it, that of the model written so far, which may be an adapter where none can be learned,
 * else one learned from the data. */
static enum gen_status open_tokenizer(struct train_job *job) {
    const char *source = job->options.vocab;
    if (source == NULL && job->init != NULL) {
        job->tokenizer = job->init->tokenizer;
    }
    if (source == NULL && job->tokenizer == NULL && job->resumed && job->learn_tokenizer != NULL &&
        file_kind_of(job->path) == FILE_REGULAR) {
        source = job->path;
    }
    bool learns = source == NULL && job->init == NULL && job->learn_tokenizer != NULL;
    if (source != NULL || learns) {
        enum gen_status status = learns ? job->learn_tokenizer(job)
                                        : gen_tokenizer_open(&job->own_tokenizer, source, job->err);
        if (status != GEN_OK) {
            return status;
        }
        job->tokenizer = job->own_tokenizer;
    }
    if (job->tokenizer == NULL) {
        return error_set(
            job->err, GEN_BAD_ARGUMENT,
            "there is no vocabulary to train with (name one, or a model to begin with)");
    }
    if (gen_tokenizer_eos(job->tokenizer) < 0) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "the vocabulary has no end-of-text token to stand between documents");
    }
    return GEN_OK;
}

/* A vocabulary of its own for a model that has one: its ids must mean the same. */
static enum gen_status check_init_tokenizer(const struct train_job *job) {
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

/* A resumed run has its weights in the state. A model to begin with that is named again changes
 * nothing; another one, which somebody meant to be used, must not be passed over in silence. */
static enum gen_status check_init_again(const struct train_job *job, const char *name) {
    const struct checkpoint *saved = &job->saved.checkpoint;
    const struct gen_config *run = &saved->config;
    const struct gen_config *init = &job->init_config;
    const struct gen_tokenizer *tokenizer = job->init->tokenizer;
    const char *init_name = job->init->where.text;
    const struct {
        const char *name;
        int32_t run, init;
    } sizes[] = {
        {"n_layer", run->n_layer, init->n_layer}, {"n_head", run->n_head, init->n_head},
        {"n_embd", run->n_embd, init->n_embd},    {"n_inner", run->n_inner, init->n_inner},
        {"n_ctx", run->n_ctx, init->n_ctx},       {"n_vocab", run->n_vocab, init->n_vocab}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        if (sizes[i].run != sizes[i].init) {
            return error_set(job->err, GEN_BAD_ARGUMENT,
                             "%s: its %s is %d, that of %s is %d (go on with the model that the "
                             "run was begun with, or choose another output)",
                             name, sizes[i].name, sizes[i].run, init_name, sizes[i].init);
        }
    }
    if (tokenizer != NULL && dataset_vocab_digest(tokenizer) != saved->vocab) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: its vocabulary of %d tokens is not that of %s, which has %d (go on "
                         "with the model that the run was begun with, or choose another output)",
                         name, run->n_vocab, init_name, gen_tokenizer_n_vocab(tokenizer));
    }
    return GEN_OK;
}

static enum gen_status check_saved(const struct train_job *job) {
    const struct checkpoint *saved = &job->saved.checkpoint;
    struct error_quoted quoted;
    const char *name = error_path(&quoted, job->state_path);
    enum gen_status status = job->init != NULL ? check_init_again(job, name) : GEN_OK;
    if (status != GEN_OK) {
        return status;
    }
    if (saved->vocab != dataset_vocab_digest(job->tokenizer)) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run was begun with another vocabulary of %d tokens, this one has "
                         "%d (go on with that one, or choose another output)",
                         name, saved->config.n_vocab, gen_tokenizer_n_vocab(job->tokenizer));
    }
    if (saved->seed != job->options.seed) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run was begun with seed %llu, the options have %llu", name,
                         (unsigned long long)saved->seed, (unsigned long long)job->options.seed);
    }
    if (saved->optimizer != job->options.optimizer) {
        return error_set(
            job->err, GEN_BAD_ARGUMENT,
            "%s: the run was begun with the optimizer %s, the options have %s (go on with "
            "that one, or begin a new run with the model)",
            name, gen_optimizer_name(saved->optimizer), gen_optimizer_name(job->options.optimizer));
    }
    return train_options_fit(&job->options, &saved->config, name, job->err);
}

/* The configuration is that of the state, of the model to begin with, or a new one. */
static enum gen_status choose_config(struct train_job *job) {
    enum gen_status status = GEN_OK;
    if (job->resumed) {
        job->config = job->saved.checkpoint.config;
        status = check_saved(job);
    } else if (job->init != NULL) {
        job->config = job->init_config;
        status = check_init_tokenizer(job);
        if (status == GEN_OK) {
            status =
                train_options_fit(&job->options, &job->config, job->init->where.text, job->err);
        }
    } else {
        status = train_options_config(&job->config, &job->options, job->tokenizer, job->err);
    }
    int32_t n_ctx = job->options.shape.n_ctx;
    job->n_positions = (size_t)(n_ctx > 0 ? n_ctx : job->config.n_ctx);
    return status;
}

enum gen_status train_job_check_input(const struct train_job *job, const struct file_map *map) {
    struct error_quoted quoted;
    if (!file_map_is(map, job->path) && !file_map_is(map, job->state_path)) {
        return GEN_OK;
    }
    return error_set(job->err, GEN_BAD_ARGUMENT,
                     "%s: is read by this run and cannot be its output (choose another name)",
                     error_path(&quoted, job->path));
}

static enum gen_status open_init_file(struct train_job *job) {
    const struct gen_train_options *options = &job->options;
    if (options->init_image != NULL) {
        return model_file_open_memory(&job->init, options->init, options->init_image,
                                      options->init_size, job->err);
    }
    enum gen_status status = model_file_open(&job->init, options->init, job->err);
    for (size_t i = 0; status == GEN_OK && i < job->init->n_maps; i++) {
        status = train_job_check_input(job, &job->init->maps[i]);
    }
    return status;
}

/* The configuration is read first of all: it tells whether the file is a model. */
static enum gen_status open_init(struct train_job *job) {
    enum gen_status status = open_init_file(job);
    return status == GEN_OK ? config_read(&job->init_config, job->init, job->err) : status;
}

static enum gen_status open_model(struct train_job *job) {
    enum gen_status status = check_output(job);
    if (status == GEN_OK) {
        status = open_state(job);
    }
    if (status == GEN_OK && job->options.init != NULL) {
        status = open_init(job);
    }
    if (status == GEN_OK) {
        status = open_tokenizer(job);
    }
    return status == GEN_OK ? choose_config(job) : status;
}

static enum gen_status open_all(struct train_job *job) {
    const struct kernels *kernels = NULL;
    enum gen_status status = train_options_check(&job->options, job->err);
    if (status != GEN_OK ||
        (status = kernels_choose(&kernels, job->options.kernels, job->err)) != GEN_OK ||
        (status = open_model(job)) != GEN_OK) {
        return status;
    }
    int n_threads = ranks_threads(job->options.ranks, job->options.n_threads);
    /* Passes have scratch of their own. */
    size_t scratch = job->options.optimizer == GEN_OPTIMIZER_MUON ? PRODUCT_SCRATCH : 0;
    job->computes = compute_init(&job->compute, kernels, n_threads, scratch);
    return job->computes ? GEN_OK : error_no_memory(job->err, "threads");
}

enum gen_status train_job_open(struct train_job *job) {
    const struct gen_ranks *ranks = job->options.ranks;
    enum gen_status status = ranks_check(ranks, job->err);
    return status == GEN_OK ? ranks_join(ranks, open_all(job), job->err) : status;
}

/* ---- weights and memory ----------------------------------------------------------------------*/

/* Sequences of a micro-batch: so many that products are large, as few as possible beyond that, so
 * that activations stay in a cache from one operation to the next; within half of the machine's
 * memory, and dividing a step evenly. */
#define MICRO_BATCH_ROWS 1024

/* The numbers that learn. */
static struct params *learned(struct train_job *job) {
    return job->lora_options != NULL ? &job->lora.params : &job->params;
}

/* Bytes of weights, gradients and moments, and of what the optimizer works with. */
static uint64_t weight_bytes(const struct train_job *job) {
    uint64_t frozen = job->lora_options != NULL ? 4 * (uint64_t)job->params.n_values : 0;
    const struct params *params = job->lora_options != NULL ? &job->lora.params : &job->params;
    uint64_t scratch = sizeof(float) * (uint64_t)job->optimizer.muon.n;
    return frozen + 16 * (uint64_t)params->n_values + scratch;
}

static struct train_pass_options pass_options(const struct train_job *job, size_t micro_batch) {
    return (struct train_pass_options){.max_sequences = micro_batch,
                                       .max_positions = job->n_positions,
                                       .recompute = job->options.checkpoint_activations,
                                       .dropout = job->options.dropout,
                                       .lora = job->lora_options != NULL ? &job->lora : NULL};
}

static size_t choose_micro_batch(const struct train_job *job) {
    const struct gen_ranks *ranks = job->options.ranks;
    uint64_t first, end;
    ranks_share(&first, &end, ranks, job->n_sequences);
    size_t n_sequences = (size_t)(end - first);
    if (job->options.micro_batch > 0) {
        size_t wanted = (size_t)job->options.micro_batch;
        return wanted < n_sequences ? wanted : n_sequences;
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t limit = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : UINT64_MAX;
    limit /= ranks != NULL ? (uint64_t)ranks->n_on_machine : 1;
    size_t most = MICRO_BATCH_ROWS / job->n_positions;
    most = most < 1 ? 1 : most > n_sequences ? n_sequences : most;
    for (; most > 1; most--) {
        struct train_pass_options options = pass_options(job, most);
        if (weight_bytes(job) + train_pass_bytes(&job->config, &options) <= limit) {
            break;
        }
    }
    size_t n_parts = (n_sequences + most - 1) / most;
    return (n_sequences + n_parts - 1) / n_parts;
}

/* Adapters mean something beside the weights that they were learned beside. */
static uint64_t base_digest(const struct train_job *job) {
    if (job->lora_options == NULL) {
        return 0;
    }
    struct digest digest = {0};
    digest_add(&digest, job->params.values, job->params.n_values * sizeof *job->params.values);
    return digest_value(&digest);
}

static enum gen_status check_base(const struct train_job *job) {
    uint64_t saved = job->saved.checkpoint.base;
    if (saved == 0 || job->lora_options == NULL || saved == base_digest(job)) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(job->err, GEN_BAD_ARGUMENT,
                     "%s: the adapter was begun beside another model than %s (go on with that one, "
                     "or begin a new run)",
                     error_path(&quoted, job->state_path), job->init->where.text);
}

static enum gen_status fill_weights(struct train_job *job) {
    enum gen_status status = GEN_OK;
    if (job->init != NULL && (!job->resumed || job->lora_options != NULL)) {
        status = params_load(&job->params, job->init, job->err);
    } else if (!job->resumed) {
        params_randomize(&job->params, job->options.seed);
    }
    if (status == GEN_OK && job->lora_options != NULL && !job->resumed) {
        lora_randomize(&job->lora, job->options.seed);
    }
    if (status == GEN_OK && job->resumed) {
        status = check_base(job);
    }
    if (status == GEN_OK && job->resumed) {
        status = saved_state_load(&job->saved, learned(job), &job->optimizer.adamw, job->err);
    }
    return status;
}

static enum gen_status make_weights(struct train_job *job) {
    enum gen_status status = params_init(&job->params, &job->config, job->err);
    if (status == GEN_OK && job->lora_options != NULL) {
        status = lora_init(&job->lora, &job->config, job->lora_options, job->err);
    }
    if (status != GEN_OK) {
        return status;
    }
    const struct params *params = learned(job);
    job->gradients = params_new_array(params);
    if (!optimizer_init(&job->optimizer, params, &job->options) || job->gradients == NULL) {
        return error_set(job->err, GEN_NO_MEMORY,
                         "out of memory for training %llu parameters, which takes 16 bytes each",
                         (unsigned long long)params->n_parameters);
    }
    return fill_weights(job);
}

/* ---- the run ---------------------------------------------------------------------------------*/

static struct checkpoint first_checkpoint(const struct train_job *job) {
    struct checkpoint checkpoint = job->saved.checkpoint; /* all 0 for a new run */
    checkpoint.config = job->config;
    checkpoint.seed = job->options.seed;
    checkpoint.optimizer = job->options.optimizer;
    checkpoint.base = base_digest(job);
    checkpoint.vocab = dataset_vocab_digest(job->tokenizer);
    if (checkpoint.data_key != job->data_key) { /* other data begin at their beginning */
        checkpoint.n_sequences = 0;
        checkpoint.data_key = job->data_key;
    }
    return checkpoint;
}

static void fill_trainer(struct train_job *job) {
    const struct gen_train_options *options = &job->options;
    job->trainer = (struct trainer){
        .options = options,
        .watch = job->watch,
        .path = job->path,
        .state_path = job->state_path,
        .tokenizer = job->tokenizer,
        .params = &job->params,
        .learned = learned(job),
        .lora = job->lora_options != NULL ? &job->lora : NULL,
        .optimizer = &job->optimizer,
        .gradients = job->gradients,
        .compute = &job->compute,
        .pass = job->pass,
        .schedule = {.kind = options->schedule,
                     .peak = (double)options->learning_rate,
                     .least = (double)options->least_rate,
                     .n_steps = options->n_steps,
                     .n_warmup = options->n_warmup,
                     .decay_share = (double)options->decay_share},
        .data = job->data,
        .valid = job->valid,
        .n_positions = job->n_positions,
        .n_sequences = job->n_sequences,
        .micro_batch = (size_t)job->plan.micro_batch,
        .keeps_best = job->keeps_best,
        .patience = job->patience,
        .checkpoint = first_checkpoint(job),
    };
}

static enum gen_status check_steps(const struct train_job *job) {
    uint64_t done = job->saved.checkpoint.step;
    if (done <= job->options.n_steps) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(job->err, GEN_BAD_ARGUMENT,
                     "%s: the run has made %llu steps, the options ask for %llu in all",
                     error_path(&quoted, job->state_path), (unsigned long long)done,
                     (unsigned long long)job->options.n_steps);
}

static void fill_plan(struct train_job *job, size_t micro_batch, uint64_t memory) {
    struct gen_train_plan *plan = &job->plan;
    plan->config = &job->config;
    plan->n_parameters = job->params.n_parameters;
    plan->n_learned = learned(job)->n_parameters;
    plan->n_sequences = job->data.n_sequences;
    plan->step_sequences = job->n_sequences;
    plan->sequence_length = (int32_t)job->n_positions;
    plan->micro_batch = (int32_t)micro_batch;
    plan->first_step = job->saved.checkpoint.step;
    plan->n_steps = job->options.n_steps;
    plan->memory = memory;
}

static enum gen_status check_ranks(const struct train_job *job) {
    const struct gen_ranks *ranks = job->options.ranks;
    if (ranks == NULL || job->n_sequences >= (size_t)ranks->n) {
        return GEN_OK;
    }
    return error_set(job->err, GEN_BAD_ARGUMENT,
                     "%d processes share the sequences of a step, and it has only %zu (train with "
                     "fewer processes, larger batches or shorter sequences)",
                     ranks->n, job->n_sequences);
}

static enum gen_status make_trainer(struct train_job *job) {
    enum gen_status status = check_steps(job);
    if (status != GEN_OK || (status = check_ranks(job)) != GEN_OK ||
        (status = make_weights(job)) != GEN_OK) {
        return status;
    }
    size_t micro_batch = choose_micro_batch(job);
    struct train_pass_options options = pass_options(job, micro_batch);
    fill_plan(job, micro_batch, weight_bytes(job) + train_pass_bytes(&job->config, &options));
    status = train_pass_new(&job->pass, &job->params, &options, &job->compute, job->err);
    fill_trainer(job);
    saved_state_close(&job->saved);
    return status;
}

enum gen_status train_job_run(struct train_job *job) {
    enum gen_status status = ranks_join(job->options.ranks, make_trainer(job), job->err);
    if (status != GEN_OK) {
        return status;
    }
    if (job->watch->plan != NULL) {
        job->watch->plan(job->watch->context, &job->plan);
    }
    return trainer_run(&job->trainer, job->err);
}

void train_job_release(struct train_job *job) {
    train_pass_free(job->pass);
    if (job->gradients != NULL) {
        params_free_array(learned(job), job->gradients);
    }
    optimizer_release(&job->optimizer, learned(job));
    lora_release(&job->lora);
    params_release(&job->params);
    if (job->computes) {
        compute_release(&job->compute);
    }
    saved_state_close(&job->saved);
    gen_tokenizer_free(job->own_tokenizer);
    model_file_free(job->init);
    memory_free(job->state_path);
}
