/**
 * json_member.h - the members of a JSON object as they are spelled: numbers with all their digits,
 * values to be passed on as they are. A text that json.h has not parsed may give any parts of
 * itself, and may be no object at all.
 */
#ifndef TEXT_JSON_MEMBER_H
#define TEXT_JSON_MEMBER_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

struct json_span {
    const char *bytes; /**< in the text that was given */
    size_t n;
};

/** The name of the next member, with its quotes and escapes, and its value; else as below. */
bool json_next_member(struct json_span *name, struct json_span *value, const char *text, size_t n,
                      size_t *at);
/**
 * The value of the next member of the object that text[n] is, in the order in which json_parse()
 * has them; *at is 0 at first. False: there are no more.
 */
bool json_next_value(struct json_span *value, const char *text, size_t n, size_t *at);

/**
 * Append a value without the blanks between its parts, with what cannot be seen as escapes, and
 * with U+FFFD in the place of halves of surrogate pairs, as json_parse_line() takes it: many
 * readers refuse these. GEN_OK or GEN_NO_MEMORY.
 */
enum gen_status json_append_value(struct gen_bytes *out, const struct json_span *value);

#endif
