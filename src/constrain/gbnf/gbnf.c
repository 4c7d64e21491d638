/**
 * gbnf.c - parses a grammar in llama.cpp's notation: rules NAME ::= alternatives, their items, and
 * the repetitions of these. Characters and tokens are gbnf_items.c's.
 */
#include "constrain/gbnf/gbnf.h"

#include <string.h>

#include "base/error.h"
#include "constrain/gbnf/gbnf_parts.h"

#define MAX_DEPTH 200
#define MAX_COUNT 1000000

static bool take(struct gbnf *gbnf, const char *spelling) {
    bool found = gbnf_is(gbnf, spelling);
    gbnf->at += found ? strlen(spelling) : 0;
    return found;
}

/* ---- blanks, names ---------------------------------------------------------------------------*/

static void skip_blanks(struct gbnf *gbnf, bool lines) {
    while (gbnf->at < gbnf->n) {
        char byte = gbnf->text[gbnf->at];
        if (byte == '#') {
            while (gbnf->at < gbnf->n && gbnf->text[gbnf->at] != '\n') {
                gbnf->at++;
            }
        } else if (byte == ' ' || byte == '\t' || byte == '\r' || (lines && byte == '\n')) {
            gbnf->at++;
        } else {
            return;
        }
    }
}

static bool is_name_byte(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

/* The number of the rule whose name comes next, a new one if it is new. */
static enum gen_status take_name(struct gbnf *gbnf, uint32_t *rule) {
    const char *name = gbnf->text + gbnf->at;
    size_t n = 0;
    while (gbnf->at + n < gbnf->n && is_name_byte(name[n])) {
        n++;
    }
    if (n == 0) {
        return gbnf_wrong(gbnf, "the name of a rule must come here (letters, digits, - and _)");
    }
    gbnf->at += n;
    if (hash_table_find(&gbnf->names, name, n, rule)) {
        return GEN_OK;
    }
    *rule = syntax_new_rule(gbnf->syntax, name, n);
    if (hash_table_add(&gbnf->names, name, n, *rule) != HASH_ADDED) {
        gbnf->syntax->no_memory = true;
    }
    return GEN_OK;
}

/* ---- items -----------------------------------------------------------------------------------*/

static bool take_count(struct gbnf *gbnf, uint32_t *count) {
    size_t start = gbnf->at;
    for (*count = 0; gbnf->at < gbnf->n && gbnf->text[gbnf->at] >= '0' &&
                     gbnf->text[gbnf->at] <= '9' && *count <= MAX_COUNT;
         gbnf->at++) {
        *count = *count * 10 + (uint32_t)(gbnf->text[gbnf->at] - '0');
    }
    return gbnf->at > start;
}

/* {n}, {n,}, {n,m}, {,m} after the brace. */
static enum gen_status parse_bounds(struct gbnf *gbnf, uint32_t *low, uint32_t *high) {
    skip_blanks(gbnf, true);
    bool has_low = take_count(gbnf, low), has_high = has_low;
    *high = *low;
    skip_blanks(gbnf, true);
    if (take(gbnf, ",")) {
        skip_blanks(gbnf, true);
        has_high = take_count(gbnf, high);
        *high = has_high ? *high : SYNTAX_NO_LIMIT;
        skip_blanks(gbnf, true);
    }
    if (!take(gbnf, "}") || (!has_low && !has_high)) {
        return gbnf_wrong(gbnf, "a repetition must be {N}, {N,} or {N,M}");
    }
    if (*low > MAX_COUNT || (has_high && *high > MAX_COUNT)) {
        return gbnf_wrong(gbnf, "a repetition has a bound above 1000000");
    }
    return *low > *high ? gbnf_wrong(gbnf, "the bounds of a repetition are out of order") : GEN_OK;
}

static enum gen_status parse_repetition(struct gbnf *gbnf, uint32_t *node) {
    enum gen_status status = GEN_OK;
    uint32_t low = 0, high = SYNTAX_NO_LIMIT;
    if (take(gbnf, "+")) {
        low = 1;
    } else if (take(gbnf, "?")) {
        high = 1;
    } else if (take(gbnf, "{")) {
        status = parse_bounds(gbnf, &low, &high);
    } else if (!take(gbnf, "*")) {
        return GEN_OK;
    }
    *node = syntax_repeat(gbnf->syntax, *node, low, high);
    return status;
}

static enum gen_status parse_alternatives(struct gbnf *gbnf, uint32_t *node);

static enum gen_status parse_group(struct gbnf *gbnf, uint32_t *node) {
    if (++gbnf->depth > MAX_DEPTH) {
        return gbnf_wrong(gbnf, "more than 200 brackets lie within each other");
    }
    enum gen_status status = parse_alternatives(gbnf, node);
    gbnf->depth--;
    return status == GEN_OK && !take(gbnf, ")") ? gbnf_wrong(gbnf, "a ( must end with )") : status;
}

static enum gen_status parse_item(struct gbnf *gbnf, uint32_t *node) {
    if (take(gbnf, "(")) {
        return parse_group(gbnf, node);
    }
    if (is_name_byte(gbnf->text[gbnf->at])) {
        uint32_t rule = 0;
        enum gen_status status = take_name(gbnf, &rule);
        *node = syntax_use(gbnf->syntax, rule);
        return status;
    }
    return gbnf_parse_item(gbnf, node);
}

/* Whether no more items come: the sequence ends at a line's end, unless it is in brackets. */
static bool is_end(const struct gbnf *gbnf) {
    return gbnf->at >= gbnf->n || gbnf->text[gbnf->at] == '|' || gbnf->text[gbnf->at] == ')' ||
           gbnf->text[gbnf->at] == '\n';
}

static enum gen_status parse_sequence(struct gbnf *gbnf, uint32_t *node) {
    *node = syntax_list(gbnf->syntax, SYNTAX_SEQUENCE);
    skip_blanks(gbnf, gbnf->depth > 0);
    while (!is_end(gbnf)) {
        uint32_t item = 0;
        enum gen_status status = parse_item(gbnf, &item);
        if (status == GEN_OK) {
            status = parse_repetition(gbnf, &item);
        }
        if (status != GEN_OK) {
            return status;
        }
        syntax_append(gbnf->syntax, *node, item);
        skip_blanks(gbnf, gbnf->depth > 0);
    }
    return GEN_OK;
}

/* "|", at the end of this line or the beginning of the next. */
static bool take_or(struct gbnf *gbnf) {
    size_t start = gbnf->at;
    skip_blanks(gbnf, true);
    bool found = take(gbnf, "|");
    gbnf->at = found ? gbnf->at : start;
    if (found) {
        skip_blanks(gbnf, true);
    }
    return found;
}

static enum gen_status parse_alternatives(struct gbnf *gbnf, uint32_t *node) {
    *node = syntax_list(gbnf->syntax, SYNTAX_CHOICE);
    enum gen_status status;
    do {
        uint32_t next = 0;
        status = parse_sequence(gbnf, &next);
        syntax_append(gbnf->syntax, *node, next);
    } while (status == GEN_OK && take_or(gbnf));
    return status;
}

/* ---- rules -----------------------------------------------------------------------------------*/

static enum gen_status parse_rule(struct gbnf *gbnf) {
    uint32_t rule = 0, node = 0;
    enum gen_status status = take_name(gbnf, &rule);
    skip_blanks(gbnf, false);
    if (status != GEN_OK) {
        return status;
    }
    if (!take(gbnf, "::=")) {
        return gbnf_wrong(gbnf, "::= must follow the name of a rule");
    }
    if (!gbnf->syntax->no_memory && gbnf->syntax->rules[rule].node != 0) {
        struct error_quoted name;
        return error_set(
            gbnf->err, GEN_BAD_ARGUMENT, "rule \"%s\" is defined twice",
            error_quote(&name, gbnf->syntax->rules[rule].name, gbnf->syntax->rules[rule].n_name));
    }
    skip_blanks(gbnf, true);
    status = parse_alternatives(gbnf, &node);
    if (status == GEN_OK && gbnf->at < gbnf->n && gbnf->text[gbnf->at] != '\n') {
        status = gbnf_wrong(gbnf, "a rule must end with its line");
    }
    if (status == GEN_OK && !gbnf->syntax->no_memory) {
        gbnf->syntax->rules[rule].node = node;
    }
    skip_blanks(gbnf, true);
    return status;
}

static enum gen_status check_defined(const struct syntax *syntax, struct gen_error *err) {
    for (size_t i = 0; i < syntax->n_rules && !syntax->no_memory && !syntax->too_large; i++) {
        if (syntax->rules[i].node == 0) {
            struct error_quoted name;
            return error_set(err, GEN_BAD_ARGUMENT, "rule \"%s\" is not defined%s",
                             error_quote(&name, syntax->rules[i].name, syntax->rules[i].n_name),
                             i == 0 ? " (a text is what root is)" : "");
        }
    }
    return GEN_OK;
}

enum gen_status gbnf_parse(struct syntax *syntax, const char *text, size_t n,
                           const struct gen_tokenizer *tokenizer, struct gen_error *err) {
    struct gbnf gbnf = {.syntax = syntax, .text = text, .n = n, .tokenizer = tokenizer, .err = err};
    enum gen_status status = GEN_OK;
    if (hash_table_add(&gbnf.names, "root", 4, 0) != HASH_ADDED) {
        syntax->no_memory = true;
    }
    skip_blanks(&gbnf, true);
    while (status == GEN_OK && gbnf.at < n && !syntax->no_memory && !syntax->too_large) {
        status = parse_rule(&gbnf);
    }
    hash_table_release(&gbnf.names);
    return status == GEN_OK ? check_defined(syntax, err) : status;
}
