/**
 * text.h - how JSON is spelled, as trees of what a text may be: blanks, strings, numbers, any
 * value, one value.
 */
#ifndef CONSTRAIN_JSON_TEXT_H
#define CONSTRAIN_JSON_TEXT_H

#include <cjson/cJSON.h>

#include "constrain/syntax.h"

/** Numbers of the rules for what has no schema. */
struct json_text {
    struct syntax *syntax;
    uint32_t blanks, string, number, integer, value, object, array;
};

/** Make the rules. */
void json_text_init(struct json_text *text, struct syntax *syntax);

/** Where blanks may stand. */
uint32_t json_text_blanks(const struct json_text *text);
/** A character of a string, of any spelling. */
uint32_t json_text_any_char(struct syntax *syntax);
/** A code point of these ranges within a string, in one spelling: a regex_spelling. */
uint32_t json_text_chars(struct syntax *syntax, const struct syntax_range *ranges, size_t n,
                         bool negated);
/** Exactly this value, in one spelling but for blanks. */
uint32_t json_text_literal(const struct json_text *text, const cJSON *value);
/** A text as a string, in quotes. */
uint32_t json_text_quoted(struct syntax *syntax, const char *text);
/** open, items with commas between them, close: low to high of them. Each item is a call of a rule.
 */
uint32_t json_text_list(const struct json_text *text, const char *open, uint32_t item_rule,
                        uint32_t low, uint32_t high, const char *close);

/** A decimal number with all its digits: value = 0.DIGITS times 10^point. */
struct json_decimal {
    bool negative;
    char digits[20];
    int n_digits, point;
};
/** The shortest decimal that is this double. */
struct json_decimal json_decimal_of(double value);
/** It as JSON without an exponent where that is short; the length. */
size_t json_decimal_print(char *out, size_t size, double value);

#endif
