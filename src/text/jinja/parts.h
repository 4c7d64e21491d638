/**
 * parts.h - what the parts of the Jinja reader share: memory, values, the tree of a template.
 */
#ifndef TEXT_JINJA_PARTS_H
#define TEXT_JINJA_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "text/jinja/jinja.h"

/* ---- memory: taken in chunks, freed at once --------------------------------------------------*/

struct arena_chunk;

/** Start from {.limit = bytes}. */
struct arena {
    struct arena_chunk *chunks;
    size_t used, limit; /**< bytes in all */
    bool out_of_memory; /**< an allocation failed, not the limit */
};

/** n zeroed bytes; NULL beyond the limit or without memory. */
void *arena_new(struct arena *arena, size_t n);
void arena_release(struct arena *arena);

struct span {
    const char *text;
    size_t n;
};

bool span_is(struct span span, const char *text);
bool span_equal(struct span a, struct span b);

/* ---- values ----------------------------------------------------------------------------------*/

enum value_type {
    VALUE_UNDEFINED,
    VALUE_NONE,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_STRING,
    VALUE_LIST,
    VALUE_DICT, /**< and namespaces */
    VALUE_LOOP,
    VALUE_MACRO
};

struct value {
    enum value_type type;
    union {
        bool truth;
        int64_t number;
        struct span string;
        struct list *list;
        struct dict *dict;
        const struct loop *loop;
        const struct node *macro;
    } as;
};

struct list {
    struct value *items;
    size_t n, capacity;
};

struct dict_member {
    struct span name;
    struct value value;
};

struct dict {
    struct dict_member *members;
    size_t n, capacity;
    bool is_namespace; /**< its members may be set */
};

struct loop {
    const struct list *list;
    size_t at;
};

/* ---- the tree --------------------------------------------------------------------------------*/

enum node_kind {
    /* Statements, chained by next. */
    NODE_TEXT,      /**< name: the bytes */
    NODE_OUTPUT,    /**< a */
    NODE_IF,        /**< a: condition, b: body, c: else (a body) */
    NODE_FOR,       /**< names: targets, a: iterable, b: body, c: else, d: condition of an item */
    NODE_SET,       /**< names: targets, a: value; name: member of a namespace, or empty */
    NODE_SET_BLOCK, /**< names: target, b: body */
    NODE_MACRO,     /**< name, names: parameters (a of each: default), b: body */
    NODE_BODY,      /**< b */
    NODE_BREAK,
    NODE_CONTINUE,
    /* Expressions. */
    NODE_VALUE,  /**< value */
    NODE_NAME,   /**< name */
    NODE_LIST,   /**< b: chained by next */
    NODE_DICT,   /**< b: keys and values in turn */
    NODE_MEMBER, /**< a.name */
    NODE_INDEX,  /**< a[b] */
    NODE_SLICE,  /**< a[b:c:d], each may be NULL */
    NODE_CALL,   /**< a(arguments b) */
    NODE_FILTER, /**< a | name(arguments b) */
    NODE_TEST,   /**< a is name(arguments b); negated */
    NODE_NOT,
    NODE_NEGATIVE,
    NODE_AND,
    NODE_OR,
    NODE_CHOICE,  /**< a if b else c */
    NODE_COMPARE, /**< a, then b: chain of operands, each with its operation */
    NODE_BINARY   /**< a operation b */
};

enum operation {
    OP_ADD,
    OP_SUBTRACT,
    OP_MULTIPLY,
    OP_DIVIDE_DOWN,
    OP_MODULO,
    OP_JOIN,
    OP_EQUAL,
    OP_UNEQUAL,
    OP_LESS,
    OP_LESS_EQUAL,
    OP_GREATER,
    OP_GREATER_EQUAL,
    OP_IN,
    OP_NOT_IN
};

struct node {
    enum node_kind kind;
    enum operation operation;
    bool negated;
    unsigned line;
    struct span name; /**< of an argument of a call: its keyword, or empty */
    struct node *names, *a, *b, *c, *d, *next;
    struct value value;
};

struct jinja {
    struct arena arena;
    struct node *body;
};

/* ---- lexer -----------------------------------------------------------------------------------*/

enum token_kind {
    TOKEN_END,    /**< of the template */
    TOKEN_TEXT,   /**< outside of tags */
    TOKEN_OUTPUT, /**< {{ */
    TOKEN_BLOCK,  /**< {% */
    TOKEN_CLOSE,  /**< }} or %} */
    TOKEN_NAME,
    TOKEN_INT,
    TOKEN_STRING,
    TOKEN_SIGN /**< an operator or a bracket */
};

struct token {
    enum token_kind kind;
    unsigned line;
    struct span span; /**< resolved, where it is a string */
    int64_t number;
};

/** Over `text`, whose line ends are \n alone. */
struct lexer {
    struct arena *arena;
    const char *text;
    size_t n, at;
    unsigned line;
    bool in_tag, is_block; /**< inside of a tag, and which */
    bool line_starts;      /**< what was read last ends in a line end */
    bool stripped;         /**< the text to come loses its leading white space */
    int depth;             /**< brackets that are open */
    unsigned opened;       /**< line of the tag */
    struct gen_error *err;
};

/** The next token; on failure err is set. */
enum gen_status lexer_next(struct lexer *lexer, struct token *token);

/* ---- parser ----------------------------------------------------------------------------------*/

struct parser {
    struct lexer lexer;
    struct token token; /**< the next */
    struct arena *arena;
    int depth, loops;
    enum gen_status status; /**< of the first failure; after it nothing is looked at */
    struct gen_error *err;
};

/** A failure at the next token. */
void parser_fail(struct parser *parser, const char *format, ...) ERROR_PRINTF(2, 3);
/** The next token is not what it must be. */
void parser_unexpected(struct parser *parser, const char *must_be);
void parser_move(struct parser *parser);
bool parser_is_sign(const struct parser *parser, const char *sign);
bool parser_is_name(const struct parser *parser, const char *name);
/** Go over it if it is next. */
bool parser_take_sign(struct parser *parser, const char *sign);
bool parser_take_name(struct parser *parser, const char *name);
void parser_need_sign(struct parser *parser, const char *sign);
struct node *parser_node(struct parser *parser, enum node_kind kind);
/** Enter a nested construct; false is a failure: too deep. Leave by depth--. */
bool parser_enter(struct parser *parser);

/** These return NULL after a failure. */
struct node *parse_expression(struct parser *parser);
/** Without `if ... else`, as the list of a `for` is. */
struct node *parse_or(struct parser *parser);
/** Expressions with commas between are a tuple, here a list. */
struct node *parse_tuple(struct parser *parser);

/* ---- running ---------------------------------------------------------------------------------*/

struct arguments;

struct variable {
    struct span name;
    struct value value;
};

struct run {
    struct arena arena;
    struct gen_bytes *out;
    size_t out_limit;
    uint64_t work;
    int depth;
    struct variable *variables;
    size_t n_variables, capacity;
    size_t frame;           /**< first variable of the innermost scope */
    size_t floor;           /**< first that a macro sees of those that are not global */
    size_t n_globals;       /**< those that a macro sees besides */
    enum gen_status status; /**< of the first failure; after it nothing is done */
    bool raised;            /**< by raise_exception */
    bool breaks, continues; /**< out of the innermost loop */
    /** The text that a macro makes, which evaluating needs and which runs statements. */
    struct value (*call_macro)(struct run *run, unsigned line, const struct node *macro,
                               const struct arguments *arguments);
    struct gen_error *err;
};

void run_fail(struct run *run, unsigned line, const char *format, ...) ERROR_PRINTF(3, 4);
/** Count n units of work; false when there is no more to be done. */
bool run_work(struct run *run, unsigned line, size_t n);
void *run_new(struct run *run, unsigned line, size_t count, size_t size);

struct value value_bool(bool truth);
struct value value_int(int64_t number);
struct value value_string(const char *text, size_t n);
/** A new, empty list or dict; a failure gives an undefined value. */
struct value value_list(struct run *run, unsigned line);
struct value value_dict(struct run *run, unsigned line);
void list_append(struct run *run, unsigned line, struct list *list, struct value value);
void dict_set(struct run *run, unsigned line, struct dict *dict, struct span name,
              struct value value);
/** NULL: there is none. */
const struct value *dict_get(const struct dict *dict, struct span name);

const char *value_type_name(struct value value);
bool value_truth(struct value value);
bool value_equal(struct run *run, unsigned line, struct value a, struct value b);
/** -1, 0, 1; two numbers or two texts, else a failure. */
int value_compare(struct run *run, unsigned line, struct value a, struct value b);
bool value_in(struct run *run, unsigned line, struct value item, struct value container);
/** What it is as text: that of {{ }} and ~. */
struct span value_text(struct run *run, unsigned line, struct value value);
struct value value_member(struct run *run, unsigned line, struct value value, struct span name);
struct value value_index(struct run *run, unsigned line, struct value value, struct value index);
/** bounds: start, stop, step; undefined where left out. */
struct value value_slice(struct run *run, unsigned line, struct value value,
                         const struct value bounds[3]);
/** Number of items or characters; -1: it has none. */
int64_t value_length(struct value value);
/** What `for` goes over; a failure where it cannot. */
struct list *value_items(struct run *run, unsigned line, struct value value);

/* Texts, as Python has them. */
size_t text_character(struct span text, size_t at); /**< bytes of the character there */
bool text_is_space(struct span text, size_t at, size_t *n);
struct span text_strip(struct span text, const struct span *characters, bool left, bool right);
/** Where `what` begins at or after `from`; text.n + 1: nowhere. */
size_t text_find(struct span text, size_t from, struct span what);

struct arguments {
    struct value values[8];
    struct span names[8]; /**< empty: by place */
    size_t n;
};

/** The argument at this place or of this name, or NULL. */
const struct value *argument(const struct arguments *arguments, size_t place, const char *name);
const struct value *argument_of(const struct arguments *arguments, size_t place, struct span name);
/** The items as one text, `sign` between them. */
struct value run_join(struct run *run, unsigned line, struct value value, struct span sign);

struct value run_evaluate(struct run *run, const struct node *node);
void run_body(struct run *run, const struct node *body);
void run_set(struct run *run, unsigned line, struct span name, struct value value);
struct value run_filter(struct run *run, unsigned line, struct span name, struct value value,
                        const struct arguments *arguments);
bool run_test(struct run *run, unsigned line, struct span name, struct value value,
              const struct arguments *arguments);
struct value run_function(struct run *run, unsigned line, struct span name,
                          const struct arguments *arguments);
struct value run_method(struct run *run, unsigned line, struct span name, struct value value,
                        const struct arguments *arguments);

#endif
