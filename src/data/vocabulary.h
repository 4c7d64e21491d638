/**
 * vocabulary.h - a vocabulary for a new model, learned from its data: the one gen_vocab_learner
 * learns from text files whose documents are these.
 */
#ifndef DATA_VOCABULARY_H
#define DATA_VOCABULARY_H

#include "data/corpus.h"
#include "gen_train.h"

/** Told of the work done, merges after text; false cancels. */
struct vocabulary_progress {
    void *context;
    bool (*tell)(void *context, enum gen_train_phase phase, uint64_t done, uint64_t total);
};

/**
 * Learn at most `size` tokens. GEN_BAD_FILE for text that the corpus refuses; n_threads as in
 * gen_train_options.
 */
enum gen_status vocabulary_learn(struct gen_tokenizer **out, const struct corpus *corpus,
                                 int32_t size, int n_threads,
                                 const struct vocabulary_progress *progress, struct gen_error *err);

#endif
