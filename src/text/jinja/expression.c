/**
 * expression.c - the expressions of a template as trees, by Jinja's order of operators: or, and,
 * not, comparisons, + and -, ~, * and the rest of them, signs, then members, calls, filters, tests.
 */
#include <string.h>

#include "base/size.h"
#include "text/jinja/parts.h"

/* Links of one chain, and arguments: trees are walked by recursion only downwards. */
#define MAX_CHAIN 200

static struct node *parse_unary(struct parser *parser, bool with_filters);

static struct node *node_of(struct parser *parser, enum node_kind kind, struct node *a,
                            struct node *b) {
    struct node *node = a != NULL ? parser_node(parser, kind) : NULL;
    if (node != NULL) {
        node->line = a->line;
        node->a = a;
        node->b = b;
    }
    return node;
}

/* One more link on the left: false is a failure. */
static bool count_link(struct parser *parser, int *n) {
    if (++*n > MAX_CHAIN) {
        parser_fail(parser, "an expression of more than %d parts", MAX_CHAIN);
    }
    return parser->status == GEN_OK;
}

/* ---- primary ---------------------------------------------------------------------------------*/

static struct node *parse_items(struct parser *parser, const char *closing, bool pairs) {
    struct node *first = NULL, **end = &first;
    while (parser->status == GEN_OK && !parser_is_sign(parser, closing)) {
        struct node *item = parse_expression(parser);
        if (item != NULL && pairs) {
            parser_need_sign(parser, ":");
            item->next = parse_expression(parser);
        }
        if (item != NULL) {
            *end = item;
            end = item->next != NULL ? &item->next->next : &item->next;
        }
        if (!parser_take_sign(parser, ",")) {
            break;
        }
    }
    parser_need_sign(parser, closing);
    return first;
}

static struct node *parse_string(struct parser *parser) {
    struct node *node = parser_node(parser, NODE_VALUE);
    if (node == NULL) {
        return NULL;
    }
    node->value = value_string(parser->token.span.text, parser->token.span.n);
    parser_move(parser);
    /* Texts after each other are one. */
    for (int n = 0; node != NULL && parser->token.kind == TOKEN_STRING;) {
        struct node *more = parser_node(parser, NODE_VALUE);
        if (more == NULL || !count_link(parser, &n)) {
            return NULL;
        }
        more->value = value_string(parser->token.span.text, parser->token.span.n);
        parser_move(parser);
        node = node_of(parser, NODE_BINARY, node, more);
        if (node != NULL) {
            node->operation = OP_JOIN;
        }
    }
    return node;
}

static struct node *parse_word(struct parser *parser) {
    static const struct {
        const char *name;
        struct value value;
    } constants[] = {{"true", {VALUE_BOOL, {.truth = true}}},
                     {"True", {VALUE_BOOL, {.truth = true}}},
                     {"false", {VALUE_BOOL, {.truth = false}}},
                     {"False", {VALUE_BOOL, {.truth = false}}},
                     {"none", {VALUE_NONE, {0}}},
                     {"None", {VALUE_NONE, {0}}}};
    struct node *node = parser_node(parser, NODE_NAME);
    if (node == NULL) {
        return NULL;
    }
    node->name = parser->token.span;
    for (size_t i = 0; i < N_OF(constants); i++) {
        if (span_is(node->name, constants[i].name)) {
            node->kind = NODE_VALUE;
            node->value = constants[i].value;
        }
    }
    parser_move(parser);
    return node;
}

/* After "(": an expression, or a tuple. */
static struct node *parse_parenthesis(struct parser *parser) {
    struct node *node =
        parser_is_sign(parser, ")") ? parser_node(parser, NODE_LIST) : parse_tuple(parser);
    parser_need_sign(parser, ")");
    return node;
}

static struct node *parse_primary(struct parser *parser) {
    struct node *node = NULL;
    switch (parser->token.kind) {
    case TOKEN_NAME:
        return parse_word(parser);
    case TOKEN_STRING:
        return parse_string(parser);
    case TOKEN_INT:
        node = parser_node(parser, NODE_VALUE);
        if (node != NULL) {
            node->value = value_int(parser->token.number);
        }
        parser_move(parser);
        return node;
    case TOKEN_END:
    case TOKEN_TEXT:
    case TOKEN_OUTPUT:
    case TOKEN_BLOCK:
    case TOKEN_CLOSE:
    case TOKEN_SIGN:
        break;
    }
    if (parser_take_sign(parser, "(")) {
        return parse_parenthesis(parser);
    }
    bool list = parser_is_sign(parser, "[");
    if (!list && !parser_is_sign(parser, "{")) {
        parser_unexpected(parser, "a value");
        return NULL;
    }
    parser_move(parser);
    node = parser_node(parser, list ? NODE_LIST : NODE_DICT);
    if (node != NULL) {
        node->b = parse_items(parser, list ? "]" : "}", !list);
    }
    return node;
}

/* ---- what follows a value --------------------------------------------------------------------*/

/* After "(": arguments, with keywords or without. */
static struct node *parse_arguments(struct parser *parser) {
    struct node *first = NULL, **end = &first;
    while (parser->status == GEN_OK && !parser_is_sign(parser, ")")) {
        struct node *argument = parser_node(parser, NODE_BODY);
        struct node *value = parse_expression(parser);
        if (argument == NULL || value == NULL) {
            return NULL;
        }
        if (value->kind == NODE_NAME && parser_take_sign(parser, "=")) {
            argument->name = value->name;
            value = parse_expression(parser);
        }
        argument->a = value;
        *end = argument;
        end = &argument->next;
        if (!parser_take_sign(parser, ",")) {
            break;
        }
    }
    parser_need_sign(parser, ")");
    return first;
}

static struct node *optional_bound(struct parser *parser) {
    return parser_is_sign(parser, ":") || parser_is_sign(parser, "]") ? NULL
                                                                      : parse_expression(parser);
}

/* After "[". */
static struct node *parse_subscript(struct parser *parser, struct node *value) {
    struct node *node = node_of(parser, NODE_INDEX, value, NULL);
    if (node == NULL) {
        return NULL;
    }
    node->b = optional_bound(parser);
    if (parser_take_sign(parser, ":")) {
        node->kind = NODE_SLICE;
        node->c = optional_bound(parser);
        if (parser_take_sign(parser, ":")) {
            node->d = optional_bound(parser);
        }
    } else if (node->b == NULL) {
        parser_unexpected(parser, "an index");
    }
    parser_need_sign(parser, "]");
    return node;
}

/* After ".". */
static struct node *parse_member(struct parser *parser, struct node *value) {
    struct node *node = node_of(parser, NODE_MEMBER, value, NULL);
    if (node == NULL) {
        return NULL;
    }
    if (parser->token.kind == TOKEN_INT) {
        node->kind = NODE_INDEX;
        node->b = parse_primary(parser);
        return node;
    }
    if (parser->token.kind != TOKEN_NAME) {
        parser_unexpected(parser, "a name");
    }
    node->name = parser->token.span;
    parser_move(parser);
    return node;
}

static struct node *parse_call(struct parser *parser, struct node *value) {
    struct node *node = node_of(parser, NODE_CALL, value, NULL);
    if (node != NULL) {
        node->b = parse_arguments(parser);
    }
    return node;
}

/* After "|". */
static struct node *parse_filter(struct parser *parser, struct node *value) {
    struct node *node = node_of(parser, NODE_FILTER, value, NULL);
    if (parser->token.kind != TOKEN_NAME) {
        parser_unexpected(parser, "the name of a filter");
    }
    if (node != NULL) {
        node->line = parser->token.line;
        node->name = parser->token.span;
        parser_move(parser);
        if (parser_take_sign(parser, "(")) {
            node->b = parse_arguments(parser);
        }
    }
    return node;
}

static bool is_test_argument(const struct parser *parser) {
    static const char *const words[] = {"else", "or", "and", "is", "if", "in", "not"};
    for (size_t i = 0; i < N_OF(words); i++) {
        if (parser_is_name(parser, words[i])) {
            return false;
        }
    }
    return parser->token.kind == TOKEN_NAME || parser->token.kind == TOKEN_STRING ||
           parser->token.kind == TOKEN_INT || parser_is_sign(parser, "[") ||
           parser_is_sign(parser, "{");
}

/* After "is". */
static struct node *parse_test(struct parser *parser, struct node *value) {
    struct node *node = node_of(parser, NODE_TEST, value, NULL);
    if (node == NULL) {
        return NULL;
    }
    node->negated = parser_take_name(parser, "not");
    node->line = parser->token.line;
    if (parser->token.kind != TOKEN_NAME) {
        parser_unexpected(parser, "the name of a test");
    }
    node->name = parser->token.span;
    parser_move(parser);
    if (parser_take_sign(parser, "(")) {
        node->b = parse_arguments(parser);
    } else if (is_test_argument(parser)) {
        node->b = parser_node(parser, NODE_BODY);
        struct node *argument = parse_unary(parser, false);
        if (node->b != NULL) {
            node->b->a = argument;
        }
    }
    return node;
}

static struct node *parse_postfix(struct parser *parser, struct node *node, bool with_filters) {
    bool filtered = false;
    for (int n = 0; node != NULL && parser->status == GEN_OK && count_link(parser, &n);) {
        if (!filtered && parser_take_sign(parser, ".")) {
            node = parse_member(parser, node);
        } else if (!filtered && parser_take_sign(parser, "[")) {
            node = parse_subscript(parser, node);
        } else if (parser_take_sign(parser, "(")) {
            node = parse_call(parser, node);
        } else if (with_filters && parser_take_sign(parser, "|")) {
            node = parse_filter(parser, node);
            filtered = true;
        } else if (with_filters && parser_take_name(parser, "is")) {
            node = parse_test(parser, node);
            filtered = true;
        } else {
            break;
        }
    }
    return node;
}

/* ---- operators -------------------------------------------------------------------------------*/

static struct node *parse_unary(struct parser *parser, bool with_filters) {
    struct node *node = NULL;
    if (!parser_enter(parser)) {
        return NULL;
    }
    if (parser_take_sign(parser, "-")) {
        node = node_of(parser, NODE_NEGATIVE, parse_unary(parser, false), NULL);
    } else if (parser_take_sign(parser, "+")) {
        node = parse_unary(parser, false);
    } else {
        node = parse_primary(parser);
    }
    node = parse_postfix(parser, node, with_filters);
    parser->depth--;
    return node;
}

struct sign {
    const char *text;
    enum operation operation;
};

static const struct sign *find_sign(const struct parser *parser, const struct sign *signs) {
    for (; signs->text != NULL; signs++) {
        if (parser_is_sign(parser, signs->text)) {
            return signs;
        }
    }
    return NULL;
}

/* The three levels of operators between values, the tightest first. */
static struct node *parse_level(struct parser *parser, int level) {
    static const struct sign signs[3][5] = {
        {{"*", OP_MULTIPLY}, {"//", OP_DIVIDE_DOWN}, {"%", OP_MODULO}, {NULL, 0}},
        {{"~", OP_JOIN}, {NULL, 0}},
        {{"+", OP_ADD}, {"-", OP_SUBTRACT}, {NULL, 0}}};
    struct node *node = level == 0 ? parse_unary(parser, true) : parse_level(parser, level - 1);
    const struct sign *sign = NULL;
    for (int n = 0; node != NULL && (sign = find_sign(parser, signs[level])) != NULL;) {
        parser_move(parser);
        struct node *right =
            level == 0 ? parse_unary(parser, true) : parse_level(parser, level - 1);
        node = right != NULL && count_link(parser, &n) ? node_of(parser, NODE_BINARY, node, right)
                                                       : NULL;
        if (node != NULL) {
            node->operation = sign->operation;
        }
    }
    if (parser_is_sign(parser, "/") || parser_is_sign(parser, "**")) {
        parser_fail(parser, "the operator %.2s is not supported", parser->token.span.text);
    }
    return node;
}

/* The comparison that is next, gone over. */
static bool take_comparison(struct parser *parser, enum operation *operation) {
    static const struct sign signs[] = {
        {"==", OP_EQUAL},         {"!=", OP_UNEQUAL}, {"<", OP_LESS}, {"<=", OP_LESS_EQUAL},
        {">=", OP_GREATER_EQUAL}, {">", OP_GREATER},  {NULL, 0}};
    const struct sign *sign = find_sign(parser, signs);
    if (sign != NULL) {
        parser_move(parser);
        *operation = sign->operation;
        return true;
    }
    *operation = OP_IN;
    if (parser_take_name(parser, "in")) {
        return true;
    }
    if (!parser_take_name(parser, "not")) {
        return false;
    }
    *operation = OP_NOT_IN;
    if (!parser_take_name(parser, "in")) {
        parser_unexpected(parser, "in");
    }
    return true;
}

static struct node *parse_compare(struct parser *parser) {
    struct node *node = parse_level(parser, 2), **end = NULL;
    enum operation operation;
    for (int n = 0; node != NULL && parser->status == GEN_OK &&
                    take_comparison(parser, &operation) && count_link(parser, &n);) {
        struct node *right = node_of(parser, NODE_BODY, parse_level(parser, 2), NULL);
        if (right == NULL) {
            return NULL;
        }
        right->operation = operation;
        if (end == NULL && (node = node_of(parser, NODE_COMPARE, node, NULL)) != NULL) {
            end = &node->b;
        }
        if (end != NULL) {
            *end = right;
            end = &right->next;
        }
    }
    return node;
}

static struct node *parse_not(struct parser *parser) {
    int n = 0;
    while (parser_take_name(parser, "not") && count_link(parser, &n)) {
    }
    struct node *node = parse_compare(parser);
    /* Twice makes true or false of a value, which is not the value. */
    for (int left = n == 0 ? 0 : 2 - n % 2; left > 0; left--) {
        node = node_of(parser, NODE_NOT, node, NULL);
    }
    return node;
}

static struct node *parse_and(struct parser *parser) {
    struct node *node = parse_not(parser);
    for (int n = 0; node != NULL && parser_take_name(parser, "and") && count_link(parser, &n);) {
        struct node *right = parse_not(parser);
        node = right != NULL ? node_of(parser, NODE_AND, node, right) : NULL;
    }
    return node;
}

struct node *parse_or(struct parser *parser) {
    struct node *node = parse_and(parser);
    for (int n = 0; node != NULL && parser_take_name(parser, "or") && count_link(parser, &n);) {
        struct node *right = parse_and(parser);
        node = right != NULL ? node_of(parser, NODE_OR, node, right) : NULL;
    }
    return node;
}

struct node *parse_expression(struct parser *parser) {
    if (!parser_enter(parser)) {
        return NULL;
    }
    struct node *node = parse_or(parser);
    for (int n = 0; node != NULL && parser_take_name(parser, "if") && count_link(parser, &n);) {
        struct node *condition = parse_or(parser);
        node = condition != NULL ? node_of(parser, NODE_CHOICE, node, condition) : NULL;
        if (node != NULL && parser_take_name(parser, "else")) {
            node->c = parse_expression(parser);
        }
    }
    parser->depth--;
    return node;
}

struct node *parse_tuple(struct parser *parser) {
    struct node *node = parse_expression(parser);
    if (node == NULL || !parser_is_sign(parser, ",")) {
        return node;
    }
    struct node *list = parser_node(parser, NODE_LIST), *last = node;
    while (parser->status == GEN_OK && parser_take_sign(parser, ",") &&
           parser->token.kind != TOKEN_CLOSE && !parser_is_sign(parser, ")")) {
        last->next = parse_expression(parser);
        last = last->next != NULL ? last->next : last;
    }
    if (list != NULL) {
        list->b = node;
    }
    return list;
}
