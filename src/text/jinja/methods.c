/**
 * methods.c - what texts and dicts can be asked, as Python has it: strip, split, startswith, items.
 */
#include <string.h>

#include "text/jinja/parts.h"

/* ---- arguments -------------------------------------------------------------------------------*/

const struct value *argument_of(const struct arguments *arguments, size_t place, struct span name) {
    size_t places = 0;
    for (size_t i = 0; i < arguments->n; i++) {
        bool named = arguments->names[i].n > 0;
        if (named ? span_equal(arguments->names[i], name) : places++ == place) {
            return &arguments->values[i];
        }
    }
    return NULL;
}

const struct value *argument(const struct arguments *arguments, size_t place, const char *name) {
    return argument_of(arguments, place, (struct span){name, strlen(name)});
}

struct call {
    struct run *run;
    unsigned line;
    const struct arguments *arguments;
};

/* A text that is given at this place, or NULL; what is no text is a failure. */
static const struct span *text_at(const struct call *call, size_t place) {
    const struct value *value = argument(call->arguments, place, "");
    if (value == NULL || value->type == VALUE_NONE) {
        return NULL;
    }
    if (value->type != VALUE_STRING) {
        run_fail(call->run, call->line, "a text must be given, not %s", value_type_name(*value));
        return NULL;
    }
    return &value->as.string;
}

static struct value as_value(struct span text) {
    return value_string(text.text, text.n);
}

struct value run_join(struct run *run, unsigned line, struct value value, struct span sign) {
    const struct list *items = value_items(run, line, value);
    size_t n = 0, at = 0;
    if (items == NULL) {
        return value_string("", 0);
    }
    for (size_t i = 0; i < items->n && run->status == GEN_OK; i++) {
        struct span text = value_text(run, line, items->items[i]);
        n += text.n + (i > 0 ? sign.n : 0);
        run_work(run, line, text.n + sign.n + 1); /* bounds n, too */
    }
    char *out = run->status == GEN_OK && n > 0 ? run_new(run, line, n, 1) : NULL;
    for (size_t i = 0; out != NULL && i < items->n; i++) {
        struct span text = value_text(run, line, items->items[i]);
        const struct span parts[] = {i > 0 ? sign : (struct span){"", 0}, text};
        for (size_t part = 0; part < 2; part++) {
            if (parts[part].n > 0) {
                memcpy(out + at, parts[part].text, parts[part].n);
                at += parts[part].n;
            }
        }
    }
    return value_string(out, at);
}

/* ---- texts -----------------------------------------------------------------------------------*/

static struct value strip(const struct call *call, struct span text, char side) {
    const struct span *characters = text_at(call, 0);
    size_t each = characters != NULL ? characters->n + 1 : 1;
    if (text.n > 0 && each > SIZE_MAX / text.n) {
        each = 1;
    }
    return run_work(call->run, call->line, text.n * each)
               ? as_value(text_strip(text, characters, side != 'r', side != 'l'))
               : as_value(text);
}

static bool is_letter(unsigned char c) {
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* upper, lower, capitalize, title; of ASCII alone. */
static struct value change_case(const struct call *call, struct span text, char how) {
    unsigned char *out = run_new(call->run, call->line, text.n + 1, 1);
    bool starts = true;
    for (size_t i = 0; out != NULL && i < text.n; i++) {
        unsigned char c = (unsigned char)text.text[i];
        if (c >= 0x80) {
            run_fail(call->run, call->line,
                     "upper and lower case of letters beyond ASCII are not supported");
            break;
        }
        bool up = how == 'u' || (how != 'l' && starts);
        out[i] = (unsigned char)(!is_letter(c) ? c : up ? c & ~0x20 : c | 0x20);
        starts = how == 't' ? !is_letter(c) : false;
    }
    return value_string((char *)out, out != NULL ? text.n : 0);
}

static struct value replace(const struct call *call, struct span text) {
    const struct span *from = text_at(call, 0), *to = text_at(call, 1);
    if (from == NULL || to == NULL || call->arguments->n != 2) {
        run_fail(call->run, call->line, "replace takes two texts");
        return as_value(text);
    }
    if (from->n == 0) {
        run_fail(call->run, call->line, "replacing an empty text is not supported");
        return as_value(text);
    }
    size_t n = 0, at = 0, next;
    for (; (next = text_find(text, at, *from)) <= text.n; at = next + from->n) {
        if (!run_work(call->run, call->line, next - at + to->n + 1)) { /* bounds n, too */
            return as_value(text);
        }
        n += next - at + to->n;
    }
    n += text.n - at;
    char *out = n > 0 ? run_new(call->run, call->line, n, 1) : NULL;
    size_t length = 0;
    for (at = 0; out != NULL && (next = text_find(text, at, *from)) <= text.n;
         at = next + from->n) {
        memcpy(out + length, text.text + at, next - at);
        length += next - at;
        if (to->n > 0) {
            memcpy(out + length, to->text, to->n);
            length += to->n;
        }
    }
    if (out != NULL && at < text.n) {
        memcpy(out + length, text.text + at, text.n - at);
    }
    return value_string(out, out != NULL ? n : 0);
}

/* Pieces between a text; without one, between white space, of which none stays. */
static struct value split(const struct call *call, struct span text) {
    const struct span *sign = text_at(call, 0);
    const struct value *most = argument(call->arguments, 1, "maxsplit");
    int64_t left = most != NULL && most->type == VALUE_INT && most->as.number >= 0 ? most->as.number
                                                                                   : INT64_MAX;
    struct value list = value_list(call->run, call->line);
    size_t at = 0;
    if (sign != NULL && sign->n == 0) {
        run_fail(call->run, call->line, "split by an empty text");
    }
    if (!run_work(call->run, call->line, text.n) || call->run->status != GEN_OK) {
        return list;
    }
    if (sign == NULL) {
        text = text_strip(text, NULL, true, left == INT64_MAX);
        while (at < text.n && call->run->status == GEN_OK) {
            size_t end = at, n;
            while (end < text.n && !text_is_space(text, end, &n)) {
                end += n;
            }
            end = left-- == 0 ? text.n : end;
            list_append(call->run, call->line, list.as.list,
                        value_string(text.text + at, end - at));
            struct span rest =
                text_strip((struct span){text.text + end, text.n - end}, NULL, true, false);
            at = text.n - rest.n;
        }
        return list;
    }
    while (call->run->status == GEN_OK) {
        size_t next = left-- > 0 ? text_find(text, at, *sign) : text.n + 1;
        size_t end = next <= text.n ? next : text.n;
        list_append(call->run, call->line, list.as.list, value_string(text.text + at, end - at));
        if (next > text.n) {
            break;
        }
        at = next + sign->n;
    }
    return list;
}

static bool ends(struct span text, struct span with, bool at_start) {
    return with.n == 0 ||
           (text.n >= with.n &&
            memcmp(at_start ? text.text : text.text + text.n - with.n, with.text, with.n) == 0);
}

static struct value text_method(const struct call *call, struct span name, struct span text,
                                bool *known) {
    static const char *const strips[] = {"strip", "lstrip", "rstrip"};
    static const char *const cases[] = {"upper", "lower", "capitalize", "title"};
    for (size_t i = 0; i < 3; i++) {
        if (span_is(name, strips[i])) {
            return strip(call, text, strips[i][0]);
        }
    }
    for (size_t i = 0; i < 4; i++) {
        if (span_is(name, cases[i])) {
            return change_case(call, text, cases[i][0]);
        }
    }
    if (span_is(name, "startswith") || span_is(name, "endswith")) {
        const struct span *with = text_at(call, 0);
        if (with == NULL) {
            run_fail(call->run, call->line, "%.*s takes a text", (int)name.n, name.text);
        }
        return value_bool(with != NULL && ends(text, *with, name.text[0] == 's'));
    }
    if (span_is(name, "split")) {
        return split(call, text);
    }
    if (span_is(name, "replace")) {
        return replace(call, text);
    }
    if (span_is(name, "join")) {
        const struct value *items = argument(call->arguments, 0, "");
        return items != NULL ? run_join(call->run, call->line, *items, text) : value_string("", 0);
    }
    *known = false;
    return (struct value){0};
}

/* ---- dicts -----------------------------------------------------------------------------------*/

static struct value dict_method(const struct call *call, struct span name, const struct dict *dict,
                                bool *known) {
    bool items = span_is(name, "items"), keys = span_is(name, "keys");
    if (span_is(name, "get")) {
        const struct span *wanted = text_at(call, 0);
        const struct value *found = wanted != NULL ? dict_get(dict, *wanted) : NULL;
        const struct value *other = argument(call->arguments, 1, "");
        return found != NULL ? *found : other != NULL ? *other : (struct value){VALUE_NONE, {0}};
    }
    if (!items && !keys && !span_is(name, "values")) {
        *known = false;
        return (struct value){0};
    }
    struct value list = value_list(call->run, call->line);
    for (size_t i = 0; i < dict->n && call->run->status == GEN_OK; i++) {
        struct value key = as_value(dict->members[i].name);
        struct value item = keys ? key : dict->members[i].value;
        if (items) {
            item = value_list(call->run, call->line);
            if (call->run->status == GEN_OK) {
                list_append(call->run, call->line, item.as.list, key);
                list_append(call->run, call->line, item.as.list, dict->members[i].value);
            }
        }
        list_append(call->run, call->line, list.as.list, item);
    }
    return list;
}

struct value run_method(struct run *run, unsigned line, struct span name, struct value value,
                        const struct arguments *arguments) {
    struct error_quoted quoted;
    struct call call = {run, line, arguments};
    struct value result = {0};
    bool known = value.type == VALUE_STRING || value.type == VALUE_DICT;
    if (value.type == VALUE_STRING) {
        result = text_method(&call, name, value.as.string, &known);
    } else if (value.type == VALUE_DICT) {
        result = dict_method(&call, name, value.as.dict, &known);
    }
    if (!known) {
        run_fail(run, line, "the method \"%s\" of %s is not supported",
                 error_quote(&quoted, name.text, name.n), value_type_name(value));
    }
    return result;
}
