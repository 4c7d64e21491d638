/**
 * eval_job.h - what the commands that judge a model have in common: options of how to compute, and
 * the way from an open model to a scorer in the sandbox.
 */
#ifndef CMD_EVAL_EVAL_JOB_H
#define CMD_EVAL_EVAL_JOB_H

#include "cli/model_load.h"
#include "cli/model_options.h"
#include "cli/progress.h"
#include "cli/text_out.h"
#include "gen_eval.h"

/* The context of llama-perplexity, where none is said. */
#define LLAMA_CTX 512

struct eval_settings {
    struct model_settings model;
    int32_t n_ctx, stride;
    const char *output;
    bool special, json, verbose, quiet;
};

/* Rows of a table; `at` is the offset of the struct eval_settings in the command's. */
#define EVAL_AT(at, member) ((at) + offsetof(struct eval_settings, member))
#define EVAL_HELP_KV_TYPE                                                                          \
    "how keys and values are stored: f16 takes half the memory, but rounds them"
#define EVAL_ROWS_MODEL(at)                                                                        \
    MODEL_ROWS(EVAL_AT(at, model), MODEL_HELP),                                                    \
        MODEL_ROW_KV_TYPE(EVAL_AT(at, model), EVAL_HELP_KV_TYPE),                                  \
        MODEL_ROW_SANDBOX(EVAL_AT(at, model))
#define EVAL_ROWS_OUTPUT(at, what)                                                                 \
    OPTION_ROW("output", 'o', OPTION_STRING, EVAL_AT(at, output), "FILE",                          \
               "write to FILE, which stays as it is until all is done; - is stdout"),              \
        OPTION_ROW("verbose", 'v', OPTION_FLAG, EVAL_AT(at, verbose), NULL,                        \
                   "say " what " on stderr"),                                                      \
        OPTION_ROW("quiet", 'q', OPTION_FLAG, EVAL_AT(at, quiet), NULL,                            \
                   "say nothing on stderr but errors")

/** Start from {0} with the settings. */
struct eval_job {
    const struct eval_settings *settings;
    struct model_load load;
    struct gen_scorer *scorer;
    struct text_out out;
    struct progress progress;
    double start; /**< gen_clock() when the work began */
    bool is_open; /**< out is */
};

/** Open the model. EXIT_DONE, or another exit code after a message. */
int eval_job_load(struct eval_job *job);
/**
 * Everything is open that will be read: open the output, of one text or of many, give up the rest
 * and make a scorer. reads: the file that is read meanwhile, "-" is stdin, NULL: none. n_best:
 * likeliest ids for each token. An exit code as above.
 */
int eval_job_begin(struct eval_job *job, const char *reads, bool many, int32_t n_best);
/** With --verbose: how many there were of something, in which time since the work began. */
void eval_job_say_speed(const struct eval_job *job, const char *what, uint64_t n);
/** Whether nothing asked to stop; the context of callbacks that go_on is called with is the job. */
bool eval_job_go_on(void *job);
/** The work is done, `whole` or not, with `code`, which is given back unless closing fails or a
 *  signal came. Releases all. */
int eval_job_end(struct eval_job *job, bool whole, int code);

#endif
