/**
 * explain_json.c - an explanation as one JSON object a line, with all numbers that the page has,
 * for other programs. Written piece by piece, as attention may be hundreds of megabytes.
 */
#include <string.h>

#include "cmd/explain/explain_view.h"

/* Digits that a float has. */
#define DIGITS 7

struct json_writer {
    struct json_out json;
    struct text_out *out;
    const struct explain_view *view;
};

/* Write what there is so far. */
static void flush(struct json_writer *writer) {
    text_out_write(writer->out, writer->json.text.data, writer->json.text.n);
    writer->json.text.n = 0;
}

static void put_token(struct json_writer *writer, int32_t id) {
    size_t n;
    const char *piece = explain_piece(writer->view, id, &n);
    json_out_int(&writer->json, "id", id);
    if (writer->view->tokenizer != NULL) {
        json_out_string(&writer->json, "token", piece, n);
        json_out_bytes(&writer->json, "bytes", piece, n);
    }
}

static void put_likeliest(struct json_writer *writer, const char *name,
                          const struct gen_logprob *best, int32_t n) {
    json_out_open(&writer->json, name, '[');
    for (int32_t i = 0; i < n; i++) {
        json_out_open(&writer->json, NULL, '{');
        put_token(writer, best[i].id);
        json_out_double(&writer->json, "logprob", (double)best[i].logprob, DIGITS);
        json_out_close(&writer->json, '}');
    }
    json_out_close(&writer->json, ']');
}

static void put_tokens(struct json_writer *writer) {
    const struct gen_explanation *e = writer->view->explanation;
    const struct gen_logprob *top = e->top;
    json_out_open(&writer->json, "tokens", '[');
    for (size_t t = 0; t < e->n; t++) {
        json_out_open(&writer->json, NULL, '{');
        put_token(writer, e->ids[t]);
        json_out_double(&writer->json, "logprob", (double)e->logprobs[t], DIGITS);
        json_out_double(&writer->json, "bits", explain_bits(e, t), DIGITS);
        if (t == 0) {
            json_out_raw(&writer->json, "rank", "null", 4);
            json_out_open(&writer->json, "alternatives", '[');
            json_out_close(&writer->json, ']');
        } else {
            json_out_int(&writer->json, "rank", e->ranks[t]);
            put_likeliest(writer, "alternatives", top, e->n_top);
            top += e->n_top;
        }
        json_out_close(&writer->json, '}');
    }
    json_out_close(&writer->json, ']');
    put_likeliest(writer, "next", top, e->n_top);
}

static void put_targets(struct json_writer *writer) {
    const struct gen_explanation *e = writer->view->explanation;
    json_out_open(&writer->json, "targets", '[');
    for (size_t t = 0; t < e->n; t++) {
        json_out_open(&writer->json, NULL, '{');
        put_token(writer, e->targets[t]);
        json_out_double(&writer->json, "logit", (double)e->logits[t], DIGITS);
        json_out_close(&writer->json, '}');
    }
    json_out_close(&writer->json, ']');
}

static void put_lens(struct json_writer *writer) {
    const struct gen_explanation *e = writer->view->explanation;
    json_out_open(&writer->json, "lens", '[');
    for (size_t layers = 0; layers <= (size_t)e->n_layer; layers++) {
        json_out_open(&writer->json, NULL, '[');
        for (size_t t = 0; t < e->n; t++) {
            size_t at = layers * e->n + t;
            json_out_open(&writer->json, NULL, '{');
            json_out_double(&writer->json, "logprob", (double)e->lens_logprobs[at], DIGITS);
            json_out_int(&writer->json, "rank", e->lens_ranks[at]);
            put_likeliest(writer, "likeliest", e->lens + at * (size_t)e->n_lens, e->n_lens);
            json_out_close(&writer->json, '}');
        }
        json_out_close(&writer->json, ']');
        flush(writer);
    }
    json_out_close(&writer->json, ']');
}

static void put_contributions(struct json_writer *writer) {
    const struct gen_explanation *e = writer->view->explanation;
    json_out_open(&writer->json, "parts", '[');
    for (size_t part = 0; part < e->n_parts; part++) {
        struct explain_part_name name;
        const char *text = explain_part_name(&name, &e->parts[part]);
        json_out_string(&writer->json, NULL, text, strlen(text));
    }
    json_out_close(&writer->json, ']');
    json_out_open(&writer->json, "contributions", '[');
    for (size_t t = 0; t < e->n; t++) {
        json_out_open(&writer->json, NULL, '[');
        for (size_t part = 0; part < e->n_parts; part++) {
            json_out_double(&writer->json, NULL, (double)e->contributions[t * e->n_parts + part],
                            DIGITS);
        }
        json_out_close(&writer->json, ']');
    }
    json_out_close(&writer->json, ']');
}

static void put_map(struct json_writer *writer, int32_t layer, int32_t head) {
    const struct gen_explanation *e = writer->view->explanation;
    json_out_open(&writer->json, NULL, '[');
    for (size_t t = 0; t < e->n; t++) {
        const float *weights = gen_explanation_attention(e, layer, head, t);
        json_out_open(&writer->json, NULL, '[');
        for (size_t i = 0; i <= t; i++) {
            json_out_double(&writer->json, NULL, (double)weights[i], DIGITS);
        }
        json_out_close(&writer->json, ']');
    }
    json_out_close(&writer->json, ']');
    flush(writer);
}

static void put_attention(struct json_writer *writer) {
    const struct gen_explanation *e = writer->view->explanation;
    json_out_open(&writer->json, "attention", '[');
    for (int32_t layer = 0; layer < e->n_layer; layer++) {
        json_out_open(&writer->json, NULL, '[');
        for (int32_t head = 0; head < e->n_head; head++) {
            put_map(writer, layer, head);
        }
        json_out_close(&writer->json, ']');
    }
    json_out_close(&writer->json, ']');
}

bool explain_write_json(struct text_out *out, const struct explain_view *view) {
    struct json_writer writer = {.out = out, .view = view};
    const struct gen_explanation *e = view->explanation;
    json_out_open(&writer.json, NULL, '{');
    json_out_string(&writer.json, "model", view->model, strlen(view->model));
    json_out_uint(&writer.json, "n_tokens", e->n);
    json_out_double(&writer.json, "bits", explain_all_bits(e), DIGITS);
    json_out_double(&writer.json, "perplexity", explain_perplexity(e), DIGITS);
    put_tokens(&writer);
    put_targets(&writer);
    put_lens(&writer);
    put_contributions(&writer);
    put_attention(&writer);
    json_out_close(&writer.json, '}');
    flush(&writer);
    gen_bytes_release(&writer.json.text);
    return text_out_string(out, "\n");
}
