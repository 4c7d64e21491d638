/**
 * gguf_reader.c - what reading the header and tensors of a GGUF (gguf_read.c) and reading its
 * settings (gguf_settings.c) share: strings, and the sentence for a file that is cut off.
 */
#include "format/gguf_reader.h"

#include "base/error.h"

struct gguf_text gguf_read_text(struct cursor *in) {
    uint64_t n = cursor_u64(in);
    const unsigned char *bytes = cursor_take(in, n);
    if (bytes == NULL) {
        return (struct gguf_text){.bytes = ""};
    }
    return (struct gguf_text){.bytes = (const char *)bytes, .n = (size_t)n};
}

enum gen_status gguf_truncated(const struct gguf_reader *reader, const char *kind,
                               uint64_t number) {
    return error_set(reader->err, GEN_BAD_FILE,
                     "%s: the file ends inside %s %llu: it is cut off, or a length in it is wrong",
                     reader->where, kind, (unsigned long long)number);
}
