/**
 * member.c - what is inside of values: members of dicts and loops, items, characters, slices. What
 * is not there is undefined, as in Jinja.
 */
#include "base/size.h"
#include "text/jinja/parts.h"

static struct value loop_member(const struct loop *loop, struct span name) {
    const struct list *list = loop->list;
    int64_t at = (int64_t)loop->at, n = (int64_t)list->n;
    struct {
        const char *name;
        struct value value;
    } members[] = {
        {"index", value_int(at + 1)},
        {"index0", value_int(at)},
        {"first", value_bool(at == 0)},
        {"last", value_bool(at + 1 == n)},
        {"length", value_int(n)},
        {"revindex", value_int(n - at)},
        {"revindex0", value_int(n - at - 1)},
        {"previtem", at > 0 ? list->items[at - 1] : (struct value){0}},
        {"nextitem", at + 1 < n ? list->items[at + 1] : (struct value){0}},
    };
    for (size_t i = 0; i < N_OF(members); i++) {
        if (span_is(name, members[i].name)) {
            return members[i].value;
        }
    }
    return (struct value){0};
}

struct value value_member(struct run *run, unsigned line, struct value value, struct span name) {
    struct error_quoted quoted;
    const struct value *found = NULL;
    switch (value.type) {
    case VALUE_UNDEFINED:
        run_fail(run, line, "\"%s\" of what is undefined", error_quote(&quoted, name.text, name.n));
        break;
    case VALUE_DICT:
        found = run_work(run, line, value.as.dict->n) ? dict_get(value.as.dict, name) : NULL;
        break;
    case VALUE_LOOP:
        return loop_member(value.as.loop, name);
    case VALUE_NONE:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_STRING:
    case VALUE_LIST:
    case VALUE_MACRO:
        break;
    }
    return found != NULL ? *found : (struct value){0};
}

int64_t value_length(struct value value) {
    int64_t n = 0;
    switch (value.type) {
    case VALUE_STRING:
        for (size_t at = 0; at < value.as.string.n; n++) {
            at += text_character(value.as.string, at);
        }
        return n;
    case VALUE_LIST:
        return (int64_t)value.as.list->n;
    case VALUE_DICT:
        return (int64_t)value.as.dict->n;
    case VALUE_UNDEFINED:
        return 0;
    case VALUE_NONE:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_LOOP:
    case VALUE_MACRO:
        break;
    }
    return -1;
}

/* Where character number `i` of a text begins. */
static size_t place_of(struct span text, int64_t i) {
    size_t at = 0;
    for (; i > 0 && at < text.n; i--) {
        at += text_character(text, at);
    }
    return at;
}

/* A text or a list is gone over whole, to count its characters. */
static bool work_on(struct run *run, unsigned line, struct value value) {
    return run_work(run, line, value.type == VALUE_STRING ? value.as.string.n : 1);
}

struct value value_index(struct run *run, unsigned line, struct value value, struct value index) {
    if (value.type == VALUE_UNDEFINED) {
        run_fail(run, line, "an item of what is undefined");
    }
    if (index.type == VALUE_STRING) {
        return value_member(run, line, value, index.as.string);
    }
    bool counts =
        index.type == VALUE_INT && (value.type == VALUE_LIST || value.type == VALUE_STRING);
    if (!counts || !work_on(run, line, value)) {
        return (struct value){0};
    }
    int64_t n = value_length(value);
    int64_t at = index.as.number < 0 ? index.as.number + n : index.as.number;
    if (at < 0 || at >= n) {
        return (struct value){0};
    }
    if (value.type == VALUE_LIST) {
        return value.as.list->items[at];
    }
    struct span text = value.as.string;
    size_t place = place_of(text, at);
    return value_string(text.text + place, text_character(text, place));
}

/* Bounds as Python takes them: counted from the end where negative, then within the value. */
static int64_t bound(struct value value, int64_t missing, int64_t n, int64_t low, int64_t high) {
    if (value.type != VALUE_INT) {
        return missing;
    }
    int64_t at = value.as.number < 0 ? value.as.number + n : value.as.number;
    return at < low ? low : at > high ? high : at;
}

struct value value_slice(struct run *run, unsigned line, struct value value,
                         const struct value bounds[3]) {
    bool string = value.type == VALUE_STRING;
    for (int i = 0; i < 3; i++) {
        if (bounds[i].type != VALUE_INT && bounds[i].type != VALUE_UNDEFINED &&
            bounds[i].type != VALUE_NONE) {
            run_fail(run, line, "a slice from, to or by %s", value_type_name(bounds[i]));
        }
    }
    if (!string && value.type != VALUE_LIST) {
        run_fail(run, line, "a slice of %s", value_type_name(value));
    }
    int64_t step = bounds[2].type == VALUE_INT ? bounds[2].as.number : 1;
    if (step == 0 || (string && step != 1)) {
        run_fail(run, line,
                 step == 0 ? "a slice by steps of 0"
                           : "slices of a text by steps are not supported");
    }
    if (run->status != GEN_OK || !work_on(run, line, value)) {
        return (struct value){0};
    }
    int64_t n = value_length(value);
    bool down = step < 0;
    int64_t from = bound(bounds[0], down ? n - 1 : 0, n, down ? -1 : 0, down ? n - 1 : n);
    int64_t to = bound(bounds[1], down ? -1 : n, n, down ? -1 : 0, down ? n - 1 : n);
    if (string) {
        struct span text = value.as.string;
        size_t start = place_of(text, from), end = place_of(text, to);
        return value_string(text.text + start, end > start ? end - start : 0);
    }
    struct value result = value_list(run, line);
    for (int64_t at = from; run->status == GEN_OK && (down ? at > to : at < to); at += step) {
        list_append(run, line, result.as.list, value.as.list->items[at]);
    }
    return result;
}

struct list *value_items(struct run *run, unsigned line, struct value value) {
    struct value items = value_list(run, line);
    if (run->status != GEN_OK) {
        return NULL;
    }
    if (value.type == VALUE_LIST) {
        return value.as.list;
    }
    if (value.type == VALUE_DICT && !value.as.dict->is_namespace) {
        for (size_t i = 0; i < value.as.dict->n; i++) {
            struct span name = value.as.dict->members[i].name;
            list_append(run, line, items.as.list, value_string(name.text, name.n));
        }
    } else if (value.type == VALUE_STRING) {
        struct span text = value.as.string;
        for (size_t at = 0, n; at < text.n && run->status == GEN_OK; at += n) {
            n = text_character(text, at);
            list_append(run, line, items.as.list, value_string(text.text + at, n));
        }
    } else if (value.type != VALUE_UNDEFINED) {
        run_fail(run, line, "a loop over %s", value_type_name(value));
    }
    return items.as.list;
}
