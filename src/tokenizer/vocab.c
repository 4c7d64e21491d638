/**
 * vocab.c - the tables in a tokenizer: GPT-2's printable alphabet, the hash table of pairs with
 * their merges, and the search for an added token at a place in a text. vocab_build.c fills them.
 */
#include "tokenizer/vocab.h"

#include "base/memory.h"
#include "base/rng.h"
#include "tokenizer/tokenizer.h"

/* ---- the printable alphabet ------------------------------------------------------------------*/

/* Bytes that are spelled as the code point of the same number. */
static bool is_printable(unsigned byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

/* The printable code point of a byte: the other 68 lie in three ranges, 00-20, 7F-A0 and AD. */
static uint32_t codepoint_of(unsigned char byte) {
    if (is_printable(byte)) {
        return byte;
    }
    if (byte <= 0x20) {
        return 0x100U + byte;
    }
    if (byte <= 0xA0) {
        return 0x121U + (byte - 0x7FU);
    }
    return 0x143U;
}

int vocab_codepoint_to_byte(uint32_t codepoint) {
    if (codepoint < 0x100) {
        return is_printable(codepoint) ? (int)codepoint : -1;
    }
    if (codepoint <= 0x120) {
        return (int)(codepoint - 0x100);
    }
    if (codepoint <= 0x142) {
        return (int)(codepoint - 0x121 + 0x7F);
    }
    return codepoint == 0x143 ? 0xAD : -1;
}

size_t vocab_spell_byte(char out[2], unsigned char byte) {
    uint32_t codepoint = codepoint_of(byte);
    if (codepoint < 0x80) {
        out[0] = (char)codepoint;
        return 1;
    }
    out[0] = (char)(0xC0 | codepoint >> 6);
    out[1] = (char)(0x80 | (codepoint & 0x3F));
    return 2;
}

/* ---- pairs -----------------------------------------------------------------------------------*/

size_t vocab_id_limit(size_t n_tokens) {
    return 2 * n_tokens + 65536;
}

bool vocab_pairs_new(struct gen_tokenizer *vocab, size_t n_merges) {
    unsigned log2_n = 1;
    while (((size_t)1 << log2_n) / 2 < n_merges) {
        log2_n++;
    }
    size_t n = (size_t)1 << log2_n;
    vocab->pairs = memory_new(n, sizeof *vocab->pairs);
    if (vocab->pairs == NULL) {
        return false;
    }
    memory_touch(vocab->pairs, n * sizeof *vocab->pairs);
    vocab->pair_shift = 64 - log2_n;
    vocab->pair_multiplier = rng_entropy() | 1;
    vocab_pairs_clear(vocab);
    return true;
}

void vocab_pairs_clear(struct gen_tokenizer *vocab) {
    size_t n = (size_t)1 << (64 - vocab->pair_shift);
    for (size_t i = 0; i < n; i++) {
        vocab->pairs[i] = (struct vocab_pair){-1, -1, VOCAB_NO_RANK, -1};
    }
}

bool vocab_pairs_add(struct gen_tokenizer *vocab, const struct vocab_merge *merge, uint32_t rank,
                     uint32_t *earlier) {
    size_t i = (size_t)(vocab_pair_find(vocab, merge->left, merge->right) - vocab->pairs);
    if (vocab->pairs[i].left >= 0) {
        *earlier = vocab->pairs[i].rank;
        return false;
    }
    vocab->pairs[i] = (struct vocab_pair){merge->left, merge->right, rank, merge->result};
    return true;
}

/* ---- added tokens ----------------------------------------------------------------------------*/

/* First token in [begin, end) whose byte at `depth` is >= byte; an ended one is less. */
static size_t first_added(const struct gen_tokenizer *vocab, const struct vocab_added *added,
                          size_t begin, size_t end, size_t depth, unsigned byte) {
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        const struct vocab_token *token = &vocab->tokens[added->ids[middle]];
        if (depth >= token->n || (unsigned char)vocab->bytes[token->at + depth] < byte) {
            begin = middle + 1;
        } else {
            end = middle;
        }
    }
    return begin;
}

/*
 * The sorted list is walked like a trie: each byte of the text narrows the range of tokens that
 * begin so, and the shortest token of a range comes first.
 */
int32_t vocab_added_at(const struct gen_tokenizer *vocab, const struct vocab_added *added,
                       const char *text, size_t n, bool special, size_t *length) {
    int32_t found = -1;
    size_t begin = 0;
    size_t end = added->n;
    for (size_t depth = 0; depth < n; depth++) {
        unsigned byte = (unsigned char)text[depth];
        begin = first_added(vocab, added, begin, end, depth, byte);
        end = first_added(vocab, added, begin, end, depth, byte + 1);
        if (begin == end) {
            break;
        }
        const struct vocab_token *token = &vocab->tokens[added->ids[begin]];
        if (token->n == depth + 1 && (special || (token->kind & TOKENIZER_SPECIAL) == 0)) {
            found = added->ids[begin];
            *length = depth + 1;
        }
    }
    return found;
}
