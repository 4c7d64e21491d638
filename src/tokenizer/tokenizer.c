/**
 * tokenizer.c - a tokenizer in use: encoding (added tokens cut the text, words met before are
 * looked up in a cache, others go to bpe.c), decoding, and questions about its tokens. It is built
 * in builder.c and read from files in src/format.
 */
#include "tokenizer/tokenizer.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "tokenizer/added.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenize.h"
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

/* ---- encoding --------------------------------------------------------------------------------*/

/* Most words the cache remembers. */
#define CACHE_MAX 65536

/*
 * A word met before in this text. Neither its bytes nor its ids are copied: the bytes are still
 * in the text, the ids are among those already made.
 */
struct seen_word {
    uint64_t hash;
    const char *bytes; /* NULL: a free place */
    size_t at;         /* its ids begin here in encoder.ids; the id itself if there is only one */
    uint32_t n;
    uint32_t n_ids;
};

/* The work of one call. Each word has one place in the cache; a later one takes it over. */
struct encoder {
    const struct gen_tokenizer *vocab;
    struct gen_ids *ids;
    bool special;           /* special tokens stand for themselves, too */
    struct seen_word *seen; /* NULL: the text is too short to repeat much */
    unsigned seen_shift;    /* 64 - log2 of their number */
    struct bpe_scratch scratch;
};

/* A cache whose size follows the text, so that a short prompt does not pay for a large one. */
static bool encoder_init(struct encoder *encoder, const struct gen_tokenizer *vocab,
                         struct gen_ids *ids, size_t n) {
    *encoder = (struct encoder){.vocab = vocab, .ids = ids};
    if (n < 256) {
        return true;
    }
    unsigned log2_n = 5;
    while (((size_t)1 << log2_n) < CACHE_MAX && ((size_t)1 << log2_n) < n / 8) {
        log2_n++;
    }
    encoder->seen = memory_new((size_t)1 << log2_n, sizeof *encoder->seen);
    encoder->seen_shift = 64 - log2_n;
    return encoder->seen != NULL;
}

static void encoder_release(struct encoder *encoder) {
    memory_free(encoder->seen);
    bpe_scratch_release(&encoder->scratch);
}

static uint64_t load(const char *bytes, size_t n) {
    uint64_t value = 0;
    memcpy(&value, bytes, n);
    return value;
}

/* A hash of a short word. Collisions only cost time: one word pushes the other out. */
static uint64_t hash_word(const char *word, size_t n) {
    const uint64_t odd = 0x9E3779B97F4A7C15; /* 2^64 over the golden ratio */
    uint64_t hash = n;
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8) {
            hash = (hash ^ load(word + i, 8)) * odd;
            hash ^= hash >> 32;
        }
        hash ^= load(word + n - 8, 8);
    } else if (n >= 4) {
        hash ^= load(word, 4) << 32 ^ load(word + n - 4, 4);
    } else {
        hash ^= load(word, 1) << 32 ^ load(word + n / 2, 1) << 16 ^ load(word + n - 1, 1) << 8;
    }
    hash *= odd;
    hash ^= hash >> 32;
    return hash * odd;
}

static enum gen_status append_ids(struct encoder *encoder, const int32_t *ids, size_t n,
                                  struct gen_error *err) {
    return gen_ids_append(encoder->ids, ids, n) == GEN_OK ? GEN_OK
                                                          : error_no_memory(err, "token ids");
}

/* Encode a word of at most BPE_SHORT bytes, by memory or by merging. */
static enum gen_status encode_short(struct encoder *encoder, const char *word, size_t n,
                                    struct gen_error *err) {
    int32_t ids[BPE_SHORT];
    if (encoder->seen == NULL) {
        size_t n_ids = bpe_short(encoder->vocab, ids, word, n);
        return append_ids(encoder, ids, n_ids, err);
    }
    uint64_t hash = hash_word(word, n);
    struct seen_word *seen = &encoder->seen[hash >> encoder->seen_shift];
    if (seen->hash == hash && seen->n == n && seen->bytes != NULL &&
        memcmp(seen->bytes, word, n) == 0) {
        if (seen->n_ids == 1) {
            ids[0] = (int32_t)seen->at;
        } else {
            memcpy(ids, encoder->ids->data + seen->at, seen->n_ids * sizeof *ids);
        }
        return append_ids(encoder, ids, seen->n_ids, err);
    }
    size_t n_ids = bpe_short(encoder->vocab, ids, word, n);
    size_t at = n_ids == 1 ? (size_t)ids[0] : encoder->ids->n;
    *seen = (struct seen_word){hash, word, at, (uint32_t)n, (uint32_t)n_ids};
    return append_ids(encoder, ids, n_ids, err);
}

/* Whether every byte of a text has a token, where some have none. */
static enum gen_status check_bytes(const struct gen_tokenizer *vocab, const char *text, size_t n,
                                   struct gen_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (vocab->byte_ids[(unsigned char)text[i]] < 0) {
            return error_set(err, GEN_UNSUPPORTED,
                             "the text has the byte 0x%02X, for which this vocabulary has no token "
                             "(leave it out)",
                             (unsigned)(unsigned char)text[i]);
        }
    }
    return GEN_OK;
}

/* Encode text without added tokens. */
static enum gen_status encode_ordinary(struct encoder *encoder, const char *text, size_t n,
                                       struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (encoder->vocab->lacks_bytes) {
        status = check_bytes(encoder->vocab, text, n, err);
    }
    for (size_t at = 0; at < n && status == GEN_OK;) {
        size_t length = pretokenize_word(text + at, n - at);
        if (length <= BPE_SHORT) {
            status = encode_short(encoder, text + at, length, err);
        } else {
            status =
                bpe_long(encoder->vocab, &encoder->scratch, encoder->ids, text + at, length, err);
        }
        at += length;
    }
    return status;
}

/* Encode text in which the added tokens of a pass stand for themselves: they cut it into texts
 * without. What is left of the first pass is looked through for late ones. */
static enum gen_status encode_added(struct encoder *encoder, const char *text, size_t n, bool late,
                                    struct gen_error *err) {
    const struct gen_tokenizer *vocab = encoder->vocab;
    struct added_walk walk = {.vocab = vocab,
                              .added = late ? &vocab->late : &vocab->first,
                              .text = text,
                              .n = n,
                              .special = encoder->special};
    enum gen_status status = GEN_OK;
    size_t before = 0;
    int32_t id;
    for (size_t begin, end; status == GEN_OK && added_next(&walk, &id, &begin, &end);
         before = end) {
        /* White space that two tokens take may make them overlap. */
        if (begin > before) {
            status = late ? encode_ordinary(encoder, text + before, begin - before, err)
                          : encode_added(encoder, text + before, begin - before, true, err);
        }
        if (status == GEN_OK) {
            status = append_ids(encoder, &id, 1, err);
        }
    }
    if (status != GEN_OK) {
        return status;
    }
    return late ? encode_ordinary(encoder, text + before, n - before, err)
                : encode_added(encoder, text + before, n - before, true, err);
}

/* Whether the model has a row for every id. */
static enum gen_status check_rows(const struct gen_tokenizer *vocab, const int32_t *ids, size_t n,
                                  struct gen_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (ids[i] >= vocab->n_rows) {
            struct error_quoted quoted;
            size_t length = 0;
            const char *piece = gen_tokenizer_piece(vocab, ids[i], &length);
            return error_set(err, GEN_UNSUPPORTED,
                             "the text has the token %d, \"%s\", for which the model has no row: "
                             "its embedding has only %d (leave it out)",
                             (int)ids[i], error_quote(&quoted, piece, length), (int)vocab->n_rows);
        }
    }
    return GEN_OK;
}

enum gen_status gen_tokenizer_encode(const struct gen_tokenizer *tokenizer, const char *text,
                                     size_t n, bool special, struct gen_ids *ids,
                                     struct gen_error *err) {
    size_t before = ids->n;
    struct encoder encoder;
    if (n == 0) {
        return GEN_OK; /* text may be NULL */
    }
    if (!encoder_init(&encoder, tokenizer, ids, n)) {
        return error_no_memory(err, "the words of the text");
    }
    encoder.special = special;
    enum gen_status status = encode_added(&encoder, text, n, false, err);
    if (status == GEN_OK && tokenizer->n_rows > 0) {
        status = check_rows(tokenizer, ids->data + before, ids->n - before, err);
    }
    if (status != GEN_OK) {
        ids->n = before;
    }
    encoder_release(&encoder);
    return status;
}
