/**
 * svg_out.c - elements of a drawing. What is drawn is each command's.
 */
#include "cli/svg_out.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

void svg_put(struct text_out *out, const char *format, ...) {
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    text_out_string(out, line);
}

void svg_put_escaped(struct text_out *out, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            svg_put(out, "&amp;");
            break;
        case '<':
            svg_put(out, "&lt;");
            break;
        case '>':
            svg_put(out, "&gt;");
            break;
        default:
            text_out_write(out, (unsigned char)*text < ' ' ? "?" : text, 1);
        }
    }
}

/* 1, 2 or 5 times a power of ten, so that about `n` of them make `length`. */
double svg_tick(double length, int n) {
    double power = pow(10, floor(log10(length / n)));
    double digits = length / n / power;
    return power * (digits < 1.5 ? 1 : digits < 3.5 ? 2 : digits < 7.5 ? 5 : 10);
}
