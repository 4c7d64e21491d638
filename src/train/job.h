/**
 * job.h - what a run of training opens, checks and owns, whatever it learns from: the state to go
 * on from, the model to begin with, tokenizer, threads, weights, moments, and the trainer.
 *
 * The order of calls: fill in the first fields, train_job_open(), read the data and fill in what
 * is said of them, train_job_run(), train_job_release() in any case.
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

struct train_job {
    /* Filled by the caller, before opening. */
    struct gen_train_options options; /**< may still be changed before the run */
    const struct gen_train_watch *watch;
    const char *path;                        /**< of the model */
    const struct lora_options *lora_options; /**< NULL: all weights are trainable */
    struct gen_error *err;
    /** Makes own_tokenizer where the options name none; NULL: that is an error. */
    enum gen_status (*learn_tokenizer)(struct train_job *job);

    /* Found when opening. */
    char *state_path;
    struct saved_state saved;      /**< of a run that is resumed */
    struct model_file *init;       /**< NULL: the options name none */
    struct gen_config init_config; /**< of init */
    struct model_file *earlier;    /**< resumed without init: what the run wrote so far, or NULL */
    struct gen_tokenizer *own_tokenizer;
    const struct gen_tokenizer *tokenizer; /**< has an end-of-text id */
    struct gen_config config;
    struct compute compute;
    bool computes; /**< compute is initialized */
    bool resumed;  /**< `saved` is there */

    /* Filled by the caller, before the run. */
    struct train_source data, valid; /**< valid.read NULL: none */
    uint64_t data_key;  /**< digest of the data: others are read from their beginning */
    uint64_t order_key; /**< digest of all that their order depends on but the seed; not 0 */
    uint64_t valid_key; /**< digest of what `valid` reads; not 0 where there is something */
    size_t n_positions; /**< of a sequence; opening sets what the options say */
    size_t n_sequences; /**< of a step */
    uint64_t patience;
    bool keeps_best;            /**< as in struct trainer */
    bool always_kept_best;      /**< so did versions of gen that knew no valid_key */
    struct gen_train_plan plan; /**< n_tokens, n_valid_tokens, n_left_out; the run adds the rest */

    /* Made by the run. */
    struct params params;
    struct lora lora; /**< empty unless lora_options */
    struct optimizer optimizer;
    float *gradients;
    struct train_pass *pass;
    struct trainer trainer;
};

/** Steps of n_epochs, rounded up, at least 1: a share of a step is one. */
uint64_t train_job_steps(double n_epochs, double steps_of_epoch);

enum gen_status train_job_open(struct train_job *job);

/** GEN_BAD_ARGUMENT if the file of `map`, which the run reads, is one that it writes. */
enum gen_status train_job_check_input(const struct train_job *job, const struct file_map *map);

enum gen_status train_job_run(struct train_job *job);
void train_job_release(struct train_job *job);

#endif
