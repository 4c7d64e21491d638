/**
 * alloc.c - memory, formatted strings and growing arrays for the program, which ends where memory
 * does: no caller has to look at the result. The library's memory is base/memory.c's.
 */
#include "cli/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/exit_code.h"

_Noreturn void alloc_failed(void) {
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    /* Of several threads that come here one says it, and ends the others. */
    while (atomic_flag_test_and_set(&ending)) {
        pause();
    }
    message("out of memory");
    file_writer_remove_all();
    exit(EXIT_FAILED);
}

void *alloc_new(size_t count, size_t size) {
    void *pointer = calloc(count > 0 ? count : 1, size > 0 ? size : 1);
    if (pointer == NULL) {
        alloc_failed();
    }
    return pointer;
}

void alloc_grow(void *pointer, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) {
        return;
    }
    size_t grown_to = *capacity + *capacity / 2 + 16;
    if (grown_to < needed) {
        grown_to = needed;
    }
    void *old;
    memcpy(&old, pointer, sizeof old);
    void *grown = grown_to > SIZE_MAX / size ? NULL : realloc(old, grown_to * size);
    if (grown == NULL) {
        alloc_failed();
    }
    memcpy(pointer, &grown, sizeof grown);
    *capacity = grown_to;
}

char *alloc_printf(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0) {
        alloc_failed();
    }
    char *text = alloc_new((size_t)n + 1, 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)n + 1, format, arguments);
    va_end(arguments);
    return text;
}

void alloc_append(struct gen_bytes *bytes, const char *more, size_t n) {
    if (gen_bytes_append(bytes, more, n) != GEN_OK) {
        alloc_failed();
    }
}

void alloc_append_ids(struct gen_ids *ids, const int32_t *more, size_t n) {
    if (gen_ids_append(ids, more, n) != GEN_OK) {
        alloc_failed();
    }
}

void alloc_decode(struct gen_bytes *text, const struct gen_tokenizer *tokenizer, const int32_t *ids,
                  size_t n) {
    struct gen_error err;
    if (gen_tokenizer_decode(tokenizer, ids, n, text, &err) != GEN_OK) {
        /* Ids that the engine has accepted are in range, so memory is all that can lack. */
        alloc_failed();
    }
}
