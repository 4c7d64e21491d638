/**
 * gbnf_items.c - what stands for itself in a grammar: texts in quotes, classes of characters,
 * tokens by number or spelling.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "constrain/char_sets.h"
#include "constrain/gbnf/gbnf_parts.h"

static int hex(char byte) {
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

static enum gen_status take_hex(struct gbnf *gbnf, size_t n, uint32_t *code) {
    *code = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = gbnf->at + i < gbnf->n ? hex(gbnf->text[gbnf->at + i]) : -1;
        if (digit < 0 || *code > SYNTAX_LAST_CHAR) {
            return gbnf_wrong(gbnf, "an escape must be \\xHH, \\uHHHH or \\UHHHHHHHH");
        }
        *code = *code * 16 + (uint32_t)digit;
    }
    gbnf->at += n;
    return *code <= SYNTAX_LAST_CHAR && (*code < 0xD800 || *code > 0xDFFF)
               ? GEN_OK
               : gbnf_wrong(gbnf, "an escape is no code point");
}

static enum gen_status take_escape(struct gbnf *gbnf, uint32_t *code) {
    static const char from[] = "tnr", to[] = "\t\n\r";
    char letter = '\0';
    if (gbnf->at < gbnf->n) {
        letter = gbnf->text[gbnf->at++];
    }
    const char *known = letter != '\0' ? strchr(from, letter) : NULL;
    if (known != NULL) {
        *code = (unsigned char)to[known - from];
        return GEN_OK;
    }
    switch (letter) {
    case 'x':
        return take_hex(gbnf, 2, code);
    case 'u':
        return take_hex(gbnf, 4, code);
    case 'U':
        return take_hex(gbnf, 8, code);
    case '\\':
    case '"':
    case '[':
    case ']':
    case '-':
    case '^':
    case '/':
        *code = (unsigned char)letter;
        return GEN_OK;
    default:
        return gbnf_wrong(gbnf, "there is no such escape");
    }
}

/* A character of a text or a class, which `end` ends. */
static enum gen_status take_char(struct gbnf *gbnf, uint32_t *code) {
    if (gbnf->at >= gbnf->n) {
        return gbnf_wrong(gbnf, "a text or class does not end");
    }
    if (gbnf->text[gbnf->at] == '\\') {
        gbnf->at++;
        return take_escape(gbnf, code);
    }
    int length = bytes_utf8((const unsigned char *)gbnf->text + gbnf->at, gbnf->n - gbnf->at, code);
    if (length <= 0) {
        return gbnf_wrong(gbnf, "it is not UTF-8");
    }
    gbnf->at += (size_t)length;
    return GEN_OK;
}

static enum gen_status parse_text(struct gbnf *gbnf, uint32_t *node) {
    *node = syntax_list(gbnf->syntax, SYNTAX_SEQUENCE);
    while (!gbnf_is(gbnf, "\"")) {
        struct syntax_range range = {0, 0};
        enum gen_status status = take_char(gbnf, &range.low);
        if (status != GEN_OK) {
            return status;
        }
        range.high = range.low;
        syntax_append(gbnf->syntax, *node, syntax_class(gbnf->syntax, &range, 1, false));
    }
    gbnf->at++;
    return GEN_OK;
}

static enum gen_status take_members(struct gbnf *gbnf, struct char_set *set) {
    while (!gbnf_is(gbnf, "]")) {
        uint32_t low = 0, high = 0;
        enum gen_status status = take_char(gbnf, &low);
        high = low;
        if (status == GEN_OK && gbnf_is(gbnf, "-") && !gbnf_is(gbnf, "-]")) {
            gbnf->at++;
            status = take_char(gbnf, &high);
        }
        if (status != GEN_OK) {
            return status;
        }
        if (low > high) {
            return gbnf_wrong(gbnf, "the ends of a range are out of order");
        }
        char_set_add(set, low, high);
    }
    gbnf->at++;
    return GEN_OK;
}

static enum gen_status parse_class(struct gbnf *gbnf, uint32_t *node) {
    struct char_set set = {0};
    bool negated = gbnf_is(gbnf, "^");
    gbnf->at += negated ? 1 : 0;
    enum gen_status status = take_members(gbnf, &set);
    if (status == GEN_OK) {
        gbnf->syntax->no_memory = gbnf->syntax->no_memory || set.no_memory;
        *node = syntax_class(gbnf->syntax, set.ranges, set.n, negated);
    }
    char_set_release(&set);
    return status;
}

/* ---- tokens ----------------------------------------------------------------------------------*/

/* <[id]>, after "<[". */
static enum gen_status take_id(struct gbnf *gbnf, int32_t *id) {
    int32_t n_vocab = gen_tokenizer_n_vocab(gbnf->tokenizer);
    int64_t number = 0;
    size_t start = gbnf->at;
    while (gbnf->at < gbnf->n && gbnf->text[gbnf->at] >= '0' && gbnf->text[gbnf->at] <= '9' &&
           number < INT32_MAX) {
        number = number * 10 + (gbnf->text[gbnf->at++] - '0');
    }
    if (gbnf->at == start || !gbnf_is(gbnf, "]>")) {
        return gbnf_wrong(gbnf, "a token by its number must be <[ID]>");
    }
    gbnf->at += 2;
    if (number >= n_vocab) {
        return gbnf_wrong(gbnf, "<[ID]>: the vocabulary has no such id");
    }
    *id = (int32_t)number;
    return GEN_OK;
}

/* <token>, from the "<" on: its brackets are a part of it. */
static enum gen_status take_spelled(struct gbnf *gbnf, int32_t *id) {
    const char *start = gbnf->text + gbnf->at;
    const char *end = memchr(start, '>', gbnf->n - gbnf->at);
    struct gen_ids ids = {0};
    if (end == NULL) {
        return gbnf_wrong(gbnf, "a token must end with >");
    }
    size_t n = (size_t)(end - start) + 1;
    enum gen_status status = gen_tokenizer_encode(gbnf->tokenizer, start, n, true, &ids, gbnf->err);
    if (status == GEN_OK && ids.n != 1) {
        struct error_quoted name;
        status = error_set(gbnf->err, GEN_BAD_ARGUMENT,
                           "%s is no token of the vocabulary, but %zu of them",
                           error_quote(&name, start, n), ids.n);
    }
    if (status == GEN_OK) {
        *id = ids.data[0];
        gbnf->at += n;
    }
    gen_ids_release(&ids);
    return status;
}

static enum gen_status parse_token(struct gbnf *gbnf, uint32_t *node) {
    int32_t id = 0;
    bool negated = gbnf_is(gbnf, "!");
    gbnf->at += negated ? 1 : 0;
    enum gen_status status;
    if (gbnf_is(gbnf, "<[")) {
        gbnf->at += 2;
        status = take_id(gbnf, &id);
    } else {
        status = take_spelled(gbnf, &id);
    }
    *node = syntax_token(gbnf->syntax, id, negated);
    return status;
}

enum gen_status gbnf_parse_item(struct gbnf *gbnf, uint32_t *node) {
    switch (gbnf->text[gbnf->at]) {
    case '"':
        gbnf->at++;
        return parse_text(gbnf, node);
    case '[':
        gbnf->at++;
        return parse_class(gbnf, node);
    case '.':
        gbnf->at++;
        *node = syntax_class(gbnf->syntax, NULL, 0, true);
        return GEN_OK;
    case '<':
    case '!':
        return parse_token(gbnf, node);
    case '*':
    case '+':
    case '?':
    case '{':
        return gbnf_wrong(gbnf, "there is nothing to repeat");
    default:
        return gbnf_wrong(gbnf, "an item must be \"text\", [class], ., (...), a rule or <token>");
    }
}
