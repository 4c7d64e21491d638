/**
 * tokenizer.c - a tokenizer in use: decoding, and questions about its tokens. Encoding is
 * encode.c's; it is built in builder.c and read from files in src/format.
 */
#include "tokenizer/tokenizer.h"

#include "base/error.h"
#include "base/memory.h"
#include "tokenizer/vocab.h"

/* ---- what the tokenizer knows ----------------------------------------------------------------*/

void gen_tokenizer_free(struct gen_tokenizer *tokenizer) {
    if (tokenizer == NULL) {
        return;
    }
    memory_free(tokenizer->bytes);
    memory_free(tokenizer->tokens);
    memory_free(tokenizer->merges);
    memory_free(tokenizer->pairs);
    memory_free(tokenizer->first.ids);
    memory_free(tokenizer->late.ids);
    notes_release(&tokenizer->notes);
    memory_free(tokenizer);
}

int32_t gen_tokenizer_n_vocab(const struct gen_tokenizer *tokenizer) {
    return tokenizer->n_vocab;
}

int32_t gen_tokenizer_eos(const struct gen_tokenizer *tokenizer) {
    return tokenizer->eos;
}

size_t gen_tokenizer_n_notes(const struct gen_tokenizer *tokenizer) {
    return tokenizer->notes.n;
}

struct gen_note gen_tokenizer_note(const struct gen_tokenizer *tokenizer, size_t i) {
    return tokenizer->notes.notes[i];
}

enum gen_status tokenizer_add_note(struct gen_tokenizer *tokenizer, struct gen_error *err,
                                   const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    enum gen_status status = notes_add_list(&tokenizer->notes, false, err, format, arguments);
    va_end(arguments);
    return status;
}

bool tokenizer_has(const struct gen_tokenizer *tokenizer, int32_t id) {
    return id >= 0 && id < tokenizer->n_vocab && tokenizer->tokens[id].n > 0;
}

unsigned tokenizer_kind(const struct gen_tokenizer *tokenizer, int32_t id) {
    return tokenizer_has(tokenizer, id) ? tokenizer->tokens[id].kind : 0;
}

bool tokenizer_is_special(const struct gen_tokenizer *tokenizer, int32_t id) {
    return (tokenizer_kind(tokenizer, id) & TOKENIZER_SPECIAL) != 0;
}

bool gen_tokenizer_is_special(const struct gen_tokenizer *tokenizer, int32_t id) {
    return tokenizer_is_special(tokenizer, id);
}

size_t gen_tokenizer_longest(const struct gen_tokenizer *tokenizer) {
    return tokenizer->longest;
}

void tokenizer_limit(struct gen_tokenizer *tokenizer, int32_t n_rows) {
    tokenizer->n_rows = n_rows < tokenizer->n_vocab ? n_rows : 0;
}

bool tokenizer_set_around(struct gen_tokenizer *tokenizer, int32_t id, unsigned around) {
    unsigned kind = tokenizer_kind(tokenizer, id);
    if (kind != 0) {
        tokenizer->tokens[id].kind = (unsigned char)((kind & ~(unsigned)TOKENIZER_AROUND) | around);
    }
    return kind != 0;
}

size_t tokenizer_n_merges(const struct gen_tokenizer *tokenizer) {
    return tokenizer->n_merges;
}

void tokenizer_merge(const struct gen_tokenizer *tokenizer, size_t rank, int32_t *left,
                     int32_t *right) {
    *left = tokenizer->merges[rank].left;
    *right = tokenizer->merges[rank].right;
}

const char *gen_tokenizer_piece(const struct gen_tokenizer *tokenizer, int32_t id, size_t *n) {
    if (!tokenizer_has(tokenizer, id)) {
        *n = 0;
        return "";
    }
    *n = tokenizer->tokens[id].n;
    return tokenizer->bytes + tokenizer->tokens[id].at;
}

enum gen_status tokenizer_spelling(const struct gen_tokenizer *tokenizer, int32_t id,
                                   struct gen_bytes *out) {
    size_t n = 0;
    const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
    if (tokenizer_kind(tokenizer, id) != 0) {
        return gen_bytes_append(out, piece, n);
    }
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        char spelled[2];
        size_t length = vocab_spell_byte(spelled, (unsigned char)piece[i]);
        status = gen_bytes_append(out, spelled, length);
    }
    return status;
}

enum gen_status gen_tokenizer_decode(const struct gen_tokenizer *tokenizer, const int32_t *ids,
                                     size_t n_ids, struct gen_bytes *text, struct gen_error *err) {
    size_t before = text->n;
    for (size_t i = 0; i < n_ids; i++) {
        if (ids[i] < 0 || ids[i] >= tokenizer->n_vocab) {
            text->n = before;
            return error_set(err, GEN_BAD_ARGUMENT,
                             "token id %d is out of range (this vocabulary has 0 to %d)",
                             (int)ids[i], (int)tokenizer->n_vocab - 1);
        }
        size_t n = 0;
        const char *piece = gen_tokenizer_piece(tokenizer, ids[i], &n);
        if (gen_bytes_append(text, piece, n) != GEN_OK) {
            text->n = before;
            return error_no_memory(err, "the decoded text");
        }
    }
    return GEN_OK;
}
