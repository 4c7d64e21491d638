/**
 * record_rests.c - a queue of what goes from a record into the answer to it. The library reads
 * a few batches ahead of what it tells, so the queue is as short.
 */
#include "cmd/record/record_rests.h"

#include <stdlib.h>
#include <string.h>

#include "cli/alloc.h"
#include "cli/json_out.h"

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
    struct json_out json = {0};
    struct gen_bytes value = {0};
    bool any = false;
    json_out_open(&json, NULL, '{');
    for (size_t i = 0; i < fields->n; i++) {
        const struct record_field *field = &fields->data[i];
        if (is_used(context, field->name)) {
            continue;
        }
        any = true;
        if (field->spelled.n == 0) { /* of CSV, where all is text */
            json_out_string(&json, field->name, field->value->valuestring,
                            strlen(field->value->valuestring));
            continue;
        }
        value.n = 0;
        if (json_append_value(&value, &field->spelled) != GEN_OK) {
            alloc_failed();
        }
        json_out_raw(&json, field->name, value.data, value.n);
    }
    json_out_close(&json, '}');
    gen_bytes_release(&value);
    if (any) {
        rest->object = json.text;
    } else {
        gen_bytes_release(&json.text);
    }
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
