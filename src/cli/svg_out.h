/**
 * svg_out.h - what drawings need: formatted elements, text as XML has it, where lines of a grid go.
 */
#ifndef CLI_SVG_OUT_H
#define CLI_SVG_OUT_H

#include "cli/message.h"
#include "cli/text_out.h"

/** Write at most 399 bytes as printf does. */
void svg_put(struct text_out *out, const char *format, ...) MESSAGE_PRINTF(2, 3);

/** Text as XML has it; control characters, which it has not, become `?`. */
void svg_put_escaped(struct text_out *out, const char *text);

/** A distance between lines of a grid, 1, 2 or 5 times a power of ten, so that there are about n of
 *  them on `length`. */
double svg_tick(double length, int n);

#endif
