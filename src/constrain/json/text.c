/**
 * text.c - the spelling of JSON as trees of what a text may be.
 */
#include "constrain/json/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "constrain/char_sets.h"

/* ---- small helpers ---------------------------------------------------------------------------*/

static uint32_t word(struct syntax *syntax, const char *text) {
    return syntax_bytes(syntax, text, strlen(text));
}

static uint32_t one_of(struct syntax *syntax, const char *chars) {
    struct syntax_range ranges[32];
    size_t n = 0;
    for (; chars[n] != '\0'; n++) {
        ranges[n] = (struct syntax_range){(unsigned char)chars[n], (unsigned char)chars[n]};
    }
    return syntax_class(syntax, ranges, n, false);
}

static uint32_t range(struct syntax *syntax, uint32_t low, uint32_t high) {
    const struct syntax_range it = {low, high};
    return syntax_class(syntax, &it, 1, false);
}

static uint32_t some_digits(struct syntax *syntax, uint32_t low, uint32_t high) {
    return syntax_repeat(syntax, range(syntax, '0', '9'), low, high);
}

/* ---- strings ---------------------------------------------------------------------------------*/

static uint32_t hex_digit(struct syntax *syntax) {
    static const struct syntax_range ranges[] = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
    return syntax_class(syntax, ranges, 3, false);
}

/* \uHHHH, but no half of a surrogate pair, and not U+0000, which texts in C do not hold. */
static uint32_t unicode_escape(struct syntax *syntax) {
    static const struct syntax_range not_0_d[] = {
        {'1', '9'}, {'A', 'C'}, {'E', 'F'}, {'a', 'c'}, {'e', 'f'}};
    static const struct syntax_range not_0[] = {{'1', '9'}, {'A', 'F'}, {'a', 'f'}};
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    uint32_t plain = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, plain, syntax_class(syntax, not_0_d, 5, false));
    syntax_append(syntax, plain, syntax_repeat(syntax, hex_digit(syntax), 3, 3));
    syntax_append(syntax, list, plain);
    uint32_t below_surrogates = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, below_surrogates, one_of(syntax, "dD"));
    syntax_append(syntax, below_surrogates, range(syntax, '0', '7'));
    syntax_append(syntax, below_surrogates, syntax_repeat(syntax, hex_digit(syntax), 2, 2));
    syntax_append(syntax, list, below_surrogates);
    for (size_t zeros = 1; zeros <= 3; zeros++) {
        uint32_t small = syntax_list(syntax, SYNTAX_SEQUENCE);
        syntax_append(syntax, small, syntax_bytes(syntax, "000", zeros));
        syntax_append(syntax, small, syntax_class(syntax, not_0, 3, false));
        syntax_append(
            syntax, small,
            syntax_repeat(syntax, hex_digit(syntax), (uint32_t)(3 - zeros), (uint32_t)(3 - zeros)));
        syntax_append(syntax, list, small);
    }
    return list;
}

uint32_t json_text_any_char(struct syntax *syntax) {
    static const struct syntax_range refused[] = {{0, 0x1F}, {'"', '"'}, {'\\', '\\'}};
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    uint32_t escape = syntax_list(syntax, SYNTAX_SEQUENCE);
    uint32_t kinds = syntax_list(syntax, SYNTAX_CHOICE);
    uint32_t unicode = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, syntax_class(syntax, refused, 3, true));
    syntax_append(syntax, unicode, word(syntax, "u"));
    syntax_append(syntax, unicode, unicode_escape(syntax));
    syntax_append(syntax, kinds, one_of(syntax, "\"\\/bfnrt"));
    syntax_append(syntax, kinds, unicode);
    syntax_append(syntax, escape, word(syntax, "\\"));
    syntax_append(syntax, escape, kinds);
    syntax_append(syntax, list, escape);
    return list;
}

/* The escape of a code point that must have one; false: it stands for itself. */
static bool escape_of(uint32_t code, char out[8]) {
    static const char from[] = "\b\f\n\r\t\"\\", to[] = "bfnrt\"\\";
    const char *known = code != 0 && code < 0x80 ? strchr(from, (int)code) : NULL;
    if (known != NULL) {
        snprintf(out, 8, "\\%c", to[known - from]);
        return true;
    }
    if (code < 0x20) {
        snprintf(out, 8, "\\u%04x", (unsigned)code);
    }
    return code < 0x20;
}

uint32_t json_text_chars(struct syntax *syntax, const struct syntax_range *ranges, size_t n,
                         bool negated) {
    struct char_set set = {0}, raw = {0};
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    for (size_t i = 0; i < n; i++) {
        char_set_add(&set, ranges[i].low, ranges[i].high);
    }
    if (negated) {
        char_set_add_others(&raw, &set);
        struct char_set swap = set;
        set = raw;
        raw = swap;
        raw.n = 0;
    }
    for (size_t i = 0; i < set.n; i++) {
        uint32_t low = set.ranges[i].low, high = set.ranges[i].high;
        for (uint32_t code = low; code <= high && code <= '\\'; code++) {
            char escape[8];
            if (code != 0 && escape_of(code, escape)) {
                syntax_append(syntax, list, word(syntax, escape));
            } else if (code != 0) {
                char_set_add(&raw, code, code);
            }
        }
        if (high > '\\') {
            char_set_add(&raw, low > '\\' ? low : '\\' + 1, high);
        }
    }
    syntax_append(syntax, list, syntax_class(syntax, raw.ranges, raw.n, false));
    syntax->no_memory = syntax->no_memory || set.no_memory || raw.no_memory;
    char_set_release(&set);
    char_set_release(&raw);
    return list;
}

uint32_t json_text_quoted(struct syntax *syntax, const char *text) {
    struct gen_bytes bytes = {0};
    bool good = gen_bytes_append(&bytes, "\"", 1) == GEN_OK;
    for (; *text != '\0' && good; text++) {
        char escape[8];
        bool escaped = escape_of((unsigned char)*text, escape);
        good = gen_bytes_append(&bytes, escaped ? escape : text, escaped ? strlen(escape) : 1) ==
               GEN_OK;
    }
    good = good && gen_bytes_append(&bytes, "\"", 1) == GEN_OK;
    syntax->no_memory = syntax->no_memory || !good;
    uint32_t node = syntax_bytes(syntax, bytes.data, good ? bytes.n : 0);
    gen_bytes_release(&bytes);
    return node;
}

/* ---- numbers ---------------------------------------------------------------------------------*/

struct json_decimal json_decimal_of(double value) {
    struct json_decimal decimal = {.negative = value < 0};
    char text[40];
    int digits = 1;
    do {
        snprintf(text, sizeof text, "%.*e", digits - 1, fabs(value));
    } while (strtod(text, NULL) != fabs(value) && ++digits <= 17);
    for (const char *at = text; *at != '\0' && *at != 'e'; at++) {
        if (*at >= '0' && *at <= '9' && decimal.n_digits < 18) {
            decimal.digits[decimal.n_digits++] = *at;
        }
    }
    while (decimal.n_digits > 0 && decimal.digits[decimal.n_digits - 1] == '0') {
        decimal.n_digits--;
    }
    const char *exponent = strchr(text, 'e');
    decimal.point = exponent != NULL ? (int)strtol(exponent + 1, NULL, 10) + 1 : 1;
    decimal.point = decimal.n_digits == 0 ? 1 : decimal.point;
    return decimal;
}

static char digit_at(const struct json_decimal *decimal, int i) {
    if (i < 0 || i >= decimal->n_digits) {
        return '0';
    }
    return decimal->digits[i];
}

size_t json_decimal_print(char *out, size_t size, double value) {
    const struct json_decimal decimal = json_decimal_of(value);
    if (decimal.n_digits == 0) {
        return (size_t)snprintf(out, size, "0");
    }
    if (decimal.point > 40 || decimal.point < -20) {
        return (size_t)snprintf(out, size, "%.*e", decimal.n_digits - 1, value);
    }
    size_t n = 0;
    if (decimal.negative) {
        out[n++] = '-';
    }
    if (decimal.point <= 0) {
        out[n++] = '0';
    }
    for (int i = 0; i < decimal.point; i++) {
        out[n++] = digit_at(&decimal, i);
    }
    if (decimal.n_digits > decimal.point) {
        out[n++] = '.';
    }
    for (int i = decimal.point; i < decimal.n_digits; i++) {
        out[n++] = digit_at(&decimal, i);
    }
    out[n] = '\0';
    return n;
}

/* ---- values ----------------------------------------------------------------------------------*/

uint32_t json_text_blanks(const struct json_text *text) {
    return syntax_use(text->syntax, text->blanks);
}

/* Blanks are followed by a word, then blanks. */
static void append_word(const struct json_text *text, uint32_t list, const char *it) {
    syntax_append(text->syntax, list, json_text_blanks(text));
    syntax_append(text->syntax, list, word(text->syntax, it));
    syntax_append(text->syntax, list, json_text_blanks(text));
}

uint32_t json_text_literal(const struct json_text *text, const cJSON *value) {
    struct syntax *syntax = text->syntax;
    if (cJSON_IsString(value)) {
        return json_text_quoted(syntax, value->valuestring);
    }
    if (cJSON_IsNumber(value)) {
        char digits[80];
        size_t n = json_decimal_print(digits, sizeof digits, value->valuedouble);
        return syntax_bytes(syntax, digits, n);
    }
    if (!cJSON_IsArray(value) && !cJSON_IsObject(value)) {
        return word(syntax, cJSON_IsNull(value) ? "null" : cJSON_IsTrue(value) ? "true" : "false");
    }
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, word(syntax, cJSON_IsArray(value) ? "[" : "{"));
    syntax_append(syntax, list, json_text_blanks(text));
    for (const cJSON *item = value->child; item != NULL; item = item->next) {
        if (item != value->child) {
            append_word(text, list, ",");
        }
        if (cJSON_IsObject(value)) {
            syntax_append(syntax, list, json_text_quoted(syntax, item->string));
            append_word(text, list, ":");
        }
        syntax_append(syntax, list, json_text_literal(text, item));
    }
    syntax_append(syntax, list, json_text_blanks(text));
    syntax_append(syntax, list, word(syntax, cJSON_IsArray(value) ? "]" : "}"));
    return list;
}

uint32_t json_text_list(const struct json_text *text, const char *open, uint32_t item_rule,
                        uint32_t low, uint32_t high, const char *close) {
    struct syntax *syntax = text->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, word(syntax, open));
    syntax_append(syntax, list, json_text_blanks(text));
    if (high > 0) {
        uint32_t more = syntax_list(syntax, SYNTAX_SEQUENCE);
        uint32_t all = syntax_list(syntax, SYNTAX_SEQUENCE);
        append_word(text, more, ",");
        syntax_append(syntax, more, syntax_use(syntax, item_rule));
        syntax_append(syntax, all, syntax_use(syntax, item_rule));
        syntax_append(syntax, all,
                      syntax_repeat(syntax, more, low > 0 ? low - 1 : 0,
                                    high == SYNTAX_NO_LIMIT ? high : high - 1));
        syntax_append(syntax, list, syntax_repeat(syntax, all, low > 0 ? 1 : 0, 1));
    }
    syntax_append(syntax, list, json_text_blanks(text));
    syntax_append(syntax, list, word(syntax, close));
    return list;
}

/* ---- rules -----------------------------------------------------------------------------------*/

static void define(struct syntax *syntax, uint32_t rule, uint32_t node) {
    if (!syntax->no_memory) {
        syntax->rules[rule].node = node;
    }
}

/* Nothing, a blank, or one or two newlines with an indent: more would let a model write blanks
 * without end. */
static uint32_t make_blanks(struct syntax *syntax) {
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    uint32_t lines = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, syntax_empty(syntax));
    syntax_append(syntax, list, word(syntax, " "));
    syntax_append(syntax, lines, syntax_repeat(syntax, word(syntax, "\n"), 1, 2));
    syntax_append(syntax, lines, syntax_repeat(syntax, one_of(syntax, " \t"), 0, 20));
    syntax_append(syntax, list, lines);
    return list;
}

static uint32_t make_integer(struct syntax *syntax) {
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    uint32_t digits = syntax_list(syntax, SYNTAX_CHOICE);
    uint32_t several = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, several, range(syntax, '1', '9'));
    syntax_append(syntax, several, some_digits(syntax, 0, SYNTAX_NO_LIMIT));
    syntax_append(syntax, digits, word(syntax, "0"));
    syntax_append(syntax, digits, several);
    syntax_append(syntax, list, syntax_repeat(syntax, word(syntax, "-"), 0, 1));
    syntax_append(syntax, list, digits);
    return list;
}

static uint32_t make_number(struct syntax *syntax) {
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    uint32_t fraction = syntax_list(syntax, SYNTAX_SEQUENCE);
    uint32_t exponent = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, fraction, word(syntax, "."));
    syntax_append(syntax, fraction, some_digits(syntax, 1, SYNTAX_NO_LIMIT));
    syntax_append(syntax, exponent, one_of(syntax, "eE"));
    syntax_append(syntax, exponent, syntax_repeat(syntax, one_of(syntax, "+-"), 0, 1));
    syntax_append(syntax, exponent, some_digits(syntax, 1, 3));
    syntax_append(syntax, list, make_integer(syntax));
    syntax_append(syntax, list, syntax_repeat(syntax, fraction, 0, 1));
    syntax_append(syntax, list, syntax_repeat(syntax, exponent, 0, 1));
    return list;
}

static uint32_t make_string(struct syntax *syntax) {
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, word(syntax, "\""));
    syntax_append(syntax, list,
                  syntax_repeat(syntax, json_text_any_char(syntax), 0, SYNTAX_NO_LIMIT));
    syntax_append(syntax, list, word(syntax, "\""));
    return list;
}

static uint32_t make_value(const struct json_text *text) {
    struct syntax *syntax = text->syntax;
    const uint32_t rules[] = {text->object, text->array, text->string, text->number};
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        syntax_append(syntax, list, syntax_use(syntax, rules[i]));
    }
    syntax_append(syntax, list, word(syntax, "true"));
    syntax_append(syntax, list, word(syntax, "false"));
    syntax_append(syntax, list, word(syntax, "null"));
    return list;
}

static uint32_t make_member(const struct json_text *text) {
    uint32_t list = syntax_list(text->syntax, SYNTAX_SEQUENCE);
    syntax_append(text->syntax, list, syntax_use(text->syntax, text->string));
    append_word(text, list, ":");
    syntax_append(text->syntax, list, syntax_use(text->syntax, text->value));
    return list;
}

void json_text_init(struct json_text *text, struct syntax *syntax) {
    static const char *const names[] = {"blanks", "string", "number", "integer",
                                        "value",  "object", "array",  "member"};
    uint32_t rules[8];
    for (size_t i = 0; i < 8; i++) {
        rules[i] = syntax_new_rule(syntax, names[i], strlen(names[i]));
    }
    *text = (struct json_text){syntax,   rules[0], rules[1], rules[2],
                               rules[3], rules[4], rules[5], rules[6]};
    uint32_t member = rules[7];
    define(syntax, text->blanks, make_blanks(syntax));
    define(syntax, text->string, make_string(syntax));
    define(syntax, text->number, make_number(syntax));
    define(syntax, text->integer, make_integer(syntax));
    define(syntax, text->value, make_value(text));
    define(syntax, member, make_member(text));
    define(syntax, text->object, json_text_list(text, "{", member, 0, SYNTAX_NO_LIMIT, "}"));
    define(syntax, text->array, json_text_list(text, "[", text->value, 0, SYNTAX_NO_LIMIT, "]"));
}
