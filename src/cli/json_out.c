/**
 * json_out.c - writing JSON: commas, brackets, numbers that keep their digits; strings are
 * text/json_quote.c's. Nothing is parsed here; where the text goes is for the caller to say.
 */
#include "cli/json_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/ids.h"
#include "text/json_quote.h"

static void put(struct json_out *json, const char *text) {
    alloc_append(&json->text, text, strlen(text));
}

/* JSON demands fewer escapes, but whoever looks at it with `less` or `cat` shall see what there
 * is. */
static void put_string(struct json_out *json, const char *text, size_t n) {
    if (json_quote(&json->text, text, n, JSON_ESCAPE_UNSEEN) != GEN_OK) {
        alloc_failed();
    }
}

/* What goes before a value. */
static void begin(struct json_out *json, const char *name) {
    if (json->comma) {
        alloc_append(&json->text, ",", 1);
    }
    json->comma = true;
    if (name != NULL) {
        put_string(json, name, strlen(name));
        put(json, ":");
    }
}

void json_out_open(struct json_out *json, const char *name, char bracket) {
    begin(json, name);
    alloc_append(&json->text, &bracket, 1);
    json->comma = false;
}

void json_out_close(struct json_out *json, char bracket) {
    alloc_append(&json->text, &bracket, 1);
    json->comma = true;
}

void json_out_string(struct json_out *json, const char *name, const char *bytes, size_t n) {
    begin(json, name);
    put_string(json, bytes, n);
}

void json_out_raw(struct json_out *json, const char *name, const char *bytes, size_t n) {
    begin(json, name);
    alloc_append(&json->text, bytes, n);
}

void json_out_uint(struct json_out *json, const char *name, uint64_t value) {
    char digits[24];
    size_t at = sizeof digits;
    begin(json, name);
    /* There may be millions of them. */
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    alloc_append(&json->text, digits + at, sizeof digits - at);
}

void json_out_int(struct json_out *json, const char *name, int64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    begin(json, name);
    put(json, digits);
}

void json_out_double(struct json_out *json, const char *name, double value, int digits) {
    char text[40] = "null";
    if (isfinite(value)) {
        snprintf(text, sizeof text, "%.*g", digits, value);
    }
    begin(json, name);
    put(json, text);
}

void json_out_bool(struct json_out *json, const char *name, bool value) {
    begin(json, name);
    put(json, value ? "true" : "false");
}

void json_out_bytes(struct json_out *json, const char *name, const char *bytes, size_t n) {
    json_out_open(json, name, '[');
    for (size_t i = 0; i < n; i++) {
        json_out_uint(json, NULL, (unsigned char)bytes[i]);
    }
    json_out_close(json, ']');
}

void json_out_ids(struct json_out *json, const char *name, const int32_t *ids, size_t n) {
    json_out_open(json, name, '[');
    ids_format(&json->text, ids, n, ',');
    json_out_close(json, ']');
}
