/**
 * message.c - lines on stderr, "gen: sentence": formatted, cut, cleaned of control characters and
 * written at once. Also the exit status for each gen_status. progress.c draws what moves.
 */
#include "cli/message.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <utf8proc.h>

#include "base/printable.h"
#include "cli/exit_code.h"
#include "cli/write_fd.h"

void message_clean(char *text) {
    const utf8proc_uint8_t *in = (const utf8proc_uint8_t *)text;
    char *out = text;
    while (*in != '\0') {
        utf8proc_int32_t character;
        utf8proc_ssize_t n = utf8proc_iterate(in, -1, &character);
        if (n < 1 || !printable_is((uint32_t)character)) {
            *out++ = '?';
            in += n < 1 ? 1 : n;
        } else {
            for (; n > 0; n--) {
                *out++ = (char)*in++;
            }
        }
    }
    *out = '\0';
}

/* Format into text[size]; a cut sentence ends in "...", not within a character. */
static void format_line(char *text, size_t size, const char *format, va_list arguments) {
    int n = vsnprintf(text, size, format, arguments);
    if (n >= 0 && (size_t)n >= size) {
        size_t end = size - 4;
        while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) {
            end--;
        }
        memcpy(text + end, "...", 4);
    }
    message_clean(text);
}

static bool is_silent;

void message_silence(bool silent) {
    is_silent = silent;
}

void message(const char *format, ...) {
    if (is_silent) {
        return;
    }
    char text[MESSAGE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    format_line(text, sizeof text, format, arguments);
    va_end(arguments);
    char line[MESSAGE_SIZE + 8];
    int n = snprintf(line, sizeof line, "gen: %s\n", text);
    /* One write, so that lines of several processes do not mix. Nothing can be done if it fails. */
    if (n > 0) {
        write_fd(STDERR_FILENO, line, (size_t)n);
    }
}

void message_raw(const char *bytes, size_t n) {
    write_fd(STDERR_FILENO, bytes, n);
}

const char *message_name(const char *name) {
    return *name != '\0' ? name : "\"\"";
}

void message_errno(const char *name, int error_number) {
    message("%.400s: %s", message_name(name), strerror(error_number));
}

void message_set(struct gen_error *err, enum gen_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    format_line(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    err->status = status;
}

void message_about(struct gen_error *err, const char *option, const char *hint) {
    const struct gen_error cause = *err;
    message_set(err, cause.status, "--%s: %s%s", option, cause.message, hint);
}

int message_exit_code(enum gen_status status) {
    switch (status) {
    case GEN_OK:
        return EXIT_DONE;
    case GEN_BAD_ARGUMENT:
        return EXIT_USAGE;
    default:
        return EXIT_FAILED;
    }
}
