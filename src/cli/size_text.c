/**
 * size_text.c - reads "80M" as 80,000,000 bytes.
 */
#include "cli/size_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The factor that a unit stands for, or 0. */
static double unit_factor(const char *unit) {
    static const char letters[] = "kmgt";
    if (*unit == '\0' || strcasecmp(unit, "b") == 0) {
        return 1.0;
    }
    const char *letter = strchr(letters, *unit | 0x20);
    if (letter == NULL) {
        return 0.0;
    }
    bool is_binary = strcasecmp(unit + 1, "ib") == 0;
    if (!is_binary && unit[1] != '\0' && strcasecmp(unit + 1, "b") != 0) {
        return 0.0;
    }
    double factor = 1.0;
    for (const char *each = letters; each <= letter; each++) {
        factor *= is_binary ? 1024.0 : 1000.0;
    }
    return factor;
}

bool size_text_parse(uint64_t *bytes, const char *text) {
    size_t n = strspn(text, "0123456789.");
    if (n == 0 || n > 24) {
        return false;
    }
    char *end;
    double number = strtod(text, &end);
    double size = number * unit_factor(text + n);
    if (end != text + n || !(size >= 1.0) || size >= 0x1p63) {
        return false;
    }
    *bytes = (uint64_t)size;
    return true;
}
