/**
 * job.c - a run of training once everything is open (job_open.c): weights, moments and gradients,
 * within half of the machine's memory, the trainer and its plan, and the end of it all. The steps
 * are trainer.c's.
 */
#include "train/job.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "data/dataset.h"
#include "train/ranks.h"
#include "train/resume.h"

/* ---- weights and memory ----------------------------------------------------------------------*/

/* Sequences of a micro-batch: so many that products are large, as few as possible beyond that, so
 * that activations stay in a cache from one operation to the next; within half of the machine's
 * memory, and dividing a step evenly. */
#define MICRO_BATCH_ROWS 1024

/* The trainable numbers. */
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
        return size_min(wanted, n_sequences);
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
    size_t n_parts = size_divide_up(n_sequences, most);
    return size_divide_up(n_sequences, n_parts);
}

/* Adapters mean something with the weights alone that they were trained for. */
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
                     "%s: the adapter was begun for another model than %s (go on with that one, "
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
        status = saved_state_load(&job->saved, job->state_path, learned(job), &job->optimizer.adamw,
                                  job->err);
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

uint64_t train_job_steps(double n_epochs, double steps_of_epoch) {
    double n = n_epochs * steps_of_epoch;
    double nearest = round(n);
    /* A number of epochs that was a float, as 0.1f, is off by so much. */
    double steps = fabs(n - nearest) <= 1e-7 * n ? nearest : ceil(n);
    return steps < 1 ? 1 : (uint64_t)steps;
}

static struct checkpoint first_checkpoint(struct train_job *job) {
    struct checkpoint checkpoint = job->saved.checkpoint; /* all 0 for a new run */
    checkpoint.config = job->config;
    checkpoint.seed = job->options.seed;
    checkpoint.optimizer = job->options.optimizer;
    checkpoint.base = base_digest(job);
    checkpoint.vocab = dataset_vocab_digest(job->tokenizer);
    if (job->resumed) {
        resume_forget(job, &checkpoint);
    }
    checkpoint.data_key = job->data_key;
    checkpoint.order_key = job->order_key;
    checkpoint.valid_key = job->valid_key;
    checkpoint.note = job->options.note;
    checkpoint.n_note = job->options.note != NULL ? strlen(job->options.note) : 0;
    job->plan.has_best = checkpoint.has_best;
    job->plan.best_step = checkpoint.best_step;
    job->plan.best_loss = checkpoint.best_loss;
    job->plan.has_first = checkpoint.has_first;
    job->plan.first_loss = checkpoint.first_loss;
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
        .source = job->init != NULL ? job->init : job->earlier,
        .carried = job->init != NULL ? METADATA_LEARNED : METADATA_SAME,
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
                     .n_warmup = job->plan.n_warmup,
                     .decay_share = (double)options->decay_share},
        .data = job->data,
        .valid = job->valid,
        .n_positions = job->n_positions,
        .n_sequences = job->n_sequences,
        .micro_batch = (size_t)job->plan.micro_batch,
        .keeps_best = job->keeps_best,
        .patience = job->patience,
        .resumed = job->resumed,
        .trained = job->resumed || job->init != NULL,
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
    plan->n_warmup = job->options.n_warmup;
    if (plan->n_warmup == GEN_WARMUP_SHARE) {
        plan->n_warmup = plan->n_steps / 10 < 100 ? plan->n_steps / 10 : 100;
    }
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
    model_file_free(job->earlier);
    memory_free(job->state_path);
}
