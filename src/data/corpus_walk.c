/**
 * corpus_walk.c - the walk through the files of a corpus: where its documents begin and end, and
 * where a long one may be cut. What the pieces say is not looked at here.
 */
#include "data/corpus_walk.h"

#include <string.h>

#include "text/documents.h"
#include "text/lines.h"
#include "tokenizer/tokenizer.h"

/* A document longer than this is cut where that is possible. */
#define PIECE_BYTES ((size_t)1 << 20)

/* A visible ASCII character: no part of any white space. */
static bool is_visible(char c) {
    return c > ' ' && c < 0x7f;
}

/* Whether a document goes on at the n bytes of text, which a separator may begin. */
static bool goes_on(const char *text, size_t n) {
    size_t next;
    size_t line = text_line_length(text, n, &next);
    return text_document(text, line, &next) > 0;
}

/* Whether a piece of text may end before `at`, where a line begins. */
static bool may_cut(const struct corpus_walk *walk, const char *text, size_t at, size_t n) {
    return at >= 2 && at < n && is_visible(text[at]) && is_visible(text[at - 2]) &&
           goes_on(text + at, n - at) &&
           (walk->tokenizer == NULL ||
            tokenizer_may_cut(walk->tokenizer, text, n, at, walk->corpus->special));
}

/* The next piece of a text file that has bytes left. */
static void next_text(struct corpus_walk *walk, struct corpus_piece *piece) {
    const char *text = (const char *)piece->file->map.data + walk->at;
    size_t left = piece->file->map.size - walk->at;
    size_t n = 0;
    size_t end = 0; /* after the separator, if there is one */
    piece->last = true;
    while (n < left) {
        size_t next;
        size_t line = text_line_length(text + n, left - n, &next);
        size_t after;
        size_t length = text_document(text + n, next, &after);
        if (length < line) {
            end = n + after;
            walk->line += text[end - 1] == '\n';
            n += length;
            break;
        }
        walk->line++;
        n += next;
        if (n >= PIECE_BYTES && may_cut(walk, text, n, left)) {
            piece->last = false;
            break;
        }
    }
    walk->at += end > 0 ? end : n;
    piece->text = text;
    piece->n = piece->last ? text_without_line_end(text, n) : n;
    piece->ends_line = piece->last && (piece->n < n || end == 0);
}

static void next_line(struct corpus_walk *walk, struct corpus_piece *piece) {
    size_t next;
    piece->text = (const char *)piece->file->map.data + walk->at;
    piece->n = text_line_length(piece->text, piece->file->map.size - walk->at, &next);
    piece->last = piece->ends_line = true;
    walk->line++;
    walk->at += next;
}

bool corpus_walk_next(struct corpus_walk *walk, struct corpus_piece *piece) {
    while (walk->file < walk->corpus->n_files) {
        const struct corpus_file *file = &walk->corpus->files[walk->file];
        if (walk->at == 0) {
            walk->at = text_mark_length(file->map.data, file->map.size);
        }
        if (walk->at == file->map.size) {
            *walk = (struct corpus_walk){.corpus = walk->corpus,
                                         .tokenizer = walk->tokenizer,
                                         .file = walk->file + 1,
                                         .done = walk->done + file->map.size};
            continue;
        }
        *piece = (struct corpus_piece){.file = file, .line = walk->line + 1};
        if (file->jsonl) {
            next_line(walk, piece);
            if (!text_is_blank(piece->text, piece->n)) {
                return true;
            }
            continue;
        }
        next_text(walk, piece);
        bool begun = walk->begun;
        walk->begun = !piece->last;
        if (piece->n > 0 || begun) {
            return true;
        }
    }
    return false;
}
