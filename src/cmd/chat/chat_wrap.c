/**
 * chat_wrap.c - lines that are broken between words while the text still comes: a word is shown
 * when it is whole. Wide characters (Chinese, Japanese, emoji) may be parted anywhere. The width of
 * characters is utf8proc's.
 */
#include <utf8proc.h>

#include "cli/alloc.h"
#include "cmd/chat/chat_screen.h"

static void new_line(struct chat_wrap *wrap, struct gen_bytes *out) {
    alloc_append(out, "\n", 1);
    wrap->column = 0;
    wrap->n_blanks = 0;
}

/* Show the word, in a new line where it does not fit. */
static void end_word(struct chat_wrap *wrap, struct gen_bytes *out, size_t width) {
    if (wrap->word.n == 0) {
        return;
    }
    if (wrap->column > 0 && wrap->column + wrap->n_blanks + wrap->word_columns > width) {
        new_line(wrap, out);
    }
    for (; wrap->n_blanks > 0; wrap->n_blanks--) {
        alloc_append(out, " ", 1);
        wrap->column++;
    }
    alloc_append(out, wrap->word.data, wrap->word.n);
    wrap->column += wrap->word_columns;
    wrap->word.n = wrap->word_columns = 0;
}

void chat_wrap_put(struct chat_wrap *wrap, struct gen_bytes *out, const char *text, size_t n,
                   size_t width) {
    while (n > 0) {
        utf8proc_int32_t character;
        utf8proc_ssize_t length =
            utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &character);
        size_t used = length < 1 ? 1 : (size_t)length;
        if (*text == '\n') {
            end_word(wrap, out, width);
            new_line(wrap, out);
        } else if (*text == ' ' || *text == '\t') {
            end_word(wrap, out, width);
            wrap->n_blanks += *text == ' ' ? 1 : 4;
        } else {
            int columns = length < 1 ? 1 : utf8proc_charwidth(character);
            if (columns > 1 || wrap->word_columns + (size_t)columns > width) {
                end_word(wrap, out, width);
            }
            alloc_append(&wrap->word, text, used);
            wrap->word_columns += (size_t)columns;
            if (columns > 1) {
                end_word(wrap, out, width);
            }
        }
        text += used;
        n -= used;
    }
}

void chat_wrap_end(struct chat_wrap *wrap, struct gen_bytes *out, size_t width) {
    end_word(wrap, out, width);
    wrap->n_blanks = 0;
}
