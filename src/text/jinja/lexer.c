/**
 * lexer.c - a template cut into tokens: texts between tags, and what is inside of tags. White space
 * around tags goes here, as Jinja does it with trim_blocks and lstrip_blocks on.
 */
#include <string.h>

#include "base/size.h"
#include "text/jinja/parts.h"

static enum gen_status fail(const struct lexer *lexer, unsigned line, const char *what) {
    return error_set(lexer->err, GEN_UNSUPPORTED, "template, line %u: %s", line, what);
}

static bool is_at(const struct lexer *lexer, const char *text) {
    size_t n = strlen(text);
    return lexer->n - lexer->at >= n && memcmp(lexer->text + lexer->at, text, n) == 0;
}

static void move(struct lexer *lexer, size_t n) {
    for (; n > 0; n--) {
        lexer->line += lexer->text[lexer->at++] == '\n';
    }
}

/* Over white space, also line ends. */
static void skip_space(struct lexer *lexer) {
    struct span rest = {lexer->text, lexer->n};
    size_t n;
    while (lexer->at < lexer->n && text_is_space(rest, lexer->at, &n)) {
        move(lexer, n);
    }
}

/* After the sign that closes a tag: what goes with it. */
static void after_tag(struct lexer *lexer, bool stripped, bool trimmed) {
    lexer->line_starts = false;
    if (stripped) {
        size_t start = lexer->at;
        skip_space(lexer);
        lexer->line_starts = lexer->at > start && lexer->text[lexer->at - 1] == '\n';
    } else if (trimmed && is_at(lexer, "\n")) {
        move(lexer, 1);
        lexer->line_starts = true;
    }
}

/* ---- outside of tags -------------------------------------------------------------------------*/

/* Where the next tag begins, or the end. */
static size_t find_tag(const struct lexer *lexer) {
    size_t at = lexer->at;
    for (; at + 1 < lexer->n; at++) {
        if (lexer->text[at] == '{' && memchr("{%#", lexer->text[at + 1], 3) != NULL) {
            return at;
        }
    }
    return lexer->n;
}

/* The text before a tag, without the white space that goes: all with a minus, else, before blocks
 * and comments, that of a line of its own. */
static struct span text_before(const struct lexer *lexer, size_t end) {
    struct span text = {lexer->text + lexer->at, end - lexer->at};
    if (end == lexer->n) {
        return text;
    }
    char sign = '{';
    if (end + 2 < lexer->n) {
        sign = lexer->text[end + 2];
    }
    if (sign == '-') {
        return text_strip(text, NULL, false, true);
    }
    if (sign == '+' || lexer->text[end + 1] == '{') {
        return text;
    }
    size_t line = text.n;
    while (line > 0 && text.text[line - 1] != '\n') {
        line--;
    }
    struct span last = {text.text + line, text.n - line};
    if ((line > 0 || lexer->line_starts) && text_strip(last, NULL, true, true).n == 0) {
        text.n = line;
    }
    return text;
}

static enum gen_status skip_comment(struct lexer *lexer) {
    unsigned line = lexer->line;
    size_t at = lexer->at + 2;
    while (at + 1 < lexer->n && !(lexer->text[at] == '#' && lexer->text[at + 1] == '}')) {
        at++;
    }
    if (at + 1 >= lexer->n) {
        return fail(lexer, line, "the comment {# is not closed by #}");
    }
    char before = lexer->text[at - 1];
    bool stripped = before == '-' && at > lexer->at + 2;
    bool kept = before == '+' && at > lexer->at + 2;
    move(lexer, at + 2 - lexer->at);
    after_tag(lexer, stripped, !kept);
    return GEN_OK;
}

static void open_tag(struct lexer *lexer, struct token *token) {
    bool block = lexer->text[lexer->at + 1] == '%';
    token->kind = block ? TOKEN_BLOCK : TOKEN_OUTPUT;
    token->line = lexer->opened = lexer->line;
    move(lexer, 2);
    if (is_at(lexer, "-") || (is_at(lexer, "+") && block)) {
        move(lexer, 1);
    }
    lexer->in_tag = true;
    lexer->is_block = block;
    lexer->depth = 0;
}

/* ---- inside of tags --------------------------------------------------------------------------*/

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool close_tag(struct lexer *lexer, struct token *token) {
    const char *plain = lexer->is_block ? "%}" : "}}";
    const char *minus = lexer->is_block ? "-%}" : "-}}";
    bool stripped = is_at(lexer, minus);
    bool kept = lexer->is_block && is_at(lexer, "+%}");
    if (lexer->depth > 0 || !(stripped || kept || is_at(lexer, plain))) {
        return false;
    }
    token->kind = TOKEN_CLOSE;
    token->span = (struct span){plain, 2};
    move(lexer, stripped || kept ? 3 : 2);
    lexer->in_tag = false;
    after_tag(lexer, stripped, lexer->is_block && !kept);
    return true;
}

static enum gen_status take_number(struct lexer *lexer, struct token *token) {
    token->kind = TOKEN_INT;
    for (; lexer->at < lexer->n && is_digit(lexer->text[lexer->at]); move(lexer, 1)) {
        if (token->number > INT32_MAX) {
            return fail(lexer, token->line, "a number must be below 2^31");
        }
        token->number = token->number * 10 + (lexer->text[lexer->at] - '0');
    }
    bool broken = lexer->at + 1 < lexer->n && lexer->text[lexer->at] == '.' &&
                  is_digit(lexer->text[lexer->at + 1]);
    return broken ? fail(lexer, token->line, "numbers with a decimal point are not supported")
                  : GEN_OK;
}

static size_t put_codepoint(char *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) {
        out[i] = (char)(0x80 | (c & 0x3f));
    }
    out[0] = (char)((0xf00U >> n & 0xffU) | c);
    return n;
}

/* \xHH, \uHHHH, \UHHHHHHHH at text[0] = the letter; bytes gone over, or 0. */
static size_t take_hexadecimal(const char *text, size_t n, char *out, size_t *n_out) {
    size_t digits = text[0] == 'x' ? 2 : text[0] == 'u' ? 4 : 8;
    uint32_t c = 0;
    if (n < digits + 1) {
        return 0;
    }
    for (size_t i = 1; i <= digits; i++) {
        char letter = (char)(text[i] | 0x20);
        bool is_hex = is_digit(text[i]) || (letter >= 'a' && letter <= 'f');
        if (!is_hex || c > 0xfffffff) {
            return 0;
        }
        c = c << 4 | (uint32_t)(is_digit(text[i]) ? text[i] - '0' : letter - 'a' + 10);
    }
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        return 0;
    }
    *n_out += put_codepoint(out + *n_out, c);
    return digits + 1;
}

/* What is between the quotes, escapes resolved as in Python: no longer than it was. */
static enum gen_status unescape(const struct lexer *lexer, struct token *token) {
    static const char letters[] = "ntrabfv\\'\"";
    static const char meant[] = "\n\t\r\a\b\f\v\\'\"";
    struct span from = token->span;
    char *out = arena_new(lexer->arena, from.n + 4);
    size_t n = 0;
    if (out == NULL) {
        return error_no_memory(lexer->err, "a template");
    }
    for (size_t i = 0; i < from.n; i++) {
        if (from.text[i] != '\\' || i + 1 == from.n) {
            out[n++] = from.text[i];
            continue;
        }
        char next = from.text[i + 1];
        const char *letter = memchr(letters, next, sizeof letters - 1);
        if (letter != NULL) {
            out[n++] = meant[letter - letters];
            i++;
        } else if (next == '\n') {
            i++;
        } else if (next == 'x' || next == 'u' || next == 'U') {
            size_t taken = take_hexadecimal(from.text + i + 1, from.n - i - 1, out, &n);
            if (taken == 0) {
                return fail(lexer, token->line, "a text has a wrong \\x, \\u or \\U");
            }
            i += taken;
        } else if (next == 'N' || is_digit(next)) {
            return fail(lexer, token->line,
                        "\\N{...} and octal numbers in texts are not supported");
        } else {
            out[n++] = '\\';
        }
    }
    token->span = (struct span){out, n};
    return GEN_OK;
}

static enum gen_status take_string(struct lexer *lexer, struct token *token) {
    char quote = lexer->text[lexer->at];
    size_t end = lexer->at + 1;
    while (end < lexer->n && lexer->text[end] != quote) {
        end += lexer->text[end] == '\\' ? 2 : 1;
    }
    if (end >= lexer->n) {
        return fail(lexer, token->line, "a text has no closing quote");
    }
    token->kind = TOKEN_STRING;
    token->span = (struct span){lexer->text + lexer->at + 1, end - lexer->at - 1};
    move(lexer, end + 1 - lexer->at);
    return unescape(lexer, token);
}

static enum gen_status take_sign(struct lexer *lexer, struct token *token) {
    static const char *const signs[] = {"==", "!=", "<=", ">=", "//", "**", "+", "-", "*",
                                        "/",  "%",  "~",  "<",  ">",  "=",  ".", ",", ":",
                                        "|",  "(",  ")",  "[",  "]",  "{",  "}"};
    for (size_t i = 0; i < N_OF(signs); i++) {
        if (is_at(lexer, signs[i])) {
            token->kind = TOKEN_SIGN;
            token->span = (struct span){signs[i], strlen(signs[i])};
            move(lexer, token->span.n);
            lexer->depth += strchr("([{", signs[i][0]) != NULL;
            lexer->depth -= strchr(")]}", signs[i][0]) != NULL;
            return GEN_OK;
        }
    }
    struct error_quoted quoted;
    return error_set(lexer->err, GEN_UNSUPPORTED, "template, line %u: unexpected character \"%s\"",
                     lexer->line,
                     error_quote(&quoted, lexer->text + lexer->at,
                                 text_character((struct span){lexer->text, lexer->n}, lexer->at)));
}

static enum gen_status next_in_tag(struct lexer *lexer, struct token *token) {
    skip_space(lexer);
    token->line = lexer->line;
    if (lexer->at == lexer->n) {
        return fail(lexer, lexer->opened, "a tag is not closed");
    }
    char c = lexer->text[lexer->at];
    if (close_tag(lexer, token)) {
        return GEN_OK;
    }
    if (is_letter(c)) {
        size_t start = lexer->at;
        while (lexer->at < lexer->n &&
               (is_letter(lexer->text[lexer->at]) || is_digit(lexer->text[lexer->at]))) {
            lexer->at++;
        }
        token->kind = TOKEN_NAME;
        token->span = (struct span){lexer->text + start, lexer->at - start};
        return GEN_OK;
    }
    if (is_digit(c)) {
        return take_number(lexer, token);
    }
    return c == '\'' || c == '"' ? take_string(lexer, token) : take_sign(lexer, token);
}

enum gen_status lexer_next(struct lexer *lexer, struct token *token) {
    *token = (struct token){.line = lexer->line};
    if (lexer->in_tag) {
        return next_in_tag(lexer, token);
    }
    while (lexer->at < lexer->n) {
        size_t tag = find_tag(lexer);
        struct span text = text_before(lexer, tag);
        if (tag > lexer->at) {
            bool starts = lexer->text[tag - 1] == '\n';
            move(lexer, tag - lexer->at);
            lexer->line_starts = starts;
        }
        if (text.n > 0) {
            token->kind = TOKEN_TEXT;
            token->span = text;
            return GEN_OK;
        }
        if (tag == lexer->n) {
            break;
        }
        if (lexer->text[tag + 1] != '#') {
            open_tag(lexer, token);
            return GEN_OK;
        }
        enum gen_status status = skip_comment(lexer);
        if (status != GEN_OK) {
            return status;
        }
    }
    token->kind = TOKEN_END;
    return GEN_OK;
}
