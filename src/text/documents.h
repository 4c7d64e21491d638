/**
 * documents.h - where one text ends and the next begins: `<|endoftext|>`, anywhere.
 */
#ifndef TEXT_DOCUMENTS_H
#define TEXT_DOCUMENTS_H

#include <stddef.h>

/**
 * Bytes before the first `<|endoftext|>` in n bytes of text, and at *next where the text after it
 * begins: a line end right after it belongs to no document. Without one both are n.
 */
size_t text_document(const char *text, size_t n, size_t *next);

/** n bytes of a document without the line end (LF, CR LF, CR) before what divides it from the
 *  next, which belongs to neither. */
size_t text_without_line_end(const char *text, size_t n);

#endif
