/**
 * ids.c - token ids as text, "15496, 995": read from the command line, files and stdin, and
 * written. Whether an id is in the vocabulary is left to the library.
 */
#include "cli/ids.h"

#include <stdbool.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/message.h"

static bool is_divider(char c) {
    return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

/* Narrow text[*begin ... *end) to what is between divider characters. */
static void trim(const char *text, size_t *begin, size_t *end) {
    while (*begin < *end && is_divider(text[*begin])) {
        ++*begin;
    }
    while (*end > *begin && is_divider(text[*end - 1])) {
        --*end;
    }
}

/* The id that text[n] spells; -1 if it is none. */
static int32_t parse_id(const char *text, size_t n) {
    int64_t id = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return -1;
        }
        id = id * 10 + (text[i] - '0');
        if (id > INT32_MAX) {
            return -1;
        }
    }
    return n > 0 ? (int32_t)id : -1;
}

enum gen_status ids_parse(struct gen_ids *ids, const char *text, size_t n, const char *name,
                          struct gen_error *err) {
    size_t begin = 0, end = n;
    trim(text, &begin, &end);
    if (end - begin >= 2 && text[begin] == '[' && text[end - 1] == ']') {
        begin++;
        end--;
        trim(text, &begin, &end);
    }
    while (begin < end) {
        size_t stop = begin;
        while (stop < end && !is_divider(text[stop])) {
            stop++;
        }
        int32_t id = parse_id(text + begin, stop - begin);
        if (id < 0) {
            size_t shown = size_min(stop - begin, 40);
            message_set(err, GEN_BAD_FILE,
                        "%.300s: \"%.*s\" at byte %zu is not a token id (a number from 0 to %d)",
                        name, (int)shown, text + begin, begin, INT32_MAX);
            return GEN_BAD_FILE;
        }
        enum gen_status status = gen_ids_append(ids, &id, 1);
        if (status != GEN_OK) {
            message_set(err, status, "%.300s: out of memory", name);
            return status;
        }
        begin = stop;
        while (begin < end && is_divider(text[begin])) {
            begin++;
        }
    }
    return GEN_OK;
}

void ids_format(struct gen_bytes *text, const int32_t *ids, size_t n, char divider) {
    for (size_t i = 0; i < n; i++) {
        char digits[12];
        size_t at = sizeof digits;
        uint32_t rest = (uint32_t)ids[i];
        do {
            digits[--at] = (char)('0' + rest % 10);
            rest /= 10;
        } while (rest > 0);
        if (i > 0) {
            digits[--at] = divider;
        }
        alloc_append(text, digits + at, sizeof digits - at);
    }
}
