/**
 * generate_job.h - a call of gen_generate(), or gen_engine_run(), for tests: prompts from an array,
 * everything the sink is told kept, and the manners of the callbacks checked on the way.
 */
#ifndef GENERATE_JOB_H
#define GENERATE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** n_vocab of the models tested. */
#define GENERATE_JOB_VOCAB   512
#define GENERATE_JOB_PROMPTS 80
#define GENERATE_JOB_TEXTS   160

/** What was told of one text. */
struct generate_text {
    uint64_t index, sequence, seed;
    bool begun;
    struct gen_ids prompt, ids;
    struct gen_bytes streamed, text;
    enum gen_finish finish;
    char message[GEN_MESSAGE_SIZE];
    struct gen_logprob *best, *chosen, *prompt_best;
    double *prompt_logprobs; /**< NULL: none were told of */
    size_t n_best;
    size_t n_guessed, n_cached;
    bool has_score;
    float score;
};

/** A job: prompts in, texts out. Start from {0} and set options and prompts. */
struct generate_job {
    struct gen_generate_options options;
    struct gen_engine *engine; /**< that it runs on; NULL: gen_generate() */
    struct gen_prompt prompts[GENERATE_JOB_PROMPTS];
    size_t n_prompts, n_asked;
    bool has_own_options;         /**< so some prompts, and with them seeds */
    bool (*ready)(void *context); /**< gen_source.ready, given the job */
    /** gen_source.next, given the job; NULL: one that gives the prompts. */
    bool (*next)(void *context, struct gen_prompt *prompt);
    bool want_logits;
    /** Callbacks answer false from this call on; 0: never. */
    int refuse_begin, refuse_text, refuse_end, refuse_logits, refuse_go_on;
    struct generate_text texts[GENERATE_JOB_TEXTS];
    size_t n_texts;  /**< reported */
    size_t n_passes; /**< times the engine asked whether to go on */
    bool is_open;    /**< begun, not ended */
    float *logits;
    size_t n_rows;
    uint64_t n_failed;
    struct gen_error error;
};

/** The model at `path`, to be freed; fails the test where it cannot be opened. */
struct gen_model *generate_job_model(const char *path);
/** The model at `path`, but reading the id `poison` gives no finite result. */
struct gen_model *generate_job_poisoned(const char *path, int32_t poison);
/** Run the job; fails the test where the callbacks come in a wrong order. */
enum gen_status generate_job_run(struct generate_job *job, const struct gen_model *model);
/** The same for a job that has to succeed. */
void generate_job_run_well(struct generate_job *job, const struct gen_model *model);
/** Fails the test unless what was told of all texts is the same, the work it took apart. */
void generate_job_check_same(const struct generate_job *job, const struct generate_job *expected);
void generate_job_release(struct generate_job *job);

#endif
