/**
 * char_sets.c - sets of code points, and those that have names in regular expressions. The general
 * categories are utf8proc's.
 */
#include "constrain/char_sets.h"

#include <string.h>
#include <utf8proc.h>

#include "base/memory.h"
#include "base/size.h"

void char_set_release(struct char_set *set) {
    memory_free(set->ranges);
    *set = (struct char_set){0};
}

void char_set_add(struct char_set *set, uint32_t low, uint32_t high) {
    if (!memory_grow(&set->ranges, &set->capacity, set->n + 1, sizeof *set->ranges)) {
        set->no_memory = true;
        return;
    }
    set->ranges[set->n++] = (struct syntax_range){low, high};
}

void char_set_add_others(struct char_set *set, struct char_set *other) {
    uint32_t low = 0;
    other->n = syntax_join_ranges(other->ranges, other->n);
    for (size_t i = 0; i < other->n; i++) {
        if (other->ranges[i].low > low) {
            char_set_add(set, low, other->ranges[i].low - 1);
        }
        low = other->ranges[i].high + 1;
    }
    if (low <= SYNTAX_LAST_CHAR) {
        char_set_add(set, low, SYNTAX_LAST_CHAR);
    }
    set->no_memory = set->no_memory || other->no_memory;
}

static const struct syntax_range digits[] = {{'0', '9'}};
static const struct syntax_range word_chars[] = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
static const struct syntax_range spaces[] = {
    {'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
    {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};

static void add_ranges(struct char_set *set, const struct syntax_range *ranges, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char_set_add(set, ranges[i].low, ranges[i].high);
    }
}

bool char_set_add_escape(struct char_set *set, uint32_t letter) {
    bool negated = letter == 'D' || letter == 'W' || letter == 'S';
    struct char_set other = {0};
    struct char_set *to = negated ? &other : set;
    switch (letter) {
    case 'd':
    case 'D':
        add_ranges(to, digits, N_OF(digits));
        break;
    case 'w':
    case 'W':
        add_ranges(to, word_chars, N_OF(word_chars));
        break;
    case 's':
    case 'S':
        add_ranges(to, spaces, N_OF(spaces));
        break;
    default:
        return false;
    }
    if (negated) {
        char_set_add_others(set, &other);
        char_set_release(&other);
    }
    return true;
}

/* utf8proc spells a category "Lu"; one letter is all that begin with it. */
static bool is_of(const char *category, const char *name, size_t n) {
    return memcmp(category, name, n) == 0;
}

bool char_set_add_category(struct char_set *set, const char *name, size_t n) {
    static const char *const long_names[][2] = {{"Letter", "L"},
                                                {"Uppercase_Letter", "Lu"},
                                                {"Lowercase_Letter", "Ll"},
                                                {"Titlecase_Letter", "Lt"},
                                                {"Mark", "M"},
                                                {"Number", "N"},
                                                {"Decimal_Number", "Nd"},
                                                {"Punctuation", "P"},
                                                {"Symbol", "S"},
                                                {"Separator", "Z"},
                                                {"Space_Separator", "Zs"},
                                                {"Other", "C"},
                                                {"digit", "Nd"},
                                                {"punct", "P"}};
    for (size_t i = 0; i < N_OF(long_names); i++) {
        if (strlen(long_names[i][0]) == n && memcmp(long_names[i][0], name, n) == 0) {
            name = long_names[i][1];
            n = strlen(name);
            break;
        }
    }
    bool any = false;
    uint32_t from = 0;
    bool inside = false;
    for (uint32_t code = 0; n >= 1 && n <= 2 && code <= SYNTAX_LAST_CHAR + 1; code++) {
        bool is_in = code <= SYNTAX_LAST_CHAR &&
                     is_of(utf8proc_category_string((utf8proc_int32_t)code), name, n);
        if (is_in && !inside) {
            from = code;
        } else if (!is_in && inside) {
            char_set_add(set, from, code - 1);
        }
        any = any || is_in;
        inside = is_in;
    }
    return any;
}
