/**
 * text_line.c - one formatted line of a report (gen inspect, gen bench), cut and cleaned of control
 * characters as a message is. Writing it out is text_out.c's work.
 */
#include "cli/text_line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/alloc.h"

void text_line(struct gen_bytes *text, const char *format, ...) {
    char line[400];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (n >= (int)sizeof line) {
        memcpy(line + sizeof line - 4, "...", 4);
    }
    message_clean(line);
    alloc_append(text, line, strlen(line));
    alloc_append(text, "\n", 1);
}
