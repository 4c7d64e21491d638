/**
 * vocab_digest.c - a digest of a vocabulary, by which files of ids, states of training and adapters
 * know whether ids still mean the same.
 */
#include "base/digest.h"
#include "tokenizer/tokenizer.h"

uint64_t tokenizer_digest(const struct gen_tokenizer *tokenizer) {
    struct digest digest = {0};
    int32_t n_vocab = gen_tokenizer_n_vocab(tokenizer);
    digest_add_u64(&digest, (uint64_t)n_vocab);
    digest_add_u64(&digest, (uint64_t)gen_tokenizer_eos(tokenizer));
    for (int32_t id = 0; id < n_vocab; id++) {
        size_t n;
        const char *piece = gen_tokenizer_piece(tokenizer, id, &n);
        digest_add_text(&digest, piece, n);
        digest_add_u64(&digest, tokenizer_is_special(tokenizer, id)  ? 1
                                : tokenizer_kind(tokenizer, id) != 0 ? 2
                                                                     : 0);
        unsigned around = tokenizer_kind(tokenizer, id) & TOKENIZER_AROUND;
        if (around != 0) { /* older digests of such vocabularies there are none */
            digest_add_u64(&digest, around);
        }
    }
    for (size_t rank = 0; rank < tokenizer_n_merges(tokenizer); rank++) {
        int32_t left, right;
        tokenizer_merge(tokenizer, rank, &left, &right);
        digest_add_u64(&digest, (uint64_t)(uint32_t)left << 32 | (uint32_t)right);
    }
    return digest_value(&digest);
}
