/**
 * json.h - JSON from files nobody vouches for: strict, bounded, case-sensitive.
 *
 * cJSON parses; but it is a lenient parser for friendly input, so that the text is held against
 * RFC 8259 first. Refused are, besides what is not JSON: text after the value, bytes that are
 * not UTF-8, the character U+0000 in any form, halves of surrogate pairs, a member that is
 * twice in one object, nesting deeper than JSON_MAX_DEPTH, more than JSON_MAX_VALUES values
 * (cJSON takes some 140 bytes of memory for 3 bytes of text) and numbers of more than
 * JSON_MAX_DIGITS characters.
 *
 * Strings have no NUL inside, so strlen() is right for them. Walk an array or object by
 * ->child and ->next; cJSON_GetArrayItem() would make that quadratic.
 */
#ifndef TEXT_JSON_H
#define TEXT_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

#define JSON_MAX_DEPTH  64
#define JSON_MAX_VALUES 1000000
#define JSON_MAX_DIGITS 60

/** Parse n bytes of text; `where` names the file in messages. Free with cJSON_Delete(). */
enum gen_status json_parse(cJSON **out, const char *text, size_t n, const char *where,
                           struct gen_error *err);

/**
 * The same for files that Python's programs write: NaN, Infinity and -Infinity are numbers, none of
 * them finite.
 */
enum gen_status json_parse_python(cJSON **out, const char *text, size_t n, const char *where,
                                  struct gen_error *err);

/** The member called exactly `name`, or NULL; also NULL where `object` is NULL or no object. */
const cJSON *json_member(const cJSON *object, const char *name);

/** Whether the value is a whole number below 2^53 in size, which a double holds exactly. */
bool json_is_integer(const cJSON *item, int64_t *value);

/** The same, and it is spelled as one: 64, not 64.0 or 6.4e1. For formats that are strict there. */
bool json_is_plain_integer(const cJSON *item, int64_t *value);

/** What a value is, for messages: "a number", "text", "null", ... */
const char *json_kind(const cJSON *item);

/** What a text has that needs more care than cJSON takes. */
struct json_counts {
    size_t fractions; /**< numbers with a fraction or an exponent */
    size_t words;     /**< NaN, Infinity, -Infinity */
};

/**
 * json_scan.c: NULL if n bytes of text are JSON within the limits, else what is wrong and at. NaN
 * and its like pass only where `python` is true.
 */
const char *json_scan(const char *text, size_t n, bool python, struct json_counts *counts,
                      size_t *at);

#endif
