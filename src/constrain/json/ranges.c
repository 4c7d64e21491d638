/**
 * ranges.c - numbers between bounds, digit by digit, and multiples of a number. Within bounds
 * there are no exponents.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "constrain/json/parts.h"

/* Most digits before and after the point of a bound, and most multiples written out. */
#define MAX_DIGITS    40
#define MAX_MULTIPLES 5000
#define MAX_MODULUS   1000

static uint32_t word(struct syntax *syntax, const char *text) {
    return syntax_bytes(syntax, text, strlen(text));
}

static uint32_t digit(struct syntax *syntax, int low, int high) {
    const struct syntax_range range = {(uint32_t)('0' + low), (uint32_t)('0' + high)};
    return low <= high ? syntax_class(syntax, &range, 1, false)
                       : syntax_list(syntax, SYNTAX_CHOICE);
}

static uint32_t digits(struct syntax *syntax, uint32_t low, uint32_t high) {
    return syntax_repeat(syntax, digit(syntax, 0, 9), low, high);
}

static uint32_t then(struct syntax *syntax, uint32_t first, uint32_t second) {
    uint32_t list = syntax_list(syntax, SYNTAX_SEQUENCE);
    syntax_append(syntax, list, first);
    syntax_append(syntax, list, second);
    return list;
}

static uint32_t optional(struct syntax *syntax, uint32_t node) {
    return syntax_repeat(syntax, node, 0, 1);
}

/* ---- between bounds --------------------------------------------------------------------------*/

/* From `low` to `high`, neither negative, with n_whole digits before the point. */
struct digits_between {
    struct syntax *syntax;
    char low[2 * MAX_DIGITS + 2], high[2 * MAX_DIGITS + 2]; /* digits of the bounds */
    int n_whole, n_all;
    bool low_out, high_out, is_integer;
};

static bool only_zeros(const char *from, int n) {
    for (int i = 0; i < n; i++) {
        if (from[i] != '0') {
            return false;
        }
    }
    return true;
}

/* Whether a number may end before digit `at`, being as the bounds so far where it is tight. */
static bool may_end(const struct digits_between *it, int at, bool low, bool high) {
    bool is_low = low && only_zeros(it->low + at, it->n_all - at);
    bool is_high = high && only_zeros(it->high + at, it->n_all - at);
    return (!low || (is_low && !it->low_out)) && (!is_high || !it->high_out);
}

/* All digits of the bounds are there, and more come. */
static uint32_t last_digits(const struct digits_between *it, bool low, bool high, bool need) {
    struct syntax *syntax = it->syntax;
    if (high && (it->high_out || (low && it->low_out))) {
        return syntax_list(syntax, SYNTAX_CHOICE);
    }
    if (high) {
        return syntax_repeat(syntax, word(syntax, "0"), need ? 1 : 0, SYNTAX_NO_LIMIT);
    }
    if (!low || !it->low_out) {
        return digits(syntax, need ? 1 : 0, SYNTAX_NO_LIMIT);
    }
    return then(syntax, digits(syntax, 0, SYNTAX_NO_LIMIT),
                then(syntax, digit(syntax, 1, 9), digits(syntax, 0, SYNTAX_NO_LIMIT)));
}

static uint32_t digits_from(const struct digits_between *it, int at, bool low, bool high,
                            bool after_point);

/* A digit that keeps within the bounds, and what comes after it. */
static uint32_t next_digit(const struct digits_between *it, int at, bool low, bool high,
                           bool after_point) {
    struct syntax *syntax = it->syntax;
    bool leads = at == 0 && it->n_whole > 1;
    int from = low ? it->low[at] - '0' : leads ? 1 : 0, to = high ? it->high[at] - '0' : 9;
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if (low && high && from == to) {
        syntax_append(syntax, list,
                      then(syntax, digit(syntax, from, from),
                           digits_from(it, at + 1, true, true, after_point)));
        return list;
    }
    if (from > to) {
        return list;
    }
    if (low) {
        syntax_append(syntax, list,
                      then(syntax, digit(syntax, from, from),
                           digits_from(it, at + 1, true, false, after_point)));
    }
    if (high) {
        syntax_append(
            syntax, list,
            then(syntax, digit(syntax, to, to), digits_from(it, at + 1, false, true, after_point)));
    }
    from += low ? 1 : 0;
    to -= high ? 1 : 0;
    if (from <= to) {
        syntax_append(syntax, list,
                      then(syntax, digit(syntax, from, to),
                           digits_from(it, at + 1, false, false, after_point)));
    }
    return list;
}

/* The rest of a number that is free of its bounds. */
static uint32_t free_digits(const struct digits_between *it, int at, bool after_point) {
    struct syntax *syntax = it->syntax;
    if (after_point) {
        return digits(syntax, 0, SYNTAX_NO_LIMIT);
    }
    uint32_t n = (uint32_t)(it->n_whole - at);
    uint32_t rest = digits(syntax, n, n);
    return it->is_integer ? rest
                          : then(syntax, rest,
                                 optional(syntax, then(syntax, word(syntax, "."),
                                                       digits(syntax, 1, SYNTAX_NO_LIMIT))));
}

/* The rest of a number from digit `at` on; after_point: with a digit after the point at least. */
static uint32_t digits_from(const struct digits_between *it, int at, bool low, bool high,
                            bool after_point) {
    struct syntax *syntax = it->syntax;
    if (!low && !high) {
        return free_digits(it, at, after_point);
    }
    if (at < it->n_whole) {
        return next_digit(it, at, low, high, false);
    }
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if (may_end(it, at, low, high)) {
        syntax_append(syntax, list, syntax_empty(syntax));
    }
    if (!it->is_integer) {
        uint32_t more = at == it->n_all ? last_digits(it, low, high, true)
                                        : next_digit(it, at, low, high, true);
        more = after_point ? more : then(syntax, word(syntax, "."), more);
        syntax_append(syntax, list, more);
    }
    return list;
}

/* The digits of a bound, of which n_whole come before the point. */
static void write_digits(char *out, const struct json_decimal *bound, int n_whole, int n_all) {
    for (int i = 0; i < n_all; i++) {
        int at = i - (n_whole - bound->point);
        out[i] = '0';
        if (at >= 0 && at < bound->n_digits) {
            out[i] = bound->digits[at];
        }
    }
}

static int max(int a, int b) {
    return a > b ? a : b;
}

/* Numbers from low to high, 0 <= low; no high: any that are greater. */
static uint32_t between(struct schema_builder *builder, double low, bool low_out, bool has_high,
                        double high, bool high_out, bool is_integer) {
    struct syntax *syntax = builder->syntax;
    const struct json_decimal from = json_decimal_of(low), to = json_decimal_of(high);
    int from_whole = max(from.point, 1), to_whole = has_high ? max(to.point, 1) : from_whole;
    int n_after = max(from.n_digits - from.point, has_high ? to.n_digits - to.point : 0);
    n_after = is_integer ? 0 : max(n_after, 0);
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if (from_whole > MAX_DIGITS || to_whole > MAX_DIGITS || n_after > MAX_DIGITS) {
        schema_refuse(builder,
                      "bounds of numbers must have no more than %d digits before and "
                      "after the point",
                      MAX_DIGITS);
        return list;
    }
    for (int n = from_whole; n <= to_whole && !(has_high && low > high); n++) {
        struct digits_between it = {.syntax = syntax,
                                    .n_whole = n,
                                    .n_all = n + n_after,
                                    .low_out = low_out,
                                    .high_out = high_out,
                                    .is_integer = is_integer};
        write_digits(it.low, &from, n, it.n_all);
        write_digits(it.high, &to, n, it.n_all);
        bool is_low = n == from_whole, is_high = has_high && n == to_whole;
        syntax_append(syntax, list,
                      is_low || is_high ? next_digit(&it, 0, is_low, is_high, false)
                                        : then(syntax, digit(syntax, n > 1 ? 1 : 0, 9),
                                               free_digits(&it, 1, false)));
    }
    if (!has_high) {
        uint32_t longer = then(syntax, digit(syntax, 1, 9),
                               digits(syntax, (uint32_t)from_whole, SYNTAX_NO_LIMIT));
        if (!is_integer) {
            longer = then(syntax, longer,
                          optional(syntax, then(syntax, word(syntax, "."),
                                                digits(syntax, 1, SYNTAX_NO_LIMIT))));
        }
        syntax_append(syntax, list, longer);
    }
    return list;
}

static uint32_t bounded(struct schema_builder *builder, struct shape shape) {
    struct syntax *syntax = builder->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if (shape.is_integer) {
        double low = ceil(shape.low), high = floor(shape.high);
        shape.low = low == shape.low && shape.low_out ? low + 1 : low;
        shape.high = high == shape.high && shape.high_out ? high - 1 : high;
        shape.low_out = shape.high_out = false;
    }
    if (!shape.has_high || shape.high >= 0) {
        bool from_zero = !shape.has_low || shape.low < 0;
        syntax_append(syntax, list,
                      between(builder, from_zero ? 0 : shape.low, !from_zero && shape.low_out,
                              shape.has_high, shape.high, shape.high_out, shape.is_integer));
    }
    if (!shape.has_low || shape.low < 0) {
        bool to_zero = !shape.has_high || shape.high >= 0;
        double from = to_zero ? 0 : -shape.high;
        bool from_out = to_zero || shape.high_out;
        if (shape.is_integer && from_out) {
            from = 1;
            from_out = false;
        }
        syntax_append(syntax, list,
                      then(syntax, word(syntax, "-"),
                           between(builder, from, from_out, shape.has_low, -shape.low,
                                   shape.low_out, shape.is_integer)));
    }
    return list;
}

/* ---- multiples -------------------------------------------------------------------------------*/

/* Multiples of k * 10^-n_after: the rule for each remainder and number of digits after the point.
 */
struct remainders {
    struct syntax *syntax;
    uint32_t k, n_after, first;
};

static uint32_t state_of(const struct remainders *it, uint32_t after, uint32_t remainder) {
    return it->first + after * it->k + remainder;
}

/* Whether zeros up to n_after digits make it a multiple. */
static bool is_multiple(const struct remainders *it, uint32_t after, uint32_t remainder) {
    for (uint32_t i = after; i < it->n_after; i++) {
        remainder = remainder * 10 % it->k; /* k is 1 at least */
    }
    return remainder == 0;
}

static void append_digits(const struct remainders *it, uint32_t list, uint32_t after,
                          uint32_t remainder, int first) {
    for (int value = first; value <= 9; value++) {
        uint32_t next = (remainder * 10 + (uint32_t)value) % it->k;
        syntax_append(it->syntax, list,
                      then(it->syntax, digit(it->syntax, value, value),
                           syntax_use(it->syntax, state_of(it, after, next))));
    }
}

static void define_state(const struct remainders *it, uint32_t after, uint32_t remainder) {
    struct syntax *syntax = it->syntax;
    uint32_t list = syntax_list(syntax, SYNTAX_CHOICE);
    if (is_multiple(it, after, remainder)) {
        syntax_append(syntax, list, syntax_empty(syntax));
    }
    if (after == 0) {
        append_digits(it, list, 0, remainder, 0);
    } else if (after < it->n_after) {
        append_digits(it, list, after + 1, remainder, 0);
    }
    if (after == 0 && it->n_after > 0) {
        uint32_t more = syntax_list(syntax, SYNTAX_CHOICE);
        append_digits(it, more, 1, remainder, 0);
        syntax_append(syntax, list, then(syntax, word(syntax, "."), more));
    }
    if (!syntax->no_memory) {
        syntax->rules[state_of(it, after, remainder)].node = list;
    }
}

static uint32_t multiples(struct schema_builder *builder, uint32_t k, uint32_t n_after) {
    struct remainders it = {.syntax = builder->syntax, .k = k, .n_after = n_after};
    for (uint32_t i = 0; i < k * (n_after + 1); i++) {
        uint32_t rule = syntax_new_rule(it.syntax, "multiple", 8);
        it.first = i == 0 ? rule : it.first;
    }
    for (uint32_t after = 0; after <= n_after && !it.syntax->no_memory; after++) {
        for (uint32_t remainder = 0; remainder < k; remainder++) {
            define_state(&it, after, remainder);
        }
    }
    /* A zero in front stands alone before the point. */
    uint32_t list = syntax_list(it.syntax, SYNTAX_CHOICE);
    uint32_t zero = word(it.syntax, "0");
    if (n_after > 0) {
        uint32_t more = syntax_list(it.syntax, SYNTAX_CHOICE);
        append_digits(&it, more, 1, 0, 0);
        zero =
            then(it.syntax, zero, optional(it.syntax, then(it.syntax, word(it.syntax, "."), more)));
    }
    syntax_append(it.syntax, list, zero);
    append_digits(&it, list, 0, 0, 1);
    return then(it.syntax, optional(it.syntax, word(it.syntax, "-")), list);
}

/* The multiples between two bounds one by one; false: they are too many. */
static bool write_out(struct schema_builder *builder, const struct shape *shape, uint32_t *node) {
    double step = shape->multiple;
    double first = ceil(shape->low / step), last = floor(shape->high / step);
    if (!shape->has_low || !shape->has_high || !(last - first < MAX_MULTIPLES)) {
        return false;
    }
    *node = syntax_list(builder->syntax, SYNTAX_CHOICE);
    int n = last >= first ? (int)(last - first) + 1 : 0;
    for (int i = 0; i < n; i++) {
        double value = (first + i) * step;
        char text[80];
        bool is_out = (shape->low_out && value <= shape->low) ||
                      (shape->high_out && value >= shape->high) ||
                      (shape->is_integer && value != floor(value));
        if (!is_out) {
            size_t length = json_decimal_print(text, sizeof text, value);
            syntax_append(builder->syntax, *node, syntax_bytes(builder->syntax, text, length));
        }
    }
    return true;
}

static uint32_t of_multiple(struct schema_builder *builder, const struct shape *shape) {
    uint32_t node = 0;
    if (write_out(builder, shape, &node)) {
        return node;
    }
    const struct json_decimal step = json_decimal_of(shape->multiple);
    double k = shape->multiple;
    uint32_t n_after = step.n_digits > step.point ? (uint32_t)(step.n_digits - step.point) : 0;
    for (uint32_t i = 0; i < n_after && k < 1e9; i++) {
        k *= 10;
    }
    k = nearbyint(k);
    uint32_t units = k >= 1 && k <= MAX_MODULUS ? (uint32_t)k : 0;
    bool has_bounds = shape->has_low || shape->has_high;
    bool is_whole = n_after == 0;
    if (has_bounds || units == 0 || n_after > 9 || (shape->is_integer && !is_whole) ||
        shape->is_fraction) {
        schema_refuse(builder,
                      "the keyword \"multipleOf\" is not supported with these bounds, or "
                      "above %d units of its last digit",
                      MAX_MODULUS);
        return 0;
    }
    return multiples(builder, units, n_after);
}

/* ---- all -------------------------------------------------------------------------------------*/

/* A number that is not whole: a digit after the point is not 0. */
static uint32_t fraction(struct schema_builder *builder) {
    struct syntax *syntax = builder->syntax;
    uint32_t after = then(syntax, digits(syntax, 0, SYNTAX_NO_LIMIT),
                          then(syntax, digit(syntax, 1, 9), digits(syntax, 0, SYNTAX_NO_LIMIT)));
    return then(syntax, syntax_use(syntax, builder->text.integer),
                then(syntax, word(syntax, "."), after));
}

uint32_t schema_number(struct schema_builder *builder, const struct shape *shape) {
    bool has_bounds = shape->has_low || shape->has_high;
    if (shape->is_fraction) {
        if (shape->is_integer) {
            return syntax_list(builder->syntax, SYNTAX_CHOICE);
        }
        if (has_bounds || shape->multiple != 0) {
            schema_refuse(builder, "not {\"type\": \"integer\"} is not supported next to bounds");
        }
        return fraction(builder);
    }
    if (shape->multiple != 0) {
        return of_multiple(builder, shape);
    }
    if (has_bounds) {
        return bounded(builder, *shape);
    }
    return syntax_use(builder->syntax,
                      shape->is_integer ? builder->text.integer : builder->text.number);
}
