/**
 * tokens.c - what all of the parser does with tokens: looking at the next, going on, failing at it,
 * and making nodes.
 */
#include <stdio.h>

#include "text/jinja/parts.h"

/* Statements and expressions within each other. */
#define MAX_DEPTH 64

void parser_fail(struct parser *parser, const char *format, ...) {
    char text[300];
    va_list arguments;
    if (parser->status != GEN_OK) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    parser->status =
        error_set(parser->err, GEN_UNSUPPORTED, "template, line %u: %s", parser->token.line, text);
}

void parser_unexpected(struct parser *parser, const char *must_be) {
    static const char *const names[] = {[TOKEN_END] = "the end of the template",
                                        [TOKEN_TEXT] = "a text outside of tags",
                                        [TOKEN_OUTPUT] = "{{",
                                        [TOKEN_BLOCK] = "{%",
                                        [TOKEN_STRING] = "a text",
                                        [TOKEN_INT] = "a number"};
    struct error_quoted quoted;
    const struct token *token = &parser->token;
    bool spelled =
        token->kind == TOKEN_NAME || token->kind == TOKEN_SIGN || token->kind == TOKEN_CLOSE;
    parser_fail(parser, "found %s where %s must be",
                spelled ? error_quote(&quoted, token->span.text, token->span.n)
                        : names[token->kind],
                must_be);
}

void parser_move(struct parser *parser) {
    if (parser->status == GEN_OK) {
        parser->status = lexer_next(&parser->lexer, &parser->token);
    }
    if (parser->status != GEN_OK) {
        parser->token.kind = TOKEN_END;
    }
}

bool parser_is_sign(const struct parser *parser, const char *sign) {
    return parser->token.kind == TOKEN_SIGN && span_is(parser->token.span, sign);
}

bool parser_is_name(const struct parser *parser, const char *name) {
    return parser->token.kind == TOKEN_NAME && span_is(parser->token.span, name);
}

bool parser_take_sign(struct parser *parser, const char *sign) {
    bool is = parser_is_sign(parser, sign);
    if (is) {
        parser_move(parser);
    }
    return is;
}

bool parser_take_name(struct parser *parser, const char *name) {
    bool is = parser_is_name(parser, name);
    if (is) {
        parser_move(parser);
    }
    return is;
}

void parser_need_sign(struct parser *parser, const char *sign) {
    if (!parser_take_sign(parser, sign)) {
        parser_unexpected(parser, sign);
    }
}

struct node *parser_node(struct parser *parser, enum node_kind kind) {
    struct node *node = parser->status == GEN_OK ? arena_new(parser->arena, sizeof *node) : NULL;
    if (node == NULL) {
        if (parser->status == GEN_OK) {
            parser->status = error_no_memory(parser->err, "a template");
        }
        return NULL;
    }
    node->kind = kind;
    node->line = parser->token.line;
    return node;
}

bool parser_enter(struct parser *parser) {
    if (++parser->depth > MAX_DEPTH) {
        parser_fail(parser, "more than %d levels within each other", MAX_DEPTH);
    }
    return parser->status == GEN_OK;
}
