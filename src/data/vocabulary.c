/**
 * vocabulary.c - vocabularies from the documents of files: of a run that learns its own, and of a
 * learner that is given files (gen_vocab_learner_add_file). Counting and merging is
 * src/tokenizer's.
 */
#include "data/vocabulary.h"

#include "base/error.h"

struct learning {
    struct gen_vocab_learner *learner;
    const struct vocabulary_progress *progress;
    uint64_t n_bytes; /* of text, in all */
};

/* The end of a document's last line belongs to no document, but every line has one. */
static enum gen_status take_text(void *context, const char *text, size_t n, bool ends_line,
                                 struct gen_error *err) {
    const struct learning *learning = context;
    enum gen_status status = gen_vocab_learner_add(learning->learner, text, n, err);
    return status == GEN_OK && ends_line ? gen_vocab_learner_add(learning->learner, "\n", 1, err)
                                         : status;
}

static enum gen_status tell_reading(void *context, uint64_t done, struct gen_error *err) {
    const struct learning *learning = context;
    const struct vocabulary_progress *progress = learning->progress;
    if (progress->tell(progress->context, GEN_TRAIN_READING, done, learning->n_bytes)) {
        return GEN_OK;
    }
    return error_set(err, GEN_CANCELED, "reading the data was canceled");
}

struct file_progress {
    void *context;
    bool (*tell)(void *context, uint64_t done, uint64_t total);
};

static bool tell_file(void *context, enum gen_train_phase phase, uint64_t done, uint64_t total) {
    const struct file_progress *progress = context;
    (void)phase;
    return progress->tell == NULL || progress->tell(progress->context, done, total);
}

enum gen_status gen_vocab_learner_add_file(
    struct gen_vocab_learner *learner, const char *path, const char *field, void *context,
    bool (*progress)(void *context, uint64_t done, uint64_t total), struct gen_error *err) {
    struct corpus corpus;
    struct file_progress file = {context, progress};
    struct vocabulary_progress watch = {&file, tell_file};
    enum gen_status status = corpus_open(&corpus, &path, 1, field != NULL ? field : "text", err);
    if (status == GEN_OK) {
        struct learning learning = {learner, &watch, corpus_bytes(&corpus)};
        struct corpus_reader reader = {&learning, take_text, tell_reading};
        status = corpus_read(&corpus, &reader, err);
    }
    corpus_release(&corpus);
    return status == GEN_OK ? gen_vocab_learner_end(learner, err) : status;
}

static bool tell_merges(void *context, uint64_t done, uint64_t total) {
    const struct vocabulary_progress *progress = context;
    return progress->tell(progress->context, GEN_TRAIN_VOCABULARY, done, total);
}

enum gen_status vocabulary_learn(struct gen_tokenizer **out, const struct corpus *corpus,
                                 int32_t size, int n_threads,
                                 const struct vocabulary_progress *progress,
                                 struct gen_error *err) {
    struct vocabulary_progress watch = *progress;
    struct gen_vocab_options options = gen_vocab_options_default();
    options.size = size;
    options.n_threads = n_threads;
    options.context = &watch;
    options.progress = tell_merges;
    struct learning learning = {.progress = &watch, .n_bytes = corpus_bytes(corpus)};
    struct corpus_reader reader = {&learning, take_text, tell_reading};
    enum gen_status status = gen_vocab_learner_new(&learning.learner, &options, err);
    if (status == GEN_OK && (status = corpus_read(corpus, &reader, err)) == GEN_OK &&
        (status = gen_vocab_learner_end(learning.learner, err)) == GEN_OK) {
        status = gen_vocab_learner_learn(learning.learner, out, NULL, err);
    }
    gen_vocab_learner_free(learning.learner);
    return status;
}
