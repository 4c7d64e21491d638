/** gguf_reader.h - what the two halves of the GGUF reader share; nobody else includes it. */
#ifndef FORMAT_GGUF_READER_H
#define FORMAT_GGUF_READER_H

#include "base/bytes.h"
#include "format/model_file.h"

struct gguf_reader {
    struct model_file *file;
    struct cursor in;
    const char *where;
    struct gen_error *err;
};

/** A string in the file: not NUL-terminated. */
struct gguf_text {
    const char *bytes;
    size_t n;
};

/** The next string; empty, and the cursor failed, where the file ends before. */
struct gguf_text gguf_read_text(struct cursor *in);
/** The error for a file that ends inside the `kind` of that number. */
enum gen_status gguf_truncated(const struct gguf_reader *reader, const char *kind, uint64_t number);

/** gguf_settings.c: n settings from where the cursor is. */
enum gen_status gguf_read_settings(struct gguf_reader *reader, uint64_t n_settings);

#endif
