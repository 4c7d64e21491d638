/**
 * compare_job.h - the models of `gen compare` and what is found of each.
 */
#ifndef CMD_EVAL_COMPARE_JOB_H
#define CMD_EVAL_COMPARE_JOB_H

#include "cmd/eval/eval_job.h"

/** A difference of two means over the same records. */
struct paired {
    double mean, error;   /**< NaN: there is none */
    uint64_t n, n_unlike; /**< records, and those that just one of both has right */
};

struct compared {
    struct model_load load;
    const char *label;
    double load_seconds;
    bool is_stranger; /**< its vocabulary is not the base's */
    /* Of a text. */
    uint64_t n_scored, n_bytes;
    double logprob, perplexity, perplexity_stderr, bits_per_byte;
    bool agrees; /**< agreement is there */
    struct gen_agreement agreement;
    /* Of a data set. */
    struct gen_eval_choices choices;
    int *right, *right_norm; /**< [n_records] 1 or 0; -1: the record failed */
    size_t n_records, right_capacity, norm_capacity;
    struct paired acc, acc_norm; /**< against the base */
    /* Of the machine; 0: not measured. */
    double prompt_speed, decode_speed; /**< tokens per second */
};

/** Start from {0} with the settings and all that comes from options. */
struct compare_job {
    const struct eval_settings *settings;
    const char *text, *task, *file; /**< a text, or a task and the file of its records */
    const char *base_file;
    enum gen_convention convention;
    struct gen_base_writer *save_base; /**< open, or NULL */
    int32_t n_threads;                 /**< never 0: the default is read from files */
    struct gen_bytes content;          /**< of the text, or of the file of records */
    struct compared *models; /**< [n], the first is the base unless there is a file of one */
    size_t n;
    int32_t n_ctx; /**< in use */
    struct gen_ids ids;
    struct progress progress;
    struct gen_base_file *base;
    bool some_failed; /**< of the records, with one model or more; what went wrong is said */
};

/** Each an exit code: EXIT_DONE, or another after a message. */
int compare_job_load(struct compare_job *job, const struct option_list *names);
/** Read the text or the records, once for all models. */
int compare_job_read(struct compare_job *job);
int compare_job_text(struct compare_job *job);
int compare_job_task(struct compare_job *job);
int compare_job_speed(struct compare_job *job);
void compare_job_release(struct compare_job *job);

/** The name of a model in a table: the end of its path, as much of it as no other model has. */
const char *compare_label(const struct compared *model);

#endif
