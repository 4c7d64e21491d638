#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash_table.h"
#include "base/memory.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocab.h"

/* Longest spelling of a token, in bytes: real ones have a few hundred at most. */
#define MAX_SPELLING 65536

/* Keys are hashed and asked for that many steps before they are added or looked up: the tables are
 * larger than the caches near to a core. */
#define ASK_AHEAD 8

/* A spelling handed to the builder: n bytes at `at` in builder.text. */
struct token_given {
    size_t at;
    uint32_t n;
    uint32_t id;
    unsigned char kind; /* bits of enum tokenizer_kind */
};

/* A merge handed to the builder: both spellings end to end, which is the spelling of its result. */
struct merge_given {
    size_t at;
    uint32_t n_left;
    uint32_t n_right;
};

struct tokenizer_builder {
    char *name;
    struct gen_bytes text;
    struct token_given *tokens;
    size_t n_tokens;
    size_t token_capacity;
    struct merge_given *merges;
    size_t n_merges;
    size_t merge_capacity;
    int64_t eos;
    size_t n_bytes;  /* of all tokens once decoded */
    bool last_merge; /* a merge may be given again, and the last one counts */
};

/* ---- collecting -------------------------------------------------------------------------- */

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
    memory_free(builder->name);
    gen_bytes_release(&builder->text);
    memory_free(builder->tokens);
    memory_free(builder->merges);
    memory_free(builder);
}

/* "FILE: WHAT "SPELLING" WRONG", the one shape of all complaints about a spelling. */
static enum gen_status bad_spelling(const struct tokenizer_builder *builder, const char *what,
                                    const char *spelling, size_t n, const char *wrong,
                                    struct gen_error *err) {
    struct error_quoted path;
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_FILE, "%s: %s \"%s\" %s", error_path(&path, builder->name), what,
                     error_quote(&quoted, spelling, n), wrong);
}

static enum gen_status bad_id(const struct tokenizer_builder *builder, const char *what,
                              uint64_t id, const char *wrong, struct gen_error *err) {
    struct error_quoted path;
    return error_set(err, GEN_BAD_FILE, "%s: %s %llu %s", error_path(&path, builder->name), what,
                     (unsigned long long)id, wrong);
}

/*
 * The next character of a spelling in the printable alphabet, as the byte it stands for, or -1.
 * *at moves behind it.
 */
static int next_spelled_byte(const char *spelling, size_t n, size_t *at) {
    if (spelling[*at] > ' ' && spelling[*at] <= '~') { /* most characters stand for themselves */
        return spelling[(*at)++];
    }
    uint32_t codepoint = 0;
    int length = bytes_utf8((const unsigned char *)spelling + *at, n - *at, &codepoint);
    if (length <= 0) {
        return -1;
    }
    *at += (size_t)length;
    return vocab_codepoint_to_byte(codepoint);
}

/* Number of bytes that a spelling in the printable alphabet stands for; 0 if it is none. */
static size_t decoded_length(const char *spelling, size_t n) {
    size_t n_bytes = 0;
    for (size_t at = 0; at < n; n_bytes++) {
        if (next_spelled_byte(spelling, n, &at) < 0) {
            return 0;
        }
    }
    return n_bytes;
}

enum gen_status tokenizer_builder_token(struct tokenizer_builder *builder, uint64_t id,
                                        const char *spelling, size_t n, unsigned kind,
                                        struct gen_error *err) {
    if (id >= TOKENIZER_MAX_TOKENS) {
        return bad_id(builder, "token id", id, "is too large (at most 16777215)", err);
    }
    if (n == 0) {
        return bad_id(builder, "token", id, "has an empty spelling", err);
    }
    if (n > MAX_SPELLING) {
        return bad_spelling(builder, "token", spelling, n, "is longer than 65536 bytes", err);
    }
    if (builder->n_tokens == TOKENIZER_MAX_TOKENS) {
        return bad_spelling(builder, "token", spelling, n, "is one too many (at most 16777216)",
                            err);
    }
    if (!memory_grow(&builder->tokens, &builder->token_capacity, builder->n_tokens + 1,
                     sizeof *builder->tokens) ||
        gen_bytes_append(&builder->text, spelling, n) != GEN_OK) {
        return error_no_memory(err, "the vocabulary");
    }
    /* What was copied is measured: a mapped file may have changed since. */
    size_t at = builder->text.n - n;
    size_t n_bytes = kind != 0 ? n : decoded_length(builder->text.data + at, n);
    if (n_bytes == 0) {
        builder->text.n = at;
        return bad_spelling(builder, "token", spelling, n,
                            "has characters outside GPT-2's byte alphabet", err);
    }
    builder->tokens[builder->n_tokens++] =
        (struct token_given){at, (uint32_t)n, (uint32_t)id, (unsigned char)kind};
    builder->n_bytes += n_bytes;
    return GEN_OK;
}

enum gen_status tokenizer_builder_merge(struct tokenizer_builder *builder, const char *left,
                                        size_t n_left, const char *right, size_t n_right,
                                        struct gen_error *err) {
    if (n_left == 0 || n_right == 0) {
        return bad_id(builder, "merge", builder->n_merges, "has an empty part", err);
    }
    if (n_left > MAX_SPELLING || n_right > MAX_SPELLING) {
        return bad_id(builder, "merge", builder->n_merges, "is longer than 65536 bytes", err);
    }
    if (builder->n_merges == TOKENIZER_MAX_TOKENS) {
        return bad_id(builder, "merge", builder->n_merges, "is one too many", err);
    }
    size_t at = builder->text.n;
    if (!memory_grow(&builder->merges, &builder->merge_capacity, builder->n_merges + 1,
                     sizeof *builder->merges) ||
        gen_bytes_append(&builder->text, left, n_left) != GEN_OK ||
        gen_bytes_append(&builder->text, right, n_right) != GEN_OK) {
        return error_no_memory(err, "the merges");
    }
    builder->merges[builder->n_merges++] =
        (struct merge_given){at, (uint32_t)n_left, (uint32_t)n_right};
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
        return bad_spelling(builder, "merge", line, n, "is not two tokens with one space between",
                            err);
    }
    return tokenizer_builder_merge(builder, line, n_left, space + 1, n - n_left - 1, err);
}

enum gen_status tokenizer_builder_eos(struct tokenizer_builder *builder, uint64_t id,
                                      struct gen_error *err) {
    if (id >= TOKENIZER_MAX_TOKENS) {
        return bad_id(builder, "end-of-text id", id, "is too large (at most 16777215)", err);
    }
    builder->eos = (int64_t)id;
    return GEN_OK;
}

/* ---- finishing --------------------------------------------------------------------------- */

/* The token table: largest id, holes, ids given twice. */
static enum gen_status make_tokens(const struct tokenizer_builder *builder,
                                   struct gen_tokenizer *vocab, struct gen_error *err) {
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
        return bad_id(builder, "token id", largest, "is far above the number of tokens", err);
    }
    vocab->n_vocab = (int32_t)largest + 1;
    vocab->tokens = memory_new((size_t)vocab->n_vocab, sizeof *vocab->tokens);
    vocab->bytes = memory_new(builder->n_bytes, 1);
    if (vocab->tokens == NULL || vocab->bytes == NULL) {
        return error_no_memory(err, "the vocabulary");
    }
    memory_touch(vocab->tokens, (size_t)vocab->n_vocab * sizeof *vocab->tokens);
    size_t n_bytes = 0;
    for (size_t i = 0; i < builder->n_tokens; i++) {
        const struct token_given *given = &builder->tokens[i];
        const char *spelling = builder->text.data + given->at;
        struct vocab_token *token = &vocab->tokens[given->id];
        if (token->n > 0) {
            return bad_id(builder, "token id", given->id, "is given twice", err);
        }
        token->at = n_bytes;
        token->kind = given->kind;
        if (given->kind != 0) {
            memcpy(vocab->bytes + n_bytes, spelling, given->n);
            n_bytes += given->n;
        } else {
            for (size_t at = 0; at < given->n;) {
                vocab->bytes[n_bytes++] = (char)next_spelled_byte(spelling, given->n, &at);
            }
        }
        token->n = (uint32_t)(n_bytes - token->at);
        vocab->longest = token->n > vocab->longest ? token->n : vocab->longest;
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
        const char *spelling = builder->text.data + given->at;
        if (builder->n_tokens - i > ASK_AHEAD) {
            const struct token_given *later = given + ASK_AHEAD;
            hash_table_ask(ids, builder->text.data + later->at, later->n);
        }
        switch (hash_table_add(ids, spelling, given->n, given->id)) {
        case HASH_ADDED:
            break;
        case HASH_EXISTS:
            return bad_spelling(builder, "token", spelling, given->n, "is given twice", err);
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

/* The id of a merge's result. It mostly is the token behind the last result, *guess, and to compare
 * it there is quicker than to look it up. */
static bool find_result(const struct tokenizer_builder *builder, const struct hash_table *ids,
                        const char *spelling, size_t n, size_t *guess, uint32_t *id) {
    if (*guess < builder->n_tokens) {
        const struct token_given *token = &builder->tokens[*guess];
        if (token->n == n && memcmp(builder->text.data + token->at, spelling, n) == 0) {
            *id = token->id;
            (*guess)++;
            return true;
        }
    }
    if (!hash_table_find(ids, spelling, n, id)) {
        return false;
    }
    *guess = (size_t)*id + 1; /* right where tokens were given in the order of their ids */
    return true;
}

/*
 * The ids of one merge. The result must have the bytes of both parts: that refuses a special
 * token which is plain text and only looks like their spelling.
 */
static enum gen_status resolve_merge(const struct tokenizer_builder *builder,
                                     const struct gen_tokenizer *vocab,
                                     const struct hash_table *ids, const struct merge_given *given,
                                     size_t *guess, struct vocab_merge *merge,
                                     struct gen_error *err) {
    const char *left = builder->text.data + given->at;
    const char *right = left + given->n_left;
    size_t n = (size_t)given->n_left + given->n_right;
    uint32_t id[3];
    if (!hash_table_find(ids, left, given->n_left, &id[0])) {
        return bad_spelling(builder, "merge part", left, given->n_left, "is no token", err);
    }
    if (!hash_table_find(ids, right, given->n_right, &id[1])) {
        return bad_spelling(builder, "merge part", right, given->n_right, "is no token", err);
    }
    if (!find_result(builder, ids, left, n, guess, &id[2]) ||
        vocab->tokens[id[2]].n != vocab->tokens[id[0]].n + vocab->tokens[id[1]].n) {
        return bad_spelling(builder, "merge result", left, n, "is no token", err);
    }
    *merge = (struct vocab_merge){(int32_t)id[0], (int32_t)id[1], (int32_t)id[2]};
    return GEN_OK;
}

static enum gen_status make_merges(const struct tokenizer_builder *builder,
                                   struct gen_tokenizer *vocab, const struct hash_table *ids,
                                   struct gen_error *err) {
    vocab->merges = memory_new(builder->n_merges, sizeof *vocab->merges);
    if (vocab->merges == NULL) {
        return error_no_memory(err, "the merges");
    }
    size_t guess = 0;
    for (size_t rank = 0; rank < builder->n_merges; rank++) {
        const struct merge_given *given = &builder->merges[rank];
        struct vocab_merge *merge = &vocab->merges[rank];
        if (builder->n_merges - rank > ASK_AHEAD) {
            const struct merge_given *later = given + ASK_AHEAD;
            const char *left = builder->text.data + later->at;
            hash_table_ask(ids, left, later->n_left);
            hash_table_ask(ids, left + later->n_left, later->n_right);
        }
        enum gen_status status = resolve_merge(builder, vocab, ids, given, &guess, merge, err);
        if (status != GEN_OK) {
            return status;
        }
    }
    return GEN_OK;
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
        if (builder->n_merges - rank > ASK_AHEAD) {
            const struct vocab_merge *later = merge + ASK_AHEAD;
            __builtin_prefetch(&vocab->pairs[vocab_pair_home(vocab, later->left, later->right)], 1);
        }
        uint32_t earlier = 0;
        if (!vocab_pairs_add(vocab, merge, (uint32_t)rank, &earlier)) {
            const struct merge_given *given = &builder->merges[rank];
            if (!builder->last_merge) {
                return bad_spelling(builder, "merge to", builder->text.data + given->at,
                                    (size_t)given->n_left + given->n_right, "is given twice", err);
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
    int order = memcmp(a->bytes, b->bytes, a->n < b->n ? a->n : b->n);
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
        goto fail;
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
fail:
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
            return bad_id(builder, "end-of-text id", (uint64_t)builder->eos, "has no token", err);
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
        goto fail;
    }
    if ((status = make_tokens(builder, vocab, err)) != GEN_OK ||
        (status = index_spellings(builder, &ids, err)) != GEN_OK) {
        goto fail;
    }
    make_byte_ids(vocab, &ids);
    if ((status = make_merges(builder, vocab, &ids, err)) != GEN_OK ||
        (status = index_merges(builder, vocab, err)) != GEN_OK ||
        (status = make_added(vocab, &vocab->first, false, err)) != GEN_OK ||
        (status = make_added(vocab, &vocab->late, true, err)) != GEN_OK ||
        (status = find_eos(builder, vocab, &ids, err)) != GEN_OK) {
        goto fail;
    }
    *out = vocab;
    vocab = NULL;
fail:
    hash_table_release(&ids);
    gen_tokenizer_free(vocab);
    return status;
}
