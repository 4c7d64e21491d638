/**
 * memory.c - all memory of the library: sizes multiplied and added with a check; memory that is
 * zeroed, aligned or grows; large aligned memory is mapped (mmap), with huge pages where the system
 * has them. Callers report that memory is out, by the NULL they got.
 */
#include "base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* From this size on, aligned memory is mapped: untouched pages then cost nothing, which lets a
 * block of the KV cache be only as heavy as its text, and a session start without writing zeros. */
#define MAPPED_FROM ((size_t)1 << 17)

/* Less has no room for huge pages. */
#define HUGE_FROM ((size_t)1 << 20)

/* Less is not worth a system call. */
#define TOUCHED_FROM ((size_t)1 << 16)

bool memory_multiply(size_t a, size_t b, size_t *product) {
    if (b != 0 && a > SIZE_MAX / b) {
        return false;
    }
    *product = a * b;
    return true;
}

bool memory_add(size_t a, size_t b, size_t *sum) {
    if (a > SIZE_MAX - b) {
        return false;
    }
    *sum = a + b;
    return true;
}

void *memory_new(size_t count, size_t size) {
    /* calloc checks the product; one byte at least, so that NULL always means failure. */
    return count == 0 || size == 0 ? calloc(1, 1) : calloc(count, size);
}

void memory_free(void *pointer) {
    free(pointer);
}

/* Bytes of an aligned allocation, a multiple of the alignment and never 0. */
static bool aligned_size(size_t count, size_t size, size_t *bytes) {
    if (!memory_multiply(count, size, bytes) || *bytes > SIZE_MAX - MEMORY_ALIGNMENT) {
        return false;
    }
    *bytes = (*bytes / MEMORY_ALIGNMENT + 1) * MEMORY_ALIGNMENT;
    return true;
}

void *memory_new_aligned(size_t count, size_t size) {
    size_t bytes;
    if (!aligned_size(count, size, &bytes)) {
        return NULL;
    }
    if (bytes >= MAPPED_FROM) {
        void *mapped =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return mapped == MAP_FAILED ? NULL : mapped;
    }
    void *pointer = aligned_alloc(MEMORY_ALIGNMENT, bytes);
    if (pointer != NULL) {
        memset(pointer, 0, bytes);
    }
    return pointer;
}

void memory_will_fill(void *pointer, size_t n) {
#ifdef MADV_HUGEPAGE
    if (n >= HUGE_FROM) {
        madvise(pointer, n, MADV_HUGEPAGE);
    }
#else
    (void)pointer;
    (void)n;
#endif
}

void memory_touch(void *pointer, size_t n) {
#ifdef MADV_POPULATE_WRITE
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t skip = (page - (uintptr_t)pointer % page) % page;
    if (n >= TOUCHED_FROM && skip < n) {
        madvise((unsigned char *)pointer + skip, (n - skip) / page * page, MADV_POPULATE_WRITE);
    }
#else
    (void)pointer;
    (void)n;
#endif
}

void memory_free_aligned(void *pointer, size_t count, size_t size) {
    size_t bytes;
    if (pointer == NULL || !aligned_size(count, size, &bytes)) {
        return;
    }
    if (bytes >= MAPPED_FROM) {
        munmap(pointer, bytes);
    } else {
        free(pointer);
    }
}

bool memory_grow(void *pointer, size_t *capacity, size_t needed, size_t size) {
    if (needed <= *capacity) {
        return true;
    }
    size_t target = *capacity + *capacity / 2;
    if (target < needed) {
        target = needed;
    }
    if (target < 16) {
        target = 16;
    }
    size_t bytes;
    if (!memory_multiply(target, size, &bytes)) {
        return false;
    }
    /* The caller's pointer may have any object type; copying its bytes keeps this well-defined. */
    void *old;
    memcpy(&old, pointer, sizeof old);
    void *grown = realloc(old, bytes);
    if (grown == NULL) {
        return false;
    }
    memcpy(pointer, &grown, sizeof grown);
    *capacity = target;
    /* cppcheck-suppress memleak ; the caller's pointer holds it */
    return true;
}

char *memory_copy_string(const char *bytes, size_t n) {
    if (n == SIZE_MAX) {
        return NULL;
    }
    char *copy = memory_new(n + 1, 1);
    if (copy != NULL && n > 0) {
        memcpy(copy, bytes, n);
    }
    return copy;
}
