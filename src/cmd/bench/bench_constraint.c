/**
 * bench_constraint.c - measures the masks of a JSON schema: texts are drawn evenly from the tokens
 * that may come, which no model computes.
 */
#include "cmd/bench/bench_constraint.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/text_line.h"
#include "cli/text_out.h"

#define N_TEXTS    20
#define N_TOKENS   200
#define TEXT_LIMIT ((size_t)64 << 20)

struct masks {
    double tree, compile; /* seconds */
    double seconds[N_TEXTS * N_TOKENS];
    size_t n;
};

/* One of the tokens of a mask; -1: it has none. */
static int32_t draw(const uint64_t *mask, size_t n_vocab, struct rng *rng) {
    int32_t found = -1;
    double n = 0;
    for (size_t id = 0; id < n_vocab; id++) {
        if ((mask[id / 64] >> (id % 64) & 1) != 0 && rng_double(rng) * ++n < 1) {
            found = (int32_t)id;
        }
    }
    return found;
}

static enum gen_status draw_text(struct masks *masks, struct gen_constraint *constraint,
                                 struct rng *rng, struct gen_error *err) {
    struct gen_matcher *matcher = NULL;
    enum gen_status status = gen_matcher_new(&matcher, constraint, err);
    for (int i = 0; i < N_TOKENS && status == GEN_OK; i++) {
        double start = gen_clock();
        const uint64_t *mask = gen_matcher_mask(matcher);
        masks->seconds[masks->n++] = gen_clock() - start;
        int32_t id = mask != NULL ? draw(mask, gen_constraint_n_vocab(constraint), rng) : -1;
        if (id < 0) {
            break;
        }
        status = gen_matcher_accept(matcher, id, err);
    }
    gen_matcher_free(matcher);
    return status;
}

static enum gen_status measure(struct masks *masks, const struct gen_tokenizer *tokenizer,
                               const char *path, struct gen_error *err) {
    struct gen_bytes schema = {0};
    struct gen_pieces *pieces = NULL;
    struct gen_constraint *constraint = NULL;
    struct rng rng;
    rng_init_sequence(&rng, 0, 0, 0);
    enum gen_status status = input_read_file(&schema, path, TEXT_LIMIT, err);
    double start = gen_clock();
    if (status == GEN_OK) {
        status = gen_pieces_new(&pieces, tokenizer, err);
    }
    masks->tree = gen_clock() - start;
    start = gen_clock();
    if (status == GEN_OK) {
        status = gen_constraint_new_json_schema(&constraint, pieces, message_name(path),
                                                schema.data, schema.n, err);
    }
    masks->compile = gen_clock() - start;
    for (int i = 0; i < N_TEXTS && status == GEN_OK; i++) {
        status = draw_text(masks, constraint, &rng, err);
    }
    gen_constraint_free(constraint);
    gen_pieces_free(pieces);
    gen_bytes_release(&schema);
    return status;
}

static int ascending(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return first < second ? -1 : first > second;
}

static void report(struct gen_bytes *text, struct masks *masks, int32_t n_vocab, bool json) {
    double sum = 0;
    for (size_t i = 0; i < masks->n; i++) {
        sum += masks->seconds[i];
    }
    qsort(masks->seconds, masks->n, sizeof *masks->seconds, ascending);
    double mean = sum / (double)masks->n * 1e6, median = masks->seconds[masks->n / 2] * 1e6;
    double p99 = masks->seconds[masks->n * 99 / 100] * 1e6;
    double most = masks->seconds[masks->n - 1] * 1e6;
    if (json) {
        text_line(text,
                  "{\"n_vocab\":%d,\"tree_us\":%.1f,\"compile_us\":%.1f,\"masks\":%zu,"
                  "\"mean_us\":%.2f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"max_us\":%.2f}",
                  (int)n_vocab, masks->tree * 1e6, masks->compile * 1e6, masks->n, mean, median,
                  p99, most);
        return;
    }
    text_line(text, "%d tokens; their tree %.1f ms, once; the schema %.2f ms", (int)n_vocab,
              masks->tree * 1e3, masks->compile * 1e3);
    text_line(text, "%zu masks: mean %.2f us, median %.2f us, 99 %% below %.1f us, longest %.1f us",
              masks->n, mean, median, p99, most);
}

enum gen_status bench_constraint(const char *model, const char *path, bool json,
                                 struct gen_error *err) {
    struct model_load load = {0};
    struct masks *masks = alloc_new(1, sizeof *masks);
    enum gen_status status = model_load_tokenizer(&load, model, err);
    if (status == GEN_OK) {
        status = measure(masks, load.tokenizer, path, err);
    }
    if (status == GEN_OK && masks->n > 0) {
        struct gen_bytes text = {0};
        struct text_out out;
        report(&text, masks, gen_tokenizer_n_vocab(load.tokenizer), json);
        text_out_open(&out, NULL);
        text_out_write(&out, text.data, text.n);
        gen_bytes_release(&text);
        if (!text_out_close(&out)) {
            status = GEN_CANCELED;
        }
    }
    free(masks);
    model_load_close(&load);
    return status;
}
