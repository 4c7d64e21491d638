/**
 * vocab_learner.c - the public half of learning a vocabulary (gen_vocab_learner): words are counted
 * by word_count.c, merges found by bpe_train.c, and what they found becomes a tokenizer here. Files
 * are read in data/vocabulary.c or by the caller.
 */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "gen_train.h"
#include "tokenizer/bpe_train.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"
#include "tokenizer/word_count.h"

/* Ids: the end-of-text token, the 256 bytes in the order of their printable code points, then the
 * merges in theirs. */
enum { END_OF_TEXT_ID = 0, FIRST_BYTE_ID = 1, FIRST_MERGE_ID = FIRST_BYTE_ID + 256 };

/* After the last printable code point. */
#define CODEPOINT_END 0x144U

struct gen_vocab_learner {
    struct gen_vocab_options options;
    struct word_counter *counter;
};

struct gen_vocab_options gen_vocab_options_default(void) {
    return (struct gen_vocab_options){.size = 30000, .min_frequency = 2};
}

enum gen_status gen_vocab_learner_new(struct gen_vocab_learner **out,
                                      const struct gen_vocab_options *options,
                                      struct gen_error *err) {
    *out = NULL;
    struct gen_vocab_options defaults = gen_vocab_options_default();
    options = options != NULL ? options : &defaults;
    if (options->size < FIRST_MERGE_ID || options->size > GEN_VOCAB_MAX) {
        return error_set(err, GEN_BAD_ARGUMENT,
                         "a vocabulary of %ld tokens cannot be learned, only one of %d (the bytes "
                         "and the end of text) to %d",
                         (long)options->size, FIRST_MERGE_ID, GEN_VOCAB_MAX);
    }
    struct gen_vocab_learner *learner = memory_new(1, sizeof *learner);
    if (learner == NULL) {
        return error_no_memory(err, "learning a vocabulary");
    }
    learner->options = *options;
    enum gen_status status = word_counter_new(&learner->counter, options->n_threads, err);
    if (status != GEN_OK) {
        memory_free(learner);
        return status;
    }
    *out = learner;
    return GEN_OK;
}

void gen_vocab_learner_free(struct gen_vocab_learner *learner) {
    if (learner != NULL) {
        word_counter_free(learner->counter);
        memory_free(learner);
    }
}

enum gen_status gen_vocab_learner_add(struct gen_vocab_learner *learner, const char *text, size_t n,
                                      struct gen_error *err) {
    return word_counter_add(learner->counter, text, n, err);
}

enum gen_status gen_vocab_learner_end(struct gen_vocab_learner *learner, struct gen_error *err) {
    return word_counter_end(learner->counter, err);
}

/* ---- from merges to a tokenizer --------------------------------------------------------------*/

/* Spellings of the tokens, end to end: that of token id begins at ends[id - 1]. */
struct spellings {
    struct gen_bytes text;
    size_t *ends;
    struct gen_bytes joined; /* the one being made */
};

static const char *spelling_of(const struct spellings *s, int32_t id, size_t *n) {
    size_t begin = id > 0 ? s->ends[id - 1] : 0;
    *n = s->ends[id] - begin;
    return s->text.data + begin;
}

/* Token `id` is spelled by n bytes; ids come in their order. */
static enum gen_status add_token(struct tokenizer_builder *builder, struct spellings *s, int32_t id,
                                 const char *spelling, size_t n, struct gen_error *err) {
    if (gen_bytes_append(&s->text, spelling, n) != GEN_OK) {
        return error_no_memory(err, "the vocabulary");
    }
    s->ends[id] = s->text.n;
    return tokenizer_builder_token(builder, (uint64_t)id, spelling, n, id == END_OF_TEXT_ID, err);
}

static enum gen_status add_bytes(struct tokenizer_builder *builder, struct spellings *s,
                                 const int32_t byte_ids[256], struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (unsigned codepoint = 0; codepoint < CODEPOINT_END && status == GEN_OK; codepoint++) {
        int byte = vocab_codepoint_to_byte(codepoint);
        if (byte >= 0) {
            char spelling[2];
            size_t n = vocab_spell_byte(spelling, (unsigned char)byte);
            status = add_token(builder, s, byte_ids[byte], spelling, n, err);
        }
    }
    return status;
}

static enum gen_status add_merge(struct tokenizer_builder *builder, struct spellings *s,
                                 const struct vocab_merge *merge, struct gen_error *err) {
    size_t n_left = 0;
    size_t n_right = 0;
    const char *left = spelling_of(s, merge->left, &n_left);
    const char *right = spelling_of(s, merge->right, &n_right);
    s->joined.n = 0;
    if (gen_bytes_append(&s->joined, left, n_left) != GEN_OK ||
        gen_bytes_append(&s->joined, right, n_right) != GEN_OK) {
        return error_no_memory(err, "the vocabulary");
    }
    enum gen_status status = tokenizer_builder_merge(builder, left, n_left, right, n_right, err);
    return status == GEN_OK ? add_token(builder, s, merge->result, s->joined.data, s->joined.n, err)
                            : status;
}

static enum gen_status build(struct gen_tokenizer **out, const int32_t byte_ids[256],
                             const struct vocab_merge *merges, size_t n_merges,
                             struct gen_error *err) {
    struct tokenizer_builder *builder = NULL;
    struct spellings s = {.ends = memory_new(FIRST_MERGE_ID + n_merges, sizeof *s.ends)};
    enum gen_status status = s.ends != NULL
                                 ? tokenizer_builder_new(&builder, "the learned vocabulary", err)
                                 : error_no_memory(err, "the vocabulary");
    if (status == GEN_OK) {
        status = add_token(builder, &s, END_OF_TEXT_ID, TOKENIZER_END_OF_TEXT,
                           strlen(TOKENIZER_END_OF_TEXT), err);
    }
    if (status == GEN_OK) {
        status = add_bytes(builder, &s, byte_ids, err);
    }
    for (size_t i = 0; i < n_merges && status == GEN_OK; i++) {
        status = add_merge(builder, &s, &merges[i], err);
    }
    if (status == GEN_OK) {
        status = tokenizer_builder_finish(builder, out, err);
    }
    tokenizer_builder_free(builder);
    gen_bytes_release(&s.text);
    gen_bytes_release(&s.joined);
    memory_free(s.ends);
    return status;
}

static void number_bytes(int32_t byte_ids[256]) {
    int32_t id = FIRST_BYTE_ID;
    for (unsigned codepoint = 0; codepoint < CODEPOINT_END; codepoint++) {
        int byte = vocab_codepoint_to_byte(codepoint);
        if (byte >= 0) {
            byte_ids[byte] = id++;
        }
    }
}

enum gen_status gen_vocab_learner_learn(struct gen_vocab_learner *learner,
                                        struct gen_tokenizer **out, struct gen_vocab_counts *counts,
                                        struct gen_error *err) {
    int32_t byte_ids[256];
    struct vocab_merge *merges = NULL;
    size_t n_merges = 0;
    struct gen_vocab_counts found = {0};
    const struct counted_word *words = NULL;
    *out = NULL;
    enum gen_status status =
        word_counter_words(learner->counter, &words, &found.n_distinct_words, err);
    if (status == GEN_OK && found.n_distinct_words == 0) {
        status = error_set(err, GEN_BAD_ARGUMENT, "there is no text to learn a vocabulary from");
    }
    if (status != GEN_OK) {
        return status;
    }
    for (size_t i = 0; i < found.n_distinct_words; i++) {
        found.n_words += words[i].count;
        found.n_bytes += words[i].count * words[i].n;
    }
    number_bytes(byte_ids);
    struct bpe_train_options options = {
        .byte_ids = byte_ids,
        .first_id = FIRST_MERGE_ID,
        .n_merges = (size_t)(learner->options.size - FIRST_MERGE_ID),
        .min_frequency = learner->options.min_frequency,
        .context = learner->options.context,
        .progress = learner->options.progress,
    };
    status = bpe_train(&merges, &n_merges, &found.n_tokens, words, found.n_distinct_words, &options,
                       err);
    if (status == GEN_OK) {
        status = build(out, byte_ids, merges, n_merges, err);
    }
    memory_free(merges);
    if (status == GEN_OK && counts != NULL) {
        *counts = found;
    }
    return status;
}
