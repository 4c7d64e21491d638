/**
 * utf8_stream.c - bytes of tokens as they come, given out as whole UTF-8 characters
 * (gen_utf8_stream): the beginning of a character waits for its rest. Bytes that belong to no
 * character come out as they are.
 */
#include <string.h>

#include "base/bytes.h"
#include "gen.h"

/*
 * What waits is always the beginning of one character, so each new byte either completes it,
 * continues it, or shows that its first byte never was the start of a character.
 */
static enum gen_status push_byte(struct gen_utf8_stream *stream, char byte, struct gen_bytes *out) {
    stream->waiting[stream->n++] = (unsigned char)byte;
    while (stream->n > 0) {
        int length = bytes_utf8(stream->waiting, stream->n, NULL);
        if (length < 0) {
            break;
        }
        size_t n = length == 0 ? 1 : (size_t)length;
        enum gen_status status = gen_bytes_append(out, (const char *)stream->waiting, n);
        if (status != GEN_OK) {
            return status;
        }
        stream->n -= n;
        memmove(stream->waiting, stream->waiting + n, stream->n);
    }
    return GEN_OK;
}

/* Number of bytes that need not wait, from a place where a character may begin. */
static size_t complete(const char *bytes, size_t n) {
    size_t at = 0;
    while (at < n) {
        int length = bytes_utf8((const unsigned char *)bytes + at, n - at, NULL);
        if (length < 0) {
            break;
        }
        at += length == 0 ? 1 : (size_t)length;
    }
    return at;
}

enum gen_status gen_utf8_stream_push(struct gen_utf8_stream *stream, const char *bytes, size_t n,
                                     struct gen_bytes *out) {
    enum gen_status status = GEN_OK;
    size_t at = 0;
    while (at < n && stream->n > 0 && status == GEN_OK) {
        status = push_byte(stream, bytes[at++], out);
    }
    if (at == n || status != GEN_OK) {
        return status;
    }

    size_t end = at + complete(bytes + at, n - at);
    status = gen_bytes_append(out, bytes + at, end - at);
    if (status != GEN_OK) {
        return status;
    }
    stream->n = n - end;
    memcpy(stream->waiting, bytes + end, n - end);
    return GEN_OK;
}

enum gen_status gen_utf8_stream_flush(struct gen_utf8_stream *stream, struct gen_bytes *out) {
    enum gen_status status = gen_bytes_append(out, (const char *)stream->waiting, stream->n);
    if (status == GEN_OK) {
        stream->n = 0;
    }
    return status;
}
