/**
 * escapes.c - escapes in options such as --stop: a newline or tab is hard to type in most shells,
 * and '\n' is what people write for it. The same ones as --template of gen finetune takes, and a
 * carriage return.
 */
#include "cli/escapes.h"

#include <string.h>

#include "cli/alloc.h"

char *escapes_resolve(const char *text) {
    static const char letters[] = "ntr\\";
    static const char meant[] = "\n\t\r\\";
    char *out = alloc_new(strlen(text) + 1, 1);
    size_t n = 0;
    while (*text != '\0') {
        const char *letter = *text == '\\' && text[1] != '\0' ? strchr(letters, text[1]) : NULL;
        const char *is = letter != NULL ? &meant[letter - letters] : text;
        out[n++] = *is;
        text += letter != NULL ? 2 : 1;
    }
    return out;
}
