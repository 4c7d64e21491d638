/**
 * generate_json.c - one answer of `gen generate --json` as a line of JSON; its members are listed
 * in the header. generate_output.c writes the line.
 */
#include "cmd/generate/generate_json.h"

#include <math.h>
#include <string.h>

#include "cli/alloc.h"
#include "cmd/generate/generate_draft.h"

/* Digits that give a float back exactly, and those of a time in seconds. */
#define FLOAT_DIGITS 9
#define TIME_DIGITS  6

/* The members of one token. */
static void token(struct json_out *json, int32_t id, double logprob,
                  const struct gen_tokenizer *tokenizer) {
    json_out_int(json, "id", id);
    if (tokenizer != NULL) {
        size_t n;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        json_out_string(json, "token", piece, n);
        json_out_bytes(json, "bytes", piece, n);
    }
    json_out_double(json, "logprob", logprob, FLOAT_DIGITS);
}

/* A token, and the n likeliest in its place. */
static void token_with_best(struct json_out *json, int32_t id, double logprob,
                            const struct gen_logprob *best, size_t n,
                            const struct gen_tokenizer *tokenizer) {
    json_out_open(json, NULL, '{');
    token(json, id, logprob, tokenizer);
    if (isnan(logprob)) {
        json_out_raw(json, "top", "null", 4);
    } else {
        json_out_open(json, "top", '[');
        for (size_t i = 0; i < n; i++) {
            json_out_open(json, NULL, '{');
            token(json, best[i].id, (double)best[i].logprob, tokenizer);
            json_out_close(json, '}');
        }
        json_out_close(json, ']');
    }
    json_out_close(json, '}');
}

static void logprobs(struct json_out *json, const struct gen_result *result,
                     const struct gen_tokenizer *tokenizer) {
    size_t n = result->n_logprobs;
    if (result->prompt_logprobs != NULL) {
        json_out_open(json, "prompt_logprobs", '[');
        for (size_t i = 0; i < result->n_prompt_ids; i++) {
            token_with_best(json, result->prompt_ids[i], result->prompt_logprobs[i],
                            result->prompt_best + i * n, n, tokenizer);
        }
        json_out_close(json, ']');
    }
    if (n > 0) {
        json_out_open(json, "logprobs", '[');
        for (size_t i = 0; i < result->n_new_ids; i++) {
            token_with_best(json, result->chosen[i].id, (double)result->chosen[i].logprob,
                            result->logprobs + i * n, n, tokenizer);
        }
        json_out_close(json, ']');
    }
}

static void texts(struct json_out *json, const struct gen_result *result,
                  const struct gen_bytes *prompt) {
    struct gen_bytes text = {0};
    alloc_append(&text, prompt->data, prompt->n);
    alloc_append(&text, result->new_text, result->n_new_text);
    json_out_string(json, "prompt", prompt->data, prompt->n);
    json_out_string(json, "text", text.data, text.n);
    json_out_string(json, "new_text", result->new_text, result->n_new_text);
    gen_bytes_release(&text);
}

static void ids(struct json_out *json, const struct gen_result *result) {
    struct gen_ids all = {0};
    /* The last one of a healed prompt was replaced. */
    size_t n_prompt = result->n_prompt_ids - (result->is_healed ? 1 : 0);
    alloc_append_ids(&all, result->prompt_ids, n_prompt);
    alloc_append_ids(&all, result->new_ids, result->n_new_ids);
    json_out_ids(json, "ids", all.data, all.n);
    gen_ids_release(&all);
    json_out_ids(json, "new_ids", result->new_ids, result->n_new_ids);
}

static void choices(struct json_out *json, const struct gen_result *result,
                    const struct gen_tokenizer *tokenizer) {
    struct gen_bytes text = {0};
    json_out_open(json, "choices", '[');
    for (size_t i = 0; i < result->n_choices; i++) {
        const struct gen_ids *ids = &result->choices[i];
        text.n = 0;
        for (size_t j = 0; tokenizer != NULL && j < ids->n; j++) {
            size_t n;
            const char *piece = gen_tokenizer_piece(tokenizer, ids->data[j], &n);
            alloc_append(&text, piece, n);
        }
        json_out_open(json, NULL, '{');
        json_out_string(json, "text", text.data, text.n);
        json_out_double(json, "probability", (double)result->choice_probabilities[i], FLOAT_DIGITS);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
    gen_bytes_release(&text);
}

/* What comes from the run and from the record. */
static void origin(struct json_out *json, const struct generate_json *with) {
    if (with->run != NULL) {
        json_out_string(json, "run", with->run, strlen(with->run));
    }
    if (with->input != NULL) {
        json_out_raw(json, "input", with->input->data, with->input->n);
    }
}

void generate_json_result(struct gen_bytes *line, const struct gen_result *result,
                          const struct generate_json *with) {
    struct json_out json = {.text = *line};
    const char *finish = gen_finish_name(result->finish);
    json_out_open(&json, NULL, '{');
    json_out_uint(&json, "index", result->index);
    json_out_uint(&json, "sequence", result->sequence);
    texts(&json, result, with->prompt);
    ids(&json, result);
    json_out_string(&json, "finish_reason", finish, strlen(finish));
    json_out_uint(&json, "seed", result->seed);
    if (result->has_score) {
        json_out_double(&json, "score", (double)result->score, FLOAT_DIGITS);
    }
    if (result->n_choices > 0) {
        choices(&json, result, with->tokenizer);
    }
    json_out_open(&json, "counts", '{');
    json_out_uint(&json, "prompt_tokens", result->n_prompt_ids);
    json_out_uint(&json, "new_tokens", result->n_new_ids);
    json_out_close(&json, '}');
    if (with->with_timings) {
        json_out_open(&json, "timings", '{');
        json_out_double(&json, "prompt_seconds", result->prompt_seconds, TIME_DIGITS);
        json_out_double(&json, "decode_seconds", result->decode_seconds, TIME_DIGITS);
        if (with->with_draft) {
            generate_draft_json(&json, result);
        }
        json_out_close(&json, '}');
    }
    logprobs(&json, result, with->tokenizer);
    origin(&json, with);
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    *line = json.text;
}

void generate_json_error(struct gen_bytes *line, const struct gen_result *result,
                         const struct generate_json *with) {
    struct json_out json = {.text = *line};
    const char *sentence = result->error->message;
    json_out_open(&json, NULL, '{');
    json_out_uint(&json, "index", result->index);
    json_out_string(&json, "error", sentence, strlen(sentence));
    origin(&json, with);
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    *line = json.text;
}
