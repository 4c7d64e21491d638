/**
 * json_line.h - an object on a line of its own, as files of JSON lines have it.
 */
#ifndef TEXT_JSON_LINE_H
#define TEXT_JSON_LINE_H

#include "text/json.h"

/**
 * Parse a line as json_parse() does, but with U+FFFD in the place of halves of surrogate pairs. It
 * must hold an object; `where` names file and line.
 */
enum gen_status json_parse_line(cJSON **out, const char *line, size_t n, const char *where,
                                struct gen_error *err);

/** Append the names of an object's members to `out`, as a message lists them; a few of many. */
void json_list_members(char *out, size_t size, const cJSON *object);

#endif
