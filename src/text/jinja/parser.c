/**
 * parser.c - jinja_parse(): the statements of a template as a tree; expressions are in
 * expression.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "text/jinja/parts.h"

/* Bytes of a tree for each byte of its template are far fewer. */
#define MEMORY_LIMIT ((size_t)64 << 20)

/* ---- helpers ---------------------------------------------------------------------------------*/

static void need_close(struct parser *parser) {
    if (parser->token.kind != TOKEN_CLOSE) {
        parser_unexpected(parser, "the end of the tag");
    }
    parser_move(parser);
}

/* A name at the next token, as a node. */
static struct node *parse_name(struct parser *parser) {
    struct node *node = parser_node(parser, NODE_NAME);
    if (parser->token.kind != TOKEN_NAME) {
        parser_unexpected(parser, "a name");
        return NULL;
    }
    if (node != NULL) {
        node->name = parser->token.span;
        parser_move(parser);
    }
    return node;
}

static struct node *parse_names(struct parser *parser) {
    struct node *first = parse_name(parser), *last = first;
    while (last != NULL && parser_take_sign(parser, ",")) {
        last->next = parse_name(parser);
        last = last->next;
    }
    return first;
}

/* ---- statements ------------------------------------------------------------------------------*/

static const char *const else_words[] = {"elif", "else", "endif", NULL};

/* Statements up to a block of one of these words, whose word is then next. */
static struct node *parse_body(struct parser *parser, const char *const *ends);

/* After the word endX. */
static void parse_end(struct parser *parser, const char *word) {
    if (!parser_take_name(parser, word)) {
        parser_unexpected(parser, word);
    }
    need_close(parser);
}

static void parse_if(struct parser *parser, struct node *node) {
    for (;;) {
        node->a = parse_expression(parser);
        need_close(parser);
        node->b = parse_body(parser, else_words);
        if (!parser_take_name(parser, "elif")) {
            break;
        }
        struct node *other = parser_node(parser, NODE_IF);
        if (other == NULL) {
            return;
        }
        node->c = other;
        node = other;
    }
    if (parser_take_name(parser, "else")) {
        static const char *const ends[] = {"endif", NULL};
        need_close(parser);
        struct node *body = parser_node(parser, NODE_BODY);
        if (body != NULL) {
            body->b = parse_body(parser, ends);
        }
        node->c = body;
    }
    parse_end(parser, "endif");
}

static void parse_for(struct parser *parser, struct node *node) {
    static const char *const ends[] = {"else", "endfor", NULL};
    node->names = parse_names(parser);
    if (!parser_take_name(parser, "in")) {
        parser_unexpected(parser, "in");
    }
    node->a = parse_or(parser);
    if (parser_take_name(parser, "if")) {
        node->d = parse_expression(parser);
    }
    if (parser_is_name(parser, "recursive")) {
        parser_fail(parser, "recursive loops are not supported");
    }
    need_close(parser);
    parser->loops++;
    node->b = parse_body(parser, ends);
    parser->loops--;
    if (parser_take_name(parser, "else")) {
        need_close(parser);
        node->c = parse_body(parser, ends + 1);
    }
    parse_end(parser, "endfor");
}

static void parse_set(struct parser *parser, struct node *node) {
    static const char *const ends[] = {"endset", NULL};
    node->names = parse_names(parser);
    if (parser_take_sign(parser, ".")) {
        struct node *member = parse_name(parser);
        node->name = member != NULL ? member->name : node->name;
    }
    if (parser_take_sign(parser, "=")) {
        node->a = parse_tuple(parser);
        need_close(parser);
        return;
    }
    node->kind = NODE_SET_BLOCK;
    if (parser->token.kind != TOKEN_CLOSE || (node->names != NULL && node->names->next != NULL) ||
        node->name.n > 0) {
        parser_unexpected(parser, "=");
    }
    need_close(parser);
    node->b = parse_body(parser, ends);
    parse_end(parser, "endset");
}

static void parse_macro(struct parser *parser, struct node *node) {
    static const char *const ends[] = {"endmacro", NULL};
    struct node *name = parse_name(parser), **end = &node->names;
    node->name = name != NULL ? name->name : node->name;
    parser_need_sign(parser, "(");
    while (parser->status == GEN_OK && !parser_is_sign(parser, ")")) {
        struct node *parameter = parse_name(parser);
        if (parameter != NULL && parser_take_sign(parser, "=")) {
            parameter->a = parse_expression(parser);
        }
        if (parameter != NULL) {
            *end = parameter;
            end = &parameter->next;
        }
        if (!parser_take_sign(parser, ",")) {
            break;
        }
    }
    parser_need_sign(parser, ")");
    need_close(parser);
    int loops = parser->loops;
    parser->loops = 0;
    node->b = parse_body(parser, ends);
    parser->loops = loops;
    parse_end(parser, "endmacro");
}

static void parse_jump(struct parser *parser, struct node *node, enum node_kind kind) {
    if (parser->loops == 0) {
        parser_fail(parser, "%s outside of a loop", kind == NODE_BREAK ? "break" : "continue");
    }
    node->kind = kind;
    need_close(parser);
}

/* The word of a block is next. */
static struct node *parse_block(struct parser *parser) {
    static const char *const generation_ends[] = {"endgeneration", NULL};
    struct node *node = parser_node(parser, NODE_IF);
    if (node == NULL || !parser_enter(parser)) {
        return NULL;
    }
    if (parser_take_name(parser, "if")) {
        parse_if(parser, node);
    } else if (parser_take_name(parser, "for")) {
        node->kind = NODE_FOR;
        parse_for(parser, node);
    } else if (parser_take_name(parser, "set")) {
        node->kind = NODE_SET;
        parse_set(parser, node);
    } else if (parser_take_name(parser, "macro")) {
        node->kind = NODE_MACRO;
        parse_macro(parser, node);
    } else if (parser_take_name(parser, "generation")) {
        node->kind = NODE_BODY;
        need_close(parser);
        node->b = parse_body(parser, generation_ends);
        parse_end(parser, "endgeneration");
    } else if (parser_take_name(parser, "break")) {
        parse_jump(parser, node, NODE_BREAK);
    } else if (parser_take_name(parser, "continue")) {
        parse_jump(parser, node, NODE_CONTINUE);
    } else {
        struct error_quoted quoted;
        parser_fail(parser,
                    "the statement \"%s\" is not supported here (known are if, for, set, macro, "
                    "generation, break and continue)",
                    error_quote(&quoted, parser->token.span.text, parser->token.span.n));
    }
    parser->depth--;
    return node;
}

static bool is_among(const struct parser *parser, const char *const *words) {
    for (; *words != NULL; words++) {
        if (parser_is_name(parser, *words)) {
            return true;
        }
    }
    return false;
}

static struct node *parse_body(struct parser *parser, const char *const *ends) {
    struct node *first = NULL, **end = &first;
    while (parser->status == GEN_OK) {
        struct node *node = NULL;
        if (parser->token.kind == TOKEN_END) {
            if (ends != NULL) {
                parser_unexpected(parser, ends[0]);
            }
            break;
        }
        if (parser->token.kind == TOKEN_TEXT) {
            node = parser_node(parser, NODE_TEXT);
            if (node != NULL) {
                node->name = parser->token.span;
            }
            parser_move(parser);
        } else if (parser->token.kind == TOKEN_OUTPUT) {
            node = parser_node(parser, NODE_OUTPUT);
            parser_move(parser);
            if (node != NULL) {
                node->a = parse_tuple(parser);
            }
            need_close(parser);
        } else {
            parser_move(parser);
            if (ends != NULL && is_among(parser, ends)) {
                break;
            }
            node = parse_block(parser);
        }
        if (node != NULL) {
            *end = node;
            end = &node->next;
        }
    }
    return first;
}

/* ---- the whole -------------------------------------------------------------------------------*/

/* The template with \n for each line end, and without the last. */
static char *copy_lines(struct arena *arena, const char *text, size_t n, size_t *n_copied) {
    char *copy = arena_new(arena, n + 1);
    size_t length = 0;
    for (size_t i = 0; copy != NULL && i < n; i++) {
        if (text[i] == '\r' && i + 1 < n && text[i + 1] == '\n') {
            continue;
        }
        copy[length++] = text[i];
        if (text[i] == '\r') {
            copy[length - 1] = '\n';
        }
    }
    *n_copied = length > 0 && copy[length - 1] == '\n' ? length - 1 : length;
    return copy;
}

enum gen_status jinja_parse(struct jinja **out, const char *text, size_t n, struct gen_error *err) {
    *out = NULL;
    if (n > JINJA_MAX_TEMPLATE) {
        return error_set(err, GEN_UNSUPPORTED,
                         "a template of %zu bytes is too long: it must be at most %zu", n,
                         JINJA_MAX_TEMPLATE);
    }
    struct jinja *jinja = memory_new(1, sizeof *jinja);
    if (jinja == NULL) {
        return error_no_memory(err, "a template");
    }
    jinja->arena.limit = MEMORY_LIMIT;
    struct parser parser = {.arena = &jinja->arena, .err = err};
    size_t length = 0;
    const char *lines = copy_lines(&jinja->arena, text, n, &length);
    parser.lexer = (struct lexer){.arena = &jinja->arena,
                                  .text = lines,
                                  .n = length,
                                  .line = 1,
                                  .line_starts = true,
                                  .err = err};
    if (lines == NULL) {
        parser.status = error_no_memory(err, "a template");
    }
    parser_move(&parser);
    jinja->body = parse_body(&parser, NULL);
    if (parser.status == GEN_OK) {
        *out = jinja;
    } else {
        jinja_free(jinja);
    }
    return parser.status;
}

void jinja_free(struct jinja *jinja) {
    if (jinja != NULL) {
        arena_release(&jinja->arena);
        memory_free(jinja);
    }
}
