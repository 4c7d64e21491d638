/**
 * word_count.h - how often each word occurs in a text of any size.
 *
 * The text comes in pieces, of one text or several (files). It is cut into lines, each with its
 * newline, and these into words by pretokenize_word(): a run of white space ends with its line, as
 * in Hugging Face's trainer, which reads files by lines too. `<|endoftext|>`
 * divides documents wherever it is and is passed over, with a line end right after it.
 *
 * Memory: a buffer of some megabytes, and the distinct words once for each thread. A run of text
 * without any space or newline is held as a whole, for it may be one word.
 */
#ifndef TOKENIZER_WORD_COUNT_H
#define TOKENIZER_WORD_COUNT_H

#include <stddef.h>
#include <stdint.h>

#include "gen.h"

struct counted_word {
    const char *bytes;
    uint32_t n; /**< > 0 */
    uint64_t count;
};

struct word_counter;

/** n_threads as thread_pool_new() takes it; which thread counts what changes no count. */
enum gen_status word_counter_new(struct word_counter **out, int n_threads, struct gen_error *err);
void word_counter_free(struct word_counter *counter);

/** The next n bytes of the text. */
enum gen_status word_counter_add(struct word_counter *counter, const char *text, size_t n,
                                 struct gen_error *err);
/** The text ends here: what follows belongs to another. Ended already it stays so. */
enum gen_status word_counter_end(struct word_counter *counter, struct gen_error *err);

/**
 * End the text and give all distinct words so far, in no particular order; they belong to the
 * counter and are valid until more text is added.
 */
enum gen_status word_counter_words(struct word_counter *counter, const struct counted_word **words,
                                   size_t *n, struct gen_error *err);

#endif
