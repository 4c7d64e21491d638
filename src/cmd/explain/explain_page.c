/**
 * explain_page.c - an explanation as one page of HTML that needs nothing else. The page itself, its
 * script and its style are files of page/, made one by scripts/make_page.sh and embedded; here the
 * data is put into it, as JSON in a script element that is not run.
 *
 * Weights of attention are bytes: each row has its greatest weight m as m 65535 in 16 bits, and
 * each weight as a share of that in 255ths, so that none is off by more than m / 510 + 1 / 131070.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "cli/alloc.h"
#include "cli/incbin.h"
#include "cmd/explain/explain_view.h"

INCBIN(explain_page_head, EXPLAIN_PAGE "/head.html");
INCBIN(explain_page_tail, EXPLAIN_PAGE "/tail.html");

/* Digits that a float has, as in the JSON. */
#define DIGITS 7

struct page {
    struct text_out *out;
    const struct explain_view *view;
    struct json_out json;
};

/* ---- what is text, and not a tag -------------------------------------------------------------*/

/* Write the JSON so far. A `<` can be in strings only, and is spelled so that no text ends the
 * element that it is in. */
static void flush(struct page *page) {
    const char *text = page->json.text.data;
    size_t n = page->json.text.n;
    while (n > 0) {
        const char *sign = memchr(text, '<', n);
        size_t plain = sign == NULL ? n : (size_t)(sign - text);
        text_out_write(page->out, text, plain);
        text += plain;
        n -= plain;
        if (n > 0) {
            text_out_string(page->out, "\\u003c");
            text++;
            n--;
        }
    }
    page->json.text.n = 0;
}

static bool is_utf8(const char *text, size_t n) {
    utf8proc_int32_t character;
    while (n > 0) {
        utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &character);
        if (length < 1) {
            return false;
        }
        text += length;
        n -= (size_t)length;
    }
    return true;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

static int compare_ids(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void add_likeliest(struct gen_ids *ids, const struct gen_logprob *best, size_t n) {
    for (size_t i = 0; i < n; i++) {
        alloc_append_ids(ids, &best[i].id, 1);
    }
}

/* The texts of all tokens that are shown, by their ids; where bytes are no characters, the bytes.
 */
static void put_pieces(struct page *page) {
    const struct gen_explanation *e = page->view->explanation;
    struct gen_ids ids = {0};
    alloc_append_ids(&ids, e->ids, e->n);
    alloc_append_ids(&ids, e->targets, e->n);
    add_likeliest(&ids, e->top, e->n * (size_t)e->n_top);
    add_likeliest(&ids, e->lens, ((size_t)e->n_layer + 1) * e->n * (size_t)e->n_lens);
    qsort(ids.data, ids.n, sizeof *ids.data, compare_ids);
    json_out_open(&page->json, "pieces", '{');
    for (size_t i = 0; i < ids.n; i++) {
        size_t n;
        const char *piece = explain_piece(page->view, ids.data[i], &n);
        if ((i > 0 && ids.data[i] == ids.data[i - 1]) || n == 0) {
            continue;
        }
        char *name = alloc_printf("%d", (int)ids.data[i]);
        if (is_utf8(piece, n)) {
            json_out_string(&page->json, name, piece, n);
        } else {
            json_out_bytes(&page->json, name, piece, n);
        }
        free(name);
    }
    json_out_close(&page->json, '}');
    gen_ids_release(&ids);
}

static void put_floats(struct page *page, const char *name, const float *x, size_t n) {
    json_out_open(&page->json, name, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_double(&page->json, NULL, (double)x[i], DIGITS);
    }
    json_out_close(&page->json, ']');
}

/* [id, log p, id, log p, ...] for each of n_rows rows. */
static void put_likeliest(struct page *page, const char *name, const struct gen_logprob *best,
                          size_t n_rows, size_t n) {
    json_out_open(&page->json, name, '[');
    for (size_t row = 0; row < n_rows; row++) {
        json_out_open(&page->json, NULL, '[');
        for (size_t i = 0; i < n; i++, best++) {
            json_out_int(&page->json, NULL, best->id);
            json_out_double(&page->json, NULL, (double)best->logprob, DIGITS);
        }
        json_out_close(&page->json, ']');
    }
    json_out_close(&page->json, ']');
}

static void put_tokens(struct page *page) {
    const struct gen_explanation *e = page->view->explanation;
    json_out_string(&page->json, "model", page->view->model, strlen(page->view->model));
    json_out_int(&page->json, "layers", e->n_layer);
    json_out_int(&page->json, "heads", e->n_head);
    json_out_ids(&page->json, "ids", e->ids, e->n);
    put_pieces(page);
    put_floats(page, "logprobs", e->logprobs, e->n);
    json_out_ids(&page->json, "ranks", e->ranks, e->n);
    put_likeliest(page, "top", e->top, e->n, (size_t)e->n_top);
    json_out_ids(&page->json, "targets", e->targets, e->n);
    put_floats(page, "logits", e->logits, e->n);
}

/* ---- layers ----------------------------------------------------------------------------------*/

static void put_lens(struct page *page) {
    const struct gen_explanation *e = page->view->explanation;
    size_t n_lens = (size_t)e->n_lens;
    json_out_open(&page->json, "lens", '[');
    for (size_t layers = 0; layers <= (size_t)e->n_layer; layers++) {
        size_t at = layers * e->n;
        json_out_open(&page->json, NULL, '{');
        put_floats(page, "logprobs", e->lens_logprobs + at, e->n);
        json_out_ids(&page->json, "ranks", e->lens_ranks + at, e->n);
        put_likeliest(page, "top", e->lens + at * n_lens, e->n, n_lens);
        json_out_close(&page->json, '}');
        flush(page);
    }
    json_out_close(&page->json, ']');
}

static void put_contributions(struct page *page) {
    const struct gen_explanation *e = page->view->explanation;
    json_out_open(&page->json, "parts", '[');
    for (size_t part = 0; part < e->n_parts; part++) {
        struct explain_part_name name;
        const char *text = explain_part_name(&name, &e->parts[part]);
        json_out_string(&page->json, NULL, text, strlen(text));
    }
    json_out_close(&page->json, ']');
    json_out_open(&page->json, "contributions", '[');
    for (size_t t = 0; t < e->n; t++) {
        put_floats(page, NULL, e->contributions + t * e->n_parts, e->n_parts);
    }
    json_out_close(&page->json, ']');
}

/* ---- attention -------------------------------------------------------------------------------*/

/* Bytes on their way into base64 (RFC 4648), three by three. */
struct base64 {
    struct gen_bytes *text;
    unsigned char waiting[3];
    size_t n;
};

static void base64_put(struct base64 *base64) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *b = base64->waiting;
    char text[4] = {digits[b[0] >> 2], digits[(b[0] & 3) << 4 | b[1] >> 4],
                    digits[(b[1] & 15) << 2 | b[2] >> 6], digits[b[2] & 63]};
    for (size_t i = base64->n + 1; i < sizeof text; i++) {
        text[i] = '=';
    }
    alloc_append(base64->text, text, sizeof text);
    memset(base64->waiting, 0, sizeof base64->waiting);
    base64->n = 0;
}

static void base64_add(struct base64 *base64, unsigned char byte) {
    base64->waiting[base64->n++] = byte;
    if (base64->n == sizeof base64->waiting) {
        base64_put(base64);
    }
}

static void base64_end(struct base64 *base64) {
    if (base64->n > 0) {
        base64_put(base64);
    }
}

/* The greatest weight of a row in 65535ths, at least one. */
static unsigned row_scale(const float *weights, size_t n) {
    double greatest = 0.0;
    for (size_t i = 0; i < n; i++) {
        greatest = fmax(greatest, (double)weights[i]);
    }
    double scale = floor(fmin(greatest, 1.0) * 65535.0 + 0.5);
    return scale < 1.0 ? 1 : (unsigned)scale;
}

static unsigned char share_of(double weight, unsigned scale) {
    return (unsigned char)floor(fmin(weight * 65535.0 / scale, 1.0) * 255.0 + 0.5);
}

/* All rows of all maps: their scales, low byte first, or what is scaled by them. */
static void put_rows(struct page *page, const char *name, bool scales) {
    const struct gen_explanation *e = page->view->explanation;
    struct base64 base64 = {.text = &page->json.text};
    json_out_raw(&page->json, name, "\"", 1);
    for (int32_t map = 0; map < e->n_layer * e->n_head; map++) {
        for (size_t t = 0; t < e->n; t++) {
            const float *weights =
                gen_explanation_attention(e, map / e->n_head, map % e->n_head, t);
            unsigned scale = row_scale(weights, t + 1);
            if (scales) {
                base64_add(&base64, (unsigned char)(scale & 255));
                base64_add(&base64, (unsigned char)(scale >> 8));
            }
            for (size_t i = 0; i <= t && !scales; i++) {
                base64_add(&base64, share_of((double)weights[i], scale));
            }
        }
        flush(page);
    }
    base64_end(&base64);
    alloc_append(&page->json.text, "\"", 1);
}

bool explain_write_page(struct text_out *out, const struct explain_view *view) {
    struct page page = {.out = out, .view = view};
    text_out_write(out, (const char *)explain_page_head_bytes, (size_t)explain_page_head_size);
    json_out_open(&page.json, NULL, '{');
    put_tokens(&page);
    put_lens(&page);
    put_contributions(&page);
    put_rows(&page, "scales", true);
    put_rows(&page, "weights", false);
    json_out_close(&page.json, '}');
    flush(&page);
    gen_bytes_release(&page.json.text);
    return text_out_write(out, (const char *)explain_page_tail_bytes,
                          (size_t)explain_page_tail_size);
}
