/**
 * finetune.c - gen_finetune(): pairs to learn from, one a sequence: options, the pairs and which
 * are held out, and how a step reads them. The run itself is job.c's, which gen_train() shares.
 */
#include <string.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/size.h"
#include "data/pair_order.h"
#include "model/metadata.h"
#include "train/job.h"
#include "train/options.h"
#include "train/ranks.h"

struct finetune_job {
    struct train_job job;
    const struct gen_finetune_options *options;
    struct gen_train_options train; /* those of them that the run heeds */
    struct gen_error *err;
    struct pair_template pair, message;
    struct lora_options lora;
    struct pairs pairs, valid_pairs; /* of the files */
    struct pair_set learned, held;
    struct pair_order order;
};

struct gen_finetune_options gen_finetune_options_default(void) {
    struct gen_finetune_options options = {
        .train = gen_train_options_default(),
        .n_epochs = 3,
        .pair_template = "{prompt}{completion}",
        .message_template = "{role}: {content}\\n",
        .lora_alpha = 16,
        .lora_targets = "attn.c_attn,attn.c_proj,mlp.c_fc,mlp.c_proj",
    };
    options.train.n_steps = 0;
    options.train.batch_size = 16;
    options.train.learning_rate = 1e-4f;
    options.train.n_warmup = 10;
    options.train.beta2 = 0.999f;
    options.train.weight_decay = 0.01f;
    options.train.valid_every = 0;
    return options;
}

/* ---- options ---------------------------------------------------------------------------------*/

static enum gen_status add_target(struct lora_options *lora, const char *name, size_t n,
                                  struct gen_error *err) {
    for (size_t i = 0; i < ROLE_N_LINEAR; i++) {
        const char *known = role_linear_name((enum tensor_role)(ROLE_QKV + i));
        if (strlen(known) == n && memcmp(known, name, n) == 0) {
            lora->targets[i] = true;
            return GEN_OK;
        }
    }
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_ARGUMENT,
                     "target \"%s\" is unknown; known are attn.c_attn, attn.c_proj, mlp.c_fc and "
                     "mlp.c_proj",
                     error_quote(&quoted, name, n));
}

static enum gen_status read_lora(struct finetune_job *job) {
    const struct gen_finetune_options *options = job->options;
    if (options->lora_rank < 0 || options->lora_rank > 65536 ||
        !(options->lora_alpha > 0 && options->lora_alpha <= 1e6f)) {
        return error_set(
            job->err, GEN_BAD_ARGUMENT,
            "lora_rank is %d, lora_alpha %g, but must be 0 to 65536, and above 0 to 1e6",
            options->lora_rank, (double)options->lora_alpha);
    }
    if (options->train.sample_every > 0 && options->lora_rank > 0) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "there are no samples on the way with LoRA (leave sample_every out)");
    }
    job->lora.rank = options->lora_rank;
    job->lora.alpha = options->lora_alpha;
    enum gen_status status = GEN_OK;
    for (const char *at = options->lora_targets; status == GEN_OK && at != NULL;) {
        const char *comma = strchr(at, ',');
        size_t n = comma != NULL ? (size_t)(comma - at) : strlen(at);
        status = add_target(&job->lora, at, n, job->err);
        at = comma != NULL ? comma + 1 : NULL;
    }
    return status;
}

static enum gen_status check_options(const struct finetune_job *job) {
    const struct gen_finetune_options *options = job->options;
    const struct gen_train_options *train = &options->train;
    if (train->init == NULL) {
        return error_set(job->err, GEN_BAD_ARGUMENT, "there is no model to fine-tune");
    }
    if (train->n_steps == 0 && !(options->n_epochs > 0 && options->n_epochs <= 1e9)) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "n_epochs is %g, but must be above 0, up to 1e9", options->n_epochs);
    }
    if (train->batch_size == 0) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "a batch of 0 pairs teaches nothing: it must be at least 1");
    }
    if (options->patience > 0 && train->n_valid == 0 && train->valid_share == 0) {
        return error_set(job->err, GEN_BAD_ARGUMENT,
                         "stopping early needs pairs to validate with: files, or a share of the "
                         "data");
    }
    return GEN_OK;
}

static enum gen_status read_options(struct finetune_job *job) {
    struct gen_error *err = job->err;
    const struct gen_finetune_options *options = job->options;
    enum gen_status status = check_options(job);
    if (status != GEN_OK || (status = read_lora(job)) != GEN_OK ||
        (status = pair_template_init(&job->pair, options->pair_template, "prompt", "completion",
                                     err)) != GEN_OK ||
        (status = pair_template_init(&job->message, options->message_template, "role", "content",
                                     err)) != GEN_OK) {
        return status;
    }
    struct gen_train_options *train = &job->train;
    *train = options->train;
    train->n_epochs = train->n_steps > 0 ? 0 : options->n_epochs;
    train->patience = options->patience;
    train->vocab = NULL;
    train->vocab_size = 0;
    train->preset = NULL;
    train->shape = (struct gen_train_shape){.n_ctx = options->train.shape.n_ctx};
    return GEN_OK;
}

/* ---- data ------------------------------------------------------------------------------------*/

static bool tell_reading(void *context, uint64_t done, uint64_t total) {
    const struct finetune_job *job = context;
    const struct gen_train_watch *watch = job->job.in.watch;
    return watch->progress == NULL ||
           watch->progress(watch->context, GEN_TRAIN_READING, done, total);
}

static enum gen_status read_files(struct finetune_job *job, struct pairs *pairs,
                                  const char *const *paths, size_t n) {
    struct pairs_reader reader = {.tokenizer = job->job.tokenizer,
                                  .pair = &job->pair,
                                  .message = &job->message,
                                  .prompt_field = job->options->prompt_field,
                                  .completion_field = job->options->completion_field,
                                  .special = job->options->train.special,
                                  .max_positions = job->job.n_positions,
                                  .context = job,
                                  .progress = tell_reading};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        struct file_map map = {0};
        status = file_map_open(&map, paths[i], job->err);
        if (status == GEN_OK) {
            status = train_job_check_input(&job->job, &map, job->err);
        }
        if (status == GEN_OK) {
            status = pairs_read(pairs, &reader, &map, paths[i], job->err);
        }
        file_map_close(&map);
    }
    if (status == GEN_OK && n > 0 && pairs->n == 0) {
        struct error_quoted quoted;
        const char *name = error_path(&quoted, paths[0]);
        status = pairs->n_left_out == 0
                     ? error_set(job->err, GEN_BAD_FILE, "%s: there is no pair in it", name)
                     : error_set(job->err, GEN_BAD_FILE,
                                 "%s: there is no pair in it that fits a context of %zu tokens",
                                 name, job->job.n_positions);
    }
    return status;
}

static enum gen_status read_pairs(struct finetune_job *job) {
    const struct gen_train_options *train = &job->options->train;
    struct gen_error *err = job->err;
    double share = train->n_valid > 0 ? 0 : (double)train->valid_share;
    enum gen_status status = read_files(job, &job->pairs, train->data, train->n_data);
    if (status == GEN_OK) {
        status = read_files(job, &job->valid_pairs, train->valid, train->n_valid);
    }
    if (status != GEN_OK || (status = pair_set_divide(&job->learned, &job->held, &job->pairs, share,
                                                      train->seed, err)) != GEN_OK) {
        return status;
    }
    if (train->n_valid > 0) {
        struct pair_set none;
        pair_set_release(&job->held);
        status = pair_set_divide(&none, &job->held, &job->valid_pairs, 1, train->seed, err);
        pair_set_release(&none);
    }
    if (status == GEN_OK && share > 0 && job->held.n == 0) {
        status = error_set(err, GEN_BAD_ARGUMENT,
                           "a share of %zu pair cannot be held out: no pair is left to learn from "
                           "(more pairs, or other ones to validate with)",
                           job->pairs.n);
    }
    if (status == GEN_OK) {
        status = pair_order_init(&job->order, &job->learned, (size_t)train->batch_size, train->seed,
                                 err);
    }
    return status;
}

static size_t read_data(void *context, uint64_t sequence, int32_t *ids, int32_t *targets) {
    struct finetune_job *job = context;
    size_t i = pair_order_at(&job->order, sequence);
    pairs_get(ids, targets, &job->pairs, i);
    return pair_positions(&job->pairs.all[i]);
}

static size_t read_valid(void *context, uint64_t sequence, int32_t *ids, int32_t *targets) {
    const struct finetune_job *job = context;
    const struct pairs *pairs = job->held.pairs;
    size_t i = job->held.which[sequence];
    pairs_get(ids, targets, pairs, i);
    return pair_positions(&pairs->all[i]);
}

static uint64_t count_positions(const struct pair_set *set) {
    uint64_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        n += pair_positions(&set->pairs->all[set->which[i]]);
    }
    return n;
}

/* A digest of `what`, which is that of some pairs, and two numbers of how they are taken; never 0.
 */
static uint64_t key_of(uint64_t what, uint64_t n, uint64_t how) {
    struct digest digest = {0};
    digest_add_u64(&digest, what);
    digest_add_u64(&digest, n);
    digest_add_u64(&digest, how);
    return digest_value(&digest) | 1;
}

static struct train_job_data describe_data(struct finetune_job *job) {
    const struct gen_train_options *train = &job->options->train;
    const struct pair_order *order = &job->order;
    uint64_t digest = pairs_digest(&job->pairs);
    struct train_job_data data = {
        .data = {.context = job,
                 .n_sequences = job->learned.n,
                 .ends_steps = true,
                 .read = read_data},
        .n_positions = job->pairs.longest,
        .n_sequences = order->step_pairs,
        .epoch_steps = (double)order->n_steps,
        .valid_every = train->valid_every > 0 ? train->valid_every : order->n_steps,
        .data_key = digest,
        .order_key = key_of(digest, job->learned.n, order->step_pairs),
        .always_kept_best = true,
        .n_tokens = count_positions(&job->learned),
        .n_valid_tokens = count_positions(&job->held),
        .n_valid_sequences = job->held.n,
        .last_sequences = job->learned.n % order->step_pairs,
        .n_left_out = job->pairs.n_left_out + job->valid_pairs.n_left_out};
    if (job->held.n > 0) {
        bool apart = train->n_valid > 0;
        data.valid =
            (struct train_source){.context = job, .n_sequences = job->held.n, .read = read_valid};
        data.valid_key =
            key_of(apart ? pairs_digest(&job->valid_pairs) : digest, job->held.n, apart);
        data.n_positions = size_max(job->held.pairs->longest, data.n_positions);
        data.keeps_best = true;
    }
    return data;
}

/* ---- the run ---------------------------------------------------------------------------------*/

/* The model that is written tells how it is talked to. */
static enum gen_status teach_template(struct finetune_job *job) {
    const struct gen_finetune_options *options = job->options;
    struct gen_bytes pattern = {0};
    enum gen_status status =
        pairs_pattern(&pattern, &job->pairs, options->pair_template, options->message_template);
    status = status == GEN_OK ? gen_bytes_append(&pattern, "", 1) : status;
    status = status == GEN_OK ? metadata_teach(job->job.init, pattern.data, job->err)
                              : error_no_memory(job->err, "a chat template");
    gen_bytes_release(&pattern);
    return status;
}

static enum gen_status run(struct finetune_job *job, const char *path,
                           const struct gen_train_watch *watch) {
    const struct gen_ranks *ranks = job->options->train.ranks;
    struct gen_error *err = job->err;
    enum gen_status status = ranks_check(ranks, err);
    if (status != GEN_OK || (status = ranks_join(ranks, read_options(job), err)) != GEN_OK) {
        return status;
    }
    const struct train_job_inputs inputs = {.options = &job->train,
                                            .watch = watch,
                                            .path = path,
                                            .lora = job->lora.rank > 0 ? &job->lora : NULL};
    if ((status = train_job_open(&job->job, &inputs, err)) != GEN_OK ||
        (status = ranks_join(ranks, read_pairs(job), err)) != GEN_OK ||
        (status = teach_template(job)) != GEN_OK) {
        return status;
    }
    const struct train_job_data data = describe_data(job);
    return train_job_run(&job->job, &data, err);
}

enum gen_status gen_finetune(const char *path, const struct gen_finetune_options *options,
                             const struct gen_train_watch *watch, struct gen_error *err) {
    static const struct gen_train_watch nobody = {0};
    struct finetune_job job = {.options = options, .err = err};
    enum gen_status status = run(&job, path, watch != NULL ? watch : &nobody);
    train_job_release(&job.job);
    pair_order_release(&job.order);
    pair_set_release(&job.learned);
    pair_set_release(&job.held);
    pairs_release(&job.pairs);
    pairs_release(&job.valid_pairs);
    pair_template_release(&job.pair);
    pair_template_release(&job.message);
    return status;
}
