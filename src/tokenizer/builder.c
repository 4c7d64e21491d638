/**
 * builder.c - collecting what tokenizer files say, piece by piece: each spelling is checked, and
 * what it stands for written down, as it comes. vocab_build.c makes the tokenizer of it.
 */
#include "tokenizer/builder.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "base/size.h"
#include "tokenizer/vocab.h"

/* Longest spelling of a token, in bytes: real ones have a few hundred at most. */
#define MAX_SPELLING 65536

/* Copies of spellings lie in blocks of this size, or of their own where they are longer: what a
 * block holds stays where it is. */
#define BLOCK_SIZE 65536

struct text_block {
    struct text_block *next;
    size_t n, size;
    char text[];
};

enum gen_status tokenizer_builder_new(struct tokenizer_builder **out, const char *name,
                                      struct gen_error *err) {
    struct tokenizer_builder *builder = memory_new(1, sizeof *builder);
    if (builder != NULL) {
        builder->name = memory_copy_string(name, strlen(name));
        builder->eos = -1;
    }
    if (builder == NULL || builder->name == NULL) {
        tokenizer_builder_free(builder);
        return error_no_memory(err, "the tokenizer");
    }
    *out = builder;
    return GEN_OK;
}

void tokenizer_builder_free(struct tokenizer_builder *builder) {
    if (builder == NULL) {
        return;
    }
    while (builder->blocks != NULL) {
        struct text_block *next = builder->blocks->next;
        memory_free(builder->blocks);
        builder->blocks = next;
    }
    memory_free(builder->name);
    memory_free(builder->merges_name);
    memory_free(builder->bytes);
    memory_free(builder->tokens);
    memory_free(builder->merges);
    memory_free(builder);
}

enum gen_status tokenizer_builder_merges_file(struct tokenizer_builder *builder, const char *name,
                                              struct gen_error *err) {
    memory_free(builder->merges_name);
    builder->merges_name = memory_copy_string(name, strlen(name));
    return builder->merges_name != NULL ? GEN_OK : error_no_memory(err, "the tokenizer");
}

static const char *merges_name(const struct tokenizer_builder *builder) {
    return builder->merges_name != NULL ? builder->merges_name : builder->name;
}

static enum gen_status bad_spelling(const char *name, const char *what, const char *spelling,
                                    size_t n, const char *wrong, struct gen_error *err) {
    struct error_quoted path;
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE, "%s: %s \"%s\" %s", error_path(&path, name), what,
                     error_quote(&quoted, spelling, n), wrong);
}

static enum gen_status bad_number(const char *name, const char *what, uint64_t number,
                                  const char *wrong, struct gen_error *err) {
    struct error_quoted path;
    return error_set(err, GEN_BAD_FILE, "%s: %s %llu %s", error_path(&path, name), what,
                     (unsigned long long)number, wrong);
}

enum gen_status builder_bad_spelling(const struct tokenizer_builder *builder, const char *what,
                                     const char *spelling, size_t n, const char *wrong,
                                     struct gen_error *err) {
    return bad_spelling(builder->name, what, spelling, n, wrong, err);
}

enum gen_status builder_bad_merge(const struct tokenizer_builder *builder, const char *what,
                                  const char *spelling, size_t n, const char *wrong,
                                  struct gen_error *err) {
    return bad_spelling(merges_name(builder), what, spelling, n, wrong, err);
}

enum gen_status builder_bad_id(const struct tokenizer_builder *builder, const char *what,
                               uint64_t id, const char *wrong, struct gen_error *err) {
    return bad_number(builder->name, what, id, wrong, err);
}

/* About the merge that is being handed over. */
static enum gen_status bad_rank(const struct tokenizer_builder *builder, const char *wrong,
                                struct gen_error *err) {
    return bad_number(merges_name(builder), "merge", builder->n_merges, wrong, err);
}

void tokenizer_builder_borrow(struct tokenizer_builder *builder) {
    builder->borrows = true;
}

/* A spelling that stays as it is until the builder is freed; NULL if out of memory. */
static const char *keep(struct tokenizer_builder *builder, const char *spelling, size_t n) {
    struct text_block *block = builder->blocks;
    if (builder->borrows) {
        return spelling;
    }
    if (block == NULL || block->size - block->n < n) {
        size_t size = size_max(n, BLOCK_SIZE);
        block = memory_new(1, sizeof *block + size);
        if (block == NULL) {
            return NULL;
        }
        *block = (struct text_block){.next = builder->blocks, .size = size};
        builder->blocks = block;
    }
    char *copy = block->text + block->n;
    memcpy(copy, spelling, n);
    block->n += n;
    return copy;
}

/*
 * The bytes that a spelling in the printable alphabet stands for, at most n, written to `bytes`:
 * their number, or 0 if it is none.
 */
static size_t decode(char *bytes, const char *spelling, size_t n) {
    size_t n_bytes = 0;
    for (size_t at = 0; at < n; n_bytes++) {
        if (spelling[at] > ' ' && spelling[at] <= '~') { /* most characters stand for themselves */
            bytes[n_bytes] = spelling[at++];
            continue;
        }
        uint32_t codepoint = 0;
        int length = bytes_utf8((const unsigned char *)spelling + at, n - at, &codepoint);
        int byte = length > 0 ? vocab_codepoint_to_byte(codepoint) : -1;
        if (byte < 0) {
            return 0;
        }
        bytes[n_bytes] = (char)byte;
        at += (size_t)length;
    }
    return n_bytes;
}

enum gen_status tokenizer_builder_token(struct tokenizer_builder *builder, uint64_t id,
                                        const char *spelling, size_t n, unsigned kind,
                                        struct gen_error *err) {
    if (id >= TOKENIZER_MAX_TOKENS) {
        return builder_bad_id(builder, "token id", id, "is too large (at most 16777215)", err);
    }
    if (n == 0) {
        return builder_bad_id(builder, "token", id, "has an empty spelling", err);
    }
    if (n > MAX_SPELLING) {
        return builder_bad_spelling(builder, "token", spelling, n, "is longer than 65536 bytes",
                                    err);
    }
    if (builder->n_tokens == TOKENIZER_MAX_TOKENS) {
        return builder_bad_spelling(builder, "token", spelling, n,
                                    "is one too many (at most 16777216)", err);
    }
    /* A spelling is never shorter than what it stands for. What was kept is looked at: a mapped
     * file may have changed since. */
    const char *kept = keep(builder, spelling, n);
    if (kept == NULL ||
        !memory_grow(&builder->tokens, &builder->token_capacity, builder->n_tokens + 1,
                     sizeof *builder->tokens) ||
        !memory_grow(&builder->bytes, &builder->byte_capacity, builder->n_bytes + n, 1)) {
        return error_no_memory(err, "the vocabulary");
    }
    char *bytes = builder->bytes + builder->n_bytes;
    size_t n_bytes = n;
    if (kind == 0) {
        n_bytes = decode(bytes, kept, n);
    } else {
        memcpy(bytes, kept, n);
    }
    if (n_bytes == 0) {
        return builder_bad_spelling(builder, "token", spelling, n,
                                    "has characters outside GPT-2's byte alphabet", err);
    }
    builder->tokens[builder->n_tokens++] = (struct token_given){
        kept, (uint32_t)n, (uint32_t)id, (uint32_t)n_bytes, (unsigned char)kind};
    builder->n_bytes += n_bytes;
    return GEN_OK;
}

enum gen_status tokenizer_builder_merge(struct tokenizer_builder *builder, const char *left,
                                        size_t n_left, const char *right, size_t n_right,
                                        struct gen_error *err) {
    if (n_left == 0 || n_right == 0) {
        return bad_rank(builder, "has an empty part", err);
    }
    if (n_left > MAX_SPELLING || n_right > MAX_SPELLING) {
        return bad_rank(builder, "is longer than 65536 bytes", err);
    }
    if (builder->n_merges == TOKENIZER_MAX_TOKENS) {
        return bad_rank(builder, "is one too many", err);
    }
    const char *kept_left = keep(builder, left, n_left);
    const char *kept_right = kept_left == NULL ? NULL : keep(builder, right, n_right);
    if (kept_right == NULL || !memory_grow(&builder->merges, &builder->merge_capacity,
                                           builder->n_merges + 1, sizeof *builder->merges)) {
        return error_no_memory(err, "the merges");
    }
    builder->merges[builder->n_merges++] =
        (struct merge_given){kept_left, kept_right, (uint32_t)n_left, (uint32_t)n_right};
    return GEN_OK;
}

void tokenizer_builder_last_merge(struct tokenizer_builder *builder) {
    builder->last_merge = true;
}

enum gen_status tokenizer_builder_merge_line(struct tokenizer_builder *builder, const char *line,
                                             size_t n, struct gen_error *err) {
    const char *space = n == 0 ? NULL : memchr(line, ' ', n);
    size_t n_left = space == NULL ? 0 : (size_t)(space - line);
    if (n_left == 0 || n_left + 1 == n || memchr(space + 1, ' ', n - n_left - 1) != NULL) {
        return builder_bad_merge(builder, "merge", line, n,
                                 "is not two tokens with one space between", err);
    }
    return tokenizer_builder_merge(builder, line, n_left, space + 1, n - n_left - 1, err);
}

enum gen_status tokenizer_builder_eos(struct tokenizer_builder *builder, uint64_t id,
                                      struct gen_error *err) {
    if (id >= TOKENIZER_MAX_TOKENS) {
        return builder_bad_id(builder, "end-of-text id", id, "is too large (at most 16777215)",
                              err);
    }
    builder->eos = (int64_t)id;
    return GEN_OK;
}
