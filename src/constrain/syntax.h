/**
 * syntax.h - what a text may be, as a tree: what the front ends (regex.h, gbnf.h, json/schema.h)
 * make and automaton.h takes. Rules may name each other and themselves.
 *
 * Nodes are numbers. Each is made once, and is a child of one list or rule at most. A failure is
 * kept: it is asked for at the end, by syntax_status().
 */
#ifndef CONSTRAIN_SYNTAX_H
#define CONSTRAIN_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "gen.h"

#define SYNTAX_NO_LIMIT  UINT32_MAX
#define SYNTAX_LAST_CHAR 0x10FFFFu

enum syntax_kind {
    SYNTAX_EMPTY,    /**< the empty text */
    SYNTAX_BYTES,    /**< these bytes */
    SYNTAX_BYTE,     /**< one byte from low to high */
    SYNTAX_CLASS,    /**< one code point of these ranges, as UTF-8; surrogates are none */
    SYNTAX_SEQUENCE, /**< all children in turn */
    SYNTAX_CHOICE,   /**< one of the children; without any: no text at all */
    SYNTAX_REPEAT,   /**< the child, low to high times */
    SYNTAX_RULE,     /**< what the rule is */
    SYNTAX_TOKEN,    /**< the token with this id, however it is spelled */
    SYNTAX_NOT_TOKEN /**< any other token */
};

struct syntax_node {
    enum syntax_kind kind;
    uint32_t first, last; /**< children; of BYTES and CLASS where they begin and how many */
    uint32_t next;        /**< after this one in its list */
    uint32_t low, high;   /**< of REPEAT; low: of RULE its number, of TOKEN the id */
};

struct syntax_range {
    uint32_t low, high;
};

struct syntax_rule {
    const char *name; /**< for messages */
    size_t n_name;
    uint32_t node; /**< 0: not defined */
};

/** Start from syntax_init(); rule 0 is the text. */
struct syntax {
    struct syntax_node *nodes;
    size_t n_nodes, nodes_capacity;
    struct syntax_range *ranges;
    size_t n_ranges, ranges_capacity;
    struct gen_bytes bytes;
    struct syntax_rule *rules;
    size_t n_rules, rules_capacity;
    bool no_memory, too_large;
};

/** False: out of memory. Release also after a failure. */
bool syntax_init(struct syntax *syntax);
void syntax_release(struct syntax *syntax);
/** Whether something failed, which is told in `err`. */
enum gen_status syntax_status(const struct syntax *syntax, struct gen_error *err);

uint32_t syntax_empty(struct syntax *syntax);
uint32_t syntax_bytes(struct syntax *syntax, const char *bytes, size_t n);
uint32_t syntax_byte_range(struct syntax *syntax, unsigned low, unsigned high);
/** The ranges are sorted and joined; those of a `negated` class are all but these. */
uint32_t syntax_class(struct syntax *syntax, const struct syntax_range *ranges, size_t n,
                      bool negated);
/** An empty SYNTAX_SEQUENCE or SYNTAX_CHOICE, for syntax_append(). */
uint32_t syntax_list(struct syntax *syntax, enum syntax_kind kind);
void syntax_append(struct syntax *syntax, uint32_t list, uint32_t child);
uint32_t syntax_repeat(struct syntax *syntax, uint32_t child, uint32_t low, uint32_t high);
uint32_t syntax_token(struct syntax *syntax, int32_t id, bool negated);

/** A new rule without a node. The name is borrowed. */
uint32_t syntax_new_rule(struct syntax *syntax, const char *name, size_t n);
/** What the rule is. */
uint32_t syntax_use(struct syntax *syntax, uint32_t rule);

/** Sort ranges and join those that touch; how many are left. */
size_t syntax_join_ranges(struct syntax_range *ranges, size_t n);

#endif
