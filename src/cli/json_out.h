/**
 * json_out.h - write JSON.
 *
 * Strings are given as bytes: what is not UTF-8 becomes U+FFFD, a NUL stays (as \u0000), and
 * 64-bit numbers keep every digit.
 * What cannot be seen or could move a terminal's cursor is written as an escape (\u202e). Commas
 * are put where they belong.
 */
#ifndef CLI_JSON_OUT_H
#define CLI_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gen.h"

/** JSON being written; start from {0}, release `text` with gen_bytes_release. */
struct json_out {
    struct gen_bytes text;
    bool comma; /**< something comes before the next value */
};

/** `{` or `[`, as a member of that name, or with NULL as an element. */
void json_out_open(struct json_out *json, const char *name, char bracket);
/** `}` or `]` */
void json_out_close(struct json_out *json, char bracket);

/** One value each, as a member of that name, or with NULL as an element. */
void json_out_string(struct json_out *json, const char *name, const char *bytes, size_t n);
void json_out_uint(struct json_out *json, const char *name, uint64_t value);
void json_out_int(struct json_out *json, const char *name, int64_t value);
/** `digits` that count; a value that is not finite becomes null. */
void json_out_double(struct json_out *json, const char *name, double value, int digits);
void json_out_bool(struct json_out *json, const char *name, bool value);
/** n bytes that are JSON already. */
void json_out_raw(struct json_out *json, const char *name, const char *bytes, size_t n);
/** An array of n bytes, each a number. */
void json_out_bytes(struct json_out *json, const char *name, const char *bytes, size_t n);
/** An array of ids. */
void json_out_ids(struct json_out *json, const char *name, const int32_t *ids, size_t n);

#endif
