/**
 * values.c - looking at what a pickle held, once it is read.
 */
#include <string.h>

#include "base/memory.h"
#include "format/pickle/pickle.h"

void pickle_release(struct pickle *pickle) {
    memory_free(pickle->values);
    memory_free(pickle->items);
    memory_free(pickle->pieces);
    memory_free(pickle->texts);
    *pickle = (struct pickle){0};
}

const char *pickle_kind_name(const struct pickle_value *value) {
    switch ((enum pickle_tag)value->tag) {
    case PICKLE_NONE:
        return "None";
    case PICKLE_BOOL:
        return "true or false";
    case PICKLE_INT:
    case PICKLE_FLOAT:
        return "a number";
    case PICKLE_TEXT:
        return "a text";
    case PICKLE_TUPLE:
        return "a tuple";
    case PICKLE_LIST:
        return "a list";
    case PICKLE_DICT:
        return "a dict";
    case PICKLE_GLOBAL:
        return "a name";
    case PICKLE_CALL:
        return value->global == PICKLE_REBUILD_TENSOR ? "a tensor" : "an object";
    case PICKLE_PERSISTENT:
        return "a storage";
    case PICKLE_OTHER:
    default:
        return "something else";
    }
}

const char *pickle_text(const struct pickle *pickle, uint32_t value, size_t *n) {
    const struct pickle_value *at = pickle_at(pickle, value);
    *n = at->n;
    return at->tag == PICKLE_TEXT ? pickle->texts + at->as.text : NULL;
}

bool pickle_is_text(const struct pickle *pickle, uint32_t value, const char *text) {
    size_t n = 0;
    const char *found = pickle_text(pickle, value, &n);
    return found != NULL && n == strlen(text) && memcmp(found, text, n) == 0;
}

bool pickle_int(const struct pickle *pickle, uint32_t value, int64_t *number) {
    const struct pickle_value *at = pickle_at(pickle, value);
    *number = at->tag == PICKLE_INT ? at->as.i : 0;
    return at->tag == PICKLE_INT;
}

struct pickle_walk pickle_walk(const struct pickle *pickle, uint32_t container) {
    const struct pickle_value *at = pickle_at(pickle, container);
    bool holds = at->tag == PICKLE_TUPLE || at->tag == PICKLE_LIST || at->tag == PICKLE_DICT;
    return (struct pickle_walk){.pickle = pickle,
                                .left = holds ? at->n : 0,
                                .piece = holds && at->n > 0 ? at->as.pieces.first : 0};
}

bool pickle_next(struct pickle_walk *walk, uint32_t *item) {
    if (walk->left == 0) {
        return false;
    }
    const struct pickle_piece *piece = &walk->pickle->pieces[walk->piece];
    if (walk->at == piece->n) {
        walk->piece = piece->next;
        walk->at = 0;
        piece = &walk->pickle->pieces[walk->piece];
    }
    *item = walk->pickle->items[piece->at + walk->at++];
    walk->left--;
    return true;
}

bool pickle_tuple(const struct pickle *pickle, uint32_t value, uint32_t *items, size_t room,
                  size_t *n) {
    const struct pickle_value *at = pickle_at(pickle, value);
    struct pickle_walk walk = pickle_walk(pickle, value);
    *n = at->n;
    for (size_t i = 0; i < room && pickle_next(&walk, &items[i]); i++) {
    }
    return at->tag == PICKLE_TUPLE;
}

bool pickle_member(const struct pickle *pickle, uint32_t dict, const char *key, uint32_t *value) {
    struct pickle_walk walk = pickle_walk(pickle, dict);
    bool found = false;
    uint32_t name, item;
    if (pickle_at(pickle, dict)->tag != PICKLE_DICT) {
        return false;
    }
    while (pickle_next(&walk, &name) && pickle_next(&walk, &item)) {
        if (pickle_is_text(pickle, name, key)) {
            *value = item;
            found = true;
        }
    }
    return found;
}
