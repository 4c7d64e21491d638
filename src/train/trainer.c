/**
 * trainer.c - the loop: validate, step, validate and save when it is time, until the end or until
 * somebody stops it. The passes are pass.c's, the step is optimizer.c's, what is written and how
 * trainer_save.c's.
 */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"
#include "train/ranks.h"
#include "train/trainer_save.h"

/* ---- watching --------------------------------------------------------------------------------*/

static enum gen_status canceled(const struct trainer *trainer, struct gen_error *err) {
    return error_set(err, GEN_CANCELED, "training was stopped after step %llu",
                     (unsigned long long)trainer->checkpoint.step);
}

static enum gen_status tell(const struct trainer *trainer, enum gen_train_phase phase,
                            uint64_t done, uint64_t total, struct gen_error *err) {
    const struct gen_train_watch *watch = trainer->in->watch;
    if (watch->progress == NULL || watch->progress(watch->context, phase, done, total)) {
        return GEN_OK;
    }
    return canceled(trainer, err);
}

/* Let the watcher try the model: a view of the weights, which nobody changes meanwhile. */
static enum gen_status show_sample(const struct trainer *trainer, struct gen_error *err) {
    const struct gen_train_watch *watch = trainer->in->watch;
    uint64_t every = trainer->in->options->sample_every;
    uint64_t step = trainer->checkpoint.step;
    if (watch->sample == NULL || every == 0 || step % every != 0) {
        return GEN_OK;
    }
    const struct params *params = trainer->in->params;
    const struct gen_model model =
        model_view(&params->config, &params->weights, trainer->in->tokenizer, trainer->in->path);
    return watch->sample(watch->context, step, &model) ? GEN_OK : canceled(trainer, err);
}

/* ---- passes ----------------------------------------------------------------------------------*/

/* The seed of a step's dropout. */
static uint64_t dropout_seed(const struct trainer *trainer) {
    struct rng rng;
    rng_init_sequence(&rng, trainer->checkpoint.seed, trainer->checkpoint.step, 1);
    uint64_t high = rng_u32(&rng);
    return high << 32 | rng_u32(&rng);
}

/* Copy sequences into a batch as long as the longest of them. What the others lack is filled up
 * with positions that nothing looks at and whose predictions do not count: it changes no bit. */
static size_t fill_batch(struct trainer *trainer, size_t first, size_t n) {
    size_t longest = 0;
    for (size_t i = first; i < first + n; i++) {
        longest = size_max(trainer->lengths[i], longest);
    }
    for (size_t i = 0; i < n; i++) {
        size_t length = trainer->lengths[first + i];
        size_t from = (first + i) * trainer->in->n_positions;
        int32_t *ids = trainer->batch_ids + i * longest;
        int32_t *targets = trainer->batch_targets + i * longest;
        memcpy(ids, trainer->ids + from, length * sizeof *ids);
        memcpy(targets, trainer->targets + from, length * sizeof *targets);
        for (size_t at = length; at < longest; at++) {
            ids[at] = 0;
            targets[at] = NO_TARGET;
        }
    }
    return longest;
}

/* Sequences first ... first + n - 1 of the buffers through the model; `step` NULL: no gradients. */
static enum gen_status run_batch(struct trainer *trainer, size_t first, size_t n,
                                 const struct train_step *step, double *loss, size_t *n_counted,
                                 struct gen_error *err) {
    struct train_batch batch = {.ids = trainer->batch_ids,
                                .targets = trainer->batch_targets,
                                .n_sequences = n,
                                .n_positions = fill_batch(trainer, first, n)};
    return train_pass_run(trainer->in->pass, trainer->in->params,
                          step != NULL ? trainer->in->gradients : NULL, &batch, step, loss,
                          n_counted, err);
}

static void read_sequences(struct trainer *trainer, const struct train_source *source,
                           uint64_t first, size_t n) {
    for (size_t i = 0; i < n; i++) {
        size_t at = i * trainer->in->n_positions;
        trainer->lengths[i] =
            source->read(source->context, first + i, trainer->ids + at, trainer->targets + at);
    }
}

static size_t count_positions(const struct trainer *trainer, size_t n_sequences) {
    size_t n = 0;
    for (size_t i = 0; i < n_sequences; i++) {
        n += trainer->lengths[i];
    }
    return n;
}

static size_t count_targets(const struct trainer *trainer, size_t n_sequences) {
    size_t n = 0;
    for (size_t i = 0; i < n_sequences; i++) {
        const int32_t *targets = trainer->targets + i * trainer->in->n_positions;
        for (size_t at = 0; at < trainer->lengths[i]; at++) {
            n += targets[at] != NO_TARGET;
        }
    }
    return n;
}

static uint64_t count_bytes(const struct trainer *trainer, size_t n_sequences) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < n_sequences; i++) {
        const int32_t *targets = trainer->targets + i * trainer->in->n_positions;
        for (size_t at = 0; at < trainer->lengths[i]; at++) {
            if (targets[at] != NO_TARGET &&
                !tokenizer_is_special(trainer->in->tokenizer, targets[at])) {
                size_t n;
                gen_tokenizer_piece(trainer->in->tokenizer, targets[at], &n);
                bytes += n;
            }
        }
    }
    return bytes;
}

/* What a validation found. */
struct score {
    double loss;    /* sum of -ln p over the counted targets */
    size_t n;       /* of them */
    uint64_t bytes; /* that they spell; special tokens spell none */
};

/* The loss on the data to validate on with the weights as they are. */
static enum gen_status score_valid(struct trainer *trainer, struct score *score,
                                   struct gen_error *err) {
    *score = (struct score){0};
    const struct train_source *valid = &trainer->in->valid;
    enum gen_status status = GEN_OK;
    uint64_t begin, end;
    ranks_share(&begin, &end, trainer->in->options->ranks, valid->n_sequences);
    for (uint64_t first = begin; first < end && status == GEN_OK;) {
        uint64_t left = end - first;
        size_t n = left < trainer->in->micro_batch ? (size_t)left : trainer->in->micro_batch;
        read_sequences(trainer, valid, first, n);
        score->bytes += count_bytes(trainer, n);
        status = run_batch(trainer, 0, n, NULL, &score->loss, &score->n, err);
        first += n;
        if (status == GEN_OK) {
            status = tell(trainer, GEN_TRAIN_VALIDATING, first - begin, end - begin, err);
        }
    }
    double sums[] = {score->loss, (double)score->n, (double)score->bytes};
    status = ranks_sum(trainer->in->options->ranks, sums, 3, status, err);
    *score = (struct score){sums[0], (size_t)sums[1], (uint64_t)sums[2]};
    return status;
}

/* ---- one step --------------------------------------------------------------------------------*/

static enum gen_status check_finite(const struct trainer *trainer, double loss, double norm,
                                    struct gen_error *err) {
    if (isfinite(loss) && isfinite(norm)) {
        return GEN_OK;
    }
    return error_set(err, GEN_UNSUPPORTED,
                     "step %llu: the %s is not finite (a lower learning rate, a longer warm-up or "
                     "tighter clipping may help; the last checkpoint is as it was)",
                     (unsigned long long)trainer->checkpoint.step + 1,
                     isfinite(loss) ? "gradient" : "loss");
}

/* Sequences of the next step. */
static size_t next_sequences(const struct trainer *trainer) {
    const struct train_source *data = &trainer->in->data;
    if (!data->ends_steps) {
        return trainer->in->n_sequences;
    }
    uint64_t left = data->n_sequences - trainer->checkpoint.n_sequences % data->n_sequences;
    return left < trainer->in->n_sequences ? (size_t)left : trainer->in->n_sequences;
}

/* Gradients of the mean loss over the step's n_sequences, which lie in the buffers: each rank's
 * share, then their sum. A share may be empty in the last step of an epoch alone (job.c sees to
 * that); nothing else would make zeros of the gradients then. */
static enum gen_status add_gradients(struct trainer *trainer, size_t n_sequences, double *loss,
                                     struct gen_error *err) {
    const struct gen_ranks *ranks = trainer->in->options->ranks;
    uint64_t begin, end;
    ranks_share(&begin, &end, ranks, n_sequences);
    size_t n_counted = 0;
    size_t n_targets = count_targets(trainer, n_sequences);
    struct train_step step = {.scale = (float)(1 / (double)(n_targets > 0 ? n_targets : 1)),
                              .seed = dropout_seed(trainer)};
    double sum = 0;
    enum gen_status status = GEN_OK;
    if (begin == end) {
        memset(trainer->in->gradients, 0,
               trainer->in->trainable->n_values * sizeof *trainer->in->gradients);
    }
    for (size_t first = (size_t)begin; first < end && status == GEN_OK;) {
        size_t left = (size_t)end - first;
        size_t n = size_min(left, trainer->in->micro_batch);
        step.first_sequence = first;
        step.begins = first == begin;
        step.ends = n == left;
        status = run_batch(trainer, first, n, &step, &sum, &n_counted, err);
        first += n;
        if (status == GEN_OK) {
            status = tell(trainer, GEN_TRAIN_STEPPING, first - begin, end - begin, err);
        }
    }
    double sums[] = {sum, (double)n_counted};
    status = ranks_sum(ranks, sums, 2, status, err);
    if (status == GEN_OK) {
        status = ranks_sum_gradients(ranks, trainer->in->gradients,
                                     trainer->in->trainable->n_values, err);
    }
    *loss = sums[0] / (sums[1] > 0 ? sums[1] : 1);
    return status;
}

static enum gen_status make_step(struct trainer *trainer, struct gen_train_report *report,
                                 struct gen_error *err) {
    struct checkpoint *run = &trainer->checkpoint;
    double start = gen_clock();
    size_t n_sequences = next_sequences(trainer);
    read_sequences(trainer, &trainer->in->data, run->n_sequences, n_sequences);
    enum gen_status status = add_gradients(trainer, n_sequences, &report->loss, err);
    if (status != GEN_OK) {
        return status;
    }
    double norm =
        adamw_norm(trainer->in->gradients, trainer->in->trainable->n_values, trainer->in->compute);
    if ((status = check_finite(trainer, report->loss, norm, err)) != GEN_OK) {
        return status;
    }
    double clip = (double)trainer->in->options->clip;
    const struct adamw_step step = {.rate = schedule_rate(&trainer->in->schedule, run->step),
                                    .scale = clip > 0 && norm > clip ? clip / norm : 1,
                                    .t = run->step + 1};
    optimizer_step(trainer->in->optimizer, trainer->in->trainable, trainer->in->gradients, &step,
                   trainer->in->compute);
    size_t n_tokens = count_positions(trainer, n_sequences);
    run->step++;
    run->n_sequences += n_sequences;
    run->n_tokens += n_tokens;
    report->step = run->step;
    report->n_steps = trainer->in->n_steps;
    report->n_tokens = run->n_tokens;
    report->learning_rate = step.rate;
    report->gradient_norm = norm;
    report->tokens_per_second = (double)n_tokens / (gen_clock() - start);
    report->epoch = (double)run->n_sequences / (double)trainer->in->data.n_sequences;
    return GEN_OK;
}

/* ---- what follows a step ---------------------------------------------------------------------*/

static bool is_due(const struct trainer *trainer) {
    const struct gen_train_options *options = trainer->in->options;
    const struct gen_train_watch *watch = trainer->in->watch;
    double minutes = (double)options->checkpoint_minutes;
    uint64_t every = options->checkpoint_every;
    bool asked = watch->checkpoint_now != NULL && watch->checkpoint_now(watch->context);
    return asked || trainer_is_best(trainer) ||
           (every > 0 && trainer->checkpoint.step % every == 0) ||
           (minutes > 0 && gen_clock() - trainer->saved_at >= 60 * minutes);
}

/* Note whether the validation was the best so far. */
static void judge(struct trainer *trainer, struct gen_train_report *report) {
    struct checkpoint *run = &trainer->checkpoint;
    report->is_best = !run->has_best || report->valid_loss < run->best_loss;
    run->n_worse = report->is_best ? 0 : run->n_worse + 1;
    if (report->is_best) {
        run->has_best = true;
        run->best_loss = report->valid_loss;
        run->best_step = run->step;
    }
}

/* Validate and fill in what the report has of it. */
static enum gen_status validate(struct trainer *trainer, struct gen_train_report *report,
                                struct gen_error *err) {
    struct score score;
    enum gen_status status = score_valid(trainer, &score, err);
    if (status == GEN_OK) {
        report->has_valid = true;
        report->valid_loss = score.loss / (double)(score.n > 0 ? score.n : 1);
        report->valid_bits = score.loss / log(2) / (double)(score.bytes > 0 ? score.bytes : 1);
    }
    return status;
}

static enum gen_status validate_if_due(struct trainer *trainer, struct gen_train_report *report,
                                       struct gen_error *err) {
    uint64_t every = trainer->in->valid_every;
    uint64_t step = trainer->checkpoint.step;
    bool last = step == trainer->in->n_steps;
    if (trainer->in->valid.read == NULL || !(last || (every > 0 && step % every == 0))) {
        return GEN_OK;
    }
    enum gen_status status = validate(trainer, report, err);
    if (status == GEN_OK) {
        judge(trainer, report);
    }
    return status;
}

static enum gen_status step_and_report(struct trainer *trainer, struct gen_error *err) {
    const struct gen_train_watch *watch = trainer->in->watch;
    struct gen_train_report report = {0};
    enum gen_status status = make_step(trainer, &report, err);
    if (status != GEN_OK) {
        return status;
    }
    status = validate_if_due(trainer, &report, err);
    /* Somebody who stops the validation hears of the step all the same: it was made. */
    if ((status == GEN_OK || status == GEN_CANCELED) && watch->step != NULL &&
        !watch->step(watch->context, &report)) {
        status = canceled(trainer, err);
    }
    if (status == GEN_OK) {
        status = show_sample(trainer, err);
    }
    return status;
}

static bool is_done(const struct trainer *trainer) {
    uint64_t patience = trainer->in->options->patience;
    return trainer->checkpoint.step >= trainer->in->n_steps ||
           (patience > 0 && trainer->checkpoint.n_worse >= patience);
}

/* Before the first step, and where a run goes on with other data to validate on: what the model is
 * worth as it is. One that was trained may turn out to be the best; random weights are not kept. */
static enum gen_status validate_first(struct trainer *trainer, struct gen_error *err) {
    struct checkpoint *run = &trainer->checkpoint;
    const struct gen_train_watch *watch = trainer->in->watch;
    if (trainer->in->valid.read == NULL || run->has_best || run->has_first || is_done(trainer)) {
        return GEN_OK;
    }
    struct gen_train_report report = {.step = run->step,
                                      .n_steps = trainer->in->n_steps,
                                      .n_tokens = run->n_tokens,
                                      .epoch = (double)run->n_sequences /
                                               (double)trainer->in->data.n_sequences};
    enum gen_status status = validate(trainer, &report, err);
    if (status != GEN_OK) {
        return status;
    }
    run->has_first = true;
    run->first_loss = report.valid_loss;
    if (trainer->in->trained) {
        judge(trainer, &report);
    }
    if (watch->began != NULL && !watch->began(watch->context, &report)) {
        status = canceled(trainer, err);
    }
    return status;
}

static enum gen_status run_steps(struct trainer *trainer, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && !is_done(trainer)) {
        status = step_and_report(trainer, err);
        /* What time it is may differ: the first rank's clock counts. */
        double due = ranks_leads(trainer->in->options->ranks) && is_due(trainer) ? 1 : 0;
        status = ranks_sum(trainer->in->options->ranks, &due, 1, status, err);
        if (status == GEN_OK && due > 0) {
            status = trainer_save(trainer, err);
        }
    }
    return status;
}

static enum gen_status make_buffers(struct trainer *trainer, struct gen_error *err) {
    size_t rows = size_max(trainer->in->n_sequences, trainer->in->micro_batch);
    size_t row = trainer->in->n_positions * sizeof *trainer->ids;
    trainer->ids = memory_new(rows, row);
    trainer->targets = memory_new(rows, row);
    trainer->lengths = memory_new(rows, sizeof *trainer->lengths);
    trainer->batch_ids = memory_new(trainer->in->micro_batch, row);
    trainer->batch_targets = memory_new(trainer->in->micro_batch, row);
    bool good = trainer->ids != NULL && trainer->targets != NULL && trainer->lengths != NULL &&
                trainer->batch_ids != NULL && trainer->batch_targets != NULL;
    return good ? GEN_OK : error_no_memory(err, "a batch");
}

static void free_buffers(struct trainer *trainer) {
    memory_free(trainer->ids);
    memory_free(trainer->targets);
    memory_free(trainer->lengths);
    memory_free(trainer->batch_ids);
    memory_free(trainer->batch_targets);
}

static enum gen_status run_and_save(struct trainer *trainer, struct gen_error *err) {
    uint64_t first_step = trainer->checkpoint.step;
    if (trainer->in->resumed) {
        trainer->saved_state = file_identity_of(trainer->in->state_path);
    }
    enum gen_status status =
        ranks_join(trainer->in->options->ranks, make_buffers(trainer, err), err);
    if (status == GEN_OK) {
        status = trainer_compare_ranks(trainer, err);
    }
    if (status == GEN_OK) {
        status = validate_first(trainer, err);
    }
    /* A run that was cut off between state and model has the best one in its state alone. */
    if (status == GEN_OK && trainer_is_best(trainer)) {
        status = trainer_write_best(trainer, err);
    }
    if (status == GEN_OK) {
        status = run_steps(trainer, err);
    }
    /* A finished run is saved even if it had nothing left to do: the last one may have been cut
     * off between state and model. */
    bool stopped = status == GEN_CANCELED && trainer->checkpoint.step > first_step;
    if ((status == GEN_OK || stopped) && trainer->saved_step != trainer->checkpoint.step) {
        struct gen_error save_err;
        enum gen_status saved = trainer_save(trainer, &save_err);
        if (saved != GEN_OK) {
            status = saved;
            if (err != NULL) {
                *err = save_err;
            }
        }
    }
    return status;
}

enum gen_status trainer_run(const struct trainer_inputs *in, struct gen_error *err) {
    struct trainer trainer = {
        .in = in, .checkpoint = in->checkpoint, .saved_at = gen_clock(), .saved_step = UINT64_MAX};
    enum gen_status status = run_and_save(&trainer, err);
    free_buffers(&trainer);
    return status;
}
