/**
 * lines.h - text files as people have them: a byte order mark in front, lines that end with CR LF,
 * blank lines, JSON lines by their name, JSON with halves of surrogate pairs.
 */
#ifndef TEXT_LINES_H
#define TEXT_LINES_H

#include <stdbool.h>
#include <stddef.h>

/** What a text begins with. */
enum text_mark {
    TEXT_MARK_NONE,
    TEXT_MARK_UTF8,   /**< EF BB BF, which is no text by the Unicode standard: passed over */
    TEXT_MARK_UTF16,  /**< FF FE or FE FF: UTF-16 or UTF-32, which is refused */
    TEXT_MARK_UNKNOWN /**< n is too small to say */
};

/** Of the first n bytes; `whole`: there are no more. */
enum text_mark text_mark(const void *text, size_t n, bool whole);

/** Bytes of the UTF-8 mark that a text begins with: 3, or 0 without one. */
size_t text_mark_length(const void *text, size_t n);

/** For messages: what a text with TEXT_MARK_UTF16 is, and what to do. */
#define TEXT_UTF16_PROBLEM                                                                         \
    "is UTF-16 text, but must be UTF-8 (iconv -f UTF-16 -t UTF-8 FILE > NEW makes it so)"

/**
 * What n bytes are that a text to learn must not begin with, as the rest of a sentence that begins
 * with the name of the file: a git-lfs pointer, gzip, zstd. NULL where they may be a text, as one
 * about git-lfs is, which is longer than any pointer.
 */
const char *text_looks_like(const void *text, size_t n);

/** n bytes of a line without the CR that a line of Windows ends with. */
size_t text_without_cr(const char *line, size_t n);

/** Bytes of the first line of a text without its end, and where the next one begins. The CR before
 *  a line feed is part of that end. */
size_t text_line_length(const char *text, size_t n, size_t *next);

/** Whether there is nothing but spaces, tabulators and CR in it. */
bool text_is_blank(const char *line, size_t n);

/** Whether the last letters of a string are those of `end`, or all of them. */
bool text_ends_with(const char *text, const char *end);

/** Whether a file is JSON lines by its name: .jsonl, .ndjson or .json, in letters of any case. */
bool text_is_json_lines(const char *path);

/** For messages: what JSON lines that begin with `[` are, and what to do. */
#define TEXT_ARRAY_PROBLEM                                                                         \
    "is an array, but each line must be an object (jq -c '.[]' FILE > NEW.jsonl makes lines of "   \
    "it)"

/** Whether the first character that is not blank is `[`. */
bool text_is_array(const char *line, size_t n);

/**
 * Halves of surrogate pairs among the escapes of a JSON text become \ufffd, as with Python's
 * errors="replace". With `out` NULL nothing is written; else it has n bytes, a copy of the text or
 * the text itself. Returns how many there are.
 */
size_t text_mend_surrogates(char *out, const char *json, size_t n);

#endif
