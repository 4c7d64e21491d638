/**
 * printable.h - which characters may be shown to people as they are.
 *
 * One list for the whole program: messages, names that come out of files, JSON, and text on a
 * terminal go by it, so that no two places disagree about what is harmless.
 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include <stdbool.h>
#include <stdint.h>

/** Whether a terminal may take it as a command: C0 (newline and tab among them), DEL, C1. */
bool printable_is_control(uint32_t codepoint);

/**
 * Whether it is seen and changes nothing around it: no control character, none that is invisible
 * (soft hyphen, zero width, byte order mark), none that turns the direction of text around, and no
 * line or paragraph separator.
 */
bool printable_is(uint32_t codepoint);

#endif
