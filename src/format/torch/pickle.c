/**
 * pickle.c - the machine of pickle.h: one opcode after the other, a stack of values, marks on it, a
 * memo. Looking at what it made is pickle_values.c's; the names it knows are pickle_globals.c's.
 */
#include "format/torch/pickle.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Longest line of a global's module or name. */
#define MAX_NAME 200

struct machine {
    struct pickle *pickle;
    struct cursor *in;
    enum pickle_kind kind;
    const char *where;
    struct gen_error *err;
    size_t begin;  /* where the pickle begins in `in` */
    size_t at;     /* the opcode's offset within the pickle */
    uint8_t code;  /* the opcode */
    bool finished; /* STOP came */
    uint32_t *stack;
    size_t n_stack, stack_capacity;
    uint32_t *marks; /* heights of the stack */
    size_t n_marks, mark_capacity;
    uint32_t *memo; /* NO_VALUE: nothing is there */
    size_t n_memo, memo_capacity;
};

#define NO_VALUE UINT32_MAX

/* ---- messages --------------------------------------------------------------------------------*/

static enum gen_status bad(const struct machine *m, const char *what) {
    const char *name = pickle_opcode_name(m->code);
    return error_set(m->err, GEN_BAD_FILE, "%s: opcode %s at offset %zu %s", m->where,
                     name != NULL ? name : "?", m->at, what);
}

static enum gen_status too_much(const struct machine *m, const char *what, size_t limit) {
    return error_set(m->err, GEN_BAD_FILE, "%s: has more than %zu %s (no model has that many)",
                     m->where, limit, what);
}

static enum gen_status no_memory(const struct machine *m) {
    return error_no_memory(m->err, "a pickle");
}

static enum gen_status refuse_opcode(const struct machine *m) {
    const char *name = pickle_opcode_name(m->code);
    if (name == NULL) {
        return error_set(m->err, GEN_BAD_FILE, "%s: the byte 0x%02X at offset %zu is no opcode",
                         m->where, m->code, m->at);
    }
    return error_set(m->err, GEN_UNSUPPORTED,
                     "%s: opcode %s at offset %zu is not read (only those are that %s writes)",
                     m->where, name, m->at,
                     m->kind == PICKLE_TORCH ? "torch.save() by itself"
                                             : "pickle.dump() for numbers and texts");
}

/* ---- values ----------------------------------------------------------------------------------*/

static enum gen_status new_value(struct machine *m, struct pickle_value value, uint32_t *out) {
    struct pickle *p = m->pickle;
    if (p->n_values == PICKLE_MAX_VALUES) {
        return too_much(m, "values", PICKLE_MAX_VALUES);
    }
    if (!memory_grow(&p->values, &p->value_capacity, p->n_values + 1, sizeof *p->values)) {
        return no_memory(m);
    }
    *out = (uint32_t)p->n_values;
    p->values[p->n_values++] = value;
    return GEN_OK;
}

static enum gen_status push(struct machine *m, uint32_t value) {
    if (m->n_stack == PICKLE_MAX_STACK) {
        return too_much(m, "values on its stack", PICKLE_MAX_STACK);
    }
    if (!memory_grow(&m->stack, &m->stack_capacity, m->n_stack + 1, sizeof *m->stack)) {
        return no_memory(m);
    }
    m->stack[m->n_stack++] = value;
    return GEN_OK;
}

static enum gen_status push_new(struct machine *m, struct pickle_value value) {
    uint32_t number = 0;
    enum gen_status status = new_value(m, value, &number);
    return status == GEN_OK ? push(m, number) : status;
}

static enum gen_status push_tag(struct machine *m, enum pickle_tag tag) {
    return push_new(m, (struct pickle_value){.tag = (uint8_t)tag});
}

static enum gen_status push_int(struct machine *m, enum pickle_tag tag, int64_t number) {
    return push_new(m, (struct pickle_value){.tag = (uint8_t)tag, .as.i = number});
}

/* Values above the last mark: pop takes only those. */
static size_t n_free(const struct machine *m) {
    return m->n_stack - (m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0);
}

static enum gen_status pop(struct machine *m, uint32_t *value) {
    if (n_free(m) == 0) {
        return bad(m, "needs a value that is not on the stack");
    }
    *value = m->stack[--m->n_stack];
    return GEN_OK;
}

static enum gen_status top(const struct machine *m, uint32_t *value) {
    if (n_free(m) == 0) {
        return bad(m, "needs a value that is not on the stack");
    }
    *value = m->stack[m->n_stack - 1];
    return GEN_OK;
}

static enum gen_status mark(struct machine *m) {
    if (m->n_marks == PICKLE_MAX_MARKS) {
        return error_set(m->err, GEN_BAD_FILE,
                         "%s: is nested deeper than %zu at offset %zu (no model is)", m->where,
                         PICKLE_MAX_MARKS, m->at);
    }
    if (!memory_grow(&m->marks, &m->mark_capacity, m->n_marks + 1, sizeof *m->marks)) {
        return no_memory(m);
    }
    m->marks[m->n_marks++] = (uint32_t)m->n_stack;
    return GEN_OK;
}

/* The values above the last mark, which goes; they stay on the stack until drop(). */
static enum gen_status unmark(struct machine *m, size_t *first, size_t *n) {
    if (m->n_marks == 0) {
        return bad(m, "needs a mark, but there is none");
    }
    *first = m->marks[--m->n_marks];
    *n = m->n_stack - *first;
    return GEN_OK;
}

/* ---- containers ------------------------------------------------------------------------------*/

/* Append the n items from the stack's `first` on. */
static enum gen_status append(struct machine *m, uint32_t container, size_t first, size_t n) {
    struct pickle *p = m->pickle;
    struct pickle_value *value = &p->values[container];
    if (n == 0) {
        return GEN_OK;
    }
    if (n > PICKLE_MAX_ITEMS - p->n_items) {
        return too_much(m, "items in its lists and dicts", PICKLE_MAX_ITEMS);
    }
    if (!memory_grow(&p->items, &p->item_capacity, p->n_items + n, sizeof *p->items) ||
        !memory_grow(&p->pieces, &p->piece_capacity, p->n_pieces + 1, sizeof *p->pieces)) {
        return no_memory(m);
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
    enum gen_status status = new_value(m, (struct pickle_value){.tag = PICKLE_TUPLE}, &tuple);
    if (status == GEN_OK) {
        status = append(m, tuple, first, m->n_stack - first);
    }
    m->n_stack = first;
    return status == GEN_OK ? push(m, tuple) : status;
}

static enum gen_status make_small_tuple(struct machine *m, size_t n) {
    return n_free(m) < n ? bad(m, "needs values that are not on the stack")
                         : make_tuple(m, m->n_stack - n);
}

/* Items from the stack's `first` on go into the container before them. */
static enum gen_status add_items(struct machine *m, enum pickle_tag tag, size_t first) {
    size_t n = m->n_stack - first;
    size_t floor = m->n_marks > 0 ? m->marks[m->n_marks - 1] : 0;
    if (first <= floor || pickle_at(m->pickle, m->stack[first - 1])->tag != tag) {
        return bad(m, tag == PICKLE_LIST ? "needs a list to append to"
                                         : "needs a dict to put its items into");
    }
    if (tag == PICKLE_DICT && n % 2 != 0) {
        return bad(m, "has a key without a value");
    }
    enum gen_status status = append(m, m->stack[first - 1], first, n);
    m->n_stack = first;
    return status;
}

static enum gen_status add_marked(struct machine *m, enum pickle_tag tag) {
    size_t first = 0, n = 0;
    enum gen_status status = unmark(m, &first, &n);
    return status == GEN_OK ? add_items(m, tag, first) : status;
}

static enum gen_status add_last(struct machine *m, enum pickle_tag tag, size_t n) {
    return n_free(m) < n ? bad(m, "needs values that are not on the stack")
                         : add_items(m, tag, m->n_stack - n);
}

/* ---- numbers and texts -----------------------------------------------------------------------*/

static enum gen_status ends_early(const struct machine *m) {
    return error_set(m->err, GEN_BAD_FILE, "%s: ends within opcode %s at offset %zu: it is cut off",
                     m->where, pickle_opcode_name(m->code), m->at);
}

static enum gen_status push_text(struct machine *m, size_t n) {
    struct pickle *p = m->pickle;
    const unsigned char *bytes = cursor_take(m->in, n);
    if (m->in->failed) {
        return ends_early(m);
    }
    if (n > PICKLE_MAX_BYTES) {
        return too_much(m, "bytes", PICKLE_MAX_BYTES);
    }
    if (!memory_grow(&p->texts, &p->text_capacity, p->n_texts + n + 1, 1)) {
        return no_memory(m);
    }
    memcpy(p->texts + p->n_texts, bytes, n);
    p->texts[p->n_texts + n] = '\0';
    struct pickle_value text = {.tag = PICKLE_TEXT, .n = (uint32_t)n, .as.text = p->n_texts};
    p->n_texts += n + 1;
    return push_new(m, text);
}

/* A whole number of so many bytes, little-endian with a sign. */
static enum gen_status push_long(struct machine *m) {
    size_t n = cursor_u8(m->in);
    const unsigned char *bytes = cursor_take(m->in, n);
    if (m->in->failed) {
        return ends_early(m);
    }
    if (n > sizeof(int64_t)) {
        return push_tag(m, PICKLE_OTHER);
    }
    uint64_t bits = n > 0 && bytes[n - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = n; i-- > 0;) {
        bits = bits << 8 | bytes[i];
    }
    return push_int(m, PICKLE_INT, (int64_t)bits);
}

static enum gen_status push_float(struct machine *m) {
    const unsigned char *bytes = cursor_take(m->in, 8);
    uint64_t bits = 0;
    if (bytes == NULL) {
        return ends_early(m);
    }
    for (size_t i = 0; i < 8; i++) { /* the one number that is big-endian */
        bits = bits << 8 | bytes[i];
    }
    struct pickle_value value = {.tag = PICKLE_FLOAT};
    memcpy(&value.as.f, &bits, sizeof bits);
    return push_new(m, value);
}

/* ---- names -----------------------------------------------------------------------------------*/

/* A line without its newline; false where none ends soon enough. */
static bool take_line(struct cursor *in, char line[MAX_NAME + 1], size_t *n) {
    for (*n = 0; *n <= MAX_NAME; (*n)++) {
        char c = (char)cursor_u8(in);
        if (in->failed || c == '\n') {
            return !in->failed;
        }
        if (*n < MAX_NAME) {
            line[*n] = c;
        }
    }
    return false;
}

static enum gen_status push_global(struct machine *m) {
    char module[MAX_NAME + 1], name[MAX_NAME + 1];
    size_t n_module, n_name;
    enum pickle_global global;
    if (!take_line(m->in, module, &n_module) || !take_line(m->in, name, &n_name)) {
        return m->in->failed ? ends_early(m) : bad(m, "has a name without an end");
    }
    if (m->kind == PICKLE_PLAIN) {
        return refuse_opcode(m);
    }
    if (!pickle_global_find(module, n_module, name, n_name, &global)) {
        struct error_quoted of, what;
        return error_set(m->err, GEN_UNSUPPORTED,
                         "%s: names %.60s.%.60s at offset %zu, which can run code and is not read: "
                         "a file of weights has only tensors in it (in Python: "
                         "torch.save(model.state_dict(), FILE))",
                         m->where, error_quote(&of, module, n_module),
                         error_quote(&what, name, n_name), m->at);
    }
    return push_new(m, (struct pickle_value){.tag = PICKLE_GLOBAL, .global = (uint8_t)global});
}

/* OrderedDict([[key, value], ...]), as Python 2 wrote it, whose list is `list`. */
static enum gen_status push_pairs(struct machine *m, uint32_t list) {
    uint32_t dict = 0, pair;
    enum gen_status status = new_value(m, (struct pickle_value){.tag = PICKLE_DICT}, &dict);
    struct pickle_walk walk = pickle_walk(m->pickle, list);
    while (status == GEN_OK && pickle_next(&walk, &pair)) {
        struct pickle_walk parts = pickle_walk(m->pickle, pair);
        size_t first = m->n_stack;
        uint32_t part;
        if (parts.left != 2) {
            return bad(m, "makes a dict of something else than pairs");
        }
        while (status == GEN_OK && pickle_next(&parts, &part)) {
            status = push(m, part);
        }
        if (status == GEN_OK) {
            status = append(m, dict, first, 2);
        }
        m->n_stack = first;
        /* Arrays may have moved, but the walk has the pickle and numbers only. */
    }
    return status == GEN_OK ? push(m, dict) : status;
}

/* What would be a call. */
static enum gen_status note_call(struct machine *m) {
    uint32_t arguments = 0, function = 0, list;
    enum gen_status status = pop(m, &arguments);
    if (status == GEN_OK) {
        status = pop(m, &function);
    }
    if (status != GEN_OK) {
        return status;
    }
    const struct pickle_value *called = pickle_at(m->pickle, function);
    const struct pickle_value *with = pickle_at(m->pickle, arguments);
    if (called->tag != PICKLE_GLOBAL || with->tag != PICKLE_TUPLE) {
        return bad(m, "needs a name and a tuple");
    }
    if (called->global >= PICKLE_FLOAT_STORAGE) {
        return bad(m, "makes a storage, which only a file of its own may be");
    }
    if (called->global != PICKLE_ORDERED_DICT) {
        return push_new(m, (struct pickle_value){.tag = PICKLE_CALL,
                                                 .global = called->global,
                                                 .as.arguments = arguments});
    }
    struct pickle_walk walk = pickle_walk(m->pickle, arguments);
    if (with->n > 1) {
        return bad(m, "makes a dict of several things");
    }
    return pickle_next(&walk, &list) ? push_pairs(m, list) : push_tag(m, PICKLE_DICT);
}

/* The state of an ordered dict, _metadata, is nothing that a model needs. */
static enum gen_status build(struct machine *m) {
    uint32_t state = 0, object = 0;
    enum gen_status status = pop(m, &state);
    if (status == GEN_OK) {
        status = top(m, &object);
    }
    if (status == GEN_OK && pickle_at(m->pickle, object)->tag != PICKLE_DICT) {
        status = bad(m, "changes something else than an ordered dict");
    }
    return status;
}

static enum gen_status push_persistent(struct machine *m) {
    uint32_t id = 0;
    enum gen_status status = pop(m, &id);
    if (status == GEN_OK && pickle_at(m->pickle, id)->tag != PICKLE_TUPLE) {
        status = bad(m, "needs a tuple");
    }
    return status == GEN_OK
               ? push_new(m, (struct pickle_value){.tag = PICKLE_PERSISTENT, .as.arguments = id})
               : status;
}

/* ---- memo ------------------------------------------------------------------------------------*/

static enum gen_status put(struct machine *m, size_t index) {
    uint32_t value = 0;
    enum gen_status status = top(m, &value);
    if (status != GEN_OK) {
        return status;
    }
    if (index >= PICKLE_MAX_MEMO) {
        return bad(m, "puts something in a place of the memo that no model needs");
    }
    if (!memory_grow(&m->memo, &m->memo_capacity, index + 1, sizeof *m->memo)) {
        return no_memory(m);
    }
    while (m->n_memo <= index) {
        m->memo[m->n_memo++] = NO_VALUE;
    }
    m->memo[index] = value;
    return GEN_OK;
}

static enum gen_status get(struct machine *m, size_t index) {
    if (index >= m->n_memo || m->memo[index] == NO_VALUE) {
        return bad(m, "takes from a place of the memo where nothing is");
    }
    return push(m, m->memo[index]);
}

/* ---- opcodes ---------------------------------------------------------------------------------*/

static enum gen_status protocol(struct machine *m) {
    unsigned version = cursor_u8(m->in);
    unsigned newest = m->kind == PICKLE_TORCH ? 2 : 5;
    if (m->at != 0 || version < 2 || version > newest) {
        return error_set(
            m->err, GEN_UNSUPPORTED,
            "%s: opcode PROTO at offset %zu says protocol %u, but it must be the first "
            "and say 2%s",
            m->where, m->at, version, newest > 2 ? " to 5" : "");
    }
    return GEN_OK;
}

/* What only pickle.dump() writes. */
static enum gen_status run_plain(struct machine *m) {
    switch (m->code) {
    case 0x8c: /* SHORT_BINUNICODE */
        return push_text(m, cursor_u8(m->in));
    case 0x94: /* MEMOIZE */
        return put(m, m->n_memo);
    case 0x95: /* FRAME: so many bytes belong together; nothing hangs on it */
        cursor_u64(m->in);
        return GEN_OK;
    default:
        return refuse_opcode(m);
    }
}

static enum gen_status run_opcode(struct machine *m) {
    struct cursor *in = m->in;
    size_t first = 0, n = 0;
    enum gen_status status;
    switch (m->code) {
    case 0x80: /* PROTO */
        return protocol(m);
    case '.': /* STOP */
        m->finished = true;
        status = pop(m, &m->pickle->root);
        return status == GEN_OK && m->n_stack + m->n_marks > 0
                   ? bad(m, "leaves values on the stack")
                   : status;
    case '(': /* MARK */
        return mark(m);
    case 'N': /* NONE */
        return push_tag(m, PICKLE_NONE);
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return push_int(m, PICKLE_BOOL, m->code == 0x88);
    case 'J': /* BININT */
        return push_int(m, PICKLE_INT, (int32_t)cursor_u32(in));
    case 'K': /* BININT1 */
        return push_int(m, PICKLE_INT, cursor_u8(in));
    case 'M': /* BININT2 */
        return push_int(m, PICKLE_INT, cursor_u16(in));
    case 0x8a: /* LONG1 */
        return push_long(m);
    case 'G': /* BINFLOAT */
        return push_float(m);
    case 'X': /* BINUNICODE */
        return push_text(m, cursor_u32(in));
    case 'U': /* SHORT_BINSTRING */
        return push_text(m, cursor_u8(in));
    case ')': /* EMPTY_TUPLE */
        return push_tag(m, PICKLE_TUPLE);
    case ']': /* EMPTY_LIST */
        return push_tag(m, PICKLE_LIST);
    case '}': /* EMPTY_DICT */
        return push_tag(m, PICKLE_DICT);
    case 0x8f: /* EMPTY_SET */
        return push_tag(m, PICKLE_OTHER);
    case 0x85: /* TUPLE1 */
    case 0x86: /* TUPLE2 */
    case 0x87: /* TUPLE3 */
        return make_small_tuple(m, m->code - 0x84u);
    case 't': /* TUPLE */
        status = unmark(m, &first, &n);
        return status == GEN_OK ? make_tuple(m, first) : status;
    case 'a': /* APPEND */
        return add_last(m, PICKLE_LIST, 1);
    case 'e': /* APPENDS */
        return add_marked(m, PICKLE_LIST);
    case 's': /* SETITEM */
        return add_last(m, PICKLE_DICT, 2);
    case 'u': /* SETITEMS */
        return add_marked(m, PICKLE_DICT);
    case 'c': /* GLOBAL */
        return push_global(m);
    case 'R':  /* REDUCE */
    case 0x81: /* NEWOBJ */
        return note_call(m);
    case 'b': /* BUILD */
        return build(m);
    case 'Q': /* BINPERSID */
        return m->kind == PICKLE_TORCH ? push_persistent(m) : refuse_opcode(m);
    case 'q': /* BINPUT */
        return put(m, cursor_u8(in));
    case 'r': /* LONG_BINPUT */
        return put(m, cursor_u32(in));
    case 'h': /* BINGET */
        return get(m, cursor_u8(in));
    case 'j': /* LONG_BINGET */
        return get(m, cursor_u32(in));
    default:
        return m->kind == PICKLE_PLAIN ? run_plain(m) : refuse_opcode(m);
    }
}

static enum gen_status step(struct machine *m) {
    m->at = m->in->position - m->begin;
    if (m->at > PICKLE_MAX_BYTES) {
        return too_much(m, "bytes", PICKLE_MAX_BYTES);
    }
    m->code = cursor_u8(m->in);
    if (m->in->failed) {
        return error_set(m->err, GEN_BAD_FILE,
                         "%s: ends at offset %zu without the opcode STOP: it is cut off", m->where,
                         m->at);
    }
    if (m->at == 0 && m->code != 0x80) {
        return error_set(m->err, GEN_BAD_FILE,
                         "%s: does not begin with the opcode PROTO, so it is no pickle that is "
                         "read here",
                         m->where);
    }
    enum gen_status status = run_opcode(m);
    return m->in->failed && status != GEN_NO_MEMORY ? ends_early(m) : status;
}

enum gen_status pickle_read(struct pickle *pickle, struct cursor *in, enum pickle_kind kind,
                            const char *where, struct gen_error *err) {
    struct machine m = {.pickle = pickle,
                        .in = in,
                        .kind = kind,
                        .where = where,
                        .err = err,
                        .begin = in->position};
    enum gen_status status = GEN_OK;
    while (status == GEN_OK && !m.finished) {
        status = step(&m);
    }
    memory_free(m.stack);
    memory_free(m.marks);
    memory_free(m.memo);
    return status;
}
