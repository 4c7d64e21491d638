/**
 * printable.c - which characters may be shown as they are. The numbers are Unicode's: general
 * categories Cc, Zl and Zp, and of Cf those that hide or reorder what is next to them. What to show
 * instead is for each caller to choose.
 */
#include "base/printable.h"

bool printable_is_control(uint32_t codepoint) {
    return codepoint < 0x20 || (codepoint >= 0x7f && codepoint < 0xa0);
}

bool printable_is(uint32_t codepoint) {
    return !(printable_is_control(codepoint) || codepoint == 0xad || codepoint == 0x61c ||
             (codepoint >= 0x200b && codepoint <= 0x200f) ||
             (codepoint >= 0x2028 && codepoint <= 0x202e) ||
             (codepoint >= 0x2060 && codepoint <= 0x206f) || codepoint == 0xfeff);
}
