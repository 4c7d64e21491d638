#include "cli/json_out.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

#include "cli/alloc.h"
#include "cli/ids.h"

static void put(struct json_out *json, const char *text) {
    alloc_append(&json->text, text, strlen(text));
}

static void put_escaped(struct json_out *json, unsigned char byte) {
    static const char letters[] = "\b\t\n\f\r\"\\";
    static const char *const escapes[] = {"\\b", "\\t", "\\n", "\\f", "\\r", "\\\"", "\\\\"};
    const char *letter = byte != 0 ? strchr(letters, byte) : NULL;
    if (letter != NULL) {
        put(json, escapes[letter - letters]);
    } else {
        char escape[8];
        snprintf(escape, sizeof escape, "\\u%04x", byte);
        put(json, escape);
    }
}

/** Bytes of text[n] from the start that may stand in a JSON string as they are. */
static size_t plain_length(const char *text, size_t n) {
    size_t i = 0;
    while (i < n) {
        unsigned char byte = (unsigned char)text[i];
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
            break;
        }
        utf8proc_int32_t character;
        utf8proc_ssize_t length = utf8proc_iterate((const utf8proc_uint8_t *)text + i,
                                                   (utf8proc_ssize_t)(n - i), &character);
        if (length < 1) {
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
            unsigned char byte = (unsigned char)*text;
            if (byte < 0x80) {
                put_escaped(json, byte);
            } else {
                put(json, "\xef\xbf\xbd");
            }
            text++;
            n--;
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

void json_out_ids(struct json_out *json, const char *name, const int32_t *ids, size_t n) {
    json_out_open(json, name, '[');
    ids_format(&json->text, ids, n, ',');
    json_out_close(json, ']');
}
