/**
 * fuzz_generate.c - libFuzzer entry: options, prompts, stops and rules from the bytes. The texts
 * may not depend on how many are worked on together, on speculation and draft models, on the
 * threads, or on what an engine did before.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "generate/engine.h"

enum { PROMPTS = 4, PROMPT_IDS = 72, STOPS = 3, STOP_SIZE = 8, BIASES = 4, BAD_WORDS = 3 };

/* A job made of bytes. */
struct job {
    struct gen_generate_options options;
    int32_t ids[PROMPTS][PROMPT_IDS];
    size_t n_ids[PROMPTS];
    int n_prompts, n_asked;
    char stops[STOPS][STOP_SIZE];
    const char *stop[STOPS];
    struct gen_logit_bias biases[BIASES];
    int32_t bad_ids[BAD_WORDS][4];
    struct gen_ids bad_words[BAD_WORDS];
    struct gen_force_words words[BAD_WORDS];
    struct gen_bytes told; /* all that came out */
    size_t n_passes;       /* that are left before the run is canceled; 0: it is not */
};

static bool next(void *context, struct gen_prompt *prompt) {
    struct job *job = context;
    if (job->n_asked == job->n_prompts) {
        return false;
    }
    *prompt = (struct gen_prompt){.ids = job->ids[job->n_asked], .n_ids = job->n_ids[job->n_asked]};
    job->n_asked++;
    return true;
}

static void tell(struct job *job, const void *bytes, size_t n) {
    if (gen_bytes_append(&job->told, bytes, n) != GEN_OK) {
        abort();
    }
}

static bool on_text(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n) {
    (void)index;
    (void)sequence;
    tell(context, bytes, n);
    return true;
}

static bool on_end(void *context, const struct gen_result *result) {
    struct job *job = context;
    tell(job, &result->index, sizeof result->index);
    tell(job, &result->sequence, sizeof result->sequence);
    tell(job, &result->finish, sizeof result->finish);
    tell(job, &result->score, sizeof result->score);
    tell(job, result->new_ids, result->n_new_ids * sizeof *result->new_ids);
    for (size_t i = 0; i < result->n_logprobs * result->n_new_ids; i++) {
        tell(job, &result->logprobs[i].id, sizeof result->logprobs[i].id);
        tell(job, &result->logprobs[i].logprob, sizeof result->logprobs[i].logprob);
    }
    return true;
}

static bool on_go_on(void *context) {
    struct job *job = context;
    return job->n_passes == 0 || --job->n_passes > 0;
}

static void take_lengths(struct job *job, struct fuzz_bytes *bytes) {
    struct gen_generate_options *options = &job->options;
    options->seed = fuzz_byte(bytes);
    options->max_new_tokens = (int32_t)(fuzz_byte(bytes) % 20);
    options->max_length = (int32_t)(fuzz_byte(bytes) % 100) - 1;
    options->max_length = options->max_length == 0 ? -1 : options->max_length;
    unsigned flags = fuzz_byte(bytes);
    options->slide = flags & 1;
    options->ignore_eos = flags & 2;
    options->num_return_sequences = 1 + (int32_t)(flags >> 2) % 2;
    options->n_logprobs = flags & 32 ? 3 : 0;
    options->kv_type = flags & 64 ? "f16" : "f32";
    options->n_stop = fuzz_byte(bytes) % (STOPS + 1);
    options->stop = job->stop;
    for (size_t i = 0; i < options->n_stop; i++) {
        size_t n = 1 + fuzz_byte(bytes) % (STOP_SIZE - 2);
        for (size_t k = 0; k < n; k++) {
            unsigned c = fuzz_byte(bytes);
            job->stops[i][k] = (char)(c != 0 ? c : ' ');
        }
        job->stop[i] = job->stops[i];
    }
}

static void take_sampling(struct job *job, struct fuzz_bytes *bytes) {
    struct gen_sampling *sampling = &job->options.sampling;
    sampling->temperature = (float)(fuzz_byte(bytes) % 4) * 0.5f;
    sampling->top_k = (int32_t)(fuzz_byte(bytes) % 6);
    sampling->top_p = (float)(1 + fuzz_byte(bytes) % 8) / 8;
    sampling->min_p = (float)(fuzz_byte(bytes) % 4) / 4;
    sampling->typical_p = (float)(1 + fuzz_byte(bytes) % 8) / 8;
    sampling->repetition_penalty = 0.5f + (float)(fuzz_byte(bytes) % 8) / 4;
    sampling->no_repeat_ngram_size = (int32_t)(fuzz_byte(bytes) % 4);
    sampling->presence_penalty = (float)(fuzz_byte(bytes) % 9) / 2 - 2;
    sampling->frequency_penalty = (float)(fuzz_byte(bytes) % 9) / 2 - 2;
    sampling->min_new_tokens = (int32_t)(fuzz_byte(bytes) % 16);
    sampling->logit_bias = job->biases;
    sampling->n_logit_bias = fuzz_byte(bytes) % (BIASES + 1);
    for (size_t i = 0; i < sampling->n_logit_bias; i++) {
        job->biases[i].id = (int32_t)(i * 128 + fuzz_byte(bytes) % 128);
        unsigned bias = fuzz_byte(bytes);
        job->biases[i].bias = bias & 1 ? -INFINITY : (float)bias - 128;
    }
    sampling->bad_words = job->bad_words;
    sampling->n_bad_words = fuzz_byte(bytes) % (BAD_WORDS + 1);
    for (size_t i = 0; i < sampling->n_bad_words; i++) {
        size_t n = 1 + fuzz_byte(bytes) % 3;
        for (size_t k = 0; k < n; k++) {
            job->bad_ids[i][k] = (int32_t)(fuzz_byte(bytes) * 2);
        }
        job->bad_words[i] = (struct gen_ids){.data = job->bad_ids[i], .n = n};
    }
}

/* Rules that came later; where there are no more bytes all of them are off. */
static void take_more_sampling(struct job *job, struct fuzz_bytes *bytes) {
    static const char *const orders[] = {NULL, "top_p;top_k", "penalties;dry;xtc;temperature",
                                         "top_k;penalties;adaptive_p;top_h"};
    struct gen_sampling *sampling = &job->options.sampling;
    unsigned flags = fuzz_byte(bytes);
    sampling->repeat_last_n = (int32_t)(fuzz_byte(bytes) % 8) - 1;
    sampling->dry_multiplier = flags & 1 ? 0.5f : 0.0f;
    sampling->dry_allowed_length = (int32_t)(fuzz_byte(bytes) % 4);
    sampling->dry_penalty_last_n = (int32_t)(fuzz_byte(bytes) % 32) - 1;
    sampling->dry_breakers = job->bad_words;
    sampling->n_dry_breakers = sampling->n_bad_words;
    sampling->xtc_probability = flags & 2 ? 0.5f : 0.0f;
    sampling->mirostat = flags & 4 ? 2 : 0;
    sampling->mirostat_tau = (float)(fuzz_byte(bytes) % 8);
    sampling->dynatemp_range = flags & 8 ? 0.5f : 0.0f;
    sampling->top_h = flags & 16 ? 0.5f : 0.0f;
    sampling->eta_cutoff = flags & 32 ? 0.25f : 0.0f;
    sampling->adaptive_target = flags & 64 ? 0.25f : -1.0f;
    sampling->samplers = sampling->mirostat == 0 ? orders[fuzz_byte(bytes) % 4] : NULL;
    sampling->length_decay_factor = flags & 128 ? 1.5f : 1.0f;
    if (sampling->n_bad_words > 0 && fuzz_byte(bytes) % 2 == 1) {
        sampling->begin_suppress_tokens = job->bad_words[0];
        sampling->forced_eos = job->bad_words[sampling->n_bad_words - 1];
    }
}

/* Searches, in which most options are right; where there are no more bytes there is none. */
static void take_search(struct job *job, struct fuzz_bytes *bytes) {
    struct gen_generate_options *options = &job->options;
    unsigned kind = fuzz_byte(bytes) % 8;
    unsigned more = fuzz_byte(bytes);
    if (kind == 0) {
        return;
    }
    if (kind > 2) {
        options->sampling.temperature = 0;
    }
    if (kind == 3) {
        options->penalty_alpha = (float)(more % 5) / 4;
        options->num_return_sequences = 1;
        return;
    }
    options->num_beams = 1 + (int32_t)(more % 6);
    options->num_beam_groups = kind == 4 ? options->num_beams : kind == 5 ? 2 : 1;
    options->diversity_penalty = options->num_beam_groups > 1 ? 0.5f : 0.0f;
    options->early_stopping = (enum gen_early_stopping)(fuzz_byte(bytes) % 3);
    options->length_penalty = (float)(fuzz_byte(bytes) % 9) / 2 - 2;
    for (size_t i = 0; kind > 5 && i < options->sampling.n_bad_words; i++) {
        /* Words of one entry each, or one entry of all. */
        job->words[i] = (struct gen_force_words){&job->bad_words[i], 1};
        options->n_force_words = kind == 6 ? i + 1 : 1;
        job->words[0].n_spellings = kind == 6 ? 1 : i + 1;
    }
    options->force_words = job->words;
    options->sampling.n_bad_words = kind > 5 ? 0 : options->sampling.n_bad_words;
}

/* Texts that a prompt needs at once. */
static int32_t least_batch(const struct gen_generate_options *options) {
    int32_t least = options->num_beams;
    if (options->penalty_alpha > 0 && options->sampling.top_k > least) {
        least = options->sampling.top_k;
    }
    return least;
}

/* Prompts repeat themselves, so that there is something to guess. */
static void take_prompts(struct job *job, struct fuzz_bytes *bytes) {
    job->n_prompts = 1 + (int)(fuzz_byte(bytes) % PROMPTS);
    for (int i = 0; i < job->n_prompts; i++) {
        size_t period = 1 + fuzz_byte(bytes) % 12;
        job->n_ids[i] = fuzz_byte(bytes) % PROMPT_IDS;
        for (size_t k = 0; k < job->n_ids[i]; k++) {
            job->ids[i][k] =
                k < period ? (int32_t)(fuzz_byte(bytes) * 2 + k % 2) : job->ids[i][k - period];
        }
    }
}

/* On an engine, or with NULL by gen_generate(). */
static enum gen_status run(struct job *job, const struct gen_model *model,
                           struct gen_engine *engine, struct gen_bytes *told) {
    struct gen_source source = {.context = job, .next = next};
    struct gen_sink sink = {.context = job, .text = on_text, .end = on_end, .go_on = on_go_on};
    struct gen_error err;
    job->n_asked = 0;
    job->told = (struct gen_bytes){0};
    enum gen_status status = engine != NULL
                                 ? gen_engine_run(engine, &job->options, &source, &sink, NULL, &err)
                                 : gen_generate(model, &job->options, &source, &sink, NULL, &err);
    *told = job->told;
    if (status != GEN_OK) {
        fuzz_check_error(&err);
    }
    return status;
}

static void check_run(struct job *job, const struct gen_model *model, struct gen_engine *engine,
                      enum gen_status status, const struct gen_bytes *expected) {
    struct gen_bytes told;
    if (run(job, model, engine, &told) != status || told.n != expected->n ||
        (told.n > 0 && memcmp(told.data, expected->data, told.n) != 0)) {
        abort();
    }
    gen_bytes_release(&told);
}

/* An engine that has done nothing, all of it, and a part of it. */
static void check_engine(struct job *job, const struct gen_model *model, int32_t batch,
                         enum gen_status status, const struct gen_bytes *expected) {
    struct gen_engine *engine = NULL;
    struct gen_bytes told;
    const struct gen_engine_options options = {
        .n_threads = 1, .batch = batch, .kv_type = job->options.kv_type};
    if (gen_engine_new(&engine, model, &options, NULL) != GEN_OK) {
        abort();
    }
    check_run(job, model, engine, status, expected);
    check_run(job, model, engine, status, expected);
    job->n_passes = 1 + (size_t)job->options.seed % 16;
    run(job, model, engine, &told);
    gen_bytes_release(&told);
    job->n_passes = 0;
    check_run(job, model, engine, status, expected);
    gen_engine_free(engine);
}

/* An engine with a draft model, of another kind and with a shorter context, which guesses so many
 * ids each time. */
static void check_draft(struct job *job, const struct gen_model *model, size_t n_guesses,
                        enum gen_status status, const struct gen_bytes *expected) {
    static struct gen_model *draft;
    struct gen_engine *engine = NULL;
    struct gen_error err;
    if (draft == NULL &&
        gen_model_open(&draft, "tests/golden/models/neo-words", NULL, &err) != GEN_OK) {
        abort();
    }
    const struct gen_engine_options options = {.n_threads = 1,
                                               .batch = least_batch(&job->options) +
                                                        (int32_t)(n_guesses % 4),
                                               .kv_type = job->options.kv_type,
                                               .draft = draft};
    if (gen_engine_new(&engine, model, &options, NULL) != GEN_OK) {
        abort();
    }
    engine->draft_model->pace.fixed = n_guesses;
    check_run(job, model, engine, status, expected);
    check_run(job, model, engine, status, expected);
    gen_engine_free(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct gen_model *model;
    static struct job job;
    struct gen_error err;
    if (model == NULL && gen_model_open(&model, FUZZ_MODEL, NULL, &err) != GEN_OK) {
        abort();
    }
    struct fuzz_bytes bytes = {data, size};
    memset(&job, 0, sizeof job);
    job.options = gen_generate_options_default();
    take_lengths(&job, &bytes);
    take_sampling(&job, &bytes);
    take_prompts(&job, &bytes);
    take_more_sampling(&job, &bytes);
    take_search(&job, &bytes);
    struct gen_bytes alone;
    int32_t more = least_batch(&job.options) - 1;
    job.options.batch = 1 + more;
    job.options.speculate = false;
    job.options.n_threads = 1;
    enum gen_status status = run(&job, model, NULL, &alone);
    job.options.batch = 2 + more + (int32_t)(size % 7);
    job.options.speculate = true;
    job.options.n_threads = 1 + (int)(size % 2);
    check_run(&job, model, NULL, status, &alone);
    check_engine(&job, model, 1 + more + (int32_t)(size % 5), status, &alone);
    check_draft(&job, model, 1 + size % DRAFT_MOST, status, &alone);
    gen_bytes_release(&alone);
    return 0;
}
