/**
 * job.h - what a run of training opens, checks and owns, whatever it learns from: the state to go
 * on from, the model to begin with, tokenizer, threads, weights, moments, and the trainer.
 *
 * The order of calls: train_job_open() from inputs, reading the data with what it found,
 * train_job_run() on them, train_job_release() in any case.
 */
#ifndef TRAIN_JOB_H
#define TRAIN_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/file.h"
#include "format/model_file.h"
#include "gen_train.h"
#include "train/gradient/lora.h"
#include "train/trainer.h"

/** What a run is to be. All that it points to outlives the job. */
struct train_job_inputs {
    /** Of the members n_steps, n_epochs, valid_every: see struct train_job_data. */
    const struct gen_train_options *options;
    const struct gen_train_watch *watch;
    const char *path;                /**< of the model */
    const struct lora_options *lora; /**< NULL: all weights are trainable */
    /** Makes a tokenizer of the data where the options name none; NULL: that is an error. */
    enum gen_status (*learn_tokenizer)(void *context, struct gen_tokenizer **out,
                                       struct gen_error *err);
    void *context; /**< of learn_tokenizer */
};

/** What opening found; whoever reads the data for the run looks at it. Start from {0}. */
struct train_job {
    struct train_job_inputs in;
    struct gen_error *err; /**< of the call that is being made */
    char *state_path;
    struct saved_state saved;      /**< of a run that is resumed */
    bool resumed;                  /**< `saved` is there */
    struct model_file *init;       /**< the model to begin with; NULL: the options name none */
    struct gen_config init_config; /**< of init */
    struct model_file *earlier;    /**< resumed without init: what the run wrote so far, or NULL */
    struct gen_tokenizer *own_tokenizer;
    const struct gen_tokenizer *tokenizer; /**< has an end-of-text id */
    struct gen_config config;              /**< of the model that is trained */
    size_t n_positions;                    /**< of a sequence, at most */
    struct compute compute;
    bool computes; /**< compute is initialized */
};

/** What the run learns from, and how long. */
struct train_job_data {
    struct train_source data, valid; /**< valid.read NULL: none */
    size_t n_positions;              /**< of a sequence, at most as many as the job's */
    size_t n_sequences;              /**< of a step */
    double epoch_steps;   /**< for options with n_epochs above 0, whose n_steps do not count then */
    uint64_t valid_every; /**< steps between validations, 0: at the end alone */
    bool keeps_best;      /**< as in struct trainer_inputs */
    uint64_t data_key;    /**< digest of the data: others are read from their beginning */
    uint64_t earlier_key; /**< what data_key is in states of earlier versions of gen; 0: the same */
    uint64_t order_key;   /**< digest of all that their order depends on but the seed; not 0 */
    uint64_t valid_key;   /**< digest of what `valid` reads; not 0 where there is something */
    bool always_kept_best; /**< so did versions of gen that knew no valid_key */
    /** Members of struct gen_train_plan, for the watcher. */
    uint64_t n_tokens, n_documents, n_valid_tokens, n_valid_sequences, last_sequences, n_left_out;
};

enum gen_status train_job_open(struct train_job *job, const struct train_job_inputs *in,
                               struct gen_error *err);

/** GEN_BAD_ARGUMENT if the file of `map`, which the run reads, is one that it writes. */
enum gen_status train_job_check_input(const struct train_job *job, const struct file_map *map,
                                      struct gen_error *err);

/** Train, as trainer_run() says; once for each job. */
enum gen_status train_job_run(struct train_job *job, const struct train_job_data *data,
                              struct gen_error *err);
void train_job_release(struct train_job *job);

#endif
