/**
 * fronts.c - the constraints of gen_constraint.h, each from what a front end makes of its text.
 */
#include <string.h>

#include "base/error.h"
#include "constrain/constraint.h"
#include "constrain/gbnf/gbnf.h"
#include "constrain/json/schema.h"
#include "constrain/regex/regex.h"

/* A constraint of what was parsed, unless that failed. */
static enum gen_status finish(struct gen_constraint **out, const struct gen_pieces *pieces,
                              const char *name, struct syntax *syntax, enum gen_status status,
                              struct gen_error *err) {
    *out = NULL;
    if (syntax->no_memory) {
        status = error_no_memory(err, "the constraint");
    } else {
        status = status == GEN_OK ? constraint_new(out, pieces, name, syntax, err)
                                  : constraint_refuse(name, status, err);
    }
    syntax_release(syntax);
    return status;
}

enum gen_status gen_constraint_new_regex(struct gen_constraint **out,
                                         const struct gen_pieces *pieces, const char *name,
                                         const char *text, size_t n, struct gen_error *err) {
    struct syntax syntax;
    uint32_t node = 0;
    enum gen_status status = GEN_OK;
    if (syntax_init(&syntax)) {
        status = regex_parse(&node, &syntax, text, n, NULL, false, err);
        syntax.rules[0].node = node;
    }
    return finish(out, pieces, name, &syntax, status, err);
}

enum gen_status gen_constraint_new_grammar(struct gen_constraint **out,
                                           const struct gen_pieces *pieces, const char *name,
                                           const char *text, size_t n, struct gen_error *err) {
    struct syntax syntax;
    enum gen_status status = GEN_OK;
    if (syntax_init(&syntax)) {
        status = gbnf_parse(&syntax, text, n, pieces->tokenizer, err);
    }
    return finish(out, pieces, name, &syntax, status, err);
}

enum gen_status gen_constraint_new_json_schema(struct gen_constraint **out,
                                               const struct gen_pieces *pieces, const char *name,
                                               const char *text, size_t n, struct gen_error *err) {
    struct syntax syntax;
    enum gen_status status = GEN_OK;
    if (syntax_init(&syntax)) {
        status = json_schema_parse(&syntax, text, n, err);
    }
    return finish(out, pieces, name, &syntax, status, err);
}

enum gen_status gen_constraint_new_json_object(struct gen_constraint **out,
                                               const struct gen_pieces *pieces,
                                               struct gen_error *err) {
    struct syntax syntax;
    if (syntax_init(&syntax)) {
        json_schema_any_object(&syntax);
    }
    return finish(out, pieces, "a JSON object", &syntax, GEN_OK, err);
}

/* ---- choices ---------------------------------------------------------------------------------*/

static uint32_t parse_lines(struct syntax *syntax, const char *text, size_t n) {
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    for (size_t at = 0; at < n;) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end != NULL ? (size_t)(end - text) - at : n - at;
        size_t shown = length > 0 && text[at + length - 1] == '\r' ? length - 1 : length;
        if (shown > 0) {
            syntax_append(syntax, list, syntax_bytes(syntax, text + at, shown));
        }
        at += length + 1;
    }
    return list;
}

enum gen_status gen_constraint_new_choices(struct gen_constraint **out,
                                           const struct gen_pieces *pieces, const char *name,
                                           const char *text, size_t n, struct gen_error *err) {
    struct syntax syntax;
    if (syntax_init(&syntax)) {
        uint32_t node = parse_lines(&syntax, text, n);
        syntax.rules[0].node = node;
    }
    return finish(out, pieces, name, &syntax, GEN_OK, err);
}
