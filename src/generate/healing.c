/**
 * healing.c - which ids may replace the last one of a prompt: those of tokens that begin with its
 * bytes. When that happens is sequence.c's.
 */
#include "generate/healing.h"

#include <math.h>
#include <string.h>

#include "tokenizer/tokenizer.h"

/* The bytes of a token that is cut from text; none for others. */
static const char *text_of(const struct sequence_rules *rules, int32_t id, size_t *n) {
    const char *bytes = gen_tokenizer_piece(rules->tokenizer, id, n);
    if (tokenizer_is_special(rules->tokenizer, id)) {
        *n = 0;
    }
    return bytes;
}

bool healing_is_possible(const struct sequence_rules *rules, int32_t id) {
    size_t n;
    text_of(rules, id, &n);
    return n > 0;
}

void healing_mask(const struct sequence_rules *rules, int32_t id, const float *logits,
                  float *scores) {
    size_t n_beginning, n;
    const char *beginning = text_of(rules, id, &n_beginning);
    for (int32_t i = 0; i < rules->n_vocab; i++) {
        const char *text = text_of(rules, i, &n);
        bool begins = n >= n_beginning && memcmp(text, beginning, n_beginning) == 0;
        scores[i] = begins ? logits[i] : -INFINITY;
    }
}
