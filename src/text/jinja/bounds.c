/**
 * bounds.c - what keeps a template from doing harm: memory that is taken in chunks up to a limit
 * and freed at once, work that is counted, and the first failure, after which nothing is done.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "text/jinja/parts.h"

#define CHUNK_SIZE ((size_t)16 << 10)

/* ---- memory ----------------------------------------------------------------------------------*/

struct arena_chunk {
    struct arena_chunk *next;
    size_t used, size;
    max_align_t data[];
};

void *arena_new(struct arena *arena, size_t n) {
    size_t rounded;
    if (n > arena->limit || arena->limit - arena->used < n) {
        return NULL;
    }
    rounded = (n + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded) {
        size_t size = size_max(rounded, CHUNK_SIZE);
        chunk = memory_new(1, sizeof *chunk + size);
        if (chunk == NULL) {
            arena->out_of_memory = true;
            return NULL;
        }
        chunk->size = size;
        chunk->next = arena->chunks;
        arena->chunks = chunk;
    }
    void *at = (char *)chunk->data + chunk->used;
    chunk->used += rounded;
    arena->used += size_min(rounded, arena->limit - arena->used);
    return at;
}

void arena_release(struct arena *arena) {
    while (arena->chunks != NULL) {
        struct arena_chunk *next = arena->chunks->next;
        memory_free(arena->chunks);
        arena->chunks = next;
    }
}

bool span_is(struct span span, const char *text) {
    return span_equal(span, (struct span){text, strlen(text)});
}

bool span_equal(struct span a, struct span b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.text, b.text, a.n) == 0);
}

/* ---- work ------------------------------------------------------------------------------------*/

void run_fail(struct run *run, unsigned line, const char *format, ...) {
    char text[400];
    va_list arguments;
    if (run->status != GEN_OK) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    run->status = error_set(run->err, GEN_UNSUPPORTED, "template, line %u: %s", line, text);
}

bool run_work(struct run *run, unsigned line, size_t n) {
    if (run->status == GEN_OK && n > run->work) {
        run_fail(run, line, "goes on for too long");
    }
    run->work -= run->status == GEN_OK ? n : 0;
    return run->status == GEN_OK;
}

void *run_new(struct run *run, unsigned line, size_t count, size_t size) {
    size_t n = 0;
    void *at = memory_multiply(count, size, &n) && run_work(run, line, n)
                   ? arena_new(&run->arena, n)
                   : NULL;
    if (at == NULL && run->status == GEN_OK) {
        if (run->arena.out_of_memory) {
            run->status = error_no_memory(run->err, "a chat template");
        } else {
            run_fail(run, line, "needs more than %zu bytes of memory", run->arena.limit);
        }
    }
    return at;
}
