/**
 * builder.h - what a builder has collected, for the two halves that work on it: builder.c takes
 * what files say, vocab_build.c makes the tokenizer. Nobody else includes it.
 */
#ifndef TOKENIZER_BUILDER_H
#define TOKENIZER_BUILDER_H

#include "base/error.h"
#include "tokenizer/tokenizer.h"

/** A token as it was given: n bytes of spelling, which stand for n_bytes of text. */
struct token_given {
    const char *spelling;
    uint32_t n;
    uint32_t id;
    uint32_t n_bytes;
    unsigned char kind; /**< bits of enum tokenizer_kind */
};

/** A merge as it was given: the spellings of both parts. */
struct merge_given {
    const char *left, *right;
    uint32_t n_left, n_right;
};

struct tokenizer_builder {
    char *name;
    char *merges_name;         /**< of the file with the merges, NULL where it is the same */
    struct text_block *blocks; /**< copies of spellings; the newest block first */
    bool borrows;              /**< spellings stay where they are: they need no copy */
    char *bytes;               /**< of all tokens, end to end in the order given */
    size_t n_bytes;
    size_t byte_capacity;
    struct token_given *tokens;
    size_t n_tokens;
    size_t token_capacity;
    struct merge_given *merges;
    size_t n_merges;
    size_t merge_capacity;
    int64_t eos;
    bool last_merge; /**< a merge may be given again, and the last one counts */
};

/** "FILE: WHAT "SPELLING" WRONG", the one shape of all complaints about a spelling. */
enum gen_status builder_bad_spelling(const struct tokenizer_builder *builder, const char *what,
                                     const char *spelling, size_t n, const char *wrong,
                                     struct gen_error *err);
/** The same about a merge: FILE is the one that the merges are from. */
enum gen_status builder_bad_merge(const struct tokenizer_builder *builder, const char *what,
                                  const char *spelling, size_t n, const char *wrong,
                                  struct gen_error *err);
/** "FILE: WHAT NUMBER WRONG", the same for an id. */
enum gen_status builder_bad_id(const struct tokenizer_builder *builder, const char *what,
                               uint64_t id, const char *wrong, struct gen_error *err);

#endif
