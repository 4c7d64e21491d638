/**
 * generate_words.c - words that must come, read from a file or a record and made ids by the model's
 * tokenizer. Whether they can come is checked by the library.
 */
#include "cmd/generate/generate_words.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/input.h"
#include "cli/message.h"
#include "text/lines.h"

/* Most bytes of a file of them. */
#define WORDS_LIMIT ((size_t)64 << 20)

static void release_spellings(struct gen_ids *spellings, size_t n) {
    for (size_t i = 0; i < n; i++) {
        gen_ids_release(&spellings[i]);
    }
    free(spellings);
}

void generate_words_release(struct generate_words *words) {
    for (size_t i = 0; i < words->n; i++) {
        /* They were made here. */
        release_spellings((struct gen_ids *)words->data[i].spellings, words->data[i].n_spellings);
    }
    free(words->data);
    *words = (struct generate_words){0};
}

enum gen_status generate_words_take(struct generate_words *words,
                                    const struct gen_tokenizer *tokenizer, const char *text,
                                    size_t n, struct gen_error *err) {
    struct gen_ids *spellings = NULL;
    size_t n_spellings = 0, capacity = 0;
    if (tokenizer == NULL) {
        message_set(err, GEN_BAD_ARGUMENT, "--force-words needs a model that has a tokenizer");
        return GEN_BAD_ARGUMENT;
    }
    enum gen_status status = GEN_OK;
    for (size_t at = 0; at < n && status == GEN_OK;) {
        const char *tab = memchr(text + at, '\t', n - at);
        size_t length = tab != NULL ? (size_t)(tab - text) - at : n - at;
        alloc_grow(&spellings, &capacity, n_spellings + 1, sizeof *spellings);
        struct gen_ids *spelling = &spellings[n_spellings];
        *spelling = (struct gen_ids){0};
        status = gen_tokenizer_encode(tokenizer, text + at, length, false, spelling, err);
        n_spellings += spelling->n > 0; /* nothing between two tabs */
        at += length + 1;
    }
    if (status != GEN_OK || n_spellings == 0) {
        release_spellings(spellings, n_spellings);
        return status;
    }
    alloc_grow(&words->data, &words->capacity, words->n + 1, sizeof *words->data);
    words->data[words->n++] = (struct gen_force_words){spellings, n_spellings};
    return GEN_OK;
}

enum gen_status generate_words_read(struct generate_words *words, const char *path,
                                    const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct input input;
    struct gen_bytes line = {0};
    enum gen_status status = input_open(&input, path, err);
    if (status != GEN_OK) {
        message_about(err, "force-words", " (a FILE has one a line)");
    }
    while (status == GEN_OK) {
        enum input_result result = input_next(&input, &line, '\n', WORDS_LIMIT, err);
        if (result == INPUT_END) {
            break;
        }
        if (result != INPUT_RECORD) {
            status = err->status;
            break;
        }
        line.n = text_without_cr(line.data, line.n);
        status = generate_words_take(words, tokenizer, line.data, line.n, err);
        if (status != GEN_OK) {
            struct gen_error cause = *err;
            message_set(err, status, "%.300s: line %llu: %s", input.name,
                        (unsigned long long)input.n_records, cause.message);
        }
    }
    gen_bytes_release(&line);
    if (status == GEN_OK && words->n == 0) {
        status = GEN_BAD_ARGUMENT;
        message_set(err, status, "%.300s: has no words, but must have one a line", input.name);
    }
    input_close(&input);
    return status;
}
