/**
 * resume.c - a run that goes on: what of its state must be as it was, what may differ and makes
 * some of the state meaningless, and the note that the caller keeps in it. Reading the state is
 * checkpoint.c's.
 */
#include "train/resume.h"

#include <stdio.h>
#include <string.h>

#include "arch/arch.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "tokenizer/tokenizer.h"
#include "train/options.h"

/* ---- the note --------------------------------------------------------------------------------*/

enum gen_status gen_train_note(const char *path, struct gen_bytes *note, struct gen_error *err) {
    size_t size = strlen(path) + sizeof ".state";
    char *state_path = memory_new(size, 1);
    if (state_path == NULL) {
        return error_no_memory(err, "a path");
    }
    snprintf(state_path, size, "%s.state", path);
    struct saved_state saved = {0};
    enum gen_status status = GEN_OK;
    if (file_kind_of(state_path) != FILE_MISSING) {
        status = saved_state_open(&saved, state_path, err);
    }
    memory_free(state_path);
    if (status == GEN_OK && saved.checkpoint.n_note > 0 &&
        gen_bytes_append(note, saved.checkpoint.note, saved.checkpoint.n_note) != GEN_OK) {
        status = error_no_memory(err, "a note");
    }
    saved_state_close(&saved);
    return status;
}

/* ---- what must be the same -------------------------------------------------------------------*/

/* A resumed run has its weights in the state. A model to begin with that is named again changes
 * nothing; another one, which somebody meant to be used, must not be passed over in silence. */
static enum gen_status check_init_again(const struct train_job *job, const char *name) {
    const struct checkpoint *saved = &job->saved.checkpoint;
    const struct gen_config *run = &saved->config;
    const struct gen_config *init = &job->init_config;
    const struct gen_tokenizer *tokenizer = job->init->tokenizer;
    const char *init_name = job->init->where.text;
    if (arch_of(run) != arch_of(init)) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: its architecture is %s, that of %s is %s (go on with the model that "
                         "the run was begun with, or choose another output)",
                         name, arch_of(run)->name, init_name, arch_of(init)->name);
    }
    const struct arch *arch = arch_of(run);
    for (size_t i = 0; i < arch->n_keys; i++) {
        const struct config_key *key = &arch->keys[i];
        /* Tokens with a meaning change nothing of what is learned. */
        if (key->kind == KEY_TOKEN || config_key_is_same(key, run, init)) {
            continue;
        }
        if (key->kind != KEY_SIZE) {
            return error_set(job->err, GEN_BAD_ARGUMENT,
                             "%s: its %s is not that of %s (go on with the model that the run was "
                             "begun with, or choose another output)",
                             name, key->name, init_name);
        }
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: its %s is %.0f, that of %s is %.0f (go on with the model that the "
                         "run was begun with, or choose another output)",
                         name, key->name, gen_config_member(run, i).number, init_name,
                         gen_config_member(init, i).number);
    }
    if (tokenizer != NULL && tokenizer_digest(tokenizer) != saved->vocab) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: its vocabulary of %d tokens is not that of %s, which has %d (go on "
                         "with the model that the run was begun with, or choose another output)",
                         name, run->n_vocab, init_name, gen_tokenizer_n_vocab(tokenizer));
    }
    return GEN_OK;
}

enum gen_status resume_check(const struct train_job *job) {
    const struct checkpoint *saved = &job->saved.checkpoint;
    struct error_quoted quoted;
    const char *name = error_path(&quoted, job->state_path);
    enum gen_status status = job->init != NULL ? check_init_again(job, name) : GEN_OK;
    if (status != GEN_OK) {
        return status;
    }
    if (saved->vocab != tokenizer_digest(job->tokenizer)) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run was begun with another vocabulary of %d tokens, this one has "
                         "%d (go on with that one, or choose another output)",
                         name, saved->config.n_vocab, gen_tokenizer_n_vocab(job->tokenizer));
    }
    if (saved->seed != job->in.options->seed) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "%s: the run was begun with seed %llu, the options have %llu", name,
                         (unsigned long long)saved->seed,
                         (unsigned long long)job->in.options->seed);
    }
    if (saved->optimizer != job->in.options->optimizer) {
        return error_set(
            job->err, GEN_BAD_ARGUMENT,
            "%s: the run was begun with the optimizer %s, the options have %s (go on with "
            "that one, or begin a new run with the model)",
            name, gen_optimizer_name(saved->optimizer),
            gen_optimizer_name(job->in.options->optimizer));
    }
    return train_options_fit(job->in.options, &saved->config, name, job->err);
}

/* ---- what does not count any more ------------------------------------------------------------*/

bool resume_has_model(const struct train_job *job) {
    struct file_map map = {0};
    bool found = file_kind_of(job->in.path) == FILE_REGULAR &&
                 file_map_open(&map, job->in.path, NULL) == GEN_OK && map.size > 0;
    file_map_close(&map);
    return found;
}

/* A state outlives what it was about. The position in the data belongs to those data and to how
 * they are put in order; the best validation to the data, to what was validated on, and to the
 * model that was written then. */
void resume_forget(struct checkpoint *run, struct gen_train_plan *plan, const struct train_job *job,
                   const struct train_job_data *data) {
    bool is_old = run->order_key == 0;
    bool validates = data->valid.read != NULL;
    plan->other_data = run->data_key != data->data_key;
    plan->from_beginning = plan->other_data || (!is_old && run->order_key != data->order_key);
    if (plan->from_beginning) {
        run->n_sequences = 0;
    }
    bool same_valid = is_old ? data->always_kept_best : run->valid_key == data->valid_key;
    bool same = validates && same_valid && !plan->other_data;
    plan->other_valid = validates && !same && run->has_best;
    plan->lost_best = same && data->keeps_best && run->has_best && run->best_step != run->step &&
                      !resume_has_model(job);
    if (!same) {
        run->has_first = false;
    }
    if (!same || plan->lost_best) {
        run->has_best = false;
        run->best_step = run->n_worse = 0;
        run->best_loss = 0;
    }
}
