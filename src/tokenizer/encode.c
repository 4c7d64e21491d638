/**
 * encode.c - text to ids: added tokens cut the text (added.c), words met before are looked up in a
 * cache, others are merged by bpe.c; and where in the text each token is. A text alone needs no
 * copy of its words; an encoder, which is made for many, keeps them for the texts that follow.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/size.h"
#include "tokenizer/added.h"
#include "tokenizer/bpe.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

/* Most words the cache remembers. */
#define CACHE_LOG2_MAX 16
#define CACHE_MAX      ((size_t)1 << CACHE_LOG2_MAX)

/* Bytes of words, and ids of those with several, that an encoder keeps; when one is full, it
 * begins anew with none. */
#define KEPT_BYTES (CACHE_MAX * 16)
#define KEPT_IDS   (CACHE_MAX * 4)

/* A word met before. Of a single text neither its bytes nor its ids are copied: the bytes are still
 * in the text, the ids are among those already made. */
struct seen_word {
    uint64_t hash;
    const char *bytes; /* NULL: a free place */
    size_t at;         /* its ids begin here, in those of the text or the kept ones; the id itself
                          if there is only one */
    uint32_t n;
    uint32_t n_ids;
};

/* What an encoder keeps from one text to the next. */
struct kept_words {
    char *bytes; /* NULL: nothing is kept */
    size_t n_bytes;
    int32_t *ids;
    size_t n_ids;
};

/* The work of one call, or of many. Each word has one place in the cache; a later one takes it
 * over. */
struct gen_encoder {
    const struct gen_tokenizer *vocab;
    struct gen_ids *ids;
    const char *text;        /* all of it, where spans are counted from */
    struct gen_spans *spans; /* NULL: nobody asks for them */
    bool special;            /* special tokens stand for themselves, too */
    struct seen_word *seen;  /* NULL: the text is too short to repeat much */
    unsigned seen_shift;     /* 64 - log2 of their number */
    struct kept_words kept;
    struct bpe_scratch scratch;
};

/* Memory for 2^log2_n words. */
static bool make_cache(struct gen_encoder *encoder, unsigned log2_n) {
    encoder->seen = memory_new((size_t)1 << log2_n, sizeof *encoder->seen);
    encoder->seen_shift = 64 - log2_n;
    return encoder->seen != NULL;
}

/* A cache whose size follows the text, so that a short prompt does not pay for a large one. */
static bool encoder_init(struct gen_encoder *encoder, const struct gen_tokenizer *vocab, size_t n) {
    *encoder = (struct gen_encoder){.vocab = vocab};
    if (n < 256) {
        return true;
    }
    unsigned log2_n = 5;
    while (log2_n < CACHE_LOG2_MAX && ((size_t)1 << log2_n) < n / 8) {
        log2_n++;
    }
    return make_cache(encoder, log2_n);
}

static void encoder_release(struct gen_encoder *encoder) {
    memory_free(encoder->seen);
    memory_free(encoder->kept.bytes);
    memory_free(encoder->kept.ids);
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

static enum gen_status append_ids(struct gen_encoder *encoder, const int32_t *ids, size_t n,
                                  struct gen_error *err) {
    return gen_ids_append(encoder->ids, ids, n) == GEN_OK ? GEN_OK
                                                          : error_no_memory(err, "token ids");
}

/* Where the ids of words are that were met before. */
static const int32_t *known_ids(const struct gen_encoder *encoder) {
    return encoder->kept.bytes != NULL ? encoder->kept.ids : encoder->ids->data;
}

/* Copy a word that is to be known in later texts, and its ids. */
static void keep_word(struct gen_encoder *encoder, struct seen_word *word, const int32_t *ids) {
    struct kept_words *kept = &encoder->kept;
    if (kept->n_bytes + word->n > KEPT_BYTES || kept->n_ids + word->n_ids > KEPT_IDS) {
        memset(encoder->seen, 0, ((size_t)1 << (64 - encoder->seen_shift)) * sizeof *encoder->seen);
        kept->n_bytes = kept->n_ids = 0;
    }
    memcpy(kept->bytes + kept->n_bytes, word->bytes, word->n);
    word->bytes = kept->bytes + kept->n_bytes;
    kept->n_bytes += word->n;
    if (word->n_ids > 1) {
        memcpy(kept->ids + kept->n_ids, ids, word->n_ids * sizeof *ids);
        word->at = kept->n_ids;
        kept->n_ids += word->n_ids;
    }
}

/* Encode a word of at most BPE_SHORT bytes, by memory or by merging. */
static enum gen_status encode_short(struct gen_encoder *encoder, const char *word, size_t n,
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
            memcpy(ids, known_ids(encoder) + seen->at, seen->n_ids * sizeof *ids);
        }
        return append_ids(encoder, ids, seen->n_ids, err);
    }
    size_t n_ids = bpe_short(encoder->vocab, ids, word, n);
    size_t at = n_ids == 1 ? (size_t)ids[0] : encoder->ids->n;
    struct seen_word met = {hash, word, at, (uint32_t)n, (uint32_t)n_ids};
    if (encoder->kept.bytes != NULL) {
        keep_word(encoder, &met, ids);
    }
    *seen = met;
    return append_ids(encoder, ids, n_ids, err);
}

/* ---- where tokens are ------------------------------------------------------------------------*/

static enum gen_status add_span(struct gen_encoder *encoder, const char *begin, const char *end,
                                struct gen_error *err) {
    struct gen_spans *spans = encoder->spans;
    if (!memory_grow(&spans->data, &spans->capacity, spans->n + 1, sizeof *spans->data)) {
        return error_no_memory(err, "the places of tokens");
    }
    spans->data[spans->n++] =
        (struct gen_span){(size_t)(begin - encoder->text), (size_t)(end - encoder->text)};
    return GEN_OK;
}

/* The places of the ids from `first` on, which are those of a word. */
static enum gen_status add_spans(struct gen_encoder *encoder, size_t first, const char *word,
                                 struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (size_t i = first; i < encoder->ids->n && status == GEN_OK; i++) {
        size_t n = 0;
        gen_tokenizer_piece(encoder->vocab, encoder->ids->data[i], &n);
        status = add_span(encoder, word, word + n, err);
        word += n;
    }
    return status;
}

void gen_spans_release(struct gen_spans *spans) {
    if (spans != NULL) {
        memory_free(spans->data);
        *spans = (struct gen_spans){0};
    }
}

/* Bytes of the character that begins there; 1 where it is none. */
static size_t character_length(const char *text, size_t n, size_t at) {
    uint32_t codepoint;
    int length = bytes_utf8((const unsigned char *)text + at, n - at, &codepoint);
    return length > 0 ? (size_t)length : 1;
}

void gen_spans_count_characters(struct gen_span *spans, size_t n_spans, const char *text,
                                size_t n) {
    size_t at = 0, index = 0; /* of the character in which the last token began */
    for (size_t i = 0; i < n_spans; i++) {
        struct gen_span *span = &spans[i];
        if (span->begin < at) {
            at = index = 0;
        }
        for (size_t length; at < n && at + (length = character_length(text, n, at)) <= span->begin;
             at += length) {
            index++;
        }
        size_t end = index;
        for (size_t to = at; to < span->end && to < n; to += character_length(text, n, to)) {
            end++;
        }
        *span = (struct gen_span){index, end};
    }
}

/* ---- texts -----------------------------------------------------------------------------------*/

static enum gen_status refuse_character(const char *text, size_t n, struct gen_error *err) {
    uint32_t codepoint = 0;
    struct error_quoted quoted;
    if (bytes_utf8((const unsigned char *)text, n, &codepoint) <= 0) {
        return error_set(err, GEN_UNSUPPORTED,
                         "the text has the byte 0x%02X, for which this vocabulary has no token "
                         "(leave it out)",
                         (unsigned)(unsigned char)text[0]);
    }
    return error_set(err, GEN_UNSUPPORTED,
                     "the text has the character \"%s\" (U+%04X), for which this vocabulary has no "
                     "token (leave it out)",
                     error_quote(&quoted, text, character_length(text, n, 0)), (unsigned)codepoint);
}

/* Whether every byte of a text has a token, where some have none. */
static enum gen_status check_bytes(const struct gen_tokenizer *vocab, const char *text, size_t n,
                                   struct gen_error *err) {
    for (size_t at = 0, length; at < n; at += length) {
        length = character_length(text, n, at);
        for (size_t i = at; i < at + length; i++) {
            if (vocab->byte_ids[(unsigned char)text[i]] < 0) {
                return refuse_character(text + at, n - at, err);
            }
        }
    }
    return GEN_OK;
}

/* Encode text without added tokens. */
static enum gen_status encode_ordinary(struct gen_encoder *encoder, const char *text, size_t n,
                                       struct gen_error *err) {
    enum gen_status status = GEN_OK;
    if (encoder->vocab->lacks_bytes) {
        status = check_bytes(encoder->vocab, text, n, err);
    }
    for (size_t at = 0; at < n && status == GEN_OK;) {
        size_t length = pretokenize_word(text + at, n - at);
        size_t first = encoder->ids->n;
        if (length <= BPE_SHORT) {
            status = encode_short(encoder, text + at, length, err);
        } else {
            status =
                bpe_long(encoder->vocab, &encoder->scratch, encoder->ids, text + at, length, err);
        }
        if (status == GEN_OK && encoder->spans != NULL) {
            status = add_spans(encoder, first, text + at, err);
        }
        at += length;
    }
    return status;
}

/* Encode text in which the added tokens of a pass stand for themselves: they cut it into texts
 * without. What is left of the first pass is looked through for late ones. */
static enum gen_status encode_added(struct gen_encoder *encoder, const char *text, size_t n,
                                    bool late, struct gen_error *err) {
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
        if (status == GEN_OK && encoder->spans != NULL) {
            /* White space that an earlier one took belongs to that. */
            size_t from = size_min(size_max(begin, before), end);
            status = add_span(encoder, text + from, text + end, err);
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

/* Encode a text with a cache that is there. */
static enum gen_status encode_text(struct gen_encoder *encoder, const char *text, size_t n,
                                   struct gen_error *err) {
    size_t before = encoder->ids->n;
    size_t spans_before = encoder->spans != NULL ? encoder->spans->n : 0;
    encoder->text = text;
    enum gen_status status = encode_added(encoder, text, n, false, err);
    if (status == GEN_OK && encoder->vocab->n_rows > 0) {
        status =
            check_rows(encoder->vocab, encoder->ids->data + before, encoder->ids->n - before, err);
    }
    if (status != GEN_OK) {
        encoder->ids->n = before;
        if (encoder->spans != NULL) {
            encoder->spans->n = spans_before;
        }
    }
    return status;
}

enum gen_status gen_tokenizer_encode(const struct gen_tokenizer *tokenizer, const char *text,
                                     size_t n, bool special, struct gen_ids *ids,
                                     struct gen_error *err) {
    struct gen_encoder encoder;
    if (n == 0) {
        return GEN_OK; /* text may be NULL */
    }
    if (!encoder_init(&encoder, tokenizer, n)) {
        return error_no_memory(err, "the words of the text");
    }
    encoder.ids = ids;
    encoder.special = special;
    enum gen_status status = encode_text(&encoder, text, n, err);
    encoder_release(&encoder);
    return status;
}

/* ---- many texts ------------------------------------------------------------------------------*/

enum gen_status gen_encoder_new(struct gen_encoder **out, const struct gen_tokenizer *tokenizer,
                                struct gen_error *err) {
    struct gen_encoder *encoder = memory_new(1, sizeof *encoder);
    *out = NULL;
    if (encoder == NULL) {
        return error_no_memory(err, "an encoder");
    }
    encoder->vocab = tokenizer;
    encoder->kept.bytes = memory_new(KEPT_BYTES, 1);
    encoder->kept.ids = memory_new(KEPT_IDS, sizeof *encoder->kept.ids);
    if (!make_cache(encoder, CACHE_LOG2_MAX) || encoder->kept.bytes == NULL ||
        encoder->kept.ids == NULL) {
        gen_encoder_free(encoder);
        return error_no_memory(err, "an encoder");
    }
    *out = encoder;
    return GEN_OK;
}

void gen_encoder_free(struct gen_encoder *encoder) {
    if (encoder != NULL) {
        encoder_release(encoder);
        memory_free(encoder);
    }
}

enum gen_status gen_encoder_encode(struct gen_encoder *encoder, const char *text, size_t n,
                                   bool special, struct gen_ids *ids, struct gen_spans *spans,
                                   struct gen_error *err) {
    if (n == 0) {
        return GEN_OK;
    }
    encoder->ids = ids;
    encoder->spans = spans;
    encoder->special = special;
    return encode_text(encoder, text, n, err);
}
