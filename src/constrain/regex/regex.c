/**
 * regex.c - parses a regular expression: alternatives, items with their quantifiers, groups. What
 * an escape or a class stands for is regex_chars.c's.
 */
#include "constrain/regex/regex.h"

#include "base/error.h"
#include "base/memory.h"
#include "constrain/regex/regex_parts.h"

#define MAX_DEPTH 200
#define MAX_COUNT 1000000

static bool take(struct regex *regex, char byte) {
    bool found = regex->at < regex->n && regex->text[regex->at] == byte;
    regex->at += found ? 1 : 0;
    return found;
}

/* ---- quantifiers -----------------------------------------------------------------------------*/

static bool is_digit(const struct regex *regex) {
    return regex->at < regex->n && regex->text[regex->at] >= '0' && regex->text[regex->at] <= '9';
}

static bool take_count(struct regex *regex, uint32_t *count) {
    if (!is_digit(regex)) {
        return false;
    }
    for (*count = 0; is_digit(regex); regex->at++) {
        *count = *count * 10 + (uint32_t)(regex->text[regex->at] - '0');
        *count = *count > MAX_COUNT ? MAX_COUNT + 1 : *count;
    }
    return true;
}

/* {n}, {n,}, {n,m} after the brace. */
static enum gen_status parse_bounds(struct regex *regex, uint32_t *low, uint32_t *high) {
    bool good = take_count(regex, low);
    *high = *low;
    if (good && take(regex, ',')) {
        *high = SYNTAX_NO_LIMIT;
        take_count(regex, high);
    }
    if (!good || !take(regex, '}')) {
        return regex_wrong(regex, "{ must begin a quantifier {n}, {n,} or {n,m} (\\{ is a brace)");
    }
    if (*low > MAX_COUNT || (*high != SYNTAX_NO_LIMIT && *high > MAX_COUNT)) {
        return regex_wrong(regex, "a repetition has a bound above 1000000");
    }
    return *low > *high ? regex_wrong(regex, "the bounds of a repetition are out of order")
                        : GEN_OK;
}

static bool is_quantifier(const struct regex *regex) {
    return regex_is(regex, "*") || regex_is(regex, "+") || regex_is(regex, "?") ||
           regex_is(regex, "{");
}

static enum gen_status parse_quantifier(struct regex *regex, uint32_t *node) {
    uint32_t low = 0, high = SYNTAX_NO_LIMIT;
    if (!is_quantifier(regex)) {
        return GEN_OK;
    }
    char byte = regex->text[regex->at++];
    if (byte == '{' && parse_bounds(regex, &low, &high) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    low = byte == '+' ? 1 : low;
    high = byte == '?' ? 1 : high;
    take(regex, '?'); /* which match is preferred is nothing to a form */
    *node = syntax_repeat(regex->syntax, *node, low, high);
    return is_quantifier(regex) ? regex_wrong(regex, "there is nothing to repeat") : GEN_OK;
}

/* ---- items -----------------------------------------------------------------------------------*/

static enum gen_status parse_alternatives(struct regex *regex, uint32_t *node);

static enum gen_status parse_group(struct regex *regex, uint32_t *node) {
    static const char *const refused[][2] = {
        {"?=", "a lookahead (?=...) is not supported"},
        {"?!", "a negative lookahead (?!...) is not supported"},
        {"?<=", "a lookbehind (?<=...) is not supported"},
        {"?<!", "a negative lookbehind (?<!...) is not supported"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (regex_is(regex, refused[i][0])) {
            return regex_wrong(regex, refused[i][1]);
        }
    }
    if (regex_is(regex, "?:")) {
        regex->at += 2;
    } else if (regex_is(regex, "?<") || regex_is(regex, "?P<")) {
        while (regex->at < regex->n && regex->text[regex->at] != '>') {
            regex->at++;
        }
        regex->at++;
    } else if (regex_is(regex, "?")) {
        return regex_wrong(regex, "(? must go on as (?:...) or (?<name>...)");
    }
    if (++regex->depth > MAX_DEPTH) {
        return regex_wrong(regex, "more than 200 groups lie within each other");
    }
    enum gen_status status = parse_alternatives(regex, node);
    regex->depth--;
    if (status == GEN_OK && !take(regex, ')')) {
        status = regex_wrong(regex, "a group must end with )");
    }
    return status;
}

static enum gen_status parse_item(struct regex *regex, uint32_t *node) {
    if (take(regex, '(')) {
        return parse_group(regex, node);
    }
    if (is_quantifier(regex)) {
        return regex_wrong(regex, "there is nothing to repeat");
    }
    if (regex_is(regex, ")")) {
        return regex_wrong(regex, ") closes no group (\\) is a bracket)");
    }
    if (regex_is(regex, "^") || regex_is(regex, "$")) {
        return regex_wrong(regex, "^ and $ are supported at the ends of the whole only");
    }
    return regex_parse_chars(regex, node);
}

static bool is_end(const struct regex *regex) {
    return regex->at >= regex->n || regex_is(regex, "|") ||
           (regex_is(regex, ")") && regex->depth > 0);
}

/* "$" as the last of the whole, or of an alternative of it. */
static bool take_end(struct regex *regex) {
    bool found = regex->depth == 0 && regex_is(regex, "$") &&
                 (regex->at + 1 == regex->n || regex->text[regex->at + 1] == '|');
    regex->at += found ? 1 : 0;
    return found;
}

static uint32_t anything(struct regex *regex) {
    return syntax_repeat(regex->syntax, regex->spell(regex->syntax, NULL, 0, true), 0,
                         SYNTAX_NO_LIMIT);
}

static enum gen_status parse_sequence(struct regex *regex, uint32_t *node) {
    struct syntax *syntax = regex->syntax;
    *node = syntax_list(syntax, SYNTAX_SEQUENCE);
    bool outer = regex->depth == 0 && regex->search;
    bool is_bound = regex->depth == 0 && take(regex, '^');
    if (outer && !is_bound) {
        syntax_append(syntax, *node, anything(regex));
    }
    bool ends = take_end(regex);
    while (!ends && !is_end(regex) && !syntax->too_large && !syntax->no_memory) {
        uint32_t item = 0;
        enum gen_status status = parse_item(regex, &item);
        if (status == GEN_OK) {
            status = parse_quantifier(regex, &item);
        }
        if (status != GEN_OK) {
            return status;
        }
        syntax_append(syntax, *node, item);
        ends = take_end(regex);
    }
    if (outer && !ends) {
        syntax_append(syntax, *node, anything(regex));
    }
    return GEN_OK;
}

static enum gen_status parse_alternatives(struct regex *regex, uint32_t *node) {
    uint32_t first = 0;
    enum gen_status status = parse_sequence(regex, &first);
    *node = first;
    if (status != GEN_OK || !regex_is(regex, "|")) {
        return status;
    }
    *node = syntax_list(regex->syntax, SYNTAX_CHOICE);
    syntax_append(regex->syntax, *node, first);
    while (status == GEN_OK && take(regex, '|')) {
        uint32_t next = 0;
        status = parse_sequence(regex, &next);
        syntax_append(regex->syntax, *node, next);
    }
    return status;
}

enum gen_status regex_parse(uint32_t *node, struct syntax *syntax, const char *text, size_t n,
                            regex_spelling spell, bool search, struct gen_error *err) {
    struct regex regex = {.syntax = syntax,
                          .text = text,
                          .n = n,
                          .spell = spell != NULL ? spell : syntax_class,
                          .search = search,
                          .err = err};
    enum gen_status status = parse_alternatives(&regex, node);
    for (size_t i = 0; i < regex.n_categories; i++) {
        char_set_release(&regex.categories[i].set);
    }
    memory_free(regex.categories);
    /* What came to be too large was not read to its end: that is told by the syntax. */
    return syntax->too_large ? GEN_OK : status;
}
