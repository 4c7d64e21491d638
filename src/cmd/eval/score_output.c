/**
 * score_output.c - scores as text and as JSON.
 */
#include "cmd/eval/score_output.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "cli/alloc.h"
#include "cli/json_out.h"
#include "text/json_quote.h"

/* Digits that tell apart what f32 arithmetic can. */
#define DIGITS 9

/* Characters of a text in a table. */
#define SHOWN_BYTES 60

/* What is computed from the tokens that are scored. */
struct figures {
    double perplexity, bits_per_byte; /* NaN: there is none */
};

static struct figures figures_of(const struct gen_score *score,
                                 const struct gen_tokenizer *tokenizer) {
    size_t n_bytes = 0;
    for (size_t i = 0; i < score->n_ids && tokenizer != NULL; i++) {
        size_t n = 0;
        if (score->tokens[i].rank > 0) {
            gen_tokenizer_piece(tokenizer, score->tokens[i].id, &n);
        }
        n_bytes += n;
    }
    return (struct figures){
        .perplexity =
            score->n_scored > 0 ? exp(-score->logprob / (double)score->n_scored) : (double)NAN,
        .bits_per_byte = n_bytes > 0 ? -score->logprob / log(2) / (double)n_bytes : (double)NAN,
    };
}

/* ---- JSON ------------------------------------------------------------------------------------*/

static void ids(struct json_out *json, const struct gen_score *score,
                const struct score_output *with) {
    json_out_open(json, "ids", '[');
    for (size_t i = score->from; i < score->n_ids; i++) {
        json_out_int(json, NULL, score->tokens[i].id);
    }
    json_out_close(json, ']');
    if (with->tokenizer == NULL) {
        return;
    }
    json_out_open(json, "tokens", '[');
    for (size_t i = score->from; i < score->n_ids; i++) {
        size_t n;
        const char *piece = gen_tokenizer_piece(with->tokenizer, score->tokens[i].id, &n);
        json_out_string(json, NULL, piece, n);
    }
    json_out_close(json, ']');
}

static void null(struct json_out *json) {
    json_out_raw(json, NULL, "null", 4);
}

static void best_of_token(struct json_out *json, const struct gen_score *score, size_t i,
                          const struct gen_tokenizer *tokenizer) {
    json_out_open(json, NULL, '[');
    for (size_t k = 0; k < score->n_best; k++) {
        const struct gen_logprob *best = &score->best[i * score->n_best + k];
        json_out_open(json, NULL, '{');
        json_out_int(json, "id", best->id);
        if (tokenizer != NULL) {
            size_t n;
            const char *piece = gen_tokenizer_piece(tokenizer, best->id, &n);
            json_out_string(json, "token", piece, n);
        }
        json_out_double(json, "logprob", (double)best->logprob, DIGITS);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void tokens(struct json_out *json, const struct gen_score *score,
                   const struct score_output *with) {
    ids(json, score, with);
    json_out_open(json, "token_logprobs", '[');
    for (size_t i = score->from; i < score->n_ids; i++) {
        const struct gen_token_score *token = &score->tokens[i];
        json_out_double(json, NULL, token->rank > 0 ? token->logprob : (double)NAN, DIGITS);
    }
    json_out_close(json, ']');
    json_out_open(json, "token_ranks", '[');
    for (size_t i = score->from; i < score->n_ids; i++) {
        if (score->tokens[i].rank > 0) {
            json_out_int(json, NULL, score->tokens[i].rank);
        } else {
            null(json);
        }
    }
    json_out_close(json, ']');
    if (score->n_best == 0) {
        return;
    }
    json_out_open(json, "top", '[');
    for (size_t i = score->from; i < score->n_ids; i++) {
        if (score->tokens[i].rank > 0) {
            best_of_token(json, score, i, with->tokenizer);
        } else {
            null(json);
        }
    }
    json_out_close(json, ']');
}

void score_output_json(struct gen_bytes *line, const struct gen_score *score,
                       const struct score_output *with) {
    struct json_out json = {.text = *line};
    json_out_open(&json, NULL, '{');
    json_out_uint(&json, "index", score->index);
    if (score->error != NULL) {
        json_out_string(&json, "error", score->error->message, strlen(score->error->message));
    } else {
        struct figures figures = figures_of(score, with->tokenizer);
        json_out_double(&json, "logprob", score->logprob, DIGITS);
        json_out_uint(&json, "n_tokens", score->n_scored);
        json_out_double(&json, "perplexity", figures.perplexity, DIGITS);
        json_out_double(&json, "bits_per_byte", figures.bits_per_byte, DIGITS);
        json_out_bool(&json, "is_greedy", score->all_likeliest && score->n_scored > 0);
        if (with->tokens) {
            tokens(&json, score, with);
        }
    }
    if (with->input != NULL) {
        json_out_raw(&json, "input", with->input->data, with->input->n);
    }
    json_out_close(&json, '}');
    alloc_append(&json.text, "\n", 1);
    *line = json.text;
}

/* ---- a table ---------------------------------------------------------------------------------*/

static void append(struct gen_bytes *text, const char *more) {
    alloc_append(text, more, strlen(more));
}

/* A number in a column, or what stands for none. */
static void column(struct gen_bytes *text, double value, int width, int decimals) {
    char number[64];
    if (isnan(value)) {
        snprintf(number, sizeof number, "%*s  ", width, "-");
    } else if (fabs(value) >= 1e9) {
        snprintf(number, sizeof number, "%*.3e  ", width, value);
    } else {
        snprintf(number, sizeof number, "%*.*f  ", width, decimals, value);
    }
    append(text, number);
}

static void quoted(struct gen_bytes *text, const char *bytes, size_t n) {
    if (json_quote(text, bytes, n, JSON_ESCAPE_UNSEEN) != GEN_OK) {
        alloc_failed();
    }
}

static bool is_text(const char *bytes, size_t n) {
    const unsigned char *at = (const unsigned char *)bytes;
    int length = 1;
    for (size_t i = 0; i < n && length > 0; i += (size_t)length) {
        uint32_t codepoint;
        length = bytes_utf8(at + i, n - i, &codepoint);
    }
    return length > 0;
}

/* A token that begins or ends amid a character: <F0 9F>, without quotes. */
static void as_bytes(struct gen_bytes *text, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char number[8];
        snprintf(number, sizeof number, "%s%02X", i == 0 ? "<" : " ", (unsigned char)bytes[i]);
        append(text, number);
    }
    append(text, ">");
}

static void quoted_token(struct gen_bytes *text, const struct gen_tokenizer *tokenizer,
                         int32_t id) {
    size_t n = 0;
    const char *piece = tokenizer != NULL ? gen_tokenizer_piece(tokenizer, id, &n) : NULL;
    if (piece == NULL) {
        char number[16];
        snprintf(number, sizeof number, "%d", (int)id);
        append(text, number);
    } else if (is_text(piece, n)) {
        quoted(text, piece, n);
    } else {
        as_bytes(text, piece, n);
    }
}

/* The beginning of the text that is scored, whole characters. */
static void shown_text(struct gen_bytes *text, const struct gen_score *score,
                       const struct score_output *with) {
    struct gen_bytes bytes = {0};
    size_t i = score->from;
    for (; i < score->n_ids && bytes.n <= SHOWN_BYTES && with->tokenizer != NULL; i++) {
        size_t n;
        const char *piece = gen_tokenizer_piece(with->tokenizer, score->tokens[i].id, &n);
        alloc_append(&bytes, piece, n);
    }
    bool cut = bytes.n > SHOWN_BYTES;
    if (cut) {
        bytes.n = SHOWN_BYTES;
        while (bytes.n > 0 && ((unsigned char)bytes.data[bytes.n] & 0xc0) == 0x80) {
            bytes.n--;
        }
    }
    if (with->tokenizer != NULL) {
        quoted(text, bytes.data, bytes.n);
        append(text, cut ? "..." : "");
    }
    gen_bytes_release(&bytes);
}

static void token_line(struct gen_bytes *text, const struct gen_score *score, size_t i,
                       const struct gen_tokenizer *tokenizer) {
    const struct gen_token_score *token = &score->tokens[i];
    char rank[16] = "-";
    if (token->rank > 0) {
        snprintf(rank, sizeof rank, "%d", (int)token->rank);
    }
    column(text, token->rank > 0 ? token->logprob : (double)NAN, 12, 4);
    char cell[24];
    snprintf(cell, sizeof cell, "%10s  ", rank);
    append(text, cell);
    quoted_token(text, tokenizer, token->id);
    for (size_t k = 0; k < score->n_best && token->rank > 0; k++) {
        const struct gen_logprob *best = &score->best[i * score->n_best + k];
        append(text, k == 0 ? "  likeliest: " : ", ");
        quoted_token(text, tokenizer, best->id);
        snprintf(cell, sizeof cell, " %.3f", (double)best->logprob);
        append(text, cell);
    }
    append(text, "\n");
}

void score_output_head(struct gen_bytes *text, bool with_tokens) {
    append(text, "     logprob  perplexity   bits/byte  tokens  text\n");
    append(text, with_tokens ? "     logprob        rank  token\n" : "");
}

void score_output_text(struct gen_bytes *text, const struct gen_score *score,
                       const struct score_output *with) {
    if (score->error != NULL) {
        append(text, "           -           -           -       -  (failed)\n");
        return;
    }
    struct figures figures = figures_of(score, with->tokenizer);
    char count[32];
    column(text, score->n_scored > 0 ? score->logprob : (double)NAN, 12, 4);
    column(text, figures.perplexity, 10, 4);
    column(text, figures.bits_per_byte, 10, 4);
    snprintf(count, sizeof count, "%6zu  ", score->n_scored);
    append(text, count);
    shown_text(text, score, with);
    append(text, "\n");
    for (size_t i = score->from; i < score->n_ids && with->tokens; i++) {
        token_line(text, score, i, with->tokenizer);
    }
}
