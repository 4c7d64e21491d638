/**
 * fuzz_tokenizer.c - libFuzzer entry: the input is lines that are merges, an empty line, and a
 * text. Any text must come back byte for byte from its ids, whatever the merges are, whole and as a
 * stream.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

/* The bytes as tokens, and two special ones of which one begins the other. */
static void add_alphabet(struct tokenizer_builder *builder) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char spelling[2];
        size_t n = vocab_spell_byte(spelling, (unsigned char)byte);
        tokenizer_builder_token(builder, byte, spelling, n, false, NULL);
    }
    tokenizer_builder_token(builder, 256, "<|", 2, true, NULL);
    tokenizer_builder_token(builder, 257, "<|endoftext|>", 13, true, NULL);
}

/* A line "left right": the merge, and the token it makes. */
static void add_merge(struct tokenizer_builder *builder, uint64_t id, const char *line, size_t n) {
    char joined[256];
    const char *space = memchr(line, ' ', n);
    if (space == NULL || n > sizeof joined ||
        tokenizer_builder_merge_line(builder, line, n, NULL) != GEN_OK) {
        return;
    }
    size_t left = (size_t)(space - line);
    memcpy(joined, line, left);
    memcpy(joined + left, space + 1, n - left - 1);
    tokenizer_builder_token(builder, id, joined, n - 1, false, NULL);
}

static void check_text(const struct gen_tokenizer *tokenizer, const char *text, size_t n,
                       bool special) {
    struct gen_ids ids = {0};
    struct gen_bytes whole = {0};
    struct gen_bytes streamed = {0};
    struct gen_utf8_stream stream = {0};
    gen_tokenizer_encode(tokenizer, text, n, special, &ids, NULL);
    gen_tokenizer_decode(tokenizer, ids.data, ids.n, &whole, NULL);
    for (size_t i = 0; i < ids.n; i++) {
        size_t length;
        const char *piece = gen_tokenizer_piece(tokenizer, ids.data[i], &length);
        gen_utf8_stream_push(&stream, piece, length, &streamed);
    }
    gen_utf8_stream_flush(&stream, &streamed);
    if (whole.n != n || streamed.n != n ||
        (n > 0 && (memcmp(whole.data, text, n) != 0 || memcmp(streamed.data, text, n) != 0))) {
        abort();
    }
    gen_ids_release(&ids);
    gen_bytes_release(&whole);
    gen_bytes_release(&streamed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *at = (const char *)data;
    const char *end = at + size;
    struct tokenizer_builder *builder;
    struct gen_tokenizer *tokenizer;
    struct gen_error err;
    if (size == 0 || tokenizer_builder_new(&builder, "fuzz", NULL) != GEN_OK) {
        return 0;
    }
    add_alphabet(builder);
    for (uint64_t id = 258; at < end; id++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((newline == NULL ? end : newline) - at);
        add_merge(builder, id, at, n);
        at = newline == NULL ? end : newline + 1;
        if (n == 0) {
            break;
        }
    }
    if (tokenizer_builder_finish(builder, &tokenizer, &err) == GEN_OK) {
        check_text(tokenizer, at, (size_t)(end - at), false);
        check_text(tokenizer, at, (size_t)(end - at), true);
        gen_tokenizer_free(tokenizer);
    }
    tokenizer_builder_free(builder);
    return 0;
}
