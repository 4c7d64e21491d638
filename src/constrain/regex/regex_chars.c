/**
 * regex_chars.c - what stands for one code point in a regular expression: itself, an escape, a
 * class.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/memory.h"
#include "constrain/char_sets.h"
#include "constrain/regex/regex_parts.h"

/* No code point: an escape that stands for a set. */
#define A_SET UINT32_MAX

static enum gen_status take_char(struct regex *regex, uint32_t *code) {
    if (regex->at >= regex->n) {
        return regex_wrong(regex, "it ends too early");
    }
    int length =
        bytes_utf8((const unsigned char *)regex->text + regex->at, regex->n - regex->at, code);
    if (length <= 0) {
        return regex_wrong(regex, "it is not UTF-8");
    }
    regex->at += (size_t)length;
    return GEN_OK;
}

/* ---- escapes ---------------------------------------------------------------------------------*/

static int hex(char byte) {
    return byte >= '0' && byte <= '9'   ? byte - '0'
           : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10
           : byte >= 'A' && byte <= 'F' ? byte - 'A' + 10
                                        : -1;
}

/* Exactly n digits. */
static bool take_hex(struct regex *regex, size_t n, uint32_t *code) {
    *code = 0;
    for (size_t i = 0; i < n; i++) {
        int digit = regex->at + i < regex->n ? hex(regex->text[regex->at + i]) : -1;
        if (digit < 0) {
            return false;
        }
        *code = *code * 16 + (uint32_t)digit;
    }
    regex->at += n;
    return true;
}

/* \u{H...}, after the brace. */
static bool take_braced(struct regex *regex, uint32_t *code) {
    size_t n = 0;
    while (regex->at + n < regex->n && hex(regex->text[regex->at + n]) >= 0) {
        n++;
    }
    bool good = n >= 1 && n <= 6 && take_hex(regex, n, code) && regex_is(regex, "}");
    regex->at += good ? 1 : 0;
    return good && *code <= SYNTAX_LAST_CHAR;
}

/* \uHHHH, of a surrogate pair both. */
static bool take_unicode(struct regex *regex, uint32_t *code) {
    if (regex_is(regex, "{")) {
        regex->at++;
        return take_braced(regex, code);
    }
    if (!take_hex(regex, 4, code)) {
        return false;
    }
    if (*code >= 0xD800 && *code <= 0xDBFF && regex_is(regex, "\\u")) {
        uint32_t low;
        regex->at += 2;
        if (!take_hex(regex, 4, &low) || low < 0xDC00 || low > 0xDFFF) {
            return false;
        }
        *code = 0x10000 + ((*code - 0xD800) << 10) + (low - 0xDC00);
    }
    return true;
}

/* The set of a category, found once; NULL: there is none of that name, or no memory. */
static struct char_set *find_category(struct regex *regex, const char *name, size_t n) {
    for (size_t i = 0; i < regex->n_categories; i++) {
        struct regex_category *known = &regex->categories[i];
        if (known->n == n && memcmp(known->name, name, n) == 0) {
            return &known->set;
        }
    }
    struct char_set set = {0};
    if (!char_set_add_category(&set, name, n)) {
        char_set_release(&set);
        return NULL;
    }
    if (!memory_grow(&regex->categories, &regex->categories_capacity, regex->n_categories + 1,
                     sizeof *regex->categories)) {
        char_set_release(&set);
        regex->syntax->no_memory = true;
        return NULL;
    }
    regex->categories[regex->n_categories] = (struct regex_category){name, n, set};
    return &regex->categories[regex->n_categories++].set;
}

/* \p{...} and \P{...}, after the letter. */
static enum gen_status take_category(struct regex *regex, struct char_set *set, bool negated) {
    size_t start = regex->at + 1, end = start;
    while (end < regex->n && regex->text[end] != '}') {
        end++;
    }
    if (!regex_is(regex, "{") || end == regex->n) {
        return regex_wrong(regex, "\\p must be \\p{CATEGORY}");
    }
    struct char_set *found = find_category(regex, regex->text + start, end - start);
    if (found != NULL && negated) {
        char_set_add_others(set, found);
    }
    for (size_t i = 0; found != NULL && !negated && i < found->n; i++) {
        char_set_add(set, found->ranges[i].low, found->ranges[i].high);
    }
    if (found == NULL) {
        return regex_wrong(regex, "\\p{...} must name a general category, as \\p{L} or \\p{Nd}");
    }
    regex->at = end + 1;
    return GEN_OK;
}

/* An escape, after the backslash: a code point, or A_SET and a set. */
static enum gen_status take_escape(struct regex *regex, uint32_t *code, struct char_set *set,
                                   bool in_class) {
    static const char from[] = "tnrfv", to[] = "\t\n\r\f\v";
    uint32_t letter = 0;
    if (take_char(regex, &letter) != GEN_OK) {
        return GEN_BAD_ARGUMENT;
    }
    *code = letter;
    for (size_t i = 0; from[i] != '\0'; i++) {
        if (letter == (unsigned char)from[i]) {
            *code = (unsigned char)to[i];
            return GEN_OK;
        }
    }
    if (char_set_add_escape(set, letter)) {
        *code = A_SET;
        return GEN_OK;
    }
    bool is_punctuation = letter < 0x80 && !(letter >= '0' && letter <= '9') &&
                          !(letter >= 'A' && letter <= 'Z') && !(letter >= 'a' && letter <= 'z');
    if (is_punctuation) {
        return GEN_OK;
    }
    switch (letter) {
    case 'p':
    case 'P':
        *code = A_SET;
        return take_category(regex, set, letter == 'P');
    case 'x':
        return take_hex(regex, 2, code) ? GEN_OK : regex_wrong(regex, "\\x must be \\xHH");
    case 'u':
        return take_unicode(regex, code)
                   ? GEN_OK
                   : regex_wrong(regex, "\\u must be \\uHHHH or \\u{H...}, a code point");
    case 'c':
        if (take_char(regex, code) == GEN_OK && *code < 0x80) {
            *code &= 0x1F;
            return GEN_OK;
        }
        return regex_wrong(regex, "\\c must be \\cX, X a letter");
    case '0':
        *code = 0;
        return GEN_OK;
    case 'b':
        if (in_class) {
            *code = '\b';
            return GEN_OK;
        }
        return regex_wrong(regex, "the assertion \\b is not supported");
    case 'B':
        return regex_wrong(regex, "the assertion \\B is not supported");
    case 'k':
        return regex_wrong(regex, "a reference \\k<name> to a group is not supported");
    default:
        return letter >= '1' && letter <= '9'
                   ? regex_wrong(regex, "a reference \\1 to a group is not supported")
                   : regex_wrong(regex, "there is no such escape");
    }
}

/* ---- classes ---------------------------------------------------------------------------------*/

/* One end of a range, or a set. */
static enum gen_status take_member(struct regex *regex, uint32_t *code, struct char_set *set) {
    enum gen_status status = take_char(regex, code);
    return status == GEN_OK && *code == '\\' ? take_escape(regex, code, set, true) : status;
}

static enum gen_status take_class(struct regex *regex, struct char_set *set) {
    while (!regex_is(regex, "]")) {
        uint32_t low = 0, high;
        if (take_member(regex, &low, set) != GEN_OK) {
            return GEN_BAD_ARGUMENT;
        }
        high = low;
        bool is_range = regex_is(regex, "-") && !regex_is(regex, "-]");
        if (is_range) {
            regex->at++;
            if (take_member(regex, &high, set) != GEN_OK) {
                return GEN_BAD_ARGUMENT;
            }
        }
        if (is_range && (low == A_SET || high == A_SET)) {
            return regex_wrong(regex, "a set such as \\d is no end of a range");
        }
        if (low > high) {
            return regex_wrong(regex, "the ends of a range are out of order");
        }
        if (low != A_SET) {
            char_set_add(set, low, high);
        }
    }
    regex->at++;
    return GEN_OK;
}

enum gen_status regex_parse_chars(struct regex *regex, uint32_t *node) {
    static const struct syntax_range line_ends[] = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};
    struct char_set set = {0};
    uint32_t code = A_SET;
    bool negated = false;
    enum gen_status status = GEN_OK;
    if (regex_is(regex, ".")) {
        regex->at++;
        *node = regex->spell(regex->syntax, line_ends, 3, true);
        return GEN_OK;
    }
    if (regex_is(regex, "[")) {
        regex->at++;
        negated = regex_is(regex, "^");
        regex->at += negated ? 1 : 0;
        status = take_class(regex, &set);
    } else if (regex_is(regex, "]") || regex_is(regex, "}")) {
        status = regex_wrong(regex, "] and } stand alone (\\] and \\} are brackets)");
    } else {
        status = take_char(regex, &code);
        if (status == GEN_OK && code == '\\') {
            status = take_escape(regex, &code, &set, false);
        }
    }
    if (status == GEN_OK && code != A_SET) {
        char_set_add(&set, code, code);
    }
    if (status == GEN_OK) {
        regex->syntax->no_memory = regex->syntax->no_memory || set.no_memory;
        *node = regex->spell(regex->syntax, set.ranges, set.n, negated);
    }
    char_set_release(&set);
    return status;
}
