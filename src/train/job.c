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
#include "tokenizer/tokenizer.h"
#include "train/ranks.h"
#include "train/resume.h"

/* A run and what is made for it. */
struct run {
    struct train_job *job;
    const struct train_job_data *data;
    const struct gen_train_options *options; /* of the job */
    struct gen_error *err;
    uint64_t n_steps;
    struct params params;
    struct lora lora; /* empty unless the inputs have options of one */
    struct optimizer optimizer;
    float *gradients;
    struct train_pass *pass;
    struct gen_train_plan plan;
};

/* ---- weights and memory ----------------------------------------------------------------------*/

/* Sequences of a micro-batch: so many that products are large, as few as possible beyond that, so
 * that activations stay in a cache from one operation to the next; within half of the machine's
 * memory, and dividing a step evenly. */
#define MICRO_BATCH_ROWS 1024

/* The trainable numbers. */
static struct params *trainable(struct run *run) {
    return run->job->in.lora != NULL ? &run->lora.params : &run->params;
}

/* Bytes of weights, gradients and moments, and of what the optimizer works with. */
static uint64_t weight_bytes(const struct run *run) {
    bool adapts = run->job->in.lora != NULL;
    uint64_t frozen = adapts ? 4 * (uint64_t)run->params.n_values : 0;
    const struct params *params = adapts ? &run->lora.params : &run->params;
    uint64_t scratch = sizeof(float) * (uint64_t)run->optimizer.muon.n;
    return frozen + 16 * (uint64_t)params->n_values + scratch;
}

static struct train_pass_options pass_options(const struct run *run, size_t micro_batch) {
    return (struct train_pass_options){.max_sequences = micro_batch,
                                       .max_positions = run->data->n_positions,
                                       .recompute = run->options->checkpoint_activations,
                                       .dropout = run->options->dropout,
                                       .lora = run->job->in.lora != NULL ? &run->lora : NULL};
}

static size_t choose_micro_batch(const struct run *run) {
    const struct gen_ranks *ranks = run->options->ranks;
    uint64_t first, end;
    ranks_share(&first, &end, ranks, run->data->n_sequences);
    size_t n_sequences = (size_t)(end - first);
    if (run->options->micro_batch > 0) {
        size_t micro_batch = (size_t)run->options->micro_batch;
        return size_min(micro_batch, n_sequences);
    }
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    uint64_t limit = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2 : UINT64_MAX;
    limit /= ranks != NULL ? (uint64_t)ranks->n_on_machine : 1;
    size_t most = MICRO_BATCH_ROWS / run->data->n_positions;
    most = most < 1 ? 1 : most > n_sequences ? n_sequences : most;
    for (; most > 1; most--) {
        struct train_pass_options options = pass_options(run, most);
        if (weight_bytes(run) + train_pass_bytes(&run->job->config, &options) <= limit) {
            break;
        }
    }
    size_t n_parts = size_divide_up(n_sequences, most);
    return size_divide_up(n_sequences, n_parts);
}

/* Adapters mean something with the weights alone that they were trained for. */
static uint64_t base_digest(const struct run *run) {
    if (run->job->in.lora == NULL) {
        return 0;
    }
    struct digest digest = {0};
    digest_add(&digest, run->params.values, run->params.n_values * sizeof *run->params.values);
    return digest_value(&digest);
}

static enum gen_status check_base(const struct run *run) {
    uint64_t saved = run->job->saved.checkpoint.base;
    if (saved == 0 || run->job->in.lora == NULL || saved == base_digest(run)) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(run->err, GEN_BAD_ARGUMENT,
                     "%s: the adapter was begun for another model than %s (go on with that one, "
                     "or begin a new run)",
                     error_path(&quoted, run->job->state_path), run->job->init->where.text);
}

static enum gen_status fill_weights(struct run *run) {
    enum gen_status status = GEN_OK;
    if (run->job->init != NULL && (!run->job->resumed || run->job->in.lora != NULL)) {
        status = params_load(&run->params, run->job->init, run->err);
    } else if (!run->job->resumed) {
        params_randomize(&run->params, run->options->seed);
    }
    if (status == GEN_OK && run->job->in.lora != NULL && !run->job->resumed) {
        lora_randomize(&run->lora, run->options->seed);
    }
    if (status == GEN_OK && run->job->resumed) {
        status = check_base(run);
    }
    if (status == GEN_OK && run->job->resumed) {
        status = saved_state_load(&run->job->saved, run->job->state_path, trainable(run),
                                  &run->optimizer.adamw, run->err);
    }
    return status;
}

static enum gen_status make_weights(struct run *run) {
    enum gen_status status = params_init(&run->params, &run->job->config, run->err);
    if (status == GEN_OK && run->job->in.lora != NULL) {
        status = lora_init(&run->lora, &run->job->config, run->job->in.lora, run->err);
    }
    if (status != GEN_OK) {
        return status;
    }
    const struct params *params = trainable(run);
    run->gradients = params_new_array(params);
    if (!optimizer_init(&run->optimizer, params, run->options) || run->gradients == NULL) {
        return error_set(run->err, GEN_NO_MEMORY,
                         "out of memory for training %llu parameters, which takes 16 bytes each",
                         (unsigned long long)params->n_parameters);
    }
    return fill_weights(run);
}

/* ---- the run ---------------------------------------------------------------------------------*/

/* Steps of n_epochs, rounded up, at least 1: a share of a step is one. */
static uint64_t steps_of(double n_epochs, double steps_of_epoch) {
    double n = n_epochs * steps_of_epoch;
    double nearest = round(n);
    /* A number of epochs that was a float, as 0.1f, is off by so much. */
    double steps = fabs(n - nearest) <= 1e-7 * n ? nearest : ceil(n);
    return steps < 1 ? 1 : (uint64_t)steps;
}

static struct checkpoint first_checkpoint(struct run *run) {
    const struct train_job_data *data = run->data;
    struct checkpoint checkpoint = run->job->saved.checkpoint; /* all 0 for a new run */
    checkpoint.config = run->job->config;
    checkpoint.seed = run->options->seed;
    checkpoint.optimizer = run->options->optimizer;
    checkpoint.base = base_digest(run);
    checkpoint.vocab = tokenizer_digest(run->job->tokenizer);
    if (run->job->resumed) {
        if (data->earlier_key != 0 && checkpoint.data_key == data->earlier_key) {
            checkpoint.data_key = data->data_key;
        }
        resume_forget(&checkpoint, &run->plan, run->job, data);
    }
    checkpoint.data_key = data->data_key;
    checkpoint.order_key = data->order_key;
    checkpoint.valid_key = data->valid_key;
    checkpoint.note = run->options->note;
    checkpoint.n_note = run->options->note != NULL ? strlen(run->options->note) : 0;
    run->plan.has_best = checkpoint.has_best;
    run->plan.best_step = checkpoint.best_step;
    run->plan.best_loss = checkpoint.best_loss;
    run->plan.has_first = checkpoint.has_first;
    run->plan.first_loss = checkpoint.first_loss;
    return checkpoint;
}

/* What the trainer gets, all of it. */
static struct trainer_inputs trainer_inputs(struct run *run) {
    struct train_job *job = run->job;
    const struct train_job_data *data = run->data;
    const struct gen_train_options *options = run->options;
    return (struct trainer_inputs){
        .options = options,
        .watch = job->in.watch,
        .path = job->in.path,
        .state_path = job->state_path,
        .tokenizer = job->tokenizer,
        .source = job->init != NULL ? job->init : job->earlier,
        .carried = job->init != NULL ? METADATA_LEARNED : METADATA_SAME,
        .params = &run->params,
        .trainable = trainable(run),
        .lora = job->in.lora != NULL ? &run->lora : NULL,
        .optimizer = &run->optimizer,
        .gradients = run->gradients,
        .compute = &job->compute,
        .pass = run->pass,
        .schedule = {.kind = options->schedule,
                     .peak = (double)options->learning_rate,
                     .least = (double)options->least_rate,
                     .n_steps = run->n_steps,
                     .n_warmup = run->plan.n_warmup,
                     .decay_share = (double)options->decay_share},
        .data = data->data,
        .valid = data->valid,
        .n_positions = data->n_positions,
        .n_sequences = data->n_sequences,
        .micro_batch = (size_t)run->plan.micro_batch,
        .n_steps = run->n_steps,
        .valid_every = data->valid_every,
        .keeps_best = data->keeps_best,
        .resumed = job->resumed,
        .trained = job->resumed || job->init != NULL,
        .checkpoint = first_checkpoint(run),
    };
}

static enum gen_status check_steps(const struct run *run) {
    uint64_t done = run->job->saved.checkpoint.step;
    if (done <= run->n_steps) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(run->err, GEN_BAD_ARGUMENT,
                     "%s: the run has made %llu steps, the options ask for %llu in all",
                     error_path(&quoted, run->job->state_path), (unsigned long long)done,
                     (unsigned long long)run->n_steps);
}

/* All of the plan but what first_checkpoint() knows. */
static struct gen_train_plan plan_of(struct run *run) {
    const struct train_job_data *data = run->data;
    size_t micro_batch = choose_micro_batch(run);
    struct train_pass_options options = pass_options(run, micro_batch);
    uint64_t n_warmup = run->options->n_warmup;
    if (n_warmup == GEN_WARMUP_SHARE) {
        n_warmup = run->n_steps / 10 < 100 ? run->n_steps / 10 : 100;
    }
    return (struct gen_train_plan){.config = &run->job->config,
                                   .n_parameters = run->params.n_parameters,
                                   .n_trainable = trainable(run)->n_parameters,
                                   .n_tokens = data->n_tokens,
                                   .n_documents = data->n_documents,
                                   .n_valid_tokens = data->n_valid_tokens,
                                   .n_valid_sequences = data->n_valid_sequences,
                                   .n_left_out = data->n_left_out,
                                   .n_sequences = data->data.n_sequences,
                                   .step_sequences = data->n_sequences,
                                   .last_sequences = data->last_sequences,
                                   .sequence_length = (int32_t)data->n_positions,
                                   .micro_batch = (int32_t)micro_batch,
                                   .first_step = run->job->saved.checkpoint.step,
                                   .n_steps = run->n_steps,
                                   .n_warmup = n_warmup,
                                   .memory = weight_bytes(run) +
                                             train_pass_bytes(&run->job->config, &options)};
}

static enum gen_status check_ranks(const struct run *run) {
    const struct gen_ranks *ranks = run->options->ranks;
    if (ranks == NULL || run->data->n_sequences >= (size_t)ranks->n) {
        return GEN_OK;
    }
    return error_set(run->err, GEN_BAD_ARGUMENT,
                     "%d processes share the sequences of a step, and it has only %zu (train with "
                     "fewer processes, larger batches or shorter sequences)",
                     ranks->n, run->data->n_sequences);
}

static enum gen_status prepare(struct run *run) {
    enum gen_status status = check_steps(run);
    if (status != GEN_OK || (status = check_ranks(run)) != GEN_OK ||
        (status = make_weights(run)) != GEN_OK) {
        return status;
    }
    run->plan = plan_of(run);
    struct train_pass_options options = pass_options(run, (size_t)run->plan.micro_batch);
    return train_pass_new(&run->pass, &run->params, &options, &run->job->compute, run->err);
}

static void release(struct run *run) {
    train_pass_free(run->pass);
    if (run->gradients != NULL) {
        params_free_array(trainable(run), run->gradients);
    }
    optimizer_release(&run->optimizer, trainable(run));
    lora_release(&run->lora);
    params_release(&run->params);
}

enum gen_status train_job_run(struct train_job *job, const struct train_job_data *data,
                              struct gen_error *err) {
    const struct gen_train_options *options = job->in.options;
    const struct gen_train_watch *watch = job->in.watch;
    struct run run = {.job = job, .data = data, .options = options, .err = err};
    bool by_epochs = options->n_epochs > 0;
    run.n_steps = by_epochs ? steps_of(options->n_epochs, data->epoch_steps) : options->n_steps;
    enum gen_status status = ranks_join(options->ranks, prepare(&run), err);
    if (status == GEN_OK) {
        const struct trainer_inputs inputs = trainer_inputs(&run);
        saved_state_close(&job->saved); /* its numbers are in weights and moments now */
        if (watch->plan != NULL) {
            watch->plan(watch->context, &run.plan);
        }
        status = trainer_run(&inputs, err);
    }
    release(&run);
    return status;
}

void train_job_release(struct train_job *job) {
    if (job->computes) {
        compute_release(&job->compute);
    }
    saved_state_close(&job->saved);
    gen_tokenizer_free(job->own_tokenizer);
    model_file_free(job->init);
    model_file_free(job->earlier);
    memory_free(job->state_path);
}
