/**
 * machine.c - the stack, the marks, the memo and the arena of a pickle that is being read.
 * What opcodes there are is pickle.c's.
 */
#include "format/pickle/machine.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void machine_release(struct machine *m) {
    memory_free(m->stack);
    memory_free(m->marks);
    memory_free(m->memo);
}

/* ---- messages --------------------------------------------------------------------------------*/

enum gen_status machine_bad(const struct machine *m, const char *what) {
    const char *name = pickle_opcode_name(m->code);
    return error_set(m->err, GEN_BAD_FILE, "%s: opcode %s at offset %zu %s", m->where,
                     name != NULL ? name : "?", m->at, what);
}

enum gen_status machine_too_much(const struct machine *m, const char *what, size_t limit) {
    return error_set(m->err, GEN_BAD_FILE, "%s: has more than %zu %s (no model has that many)",
                     m->where, limit, what);
}

enum gen_status machine_no_memory(const struct machine *m) {
    return error_no_memory(m->err, "a pickle");
}

/* ---- values ----------------------------------------------------------------------------------*/

enum gen_status machine_new_value(struct machine *m, struct pickle_value value, uint32_t *out) {
    struct pickle *p = m->pickle;
    if (p->n_values == PICKLE_MAX_VALUES) {
        return machine_too_much(m, "values", PICKLE_MAX_VALUES);
    }
    if (!memory_grow(&p->values, &p->value_capacity, p->n_values + 1, sizeof *p->values)) {
        return machine_no_memory(m);
    }
    *out = (uint32_t)p->n_values;
    p->values[p->n_values++] = value;
    return GEN_OK;
}

enum gen_status machine_push(struct machine *m, uint32_t value) {
    if (m->n_stack == PICKLE_MAX_STACK) {
        return machine_too_much(m, "values on its stack", PICKLE_MAX_STACK);
    }
    if (!memory_grow(&m->stack, &m->stack_capacity, m->n_stack + 1, sizeof *m->stack)) {
        return machine_no_memory(m);
    }
    m->stack[m->n_stack++] = value;
    return GEN_OK;
}

enum gen_status machine_push_new(struct machine *m, struct pickle_value value) {
    uint32_t number = 0;
    enum gen_status status = machine_new_value(m, value, &number);
    return status == GEN_OK ? machine_push(m, number) : status;
}

enum gen_status machine_push_tag(struct machine *m, enum pickle_tag tag) {
    return machine_push_new(m, (struct pickle_value){.tag = (uint8_t)tag});
}

enum gen_status machine_push_int(struct machine *m, enum pickle_tag tag, int64_t number) {
    return machine_push_new(m, (struct pickle_value){.tag = (uint8_t)tag, .as.i = number});
}

/* Values above the last mark: pop takes only those. */
static size_t n_free(const struct machine *m) {
    return m->n_stack - (m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0);
}

enum gen_status machine_pop(struct machine *m, uint32_t *value) {
    if (n_free(m) == 0 || m->stack == NULL) {
        return machine_bad(m, "needs a value that is not on the stack");
    }
    *value = m->stack[--m->n_stack];
    return GEN_OK;
}

enum gen_status machine_top(const struct machine *m, uint32_t *value) {
    if (n_free(m) == 0 || m->stack == NULL) {
        return machine_bad(m, "needs a value that is not on the stack");
    }
    *value = m->stack[m->n_stack - 1];
    return GEN_OK;
}

enum gen_status machine_mark(struct machine *m) {
    if (m->n_marks == PICKLE_MAX_MARKS) {
        return error_set(m->err, GEN_BAD_FILE,
                         "%s: is nested deeper than %zu at offset %zu (no model is)", m->where,
                         PICKLE_MAX_MARKS, m->at);
    }
    if (!memory_grow(&m->marks, &m->mark_capacity, m->n_marks + 1, sizeof *m->marks)) {
        return machine_no_memory(m);
    }
    m->marks[m->n_marks++] = (uint32_t)m->n_stack;
    return GEN_OK;
}

/* The values above the last mark, which goes; they stay on the stack until drop(). */
static enum gen_status unmark(struct machine *m, size_t *first, size_t *n) {
    if (m->n_marks == 0) {
        return machine_bad(m, "needs a mark, but there is none");
    }
    *first = m->marks[--m->n_marks];
    *n = m->n_stack - *first;
    return GEN_OK;
}

/* ---- containers ------------------------------------------------------------------------------*/

/* Append the n items from the stack's `first` on. */
enum gen_status machine_append(struct machine *m, uint32_t container, size_t first, size_t n) {
    struct pickle *p = m->pickle;
    struct pickle_value *value = &p->values[container];
    if (n == 0) {
        return GEN_OK;
    }
    if (n > PICKLE_MAX_ITEMS - p->n_items) {
        return machine_too_much(m, "items in its lists and dicts", PICKLE_MAX_ITEMS);
    }
    if (!memory_grow(&p->items, &p->item_capacity, p->n_items + n, sizeof *p->items) ||
        !memory_grow(&p->pieces, &p->piece_capacity, p->n_pieces + 1, sizeof *p->pieces) ||
        p->pieces == NULL) {
        return machine_no_memory(m);
    }
    memcpy(p->items + p->n_items, m->stack + first, n * sizeof *p->items);
    struct pickle_piece *last = value->n > 0 ? &p->pieces[value->as.pieces.last] : NULL;
    if (last != NULL && last->at + last->n == p->n_items) {
        last->n += (uint32_t)n;
    } else {
        uint32_t piece = (uint32_t)p->n_pieces++;
        p->pieces[piece] = (struct pickle_piece){(uint32_t)p->n_items, (uint32_t)n, 0};
        if (last != NULL) {
            last->next = piece;
        } else {
            value->as.pieces.first = piece;
        }
        value->as.pieces.last = piece;
    }
    p->n_items += n;
    value->n += (uint32_t)n;
    return GEN_OK;
}

/* A tuple of the stack's values from `first` on, in their place. */
static enum gen_status make_tuple(struct machine *m, size_t first) {
    uint32_t tuple = 0;
    enum gen_status status =
        machine_new_value(m, (struct pickle_value){.tag = PICKLE_TUPLE}, &tuple);
    if (status == GEN_OK) {
        status = machine_append(m, tuple, first, m->n_stack - first);
    }
    m->n_stack = first;
    return status == GEN_OK ? machine_push(m, tuple) : status;
}

enum gen_status machine_small_tuple(struct machine *m, size_t n) {
    return n_free(m) < n ? machine_bad(m, "needs values that are not on the stack")
                         : make_tuple(m, m->n_stack - n);
}

enum gen_status machine_marked_tuple(struct machine *m) {
    size_t first = 0, n = 0;
    enum gen_status status = unmark(m, &first, &n);
    return status == GEN_OK ? make_tuple(m, first) : status;
}

/* Items from the stack's `first` on go into the container before them. */
static enum gen_status add_items(struct machine *m, enum pickle_tag tag, size_t first) {
    size_t n = m->n_stack - first;
    size_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
    if (first <= floor || pickle_at(m->pickle, m->stack[first - 1])->tag != tag) {
        return machine_bad(m, tag == PICKLE_LIST ? "needs a list to append to"
                                                 : "needs a dict to put its items into");
    }
    if (tag == PICKLE_DICT && n % 2 != 0) {
        return machine_bad(m, "has a key without a value");
    }
    enum gen_status status = machine_append(m, m->stack[first - 1], first, n);
    m->n_stack = first;
    return status;
}

enum gen_status machine_add_marked(struct machine *m, enum pickle_tag tag) {
    size_t first = 0, n = 0;
    enum gen_status status = unmark(m, &first, &n);
    return status == GEN_OK ? add_items(m, tag, first) : status;
}

enum gen_status machine_add_last(struct machine *m, enum pickle_tag tag, size_t n) {
    return n_free(m) < n ? machine_bad(m, "needs values that are not on the stack")
                         : add_items(m, tag, m->n_stack - n);
}

/* ---- memo ------------------------------------------------------------------------------------*/

enum gen_status machine_put(struct machine *m, size_t index) {
    uint32_t value = 0;
    enum gen_status status = machine_top(m, &value);
    if (status != GEN_OK) {
        return status;
    }
    if (index >= PICKLE_MAX_MEMO) {
        return machine_bad(m, "puts something in a place of the memo that no model needs");
    }
    if (!memory_grow(&m->memo, &m->memo_capacity, index + 1, sizeof *m->memo)) {
        return machine_no_memory(m);
    }
    while (m->n_memo <= index) {
        m->memo[m->n_memo++] = MACHINE_NO_VALUE;
    }
    m->memo[index] = value;
    return GEN_OK;
}

enum gen_status machine_get(struct machine *m, size_t index) {
    if (index >= m->n_memo || m->memo[index] == MACHINE_NO_VALUE) {
        return machine_bad(m, "takes from a place of the memo where nothing is");
    }
    return machine_push(m, m->memo[index]);
}
