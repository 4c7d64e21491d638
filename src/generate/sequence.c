/**
 * sequence.c - one text from its prompt to its end: options checked, the limit of its length, ids
 * turned into bytes, stop strings and UTF-8, the finish reason, the result. Who evaluates its rows,
 * and when, is pass.c's.
 */
#include "generate/sequence.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/size.h"
#include "generate/beam_options.h"
#include "generate/forced_words.h"
#include "generate/healing.h"
#include "generate/sentence.h"
#include "generate/ways.h"
#include "sample/sampler.h"

#define MAX_LOGPROBS 1000
#define MAX_SECONDS  1e9

const char *gen_finish_name(enum gen_finish finish) {
    static const char *const names[] = {"length",   "eos",   "stop", "context",
                                        "canceled", "error", "time"};
    return (size_t)finish < N_OF(names) ? names[finish] : "?";
}

struct gen_generate_options gen_generate_options_default(void) {
    return (struct gen_generate_options){
        .sampling = gen_sampling_default(),
        .max_new_tokens = 128,
        .max_length = -1,
        .num_return_sequences = 1,
        .num_beams = 1,
        .num_beam_groups = 1,
        .length_penalty = 1.0f,
        .guidance_scale = 1.0f,
        .speculate = true,
    };
}

/* ---- rules -----------------------------------------------------------------------------------*/

static enum gen_status check_options(const struct gen_generate_options *options,
                                     const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    if (options->max_new_tokens < -1) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "max_new_tokens is %d, but must be 0 or more, or -1: no limit",
                         (int)options->max_new_tokens);
    }
    if (options->max_length != -1 && options->max_length < 1) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "max_length is %d, but must be 1 or more, or -1: no limit",
                         (int)options->max_length);
    }
    if (options->num_return_sequences < 1) {
        return error_set(err, GEN_BAD_ARGUMENT, "num_return_sequences is %d, but must be 1 or more",
                         (int)options->num_return_sequences);
    }
    if (beam_options_check(options, err) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    if (!(options->max_seconds >= 0 && options->max_seconds <= MAX_SECONDS)) {
        return error_set(err, GEN_BAD_ARGUMENT, "max_seconds is %g, but must be from 0 to %g",
                         (double)options->max_seconds, MAX_SECONDS);
    }
    if (options->n_logprobs < 0 || options->n_logprobs > MAX_LOGPROBS) {
        return error_set(err, GEN_BAD_ARGUMENT, "n_logprobs is %d, but must be from 0 to %d",
                         (int)options->n_logprobs, MAX_LOGPROBS);
    }
    if (options->n_stop > 0 && (options->stop == NULL || tokenizer == NULL)) {
        return error_set(err, GEN_BAD_ARGUMENT, "%s",
                         options->stop == NULL
                             ? "stop is NULL but n_stop is not 0"
                             : "stop strings need a tokenizer, but the model brings none");
    }
    return GEN_OK;
}

enum gen_status sequence_rules_init(struct sequence_rules *rules, const struct gen_model *model,
                                    const struct gen_generate_options *options, int32_t n_ctx,
                                    struct gen_error *err) {
    const struct gen_config *config = gen_model_config(model);
    *rules = (struct sequence_rules){
        .options = options,
        .tokenizer = gen_model_tokenizer(model),
        .n_vocab = config->n_vocab,
        .n_ctx = n_ctx,
    };
    rules->eos = gen_model_eos_ids(model, &rules->n_eos);
    if (options->n_eos > 0) {
        rules->eos = options->eos;
        rules->n_eos = options->n_eos;
    }
    bool has_bos = config->bos_token_id >= 0 && config->bos_token_id < config->n_vocab;
    rules->start = has_bos ? config->bos_token_id : rules->n_eos > 0 ? rules->eos[0] : -1;

    enum gen_status status = check_options(options, rules->tokenizer, err);
    if (status == GEN_OK) {
        status = ways_check(rules, err);
    }
    for (size_t i = 0; i < options->n_eos && status == GEN_OK; i++) {
        if (options->eos[i] < 0 || options->eos[i] >= config->n_vocab) {
            status = error_set(err, GEN_BAD_ARGUMENT, "eos %zu is %d, but must be from 0 to %d", i,
                               (int)options->eos[i], (int)(config->n_vocab - 1));
        }
    }
    if (status == GEN_OK) {
        status = forced_words_check(options, rules->eos, options->ignore_eos ? 0 : rules->n_eos,
                                    config->n_vocab, err);
    }
    if (status == GEN_OK) {
        status = sampler_check(&options->sampling, config->n_vocab, err);
    }
    if (status == GEN_OK) {
        status = stop_set_init(&rules->stop, options->stop, options->n_stop, err);
    }
    return status;
}

void sequence_rules_release(struct sequence_rules *rules) {
    stop_set_release(&rules->stop);
}

/* ---- seeds -----------------------------------------------------------------------------------*/

/* What a seed is hashed with: so texts of one prompt never meet those of another. */
enum { OF_A_PROMPT = 1, OF_A_TEXT = 2 };

/* One of 2^53 seeds; number 0 keeps what there is. */
static uint64_t derive(uint64_t seed, uint64_t kind, uint64_t number) {
    return number == 0 ? seed : rng_hash(rng_hash(seed, kind), number) >> 11;
}

uint64_t gen_text_seed(uint64_t seed, uint64_t index, uint64_t sequence) {
    return derive(derive(seed, OF_A_PROMPT, index), OF_A_TEXT, sequence);
}

/* ---- start -----------------------------------------------------------------------------------*/

/* Copy the prompt, or the start id in place of an empty one. */
static enum gen_status take_prompt(struct sequence *sequence, const struct gen_prompt *prompt,
                                   struct gen_error *err) {
    const struct sequence_rules *rules = sequence->rules;
    if (!rules->options->slide && prompt->n_ids > (size_t)rules->n_ctx) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the prompt has %zu tokens but the context holds %d (shorten the prompt, "
                         "or let the context slide: --context slide)",
                         prompt->n_ids, (int)rules->n_ctx);
    }
    if (prompt->n_ids == 0 && rules->start < 0) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "the prompt is empty, but the model has no bos or eos token to begin "
                         "with (give at least one token)");
    }
    enum gen_status status = prompt->n_ids > 0
                                 ? gen_ids_append(&sequence->ids, prompt->ids, prompt->n_ids)
                                 : gen_ids_append(&sequence->ids, &rules->start, 1);
    if (status != GEN_OK) {
        return error_no_memory(err, "the prompt");
    }
    sequence->n_prompt = prompt->n_ids;
    sequence->n_before = sequence->ids.n;
    return GEN_OK;
}

/* Leave out the last id of the prompt, if the first new one can replace it. */
static enum gen_status begin_healing(struct sequence *sequence, struct gen_error *err) {
    const struct sequence_rules *rules = sequence->rules;
    int32_t last = sequence->ids.data[sequence->ids.n - 1];
    bool is_whole = sequence->n_prompt < 2 && rules->start < 0; /* nothing would be left */
    if (!rules->options->token_healing || sequence->n_prompt == 0 || is_whole ||
        rules->options->max_new_tokens == 0 || !healing_is_possible(rules, last)) {
        return GEN_OK;
    }
    if (gen_ids_append(&sequence->given, sequence->ids.data, sequence->ids.n) != GEN_OK) {
        return error_no_memory(err, "the prompt");
    }
    sequence->healed = last;
    sequence->ids.n--;
    if (sequence->ids.n == 0 && gen_ids_append(&sequence->ids, &rules->start, 1) != GEN_OK) {
        return error_no_memory(err, "the prompt");
    }
    sequence->n_before = sequence->ids.n;
    return GEN_OK;
}

/* How many new ids there may be, and why not more. */
static void set_limit(struct sequence *sequence) {
    const struct sequence_rules *rules = sequence->rules;
    const struct gen_generate_options *options = rules->options;
    size_t limit = SIZE_MAX;
    if (options->max_new_tokens >= 0) {
        limit = (size_t)options->max_new_tokens + (sequence->healed >= 0 ? 1 : 0);
    }
    if (options->max_length >= 0) {
        size_t max_length = (size_t)options->max_length;
        size_t room = max_length > sequence->n_before ? max_length - sequence->n_before : 0;
        limit = size_min(room, limit);
    }
    sequence->n_new_max = limit;
    sequence->finish_at_max = GEN_FINISH_LENGTH;
    if (!options->slide) {
        size_t longest = size_max(sequence->n_before, ways_n_other(rules));
        size_t room = (size_t)rules->n_ctx - longest;
        if (room < limit) {
            sequence->n_new_max = room;
            sequence->finish_at_max = GEN_FINISH_CONTEXT;
        }
    }
}

/* The seed of a text, whose prompt may have one already. */
static uint64_t seed_of(const struct sequence_rules *rules, uint64_t index, uint64_t number) {
    return gen_text_seed(rules->options->seed, rules->is_prompts_own ? 0 : index, number);
}

enum gen_status sequence_init(struct sequence *sequence, const struct sequence_rules *rules,
                              const struct gen_prompt *prompt, uint64_t index, uint64_t number,
                              struct gen_error *err) {
    *sequence = (struct sequence){
        .rules = rules, .index = index, .number = number, .seed = seed_of(rules, index, number)};
    sequence->healed = -1;
    enum gen_status status = take_prompt(sequence, prompt, err);
    if (status == GEN_OK) {
        status = begin_healing(sequence, err);
    }
    if (status != GEN_OK) {
        return status;
    }
    if (!stop_match_init(&sequence->stop, &rules->stop)) {
        return error_no_memory(err, "the stop strings");
    }
    set_limit(sequence);
    sequence->deadline = gen_clock() + (double)rules->options->max_seconds;
    return sequence->n_new_max > 0 ? GEN_OK
                                   : sequence_finish(sequence, sequence->finish_at_max, err);
}

enum gen_status sequence_init_unheard(struct sequence *sequence, const struct sequence_rules *rules,
                                      const struct gen_ids *ids, size_t n_before, uint64_t index,
                                      struct gen_error *err) {
    *sequence = (struct sequence){.rules = rules, .index = index, .healed = -1};
    if (ids->n > (size_t)rules->n_ctx) {
        return error_set(
            err, GEN_BAD_ARGUMENT,
            "the prompt and what comes after it have %zu tokens, but the context holds "
            "%d (shorten it)",
            ids->n, (int)rules->n_ctx);
    }
    sequence->n_prompt = sequence->n_before = n_before;
    return gen_ids_append(&sequence->ids, ids->data, ids->n) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "the prompt");
}

void sequence_release(struct sequence *sequence) {
    gen_ids_release(&sequence->ids);
    gen_ids_release(&sequence->given);
    stop_match_release(&sequence->stop);
    gen_bytes_release(&sequence->passed);
    gen_bytes_release(&sequence->text);
    logprobs_release(&sequence->logprobs);
    prompt_logprobs_drop(sequence->prompt_logprobs);
    memory_free(sequence->choice_probabilities);
    *sequence = (struct sequence){0};
}

enum gen_status sequence_refuse(struct sequence *sequence, const struct sequence_rules *rules,
                                const struct gen_prompt *prompt, uint64_t index,
                                const struct gen_error *error, struct gen_error *err) {
    sequence_release(sequence);
    *sequence = (struct sequence){.rules = rules,
                                  .index = index,
                                  .seed = seed_of(rules, index, 0),
                                  .n_before = prompt->n_ids,
                                  .n_prompt = prompt->n_ids,
                                  .healed = -1,
                                  .refused = true,
                                  .finished = true,
                                  .finish = GEN_FINISH_ERROR,
                                  .error = *error};
    return gen_ids_append(&sequence->ids, prompt->ids, prompt->n_ids) == GEN_OK
               ? GEN_OK
               : error_no_memory(err, "the prompt");
}

const int32_t *sequence_prompt(const struct sequence *sequence, size_t *n) {
    *n = sequence->n_prompt;
    return sequence->healed >= 0 ? sequence->given.data : sequence->ids.data;
}

bool sequence_heals(const struct sequence *sequence) {
    return sequence->healed >= 0 && sequence->ids.n == sequence->n_before;
}

bool sequence_own_failure(enum gen_status status) {
    return status == GEN_BAD_ARGUMENT || status == GEN_BAD_FILE || status == GEN_CONTEXT_FULL;
}

size_t sequence_window(const struct sequence *sequence) {
    size_t n = sequence->ids.n;
    size_t n_ctx = (size_t)sequence->rules->n_ctx;
    if (n <= n_ctx) {
        return n;
    }
    size_t shortest = n_ctx > 1 ? n_ctx / 2 : 1;
    return shortest + (n - n_ctx - 1) % (n_ctx - shortest + 1);
}

/* ---- a copy ----------------------------------------------------------------------------------*/

static size_t n_logprobs(const struct sequence *sequence) {
    size_t n_logprobs = (size_t)sequence->rules->options->n_logprobs;
    size_t n_vocab = (size_t)sequence->rules->n_vocab;
    return size_min(n_logprobs, n_vocab);
}

bool sequence_clone(struct sequence *sequence, const struct sequence *from) {
    *sequence = *from;
    sequence->ids = (struct gen_ids){0};
    sequence->given = (struct gen_ids){0};
    sequence->stop = (struct stop_match){0};
    sequence->passed = (struct gen_bytes){0};
    sequence->text = (struct gen_bytes){0};
    sequence->logprobs = (struct logprobs){0};
    sequence->prompt_logprobs = prompt_logprobs_use(from->prompt_logprobs);
    sequence->choice_probabilities = NULL; /* what has them is done */
    return gen_ids_append(&sequence->ids, from->ids.data, from->ids.n) == GEN_OK &&
           gen_ids_append(&sequence->given, from->given.data, from->given.n) == GEN_OK &&
           stop_match_clone(&sequence->stop, &from->stop, &from->rules->stop) &&
           gen_bytes_append(&sequence->text, from->text.data, from->text.n) == GEN_OK &&
           logprobs_clone(&sequence->logprobs, &from->logprobs, n_logprobs(from));
}

/* ---- steps -----------------------------------------------------------------------------------*/

static enum gen_status no_memory_for_text(struct gen_error *err) {
    return error_no_memory(err, "the new text");
}

/* Pass what the stop strings let through on to UTF-8. */
static enum gen_status pass_on(struct sequence *sequence, struct gen_error *err) {
    enum gen_status status = gen_utf8_stream_push(&sequence->utf8, sequence->passed.data,
                                                  sequence->passed.n, &sequence->text);
    sequence->passed.n = 0;
    return status == GEN_OK ? GEN_OK : no_memory_for_text(err);
}

/* Take in the bytes of a new id. */
static enum gen_status add_text(struct sequence *sequence, int32_t id, bool *stopped,
                                struct gen_error *err) {
    *stopped = false;
    if (sequence->rules->tokenizer == NULL) {
        return GEN_OK;
    }
    size_t n = 0, n_healed = 0;
    const char *bytes = gen_tokenizer_piece(sequence->rules->tokenizer, id, &n);
    if (sequence->healed >= 0 && sequence->ids.n == sequence->n_before + 1) {
        /* The prompt has these already. */
        gen_tokenizer_piece(sequence->rules->tokenizer, sequence->healed, &n_healed);
        n_healed = size_min(n_healed, n);
        bytes += n_healed;
        n -= n_healed;
    }
    if (!stop_match_push(&sequence->stop, &sequence->rules->stop, bytes, n, &sequence->passed,
                         stopped)) {
        return no_memory_for_text(err);
    }
    return pass_on(sequence, err);
}

enum gen_status sequence_share_prompt_logprobs(struct sequence *sequence,
                                               struct prompt_logprobs **shared,
                                               struct gen_error *err) {
    if (sequence->number == 0) {
        prompt_logprobs_drop(*shared);
        *shared = NULL;
    }
    if (!sequence->rules->options->prompt_logprobs) {
        return GEN_OK;
    }
    if (sequence->number == 0) {
        *shared = prompt_logprobs_new(sequence->n_prompt, n_logprobs(sequence));
        if (*shared == NULL) {
            return error_no_memory(err, "the log probabilities of the prompt");
        }
    }
    sequence->prompt_logprobs = prompt_logprobs_use(*shared);
    return GEN_OK;
}

bool sequence_reads_prompt_logprobs(const struct sequence *sequence) {
    return sequence->prompt_logprobs != NULL && sequence->number == 0 && sequence->n_prompt > 1;
}

void sequence_see_prompt(struct sequence *sequence, size_t at, const float *logits) {
    size_t n_prompt;
    const int32_t *prompt = sequence_prompt(sequence, &n_prompt);
    if (sequence_reads_prompt_logprobs(sequence) && at + 1 < n_prompt) {
        prompt_logprobs_set(sequence->prompt_logprobs, at + 1, prompt[at + 1], logits,
                            (size_t)sequence->rules->n_vocab);
    }
}

/* Record an id, with its log probabilities. */
static enum gen_status record(struct sequence *sequence, const float *logits, int32_t id,
                              struct gen_error *err) {
    size_t n_best = n_logprobs(sequence);
    if (n_best > 0 &&
        !logprobs_add(&sequence->logprobs, logits, (size_t)sequence->rules->n_vocab, n_best, id)) {
        return error_no_memory(err, "the log probabilities");
    }
    return gen_ids_append(&sequence->ids, &id, 1) == GEN_OK ? GEN_OK
                                                            : error_no_memory(err, "the new ids");
}

/* Whether the id ends the text. */
static bool ends(const struct sequence_rules *rules, int32_t id) {
    bool is_eos = false;
    for (size_t i = 0; i < rules->n_eos; i++) {
        is_eos = is_eos || rules->eos[i] == id;
    }
    return is_eos && !rules->options->ignore_eos;
}

/* Whether a sentence that may be the last one ends with this id, the last. */
static bool ends_sentence(const struct sequence *sequence, int32_t id) {
    const struct sequence_rules *rules = sequence->rules;
    size_t n_new = sequence->ids.n - sequence->n_before;
    if (!rules->options->stop_at_sentence || rules->tokenizer == NULL ||
        n_new < sequence->n_new_max / 2) {
        return false;
    }
    size_t n, n_before;
    const char *text = gen_tokenizer_piece(rules->tokenizer, id, &n);
    int32_t before = sequence->ids.data[sequence->ids.n - (sequence->ids.n > 1 ? 2 : 1)];
    const char *text_before = gen_tokenizer_piece(rules->tokenizer, before, &n_before);
    char last = ' ';
    if (n_before > 0) {
        last = text_before[n_before - 1];
    }
    return sentence_ends(text, n, last);
}

static bool is_late(const struct sequence *sequence) {
    return sequence->rules->options->max_seconds > 0 && gen_clock() >= sequence->deadline;
}

enum gen_status sequence_take(struct sequence *sequence, const float *logits, int32_t id,
                              struct gen_error *err) {
    enum gen_status status = record(sequence, logits, id, err);
    if (status != GEN_OK) {
        return status;
    }
    if (ends(sequence->rules, id)) {
        return sequence_finish(sequence, GEN_FINISH_EOS, err);
    }
    bool stopped = false;
    status = add_text(sequence, id, &stopped, err);
    if (status != GEN_OK) {
        return status;
    }
    if (stopped) {
        return sequence_finish(sequence, GEN_FINISH_STOP, err);
    }
    if (sequence->ids.n - sequence->n_before >= sequence->n_new_max) {
        return sequence_finish(sequence, sequence->finish_at_max, err);
    }
    if (ends_sentence(sequence, id)) {
        return sequence_finish(sequence, GEN_FINISH_STOP, err);
    }
    if (is_late(sequence)) {
        return sequence_finish(sequence, GEN_FINISH_TIME, err);
    }
    return GEN_OK;
}

enum gen_status sequence_finish(struct sequence *sequence, enum gen_finish finish,
                                struct gen_error *err) {
    sequence->finished = true;
    sequence->finish = finish;
    if (!stop_match_flush(&sequence->stop, &sequence->passed)) {
        return no_memory_for_text(err);
    }
    enum gen_status status = pass_on(sequence, err);
    if (status != GEN_OK) {
        return status;
    }
    return gen_utf8_stream_flush(&sequence->utf8, &sequence->text) == GEN_OK
               ? GEN_OK
               : no_memory_for_text(err);
}

void sequence_drop_new(struct sequence *sequence) {
    sequence->ids.n = sequence->n_before;
    sequence->text.n = 0;
}

enum gen_status sequence_fail(struct sequence *sequence, const struct gen_error *error,
                              struct gen_error *err) {
    sequence->error = *error;
    return sequence_finish(sequence, GEN_FINISH_ERROR, err);
}

struct gen_result sequence_result(const struct sequence *sequence) {
    const struct prompt_logprobs *known = sequence->prompt_logprobs;
    size_t n_new = sequence->ids.n - sequence->n_before, n_prompt;
    const int32_t *prompt = sequence_prompt(sequence, &n_prompt);
    bool has_choice = sequence->choice_probabilities != NULL;
    return (struct gen_result){
        .index = sequence->index,
        .sequence = sequence->number,
        .prompt_ids = prompt,
        .n_prompt_ids = n_prompt,
        .is_healed = sequence->healed >= 0 && n_new > 0,
        .new_ids = n_new > 0 ? sequence->ids.data + sequence->n_before : NULL,
        .n_new_ids = n_new,
        .new_text = sequence->text.n > 0 ? sequence->text.data : "",
        .n_new_text = sequence->text.n,
        .finish = sequence->finish,
        .seed = sequence->seed,
        .n_logprobs = n_logprobs(sequence),
        .logprobs = sequence->logprobs.best,
        .chosen = sequence->logprobs.chosen,
        .choice = sequence->choice,
        .choices = has_choice ? sequence->rules->options->choices : NULL,
        .choice_probabilities = sequence->choice_probabilities,
        .n_choices = has_choice ? sequence->rules->options->n_choices : 0,
        .has_score = sequence->has_score,
        .score = sequence->score,
        .prompt_logprobs = known != NULL ? known->logprobs : NULL,
        .prompt_best = known != NULL ? known->best : NULL,
        .error = sequence->finish == GEN_FINISH_ERROR ? &sequence->error : NULL,
    };
}
