/**
 * corpus_walk.h - a corpus piece by piece: documents, parts of long ones, lines of JSON.
 */
#ifndef DATA_CORPUS_WALK_H
#define DATA_CORPUS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/corpus.h"

/** Part of a document, or all of it; of a file of JSON lines, a line. */
struct corpus_piece {
    const struct corpus_file *file;
    const char *text; /**< of the mapped file, not looked at yet */
    size_t n;
    size_t line;    /**< number of its first line, from 1 */
    bool last;      /**< the document ends with it */
    bool ends_line; /**< and a line or the file with that */
};

/** Where the walk is; begin with the corpus, and the tokenizer, alone. */
struct corpus_walk {
    const struct corpus *corpus;
    const struct gen_tokenizer *tokenizer; /**< whose added tokens are not cut; NULL: any may be */
    size_t file;
    size_t at;     /**< in the file */
    size_t line;   /**< number of the line there, from 0 */
    bool begun;    /**< a part of the document was given out already */
    uint64_t done; /**< bytes of the files before */
};

/** The next piece that has something in it; false at the end of the last file. */
bool corpus_walk_next(struct corpus_walk *walk, struct corpus_piece *piece);

#endif
