/**
 * record_rests.c - a queue of what goes from a record into the answer to it. The library reads
 * a few batches ahead of what it tells, so the queue is as short.
 */
#include "cmd/record/record_rests.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"

static void drop_first(struct record_rests *rests) {
    gen_bytes_release(&rests->data[rests->first].object);
    gen_bytes_release(&rests->data[rests->first].name);
    rests->first++;
    rests->n--;
}

struct record_rest *record_rests_add(struct record_rests *rests, uint64_t index) {
    if (rests->first > 0 && rests->first + rests->n == rests->capacity) {
        memmove(rests->data, rests->data + rests->first, rests->n * sizeof *rests->data);
        rests->first = 0;
    }
    size_t end = rests->first + rests->n;
    alloc_grow(&rests->data, &rests->capacity, end + 1, sizeof *rests->data);
    rests->n++;
    rests->data[end] = (struct record_rest){.index = index};
    return &rests->data[end];
}

void record_rest_take(struct record_rest *rest, const struct record_fields *fields,
                      bool (*is_used)(const void *context, const char *name), const void *context) {
    record_fields_others(&rest->object, fields, is_used, context);
}

const struct record_rest *record_rests_of(struct record_rests *rests, uint64_t index) {
    while (rests->n > 0 && rests->data[rests->first].index < index) {
        drop_first(rests);
    }
    bool is_there = rests->n > 0 && rests->data[rests->first].index == index;
    return is_there ? &rests->data[rests->first] : NULL;
}

void record_rests_release(struct record_rests *rests) {
    while (rests->n > 0) {
        drop_first(rests);
    }
    free(rests->data);
    *rests = (struct record_rests){0};
}
