/**
 * pair_template.c - reading a template such as "{prompt}{completion}" into its parts, escapes
 * resolved. pairs.c fills it in.
 */
#include "data/pair_template.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* Append n bytes of a pattern, with what follows a backslash as it is meant. */
static enum gen_status append(struct gen_bytes *out, const char *text, size_t n) {
    static const char letters[] = "nt\\";
    static const char meant[] = "\n\t\\";
    enum gen_status status = GEN_OK;
    for (size_t i = 0; i < n && status == GEN_OK; i++) {
        const char *letter =
            text[i] == '\\' && i + 1 < n ? memchr(letters, text[i + 1], strlen(letters)) : NULL;
        i += letter != NULL;
        status = gen_bytes_append(out, letter != NULL ? &meant[letter - letters] : &text[i], 1);
    }
    return status;
}

static enum gen_status wrong(const char *pattern, const char *first, const char *second,
                             struct gen_error *err) {
    struct error_quoted quoted;
    return error_set(err, GEN_BAD_ARGUMENT,
                     "template \"%s\" must have {%s} and after it {%s}, once each",
                     error_quote(&quoted, pattern, strlen(pattern)), first, second);
}

/* Move a space at the end of `between` to the lead; one alone, after no other. */
static enum gen_status move_space(struct pair_template *template) {
    struct gen_bytes *between = &template->between;
    size_t n = between->n;
    if (n == 0 || between->data[n - 1] != ' ' || (n > 1 && between->data[n - 2] == ' ')) {
        return GEN_OK;
    }
    between->n--;
    return gen_bytes_append(&template->lead, " ", 1);
}

enum gen_status pair_template_init(struct pair_template *template, const char *pattern,
                                   const char *first, const char *second, struct gen_error *err) {
    *template = (struct pair_template){0};
    char places[2][32];
    snprintf(places[0], sizeof places[0], "{%s}", first);
    snprintf(places[1], sizeof places[1], "{%s}", second);
    const char *a = strstr(pattern, places[0]);
    const char *b = strstr(pattern, places[1]);
    if (a == NULL || b == NULL || b < a || strstr(a + 1, places[0]) != NULL ||
        strstr(b + 1, places[1]) != NULL) {
        return wrong(pattern, first, second, err);
    }
    const char *after_a = a + strlen(places[0]);
    const char *after_b = b + strlen(places[1]);
    if (append(&template->before, pattern, (size_t)(a - pattern)) != GEN_OK ||
        append(&template->between, after_a, (size_t)(b - after_a)) != GEN_OK ||
        append(&template->after, after_b, strlen(after_b)) != GEN_OK ||
        move_space(template) != GEN_OK) {
        return error_no_memory(err, "a template");
    }
    return GEN_OK;
}

void pair_template_release(struct pair_template *template) {
    gen_bytes_release(&template->before);
    gen_bytes_release(&template->between);
    gen_bytes_release(&template->lead);
    gen_bytes_release(&template->after);
}
