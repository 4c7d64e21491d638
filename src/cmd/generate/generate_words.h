/**
 * generate_words.h - --force-words: words that must come.
 */
#ifndef CMD_GENERATE_GENERATE_WORDS_H
#define CMD_GENERATE_GENERATE_WORDS_H

#include "gen.h"

/** Growing words. Start from {0}. */
struct generate_words {
    struct gen_force_words *data;
    size_t n, capacity;
};
void generate_words_release(struct generate_words *words);

/**
 * Append one that has n bytes: its spellings with tabs between them, of which one must come. The
 * tokenizer may be NULL, which is an error.
 */
enum gen_status generate_words_take(struct generate_words *words,
                                    const struct gen_tokenizer *tokenizer, const char *text,
                                    size_t n, struct gen_error *err);

/** Append those of a file, one a line. */
enum gen_status generate_words_read(struct generate_words *words, const char *path,
                                    const struct gen_tokenizer *tokenizer, struct gen_error *err);

#endif
