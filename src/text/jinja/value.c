/**
 * value.c - the values of a template: making, comparing, turning into text. Members, indexes and
 * slices are in member.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "text/jinja/parts.h"

/* ---- making ----------------------------------------------------------------------------------*/

struct value value_bool(bool truth) {
    return (struct value){VALUE_BOOL, {.truth = truth}};
}

struct value value_int(int64_t number) {
    return (struct value){VALUE_INT, {.number = number}};
}

struct value value_string(const char *text, size_t n) {
    /* Never NULL: places are counted from it, also in an empty text. */
    return (struct value){VALUE_STRING, {.string = {text != NULL ? text : "", n}}};
}

struct value value_list(struct run *run, unsigned line) {
    struct value value = {VALUE_LIST, {.list = run_new(run, line, 1, sizeof(struct list))}};
    return value.as.list != NULL ? value : (struct value){0};
}

struct value value_dict(struct run *run, unsigned line) {
    struct value value = {VALUE_DICT, {.dict = run_new(run, line, 1, sizeof(struct dict))}};
    return value.as.dict != NULL ? value : (struct value){0};
}

/* Room for one more of `n` elements; the array may move. */
static bool grow(struct run *run, unsigned line, void **array, size_t n, size_t *capacity,
                 size_t size) {
    if (n < *capacity) {
        return true;
    }
    size_t room = *capacity < 4 ? 4 : *capacity * 2;
    void *larger = run_new(run, line, room, size);
    if (larger == NULL) {
        return false;
    }
    if (n > 0) {
        memcpy(larger, *array, n * size);
    }
    *array = larger;
    *capacity = room;
    return true;
}

void list_append(struct run *run, unsigned line, struct list *list, struct value value) {
    void *items = list->items;
    if (grow(run, line, &items, list->n, &list->capacity, sizeof *list->items)) {
        list->items = items;
        list->items[list->n++] = value;
    }
}

void dict_set(struct run *run, unsigned line, struct dict *dict, struct span name,
              struct value value) {
    void *members = dict->members;
    for (size_t i = 0; i < dict->n && run_work(run, line, 1); i++) {
        if (span_equal(dict->members[i].name, name)) {
            dict->members[i].value = value;
            return;
        }
    }
    if (grow(run, line, &members, dict->n, &dict->capacity, sizeof *dict->members)) {
        dict->members = members;
        dict->members[dict->n++] = (struct dict_member){name, value};
    }
}

const struct value *dict_get(const struct dict *dict, struct span name) {
    for (size_t i = 0; i < dict->n; i++) {
        if (span_equal(dict->members[i].name, name)) {
            return &dict->members[i].value;
        }
    }
    return NULL;
}

/* ---- asking ----------------------------------------------------------------------------------*/

const char *value_type_name(struct value value) {
    static const char *const names[] = {
        [VALUE_UNDEFINED] = "undefined", [VALUE_NONE] = "none",     [VALUE_BOOL] = "a truth value",
        [VALUE_INT] = "a number",        [VALUE_STRING] = "a text", [VALUE_LIST] = "a list",
        [VALUE_DICT] = "a dict",         [VALUE_LOOP] = "a loop",   [VALUE_MACRO] = "a macro"};
    return names[value.type];
}

bool value_truth(struct value value) {
    switch (value.type) {
    case VALUE_UNDEFINED:
    case VALUE_NONE:
        return false;
    case VALUE_BOOL:
        return value.as.truth;
    case VALUE_INT:
        return value.as.number != 0;
    case VALUE_STRING:
        return value.as.string.n > 0;
    case VALUE_LIST:
        return value.as.list->n > 0;
    case VALUE_DICT:
        return value.as.dict->n > 0 || value.as.dict->is_namespace;
    case VALUE_LOOP:
    case VALUE_MACRO:
        break;
    }
    return true;
}

static bool is_number(struct value value, int64_t *number) {
    *number = 0;
    if (value.type == VALUE_INT) {
        *number = value.as.number;
    } else if (value.type == VALUE_BOOL) {
        *number = value.as.truth;
    }
    return value.type == VALUE_INT || value.type == VALUE_BOOL;
}

static bool list_equal(struct run *run, unsigned line, const struct list *a, const struct list *b) {
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n && run_work(run, line, 1); i++) {
        equal = value_equal(run, line, a->items[i], b->items[i]);
    }
    return equal;
}

static bool dict_equal(struct run *run, unsigned line, const struct dict *a, const struct dict *b) {
    bool equal = a->n == b->n;
    for (size_t i = 0; equal && i < a->n && run_work(run, line, b->n + 1); i++) {
        const struct value *other = dict_get(b, a->members[i].name);
        equal = other != NULL && value_equal(run, line, a->members[i].value, *other);
    }
    return equal;
}

bool value_equal(struct run *run, unsigned line, struct value a, struct value b) {
    int64_t left, right;
    if (is_number(a, &left) && is_number(b, &right)) {
        return left == right;
    }
    if (a.type != b.type || !run_work(run, line, 1)) {
        return false;
    }
    bool equal = true;
    run->depth++;
    if (run->depth > 256) {
        run_fail(run, line, "values too deep to compare");
    } else if (a.type == VALUE_STRING) {
        equal = run_work(run, line, a.as.string.n) && span_equal(a.as.string, b.as.string);
    } else if (a.type == VALUE_LIST) {
        equal = list_equal(run, line, a.as.list, b.as.list);
    } else if (a.type == VALUE_DICT) {
        equal = a.as.dict == b.as.dict || dict_equal(run, line, a.as.dict, b.as.dict);
    } else if (a.type == VALUE_LOOP || a.type == VALUE_MACRO) {
        equal = a.as.loop == b.as.loop;
    }
    run->depth--;
    return equal;
}

int value_compare(struct run *run, unsigned line, struct value a, struct value b) {
    int64_t left, right;
    if (is_number(a, &left) && is_number(b, &right)) {
        return left < right ? -1 : left > right;
    }
    if (a.type != VALUE_STRING || b.type != VALUE_STRING) {
        run_fail(run, line, "%s and %s cannot be compared", value_type_name(a), value_type_name(b));
        return 0;
    }
    size_t n = size_min(a.as.string.n, b.as.string.n);
    int order = n > 0 && run_work(run, line, n) ? memcmp(a.as.string.text, b.as.string.text, n) : 0;
    return order != 0 ? order : a.as.string.n < b.as.string.n ? -1 : a.as.string.n > b.as.string.n;
}

bool value_in(struct run *run, unsigned line, struct value item, struct value container) {
    if (container.type == VALUE_STRING && item.type == VALUE_STRING) {
        return run_work(run, line, container.as.string.n) &&
               text_find(container.as.string, 0, item.as.string) < container.as.string.n + 1;
    }
    if (container.type == VALUE_DICT && item.type == VALUE_STRING) {
        return run_work(run, line, container.as.dict->n) &&
               dict_get(container.as.dict, item.as.string) != NULL;
    }
    if (container.type == VALUE_LIST) {
        for (size_t i = 0; i < container.as.list->n && run_work(run, line, 1); i++) {
            if (value_equal(run, line, item, container.as.list->items[i])) {
                return true;
            }
        }
        return false;
    }
    if (container.type != VALUE_UNDEFINED) {
        run_fail(run, line, "%s cannot be in %s", value_type_name(item),
                 value_type_name(container));
    }
    return false;
}

struct span value_text(struct run *run, unsigned line, struct value value) {
    switch (value.type) {
    case VALUE_STRING:
        return value.as.string;
    case VALUE_UNDEFINED:
        return (struct span){"", 0};
    case VALUE_NONE:
        return (struct span){"None", 4};
    case VALUE_BOOL:
        return value.as.truth ? (struct span){"True", 4} : (struct span){"False", 5};
    case VALUE_INT: {
        char *digits = run_new(run, line, 24, 1);
        int n = digits != NULL ? snprintf(digits, 24, "%lld", (long long)value.as.number) : 0;
        return (struct span){digits, n > 0 ? (size_t)n : 0};
    }
    case VALUE_LIST:
    case VALUE_DICT:
    case VALUE_LOOP:
    case VALUE_MACRO:
        break;
    }
    run_fail(run, line, "writing %s out is not supported", value_type_name(value));
    return (struct span){"", 0};
}
