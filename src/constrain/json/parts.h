/**
 * parts.h - what the files that read a JSON schema share. A place of the text is under a set
 * of schemas, all of which hold: the one that stands there, what its $ref and allOf name, a branch
 * of its anyOf. Each set is made a rule, once.
 */
#ifndef CONSTRAIN_JSON_PARTS_H
#define CONSTRAIN_JSON_PARTS_H

#include "constrain/json/text.h"
#include "text/json.h"

enum json_type {
    JSON_NULL = 1,
    JSON_BOOLEAN = 2,
    JSON_OBJECT = 4,
    JSON_ARRAY = 8,
    JSON_NUMBER = 16,
    JSON_STRING = 32,
    JSON_ALL = 63
};

/** A schema that holds, without what was decided of it. */
struct schema_member {
    const cJSON *schema;
    unsigned done; /**< bits of enum schema_done */
};

enum schema_done {
    SCHEMA_ANY_OF = 1, /**< a branch of its anyOf is in the set, too */
    SCHEMA_ONE_OF = 2,
    SCHEMA_ONLY_REF = 4 /**< only its $ref counts, as in draft 7 */
};

/** Start from {0}. */
struct schema_set {
    struct schema_member *members;
    size_t n, capacity;
    bool never; /**< nothing fulfils it */
};

/** A set that has a rule. */
struct schema_rule {
    struct schema_set set;
    uint64_t hash;
    uint32_t rule;
};

/** A schema that was made of a keyword of another. */
struct schema_made {
    const cJSON *of;
    cJSON *made;
};

struct schema_builder {
    struct syntax *syntax;
    struct json_text text;
    const cJSON *root;
    bool is_old; /**< draft 7 or before */
    struct schema_rule *rules;
    size_t n_rules, rules_capacity, n_built;
    struct schema_made *made;
    size_t n_made, made_capacity;
    bool failed; /**< `err` is set */
    struct gen_error *err;
    enum gen_status status;
};

/** What a set says, all of it together. */
struct shape {
    unsigned types; /**< bits of enum json_type */
    bool is_integer, is_fraction;
    bool has_low, has_high, low_out, high_out;
    double low, high;
    double multiple;                 /**< 0: none */
    uint32_t min_length, max_length; /**< SYNTAX_NO_LIMIT: none, as below */
    const cJSON *patterns[4];
    size_t n_patterns;
    const char *format;
    uint32_t min_items, max_items, min_members, max_members;
    const cJSON *values; /**< an array that `enum` is, or the value that `const` is */
    const cJSON *contains;
    const cJSON *none_of[4]; /**< texts that a string is not */
    size_t n_none_of;
    uint32_t min_contains, max_contains;
    const char *refused[6]; /**< of values of each type, a keyword that is not supported */
    const cJSON *any_of, *one_of;
    const cJSON *alternatives_of; /**< the schema that these are of */
};

/** Set the error, once. */
void schema_refuse(struct schema_builder *builder, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void schema_no_memory(struct schema_builder *builder);

void schema_set_release(struct schema_set *set);
/** Add a schema; true and {} add nothing, false makes it `never`. */
void schema_set_add(struct schema_builder *builder, struct schema_set *set, const cJSON *schema,
                    unsigned done);
bool schema_set_copy(struct schema_builder *builder, struct schema_set *to,
                     const struct schema_set *from);
/** A schema that was made of a keyword or value, NULL: not yet; and keep one, which is then made.
 */
cJSON *schema_made_of(const struct schema_builder *builder, const cJSON *of);
void schema_keep_made(struct schema_builder *builder, const cJSON *of, cJSON *made);

/* json/sets.c */
/** Add all that the members of a set name by $ref, allOf and the like. */
void schema_set_expand(struct schema_builder *builder, struct schema_set *set);
/** The rule of a set, which may be made later. */
uint32_t schema_rule_of(struct schema_builder *builder, struct schema_set *set);

/* json/negate.c: new schemas, made of copies */
/** What does not fulfil a schema; NULL: that cannot be said. */
cJSON *schema_negate(const cJSON *schema);
/** if, then and else of a schema as anyOf. */
cJSON *schema_choose(const cJSON *schema);
/** A branch of oneOf, and none of the others. */
cJSON *schema_only_one(const cJSON *one_of, const cJSON *branch);

/* json/keywords.c */
/** Whether a keyword says nothing of values. */
bool schema_is_note(const char *name);

/* json/shape.c */
struct shape schema_shape(struct schema_builder *builder, const struct schema_set *set);
/** A keyword that is not supported and speaks of values of these types; NULL: none. */
const char *schema_refused(const struct shape *shape, unsigned types);
/** Whether no value fulfils both sets; they are expanded. */
bool schema_sets_differ(struct schema_builder *builder, const struct schema_set *a,
                        const struct schema_set *b, int depth);
/** Whether a value fulfils a set: 1 yes, 0 no, -1 it is not said (and an error is set). */
int schema_fits(struct schema_builder *builder, const struct schema_set *set, const cJSON *value);

/* json/ranges.c */
uint32_t schema_number(struct schema_builder *builder, const struct shape *shape);
/* json/strings.c */
uint32_t schema_string(struct schema_builder *builder, const struct shape *shape);
/** A string without those names. */
uint32_t schema_other_names(struct schema_builder *builder, const char *const *names, size_t n);
/* json/members.c */
uint32_t schema_array(struct schema_builder *builder, const struct schema_set *set,
                      const struct shape *shape);
uint32_t schema_object(struct schema_builder *builder, const struct schema_set *set,
                       const struct shape *shape);

#endif
