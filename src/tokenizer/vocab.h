/**
 * vocab.h - what a tokenizer knows: the bytes of every token and the ranked merges.
 *
 * Ids index a dense table, so the largest id may not be far above the number of tokens
 * (vocab_id_limit). A pair of tokens is looked up in a hash table of its own, the hottest memory
 * of the encoder: 16 bytes an entry, open addressing, at most half full.
 *
 * GPT-2's printable alphabet: vocabulary files spell each byte as one printable code point. The
 * bytes 21-7E, A1-AC and AE-FF stand for the code points of the same number; the other 68 bytes
 * are, in ascending order, U+0100 ... U+0143. So a space (20) is spelled U+0120.
 */
#ifndef TOKENIZER_VOCAB_H
#define TOKENIZER_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/notes.h"
#include "gen.h"

/** "No such pair"; higher than every rank. */
#define VOCAB_NO_RANK UINT32_MAX

struct vocab_token {
    size_t at;          /**< its bytes begin here in gen_tokenizer.bytes */
    uint32_t n;         /**< and are that many; 0: the id has no token */
    unsigned char kind; /**< bits of enum tokenizer_kind; not 0: spelled as plain text */
};

/** Merge number `rank` joins left and right to result; the lowest rank goes first. */
struct vocab_merge {
    int32_t left;
    int32_t right;
    int32_t result;
};

struct vocab_pair {
    int32_t left; /**< -1: a free entry */
    int32_t right;
    uint32_t rank;
    int32_t result;
};

/** Added tokens that are looked for in one pass over a text. */
struct vocab_added {
    int32_t *ids; /**< ordered by their bytes */
    size_t n;
    size_t n_plain;        /**< of them, those that are found also without `special` */
    bool start[256];       /**< whether one begins with this byte */
    bool plain_start[256]; /**< the same of n_plain */
};

/** The opaque type of gen_tokenizer.h. Filled by tokenizer_builder_finish, read-only afterwards. */
struct gen_tokenizer {
    char *bytes; /**< of all tokens, end to end */
    struct vocab_token *tokens;
    int32_t n_vocab;       /**< entries of tokens: the largest id + 1 */
    int32_t eos;           /**< -1: none */
    int32_t byte_ids[256]; /**< -1: no token */

    struct vocab_merge *merges;
    size_t n_merges;

    struct vocab_pair *pairs;
    unsigned pair_shift;      /**< 64 - log2 of their number, a power of two */
    uint64_t pair_multiplier; /**< odd and random: a file cannot choose pairs that collide */

    bool lacks_bytes;         /**< some byte_ids are -1: text with such a byte is refused */
    int32_t n_rows;           /**< ids from here on are refused in texts; 0: none */
    size_t longest;           /**< bytes of the longest token */
    struct vocab_added first; /**< added tokens without TOKENIZER_LATE */
    struct vocab_added late;  /**< those with it */

    struct note_list notes; /**< about the files it was read from */
};

/** Ids of a vocabulary of n_tokens tokens must lie below this. */
size_t vocab_id_limit(size_t n_tokens);

/** The byte of a printable code point, or -1 where it is none of the 256. */
int vocab_codepoint_to_byte(uint32_t codepoint);
/** Write the UTF-8 (1 or 2 bytes) of a byte's printable code point; returns its length. */
size_t vocab_spell_byte(char out[2], unsigned char byte);

/** Memory for n_merges pairs; false if there is not enough. */
bool vocab_pairs_new(struct gen_tokenizer *vocab, size_t n_merges);
/** Add a pair; false if it is there already, and then *earlier is its rank. */
bool vocab_pairs_add(struct gen_tokenizer *vocab, const struct vocab_merge *merge, uint32_t rank,
                     uint32_t *earlier);
/** Forget all pairs. */
void vocab_pairs_clear(struct gen_tokenizer *vocab);

/** The first place to look for a pair. */
static inline size_t vocab_pair_home(const struct gen_tokenizer *vocab, int32_t left,
                                     int32_t right) {
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    key *= vocab->pair_multiplier;
    key ^= key >> 32;
    return (size_t)(key * vocab->pair_multiplier >> vocab->pair_shift);
}

/** The entry of a pair, or the free entry that says there is none. */
static inline const struct vocab_pair *vocab_pair_find(const struct gen_tokenizer *vocab,
                                                       int32_t left, int32_t right) {
    size_t mask = ((size_t)1 << (64 - vocab->pair_shift)) - 1;
    size_t i = vocab_pair_home(vocab, left, right);
    while (vocab->pairs[i].left >= 0 &&
           !(vocab->pairs[i].left == left && vocab->pairs[i].right == right)) {
        i = (i + 1) & mask;
    }
    return &vocab->pairs[i];
}

/** Rank of the merge of two tokens, or VOCAB_NO_RANK (a free entry holds it as its rank). */
static inline uint32_t vocab_pair_rank(const struct gen_tokenizer *vocab, int32_t left,
                                       int32_t right) {
    return vocab_pair_find(vocab, left, right)->rank;
}

/**
 * The added token at the start of n bytes, the longest if several fit; -1 if there is none.
 * Special ones count only if `special`. *length gets its length, and stays as it is where there is
 * none.
 */
int32_t vocab_added_at(const struct gen_tokenizer *vocab, const struct vocab_added *added,
                       const char *text, size_t n, bool special, size_t *length);

#endif
