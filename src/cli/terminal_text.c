/**
 * terminal_text.c - text of a model on a terminal. A token may hold ESC and other controls, and a
 * model from a stranger could so move the cursor, change the title or clear the screen. In pipes
 * and files the bytes stay what they are: that is for whoever writes there to decide.
 */
#include "cli/terminal_text.h"

#include <unistd.h>
#include <utf8proc.h>

#include "base/printable.h"
#include "cli/alloc.h"

bool terminal_text_needed(const struct text_out *out) {
    return isatty(out->fd) == 1;
}

void terminal_text_append(struct gen_bytes *shown, const char *text, size_t n) {
    while (n > 0) {
        utf8proc_int32_t character;
        utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &character);
        bool broken =
            length < 1 || (character >= 0x80 && printable_is_control((uint32_t)character));
        size_t used = length < 1 ? 1 : (size_t)length;
        if (broken) {
            alloc_append(shown, "\xef\xbf\xbd", 3);
        } else if (*text == '\n' || *text == '\t' || !printable_is_control((uint32_t)character)) {
            alloc_append(shown, text, used);
        } else {
            /* As on the keyboard: ESC is ^[, DEL is ^?. */
            const char caret[2] = {'^', (char)(*text ^ 0x40)};
            alloc_append(shown, caret, sizeof caret);
        }
        text += used;
        n -= used;
    }
}
