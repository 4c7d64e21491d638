/**
 * job_open.c - what a run of training begins or goes on with: the state of a run that is resumed,
 * the model to begin with, tokenizer and shape, each checked against the others and against the
 * options. The data are the caller's, weights and steps are job.c's.
 */
#include "train/job.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "model/config.h"
#include "model/eos_ids.h"
#include "tensor/kernels/training.h"
#include "tokenizer/tokenizer.h"
#include "train/options.h"
#include "train/ranks.h"
#include "train/resume.h"

static enum gen_status open_state(struct train_job *job) {
    size_t size = strlen(job->in.path) + sizeof ".state";
    job->state_path = memory_new(size, 1);
    if (job->state_path == NULL) {
        return error_no_memory(job->err, "a path");
    }
    snprintf(job->state_path, size, "%s.state", job->in.path);
    if (file_identity_of(job->state_path).inode == 0) {
        return GEN_OK; /* not there, or a link to what is not: it is made */
    }
    if (!job->in.options->resume) {
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
    if (!ranks_leads(job->in.options->ranks)) {
        return GEN_OK;
    }
    const char *paths[] = {job->in.path, job->in.options->last};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < 2 && paths[i] != NULL && status == GEN_OK; i++) {
        status = file_writer_check(paths[i], job->err);
    }
    if (status == GEN_OK) {
        status = file_writer_check_ending(job->in.path, ".state", job->err);
    }
    if (status == GEN_OK && job->in.learn_tokenizer != NULL) { /* text, whose tokens are kept */
        status = file_writer_check_ending(job->in.path, DATASET_LONGEST_ENDING, job->err);
    }
    return status;
}

/* The tokenizer that the options name, else that of the model to begin with, else, to go on
 * without it, that of the model written so far, which may be an adapter where none can be learned,
 * else one learned from the data. */
static enum gen_status open_tokenizer(struct train_job *job) {
    const char *source = job->in.options->vocab;
    if (source == NULL && job->init != NULL) {
        job->tokenizer = job->init->tokenizer;
    }
    if (source == NULL && job->tokenizer == NULL && job->resumed &&
        job->in.learn_tokenizer != NULL && resume_has_model(job)) {
        source = job->in.path;
    }
    bool learns = source == NULL && job->init == NULL && job->in.learn_tokenizer != NULL;
    if (source != NULL || learns) {
        enum gen_status status =
            learns ? job->in.learn_tokenizer(job->in.context, &job->own_tokenizer, job->err)
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
    if ((own != job->tokenizer && n > job->config.n_vocab) ||
        (own != NULL && own != job->tokenizer &&
         tokenizer_digest(own) != tokenizer_digest(job->tokenizer))) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the vocabulary of %d tokens is not the one this model was trained "
                         "with, which has %d (leave the vocabulary out, or train anew)",
                         job->init->where.text, n,
                         own != NULL ? gen_tokenizer_n_vocab(own) : job->config.n_vocab);
    }
    if (gen_tokenizer_eos(job->tokenizer) >= job->config.n_vocab) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the end-of-text token has id %d, but the embedding only %d rows, so "
                         "that no end of a text can be learned",
                         job->init->where.text, (int)gen_tokenizer_eos(job->tokenizer),
                         (int)job->config.n_vocab);
    }
    return GEN_OK;
}

/* The configuration is that of the state, of the model to begin with, or a new one. */
static enum gen_status choose_config(struct train_job *job) {
    enum gen_status status = GEN_OK;
    if (job->resumed) {
        job->config = job->saved.checkpoint.config;
        status = resume_check(job);
    } else if (job->init != NULL) {
        job->config = job->init_config;
        status = check_init_tokenizer(job);
        if (status == GEN_OK) {
            status =
                train_options_fit(job->in.options, &job->config, job->init->where.text, job->err);
        }
    } else {
        status = train_options_config(&job->config, job->in.options, job->tokenizer, job->err);
    }
    int32_t n_ctx = job->in.options->shape.n_ctx;
    job->n_positions = (size_t)(n_ctx > 0 ? n_ctx : job->config.n_ctx);
    return status;
}

enum gen_status train_job_check_input(const struct train_job *job, const struct file_map *map,
                                      struct gen_error *err) {
    struct error_quoted quoted;
    if (!file_map_is(map, job->in.path) && !file_map_is(map, job->state_path)) {
        return GEN_OK;
    }
    return error_set(err, GEN_BAD_ARGUMENT,
                     "%s: is read by this run and cannot be its output (choose another name)",
                     error_path(&quoted, job->in.path));
}

static enum gen_status open_init_file(struct train_job *job) {
    const struct gen_train_options *options = job->in.options;
    if (options->init_image != NULL) {
        return model_file_open_memory(&job->init, options->init, options->init_image,
                                      options->init_size, job->err);
    }
    enum gen_status status = model_file_open(&job->init, options->init, job->err);
    for (size_t i = 0; status == GEN_OK && i < job->init->n_maps; i++) {
        status = train_job_check_input(job, &job->init->maps[i], job->err);
    }
    return status;
}

/* What the file says of the end of a text is written again with every checkpoint: it must be right
 * before the first. */
static enum gen_status check_eos(const struct gen_config *config, const struct model_file *file,
                                 struct gen_error *err) {
    struct gen_ids ids = {0};
    enum gen_status status = eos_ids_read(&ids, config, file->tokenizer, file, err);
    gen_ids_release(&ids);
    return status;
}

/* The configuration is read first of all: it tells whether the file is a model. */
static enum gen_status open_init(struct train_job *job) {
    enum gen_status status = open_init_file(job);
    if (status == GEN_OK) {
        status = config_read(&job->init_config, job->init, job->err);
    }
    if (status == GEN_OK) {
        status = check_eos(&job->init_config, job->init, job->err);
    }
    if (status == GEN_OK && job->init->tokenizer != NULL) {
        tokenizer_limit(job->init->tokenizer, job->init_config.n_vocab);
    }
    return status == GEN_OK ? metadata_read(job->init, job->err) : status;
}

/* A run that goes on without naming the model it began with finds its metadata in what it wrote. If
 * that is no model of this shape, there are none. */
static void open_earlier(struct train_job *job) {
    struct gen_config config;
    if (!job->resumed || job->init != NULL || file_kind_of(job->in.path) != FILE_REGULAR ||
        model_file_open(&job->earlier, job->in.path, NULL) != GEN_OK) {
        return;
    }
    if (config_read(&config, job->earlier, NULL) != GEN_OK ||
        config.n_vocab != job->config.n_vocab || check_eos(&config, job->earlier, NULL) != GEN_OK) {
        model_file_free(job->earlier);
        job->earlier = NULL;
    }
}

/* What the files of the model and of the vocabulary gave cause to say. */
static void tell_notes(const struct train_job *job) {
    const struct gen_train_watch *watch = job->in.watch;
    if (watch->note == NULL) {
        return;
    }
    for (size_t i = 0; job->init != NULL && i < job->init->notes.n; i++) {
        watch->note(watch->context, &job->init->notes.notes[i]);
    }
    for (size_t i = 0; i < gen_tokenizer_n_notes(job->tokenizer); i++) {
        struct gen_note note = gen_tokenizer_note(job->tokenizer, i);
        watch->note(watch->context, &note);
    }
}

static enum gen_status open_model(struct train_job *job) {
    enum gen_status status = check_output(job);
    if (status == GEN_OK) {
        status = open_state(job);
    }
    if (status == GEN_OK && job->in.options->init != NULL) {
        status = open_init(job);
    }
    if (status == GEN_OK) {
        status = open_tokenizer(job);
    }
    if (status == GEN_OK) {
        tell_notes(job);
        status = choose_config(job);
    }
    if (status == GEN_OK) {
        open_earlier(job);
    }
    return status;
}

static enum gen_status open_all(struct train_job *job) {
    const struct kernels *kernels = NULL;
    enum gen_status status = train_options_check(job->in.options, job->err);
    if (status != GEN_OK ||
        (status = kernels_choose(&kernels, job->in.options->kernels, job->err)) != GEN_OK ||
        (status = open_model(job)) != GEN_OK) {
        return status;
    }
    int n_threads = ranks_threads(job->in.options->ranks, job->in.options->n_threads);
    /* Passes have scratch of their own. */
    size_t scratch = job->in.options->optimizer == GEN_OPTIMIZER_MUON ? PRODUCT_SCRATCH : 0;
    job->computes = compute_init(&job->compute, kernels, n_threads, scratch);
    return job->computes ? GEN_OK : error_no_memory(job->err, "threads");
}

enum gen_status train_job_open(struct train_job *job, const struct train_job_inputs *in,
                               struct gen_error *err) {
    *job = (struct train_job){.in = *in, .err = err};
    const struct gen_ranks *ranks = in->options->ranks;
    enum gen_status status = ranks_check(ranks, err);
    return status == GEN_OK ? ranks_join(ranks, open_all(job), err) : status;
}
