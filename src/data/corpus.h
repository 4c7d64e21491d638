/**
 * corpus.h - text files to learn from, cut into documents and made token ids.
 *
 * Two formats, told apart by the name. Text: documents are divided by `<|endoftext|>`, wherever it
 * is; a line end right before or right after it belongs to neither, nor does the last of the
 * file. JSON lines (.jsonl, .ndjson, .json, in letters of any case): each line is an object whose
 * member `field` is a document, or several with `<|endoftext|>` between them; blank lines are
 * passed over, halves of surrogate pairs are U+FFFD. Of either a byte order mark in front is passed
 * over. Either is UTF-8 without NUL, checked byte by byte, so that a file of another kind is
 * refused and not learned. After each document comes the id of end-of-text; empty documents do not
 * count.
 *
 * Files are walked in pieces of about a megabyte, so that memory does not grow with the corpus. A
 * long document is cut where a line of text begins right after another: there the words of GPT-2's
 * pre-tokenizer end too, and no added token lies across, so the ids are those of the document in
 * one piece.
 */
#ifndef DATA_CORPUS_H
#define DATA_CORPUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/file.h"
#include "base/threads.h"
#include "gen.h"

struct corpus_file {
    struct file_map map;
    struct error_quoted where; /**< its path, printable */
    bool jsonl;
};

struct corpus {
    struct corpus_file *files;
    size_t n_files;
    const char *field; /**< of JSON objects; borrowed */
    bool special;      /**< special tokens in a text stand for themselves; false from opening */
};

/** Map n files, n >= 1. A file that cannot be read is an error; release in any case. */
enum gen_status corpus_open(struct corpus *corpus, const char *const *paths, size_t n,
                            const char *field, struct gen_error *err);
void corpus_release(struct corpus *corpus);

/** Bytes of all files. */
uint64_t corpus_bytes(const struct corpus *corpus);

/** A digest of all that the ids depend on but the vocabulary: contents, formats, field. */
uint64_t corpus_digest(const struct corpus *corpus);

/** What takes the text of documents, in order and in pieces; `ends_line`: a line end or the end of
 *  the file came after it. */
struct corpus_reader {
    void *context;
    enum gen_status (*take)(void *context, const char *text, size_t n, bool ends_line,
                            struct gen_error *err);
    enum gen_status (*progress)(void *context, uint64_t done, struct gen_error *err);
};

/** Give the text of all documents to the reader. GEN_BAD_FILE where there is none at all. */
enum gen_status corpus_read(const struct corpus *corpus, const struct corpus_reader *reader,
                            struct gen_error *err);

/** The error of a corpus without a document. */
enum gen_status corpus_error_empty(const struct corpus *corpus, struct gen_error *err);

/** What takes the ids, in order, and is told of the bytes of the files done so far. */
struct corpus_sink {
    void *context;
    enum gen_status (*take)(void *context, const int32_t *ids, size_t n, struct gen_error *err);
    enum gen_status (*progress)(void *context, uint64_t done, struct gen_error *err);
};

/** Give the ids of all documents to the sink; `tokenizer` has an end-of-text id. */
enum gen_status corpus_tokenize(const struct corpus *corpus, const struct gen_tokenizer *tokenizer,
                                struct thread_pool *pool, const struct corpus_sink *sink,
                                struct gen_error *err);

#endif
