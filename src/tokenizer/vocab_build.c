/**
 * vocab_build.c - the tokenizer made of what a builder collected: the table of tokens, the merges
 * by id, the added tokens in order, the end of text.
 */
#include <stdlib.h>
#include <string.h>

#include "base/hash_table.h"
#include "base/memory.h"
#include "base/size.h"
#include "tokenizer/builder.h"
#include "tokenizer/vocab.h"

/* Keys are hashed and prefetched that many steps before they are added or looked up: the tables are
 * larger than the caches near to a core. */
#define STEPS_AHEAD 8

/* The token table: largest id, holes, ids given twice. The bytes become the tokenizer's. */
static enum gen_status make_tokens(struct tokenizer_builder *builder, struct gen_tokenizer *vocab,
                                   struct gen_error *err) {
    uint32_t largest = 0;
    for (size_t i = 0; i < builder->n_tokens; i++) {
        if (builder->tokens[i].id > largest) {
            largest = builder->tokens[i].id;
        }
    }
    if (builder->n_tokens == 0) {
        struct error_quoted path;
        return error_set(err, GEN_BAD_FILE, "%s: there are no tokens in it",
                         error_path(&path, builder->name));
    }
    if (largest >= vocab_id_limit(builder->n_tokens)) {
        return builder_bad_id(builder, "token id", largest, "is far above the number of tokens",
                              err);
    }
    vocab->n_vocab = (int32_t)largest + 1;
    vocab->tokens = memory_new((size_t)vocab->n_vocab, sizeof *vocab->tokens);
    if (vocab->tokens == NULL) {
        return error_no_memory(err, "the vocabulary");
    }
    memory_touch(vocab->tokens, (size_t)vocab->n_vocab * sizeof *vocab->tokens);
    vocab->bytes = builder->bytes;
    builder->bytes = NULL;
    size_t at = 0;
    for (size_t i = 0; i < builder->n_tokens; i++) {
        const struct token_given *given = &builder->tokens[i];
        struct vocab_token *token = &vocab->tokens[given->id];
        if (token->n > 0) {
            return builder_bad_id(builder, "token id", given->id, "is given twice", err);
        }
        *token = (struct vocab_token){.at = at, .n = given->n_bytes, .kind = given->kind};
        at += given->n_bytes;
        vocab->longest = size_max(token->n, vocab->longest);
    }
    return GEN_OK;
}

/* Spelling to id for all tokens; the keys stay the builder's. */
static enum gen_status index_spellings(const struct tokenizer_builder *builder,
                                       struct hash_table *ids, struct gen_error *err) {
    if (!hash_table_reserve(ids, builder->n_tokens)) {
        return error_no_memory(err, "the vocabulary");
    }
    for (size_t i = 0; i < builder->n_tokens; i++) {
        const struct token_given *given = &builder->tokens[i];
        if (builder->n_tokens - i > STEPS_AHEAD) {
            const struct token_given *later = given + STEPS_AHEAD;
            hash_table_prefetch(ids, later->spelling, later->n);
        }
        switch (hash_table_add(ids, given->spelling, given->n, given->id)) {
        case HASH_ADDED:
            break;
        case HASH_EXISTS:
            return builder_bad_spelling(builder, "token", given->spelling, given->n,
                                        "is given twice", err);
        case HASH_NO_MEMORY:
            return error_no_memory(err, "the vocabulary");
        }
    }
    return GEN_OK;
}

/* The token of each byte. Vocabularies learned without all of them as a start have only those of
 * their text. */
static void make_byte_ids(struct gen_tokenizer *vocab, const struct hash_table *ids) {
    for (unsigned byte = 0; byte < 256; byte++) {
        char spelling[2];
        size_t n = vocab_spell_byte(spelling, (unsigned char)byte);
        uint32_t id = 0;
        bool has = hash_table_find(ids, spelling, n, &id) && vocab->tokens[id].n == 1;
        vocab->byte_ids[byte] = has ? (int32_t)id : -1;
        vocab->lacks_bytes = vocab->lacks_bytes || !has;
    }
}

/* The spelling of a merge's result: both parts end to end. */
static enum gen_status join(struct gen_bytes *joined, const struct merge_given *given) {
    joined->n = 0;
    enum gen_status status = gen_bytes_append(joined, given->left, given->n_left);
    return status == GEN_OK ? gen_bytes_append(joined, given->right, given->n_right) : status;
}

static bool is_result(const struct token_given *token, const struct merge_given *given) {
    return token->n == given->n_left + given->n_right &&
           memcmp(token->spelling, given->left, given->n_left) == 0 &&
           memcmp(token->spelling + given->n_left, given->right, given->n_right) == 0;
}

/* The id of a merge's result, -1 if there is none. It mostly is the token after the last result,
 * *guess, and to compare it there is quicker than to look it up. */
static enum gen_status find_result(const struct tokenizer_builder *builder,
                                   const struct hash_table *ids, const struct merge_given *given,
                                   struct gen_bytes *joined, size_t *guess, int64_t *id) {
    if (*guess < builder->n_tokens && is_result(&builder->tokens[*guess], given)) {
        *id = builder->tokens[(*guess)++].id;
        return GEN_OK;
    }
    uint32_t found = 0;
    enum gen_status status = join(joined, given);
    *id = -1;
    if (status == GEN_OK && hash_table_find(ids, joined->data, joined->n, &found)) {
        *id = found;
        *guess = (size_t)found + 1; /* right where tokens were given in the order of their ids */
    }
    return status;
}

/* A complaint about the result of a merge. */
static enum gen_status bad_result(const struct tokenizer_builder *builder, const char *what,
                                  const struct merge_given *given, const char *wrong,
                                  struct gen_error *err) {
    struct gen_bytes joined = {0};
    enum gen_status status =
        join(&joined, given) == GEN_OK
            ? builder_bad_merge(builder, what, joined.data, joined.n, wrong, err)
            : error_no_memory(err, "the merges");
    gen_bytes_release(&joined);
    return status;
}

/*
 * The ids of one merge. The result must have the bytes of both parts: that refuses a special
 * token which is plain text and only looks like their spelling.
 */
static enum gen_status resolve_merge(const struct tokenizer_builder *builder,
                                     const struct gen_tokenizer *vocab,
                                     const struct hash_table *ids, const struct merge_given *given,
                                     struct gen_bytes *joined, size_t *guess,
                                     struct vocab_merge *merge, struct gen_error *err) {
    uint32_t left = 0, right = 0;
    int64_t result = -1;
    if (!hash_table_find(ids, given->left, given->n_left, &left)) {
        return builder_bad_merge(builder, "merge part", given->left, given->n_left, "is no token",
                                 err);
    }
    if (!hash_table_find(ids, given->right, given->n_right, &right)) {
        return builder_bad_merge(builder, "merge part", given->right, given->n_right, "is no token",
                                 err);
    }
    if (find_result(builder, ids, given, joined, guess, &result) != GEN_OK) {
        return error_no_memory(err, "the merges");
    }
    if (result < 0 || vocab->tokens[result].n != vocab->tokens[left].n + vocab->tokens[right].n) {
        return bad_result(builder, "merge result", given, "is no token", err);
    }
    *merge = (struct vocab_merge){(int32_t)left, (int32_t)right, (int32_t)result};
    return GEN_OK;
}

static enum gen_status make_merges(const struct tokenizer_builder *builder,
                                   struct gen_tokenizer *vocab, const struct hash_table *ids,
                                   struct gen_error *err) {
    enum gen_status status = GEN_OK;
    struct gen_bytes joined = {0};
    vocab->merges = memory_new(builder->n_merges, sizeof *vocab->merges);
    if (vocab->merges == NULL) {
        return error_no_memory(err, "the merges");
    }
    size_t guess = 0;
    for (size_t rank = 0; rank < builder->n_merges && status == GEN_OK; rank++) {
        const struct merge_given *given = &builder->merges[rank];
        if (builder->n_merges - rank > STEPS_AHEAD) {
            const struct merge_given *later = given + STEPS_AHEAD;
            hash_table_prefetch(ids, later->left, later->n_left);
            hash_table_prefetch(ids, later->right, later->n_right);
        }
        status =
            resolve_merge(builder, vocab, ids, given, &joined, &guess, &vocab->merges[rank], err);
    }
    gen_bytes_release(&joined);
    return status;
}

/* A merge that is given again: only its last place counts. */
static void drop_earlier(struct gen_tokenizer *vocab, uint32_t earlier, uint32_t rank) {
    const struct vocab_merge *merge = &vocab->merges[rank];
    const struct vocab_pair *found = vocab_pair_find(vocab, merge->left, merge->right);
    vocab->pairs[found - vocab->pairs].rank = rank;
    vocab->merges[earlier].left = -1;
}

/* Take dropped merges out, so that what is left is ranked without holes. */
static void close_ranks(struct gen_tokenizer *vocab) {
    size_t n = 0;
    vocab_pairs_clear(vocab);
    for (size_t rank = 0; rank < vocab->n_merges; rank++) {
        if (vocab->merges[rank].left >= 0) {
            uint32_t earlier = 0;
            vocab->merges[n] = vocab->merges[rank];
            vocab_pairs_add(vocab, &vocab->merges[n], (uint32_t)n, &earlier);
            n++;
        }
    }
    vocab->n_merges = n;
}

/* The table that encoding looks merges up in. */
static enum gen_status index_merges(const struct tokenizer_builder *builder,
                                    struct gen_tokenizer *vocab, struct gen_error *err) {
    size_t n_again = 0;
    if (!vocab_pairs_new(vocab, builder->n_merges)) {
        return error_no_memory(err, "the merges");
    }
    for (size_t rank = 0; rank < builder->n_merges; rank++) {
        const struct vocab_merge *merge = &vocab->merges[rank];
        if (builder->n_merges - rank > STEPS_AHEAD) {
            const struct vocab_merge *later = merge + STEPS_AHEAD;
            __builtin_prefetch(&vocab->pairs[vocab_pair_home(vocab, later->left, later->right)], 1);
        }
        uint32_t earlier = 0;
        if (!vocab_pairs_add(vocab, merge, (uint32_t)rank, &earlier)) {
            if (!builder->last_merge) {
                return bad_result(builder, "merge to", &builder->merges[rank], "is given twice",
                                  err);
            }
            drop_earlier(vocab, earlier, (uint32_t)rank);
            n_again++;
        }
    }
    vocab->n_merges = builder->n_merges;
    if (n_again > 0) {
        close_ranks(vocab);
    }
    return GEN_OK;
}

/* An added token while they are put in order. */
struct sortable {
    const char *bytes;
    size_t n;
    int32_t id;
};

static int compare_added(const void *left, const void *right) {
    const struct sortable *a = left;
    const struct sortable *b = right;
    int order = memcmp(a->bytes, b->bytes, size_min(a->n, b->n));
    return order != 0 ? order : (a->n > b->n) - (a->n < b->n);
}

static bool is_added(const struct vocab_token *token, bool late) {
    return token->kind != 0 && ((token->kind & TOKENIZER_LATE) != 0) == late;
}

static enum gen_status make_added(const struct gen_tokenizer *vocab, struct vocab_added *added,
                                  bool late, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (int32_t id = 0; id < vocab->n_vocab; id++) {
        added->n += is_added(&vocab->tokens[id], late);
    }
    struct sortable *sorted = memory_new(added->n, sizeof *sorted);
    added->ids = memory_new(added->n, sizeof *added->ids);
    if (sorted == NULL || added->ids == NULL) {
        status = error_no_memory(err, "the added tokens");
        goto done;
    }
    size_t n = 0;
    for (int32_t id = 0; id < vocab->n_vocab; id++) {
        const struct vocab_token *token = &vocab->tokens[id];
        if (is_added(token, late)) {
            sorted[n++] = (struct sortable){vocab->bytes + token->at, token->n, id};
        }
    }
    qsort(sorted, n, sizeof *sorted, compare_added);
    for (size_t i = 0; i < n; i++) {
        bool plain = (vocab->tokens[sorted[i].id].kind & TOKENIZER_SPECIAL) == 0;
        unsigned char first = (unsigned char)sorted[i].bytes[0];
        added->ids[i] = sorted[i].id;
        added->start[first] = true;
        added->plain_start[first] = added->plain_start[first] || plain;
        added->n_plain += plain;
    }
done:
    memory_free(sorted);
    return status;
}

/* The end-of-text token: the one the files name, or the special token of that spelling. */
static enum gen_status find_eos(const struct tokenizer_builder *builder,
                                struct gen_tokenizer *vocab, const struct hash_table *ids,
                                struct gen_error *err) {
    static const char name[] = TOKENIZER_END_OF_TEXT;
    uint32_t id = 0;
    vocab->eos = -1;
    if (builder->eos >= 0) {
        if (builder->eos >= vocab->n_vocab || vocab->tokens[builder->eos].n == 0) {
            return builder_bad_id(builder, "end-of-text id", (uint64_t)builder->eos, "has no token",
                                  err);
        }
        vocab->eos = (int32_t)builder->eos;
    } else if (hash_table_find(ids, name, sizeof name - 1, &id) &&
               (vocab->tokens[id].kind & TOKENIZER_SPECIAL) != 0) {
        vocab->eos = (int32_t)id;
    }
    return GEN_OK;
}

enum gen_status tokenizer_builder_finish(struct tokenizer_builder *builder,
                                         struct gen_tokenizer **out, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    struct hash_table ids = {0};
    struct gen_tokenizer *vocab = memory_new(1, sizeof *vocab);
    if (vocab == NULL) {
        status = error_no_memory(err, "the tokenizer");
        goto done;
    }
    if ((status = make_tokens(builder, vocab, err)) != GEN_OK ||
        (status = index_spellings(builder, &ids, err)) != GEN_OK) {
        goto done;
    }
    make_byte_ids(vocab, &ids);
    if ((status = make_merges(builder, vocab, &ids, err)) != GEN_OK ||
        (status = index_merges(builder, vocab, err)) != GEN_OK ||
        (status = make_added(vocab, &vocab->first, false, err)) != GEN_OK ||
        (status = make_added(vocab, &vocab->late, true, err)) != GEN_OK ||
        (status = find_eos(builder, vocab, &ids, err)) != GEN_OK) {
        goto done;
    }
    *out = vocab;
    vocab = NULL;
done:
    hash_table_release(&ids);
    gen_tokenizer_free(vocab);
    return status;
}
