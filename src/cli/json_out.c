/**
 * json_out.c - writing JSON: commas, escapes, U+FFFD for what is no UTF-8, numbers that keep their
 * digits. Nothing is parsed here; where the text goes is for the caller to say.
 */
#include "cli/json_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "base/printable.h"
#include "cli/alloc.h"
#include "cli/ids.h"

static void put(struct json_out *json, const char *text) {
    alloc_append(&json->text, text, strlen(text));
}

/** A character below U+10000 as its escape. */
static void put_escaped(struct json_out *json, uint32_t character) {
    static const char letters[] = "\b\t\n\f\r\"\\";
    static const char *const escapes[] = {"\\b", "\\t", "\\n", "\\f", "\\r", "\\\"", "\\\\"};
    const char *letter = character > 0 && character < 0x80 ? strchr(letters, (int)character) : NULL;
    if (letter != NULL) {
        put(json, escapes[letter - letters]);
    } else {
        char escape[8];
        snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(character & 0xffff));
        put(json, escape);
    }
}

/** Bytes of text[n] from the start that may be in a JSON string as they are. JSON demands less,
    but whoever looks at it with `less` or `cat` shall see what there is. */
static size_t plain_length(const char *text, size_t n) {
    size_t i = 0;
    while (i < n) {
        unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\') {
            break;
        }
        utf8proc_int32_t character;
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                                   (utf8proc_ssize_t)(n - i), &character);
        if (length < 1 || !printable_is((uint32_t)character)) {
            break;
        }
        i += (size_t)length;
    }
    return i;
}

static void put_string(struct json_out *json, const char *text, size_t n) {
    put(json, "\"");
    while (n > 0) {
        size_t plain = plain_length(text, n);
        alloc_append(&json->text, text, plain);
        text += plain;
        n -= plain;
        if (n > 0) {
            utf8proc_int32_t character;
            utf8proc_ssize_t length =
                utf8proc_iterate((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)n, &character);
            if (length > 0) {
                put_escaped(json, (uint32_t)character);
            } else {
                put(json, "\xef\xbf\xbd");
            }
            text += length > 0 ? length : 1;
            n -= length > 0 ? (size_t)length : 1;
        }
    }
    put(json, "\"");
}

/** What goes before a value. */
static void begin(struct json_out *json, const char *name) {
    if (json->comma) {
        put(json, ",");
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

void json_out_uint(struct json_out *json, const char *name, uint64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)value);
    begin(json, name);
    put(json, digits);
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
