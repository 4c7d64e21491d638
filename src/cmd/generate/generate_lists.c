/**
 * generate_lists.c - lists of ids, biases of sequences, the length decay, and the ids of texts that
 * break repetitions, read from options. Where they go is generate_rules.c's.
 */
#include "cmd/generate/generate_lists.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/ids.h"
#include "cli/message.h"
#include "cli/options.h"

/* Greatest size of a bias that is a number. */
#define MAX_BIAS 1000.0

enum gen_status generate_lists_ids(struct gen_ids *ids, const char *option, const char *text,
                                   struct gen_error *err) {
    enum gen_status status = ids_parse(ids, text, strlen(text), option, err);
    return status == GEN_BAD_FILE ? GEN_BAD_ARGUMENT : status;
}

/* ---- biases of sequences ---------------------------------------------------------------------*/

/* Take n bytes "ID ID=X"; false if they are not of that form. */
static bool take_bias(struct generate_biases *biases, const char *text, size_t n) {
    struct gen_error ignored;
    struct gen_sequence_bias entry = {.ids = {0}};
    const char *sign = memchr(text, '=', n);
    double bias = 0;
    if (sign == NULL) {
        return false;
    }
    char *value = alloc_printf("%.*s", (int)(n - (size_t)(sign + 1 - text)), sign + 1);
    bool good = ids_parse(&entry.ids, text, (size_t)(sign - text), "", &ignored) == GEN_OK &&
                entry.ids.n > 0;
    if (good && strcmp(value, "-inf") == 0) {
        bias = -(double)INFINITY;
    } else {
        good = good && options_parse_double(&bias, value) && fabs(bias) <= MAX_BIAS;
    }
    free(value);
    if (!good) {
        gen_ids_release(&entry.ids);
        return false;
    }
    entry.bias = (float)bias;
    alloc_grow(&biases->data, &biases->capacity, biases->n + 1, sizeof *biases->data);
    biases->data[biases->n++] = entry;
    return true;
}

enum gen_status generate_lists_biases(struct generate_biases *biases, const char *text,
                                      struct gen_error *err) {
    for (const char *at = text; at != NULL;) {
        size_t n = strcspn(at, ",");
        if (!take_bias(biases, at, n)) {
            message_set(err, GEN_BAD_ARGUMENT,
                        "--sequence-bias: \"%.*s\" is not \"ID ID...=X\", IDs as `gen tokenize` "
                        "tells them, X from -1000 to 1000 or -inf",
                        (int)size_min(n, 80), at);
            return GEN_BAD_ARGUMENT;
        }
        at = at[n] == ',' ? at + n + 1 : NULL;
    }
    return GEN_OK;
}

void generate_biases_release(struct generate_biases *biases) {
    for (size_t i = 0; i < biases->n; i++) {
        gen_ids_release(&biases->data[i].ids);
    }
    free(biases->data);
    *biases = (struct generate_biases){0};
}

/* ---- length decay ----------------------------------------------------------------------------*/

enum gen_status generate_lists_decay(struct gen_sampling *sampling, const char *text,
                                     struct gen_error *err) {
    size_t n = strcspn(text, ",");
    int64_t start = 0;
    double factor = 0;
    char *first = alloc_printf("%.*s", (int)size_min(n, 30), text);
    bool good = text[n] == ',' && options_parse_int(&start, first) && start >= 0 &&
                start <= INT32_MAX && options_parse_double(&factor, text + n + 1) && factor > 0 &&
                factor <= 1000;
    free(first);
    if (!good) {
        message_set(err, GEN_BAD_ARGUMENT,
                    "--exponential-decay-length-penalty: \"%.80s\" is not START,FACTOR, a number "
                    "of tokens and one above 0 and at most 1000",
                    text);
        return GEN_BAD_ARGUMENT;
    }
    sampling->length_decay_start = (int32_t)start;
    sampling->length_decay_factor = (float)factor;
    return GEN_OK;
}

/* ---- what breaks a repetition ----------------------------------------------------------------*/

#define MOST_BYTES 40
#define MOST_IDS   20

/* Append a token, and the ids of what comes after it. */
static enum gen_status add_breaker(struct generate_breakers *breakers,
                                   const struct gen_tokenizer *tokenizer, int32_t id,
                                   const char *rest, size_t n_rest, struct gen_error *err) {
    struct gen_ids ids = {0};
    alloc_append_ids(&ids, &id, 1);
    enum gen_status status = gen_tokenizer_encode(tokenizer, rest, n_rest, false, &ids, err);
    if (status != GEN_OK) {
        gen_ids_release(&ids);
        return status;
    }
    ids.n = size_min(ids.n, MOST_IDS + 1);
    alloc_grow(&breakers->data, &breakers->capacity, breakers->n + 1, sizeof *breakers->data);
    breakers->data[breakers->n++] = ids;
    return GEN_OK;
}

static bool contains(const char *piece, size_t n_piece, const char *text, size_t n) {
    for (size_t i = 0; i + n <= n_piece; i++) {
        if (memcmp(piece + i, text, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Those that begin with one token. */
static enum gen_status add_of_token(struct generate_breakers *breakers,
                                    const struct gen_tokenizer *tokenizer, int32_t id,
                                    const char *text, size_t n, struct gen_error *err) {
    size_t n_piece;
    const char *piece = gen_tokenizer_piece(tokenizer, id, &n_piece);
    enum gen_status status = GEN_OK;
    if (contains(piece, n_piece, text, n)) {
        return add_breaker(breakers, tokenizer, id, "", 0, err);
    }
    for (size_t i = 1; i < n && i <= n_piece && status == GEN_OK; i++) {
        if (memcmp(piece + n_piece - i, text, i) == 0) {
            status = add_breaker(breakers, tokenizer, id, text + i, n - i, err);
        }
    }
    return status;
}

enum gen_status generate_lists_breaker(struct generate_breakers *breakers,
                                       const struct gen_tokenizer *tokenizer, const char *text,
                                       size_t n, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    n = size_min(n, MOST_BYTES);
    for (int32_t id = 0; id < gen_tokenizer_n_vocab(tokenizer) && n > 0 && status == GEN_OK; id++) {
        status = add_of_token(breakers, tokenizer, id, text, n, err);
    }
    return status;
}

enum gen_status generate_lists_default_breakers(struct generate_breakers *breakers,
                                                const struct gen_tokenizer *tokenizer,
                                                struct gen_error *err) {
    static const char *const texts[] = {"\n", ":", "\"", "*"};
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < N_OF(texts) && status == GEN_OK; i++) {
        status = generate_lists_breaker(breakers, tokenizer, texts[i], 1, err);
    }
    return status;
}

void generate_breakers_release(struct generate_breakers *breakers) {
    for (size_t i = 0; i < breakers->n; i++) {
        gen_ids_release(&breakers->data[i]);
    }
    free(breakers->data);
    *breakers = (struct generate_breakers){0};
}
