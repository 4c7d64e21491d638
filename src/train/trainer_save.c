/**
 * trainer_save.c - what a run of training writes: the state, then the model where the weights as
 * they are shall be it. All ranks come here, the first alone writes. When it is time is trainer.c's
 * affair, and how the files look checkpoint.c's.
 */
#include "train/trainer_save.h"

#include "base/digest.h"
#include "base/error.h"
#include "train/ranks.h"

enum gen_status trainer_compare_ranks(const struct trainer *trainer, struct gen_error *err) {
    const struct gen_ranks *ranks = trainer->in->options->ranks;
    const struct checkpoint *run = &trainer->checkpoint;
    if (ranks == NULL) {
        return GEN_OK;
    }
    struct digest digest = {0};
    digest_add_u64(&digest, run->step);
    digest_add_u64(&digest, run->n_sequences);
    digest_add_u64(&digest, run->data_key);
    digest_add_u64(&digest, run->vocab);
    digest_add_u64(&digest, trainer->in->n_sequences);
    digest_add_u64(&digest, trainer->in->n_positions);
    digest_add_u64(&digest, run->has_best);
    digest_add_u64(&digest, run->has_first);
    const struct params *parts[] = {trainer->in->params, trainer->in->trainable};
    for (size_t i = 0; i < (trainer->in->lora != NULL ? 2 : 1); i++) {
        digest_add(&digest, parts[i]->values, parts[i]->n_values * sizeof *parts[i]->values);
    }
    return ranks_compare(ranks, digest_value(&digest), err);
}

/* Whether the weights as they are shall be the model that is written. Where the best are kept,
 * those of the last validation are, if it was the best; without any validation so far, all are. */
static bool writes_model(const struct trainer *trainer) {
    const struct checkpoint *run = &trainer->checkpoint;
    return !trainer->in->keeps_best || !run->has_best || run->best_step == run->step;
}

static enum gen_status write_model(const struct trainer *trainer, const char *path,
                                   struct gen_error *err) {
    if (trainer->in->lora != NULL) {
        return lora_write(path, trainer->in->lora, trainer->in->source, err);
    }
    return checkpoint_write_model(path, trainer->in->params, trainer->in->tokenizer,
                                  trainer->in->source, trainer->in->carried, err);
}

/* Two runs with one output would write state and model in turn, each over the other's. */
static enum gen_status check_state(const struct trainer *trainer, struct gen_error *err) {
    struct file_identity found = file_identity_of(trainer->in->state_path);
    if (found.inode == 0 || file_identity_equal(found, trainer->saved_state)) {
        return GEN_OK;
    }
    struct error_quoted quoted;
    return error_set(err, GEN_IO_ERROR,
                     "%s: was written by another run meanwhile, so this one stops without a "
                     "checkpoint (one output for each)",
                     error_path(&quoted, trainer->in->state_path));
}

static enum gen_status write_checkpoint(struct trainer *trainer, struct gen_error *err) {
    enum gen_status status = check_state(trainer, err);
    if (status == GEN_OK) {
        status =
            checkpoint_write_state(trainer->in->state_path, &trainer->checkpoint,
                                   trainer->in->trainable, &trainer->in->optimizer->adamw, err);
        trainer->saved_state = file_identity_of(trainer->in->state_path);
    }
    if (status == GEN_OK && writes_model(trainer)) {
        status = write_model(trainer, trainer->in->path, err);
    }
    if (status == GEN_OK && trainer->in->options->last != NULL) {
        status = write_model(trainer, trainer->in->options->last, err);
    }
    return status;
}

enum gen_status trainer_save(struct trainer *trainer, struct gen_error *err) {
    const struct gen_train_watch *watch = trainer->in->watch;
    bool leads = ranks_leads(trainer->in->options->ranks);
    enum gen_status status = trainer_compare_ranks(trainer, err);
    if (status == GEN_OK) {
        status = leads ? write_checkpoint(trainer, err) : GEN_OK;
        status = ranks_join(trainer->in->options->ranks, status, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    trainer->saved_step = trainer->checkpoint.step;
    trainer->saved_at = gen_clock();
    if (leads && watch->wrote != NULL && writes_model(trainer)) {
        watch->wrote(watch->context, trainer->checkpoint.step);
    }
    if (leads && watch->saved != NULL) {
        watch->saved(watch->context, trainer->checkpoint.step);
    }
    return GEN_OK;
}

bool trainer_is_best(const struct trainer *trainer) {
    const struct checkpoint *run = &trainer->checkpoint;
    return trainer->in->keeps_best && run->has_best && run->best_step == run->step;
}

enum gen_status trainer_write_best(const struct trainer *trainer, struct gen_error *err) {
    const struct gen_ranks *ranks = trainer->in->options->ranks;
    const struct gen_train_watch *watch = trainer->in->watch;
    bool leads = ranks_leads(ranks);
    enum gen_status status = leads ? write_model(trainer, trainer->in->path, err) : GEN_OK;
    status = ranks_join(ranks, status, err);
    if (status == GEN_OK && leads && watch->wrote != NULL) {
        watch->wrote(watch->context, trainer->checkpoint.step);
    }
    return status;
}
