/**
 * field.h - a member of a struct by its offset, for tables whose rows name members with
 * offsetof(). What it points to has the type that the row says.
 */
#ifndef BASE_FIELD_H
#define BASE_FIELD_H

#include <stddef.h>

static inline void *field_at(void *structure, size_t offset) {
    return (char *)structure + offset;
}

static inline const void *field_at_const(const void *structure, size_t offset) {
    return (const char *)structure + offset;
}

#endif
