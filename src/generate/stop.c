/**
 * stop.c - stop strings, matched byte by byte (Knuth, Morris, Pratt), and the bytes that must be
 * held back meanwhile. That the text ends there is done in sequence.c.
 */
#include "generate/stop.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* The longest prefix of the string that a text ends with after one more byte. */
static size_t advance(const struct stop_string *string, size_t matched, char byte) {
    while (matched > 0 && string->bytes[matched] != byte) {
        matched = string->fallback[matched - 1];
    }
    return string->bytes[matched] == byte ? matched + 1 : 0;
}

static bool string_init(struct stop_string *string, const char *bytes, size_t n) {
    string->n = n;
    string->bytes = memory_copy_string(bytes, n);
    string->fallback = memory_new(n, sizeof *string->fallback);
    if (string->bytes == NULL || string->fallback == NULL) {
        return false;
    }
    /* The string is matched against itself, one byte late. */
    for (size_t i = 1; i < n; i++) {
        string->fallback[i] = advance(string, string->fallback[i - 1], bytes[i]);
    }
    return true;
}

enum gen_status stop_set_init(struct stop_set *set, const char *const *strings, size_t n,
                              struct gen_error *err) {
    set->strings = memory_new(n, sizeof *set->strings);
    if (set->strings == NULL) {
        return error_no_memory(err, "the stop strings");
    }
    set->n = n;
    for (size_t i = 0; i < n; i++) {
        if (strings[i] == NULL || strings[i][0] == '\0') {
            return error_set(err, GEN_BAD_ARGUMENT,
                             "stop string %zu is empty but must have at least one byte", i);
        }
        if (!string_init(&set->strings[i], strings[i], strlen(strings[i]))) {
            return error_no_memory(err, "the stop strings");
        }
    }
    return GEN_OK;
}

void stop_set_release(struct stop_set *set) {
    for (size_t i = 0; i < set->n; i++) {
        memory_free(set->strings[i].bytes);
        memory_free(set->strings[i].fallback);
    }
    memory_free(set->strings);
    *set = (struct stop_set){0};
}

bool stop_match_init(struct stop_match *match, const struct stop_set *set) {
    *match = (struct stop_match){.matched = memory_new(set->n, sizeof *match->matched)};
    return match->matched != NULL;
}

bool stop_match_clone(struct stop_match *match, const struct stop_match *from,
                      const struct stop_set *set) {
    if (!stop_match_init(match, set)) {
        return false;
    }
    for (size_t i = 0; i < set->n; i++) {
        match->matched[i] = from->matched[i];
    }
    return gen_bytes_append(&match->held, from->held.data, from->held.n) == GEN_OK;
}

void stop_match_release(struct stop_match *match) {
    memory_free(match->matched);
    gen_bytes_release(&match->held);
    *match = (struct stop_match){0};
}

/* Length of the longest string complete with this byte, or 0; *partial: what must wait. */
static size_t push_byte(struct stop_match *match, const struct stop_set *set, char byte,
                        size_t *partial) {
    size_t complete = 0;
    *partial = 0;
    for (size_t i = 0; i < set->n; i++) {
        size_t matched = advance(&set->strings[i], match->matched[i], byte);
        match->matched[i] = matched;
        if (matched == set->strings[i].n && matched > complete) {
            complete = matched;
        }
        if (matched > *partial) {
            *partial = matched;
        }
    }
    return complete;
}

bool stop_match_push(struct stop_match *match, const struct stop_set *set, const char *bytes,
                     size_t n, struct gen_bytes *out, bool *found) {
    struct gen_bytes *held = &match->held;
    size_t keep = held->n;
    size_t complete = 0;
    size_t n_read = 0;
    while (n_read < n && complete == 0) {
        complete = push_byte(match, set, bytes[n_read++], &keep);
    }
    *found = complete > 0;
    if (gen_bytes_append(held, bytes, n_read) != GEN_OK) {
        return false;
    }
    size_t n_passed = held->n - (*found ? complete : keep);
    if (gen_bytes_append(out, held->data, n_passed) != GEN_OK) {
        return false;
    }
    if (*found) {
        held->n = 0;
    } else if (n_passed > 0) {
        held->n -= n_passed;
        memmove(held->data, held->data + n_passed, held->n);
    }
    return true;
}

bool stop_match_flush(struct stop_match *match, struct gen_bytes *out) {
    bool ok = gen_bytes_append(out, match->held.data, match->held.n) == GEN_OK;
    match->held.n = 0;
    return ok;
}
