/**
 * pickle.c - the opcodes of pickle.h, one after the other. What they work on is machine.c's,
 * looking at what they made values.c's; the names they know are in globals.c.
 */
#include "format/pickle/pickle.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "format/pickle/machine.h"

/* Longest line of a global's module or name. */
#define MAX_NAME 200

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
        return machine_too_much(m, "bytes", PICKLE_MAX_BYTES);
    }
    if (!memory_grow(&p->texts, &p->text_capacity, p->n_texts + n + 1, 1)) {
        return machine_no_memory(m);
    }
    memcpy(p->texts + p->n_texts, bytes, n);
    p->texts[p->n_texts + n] = '\0';
    struct pickle_value text = {.tag = PICKLE_TEXT, .n = (uint32_t)n, .as.text = p->n_texts};
    p->n_texts += n + 1;
    return machine_push_new(m, text);
}

/* A whole number of so many bytes, little-endian with a sign. */
static enum gen_status push_long(struct machine *m) {
    size_t n = cursor_u8(m->in);
    const unsigned char *bytes = cursor_take(m->in, n);
    if (m->in->failed) {
        return ends_early(m);
    }
    if (n > sizeof(int64_t)) {
        return machine_push_tag(m, PICKLE_OTHER);
    }
    uint64_t bits = n > 0 && bytes[n - 1] >= 0x80 ? UINT64_MAX : 0;
    for (size_t i = n; i-- > 0;) {
        bits = bits << 8 | bytes[i];
    }
    return machine_push_int(m, PICKLE_INT, (int64_t)bits);
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
    return machine_push_new(m, value);
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
        return m->in->failed ? ends_early(m) : machine_bad(m, "has a name without an end");
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
    return machine_push_new(m,
                            (struct pickle_value){.tag = PICKLE_GLOBAL, .global = (uint8_t)global});
}

/* OrderedDict([[key, value], ...]), as Python 2 wrote it, whose list is `list`. */
static enum gen_status push_pairs(struct machine *m, uint32_t list) {
    uint32_t dict = 0, pair;
    enum gen_status status = machine_new_value(m, (struct pickle_value){.tag = PICKLE_DICT}, &dict);
    struct pickle_walk walk = pickle_walk(m->pickle, list);
    while (status == GEN_OK && pickle_next(&walk, &pair)) {
        struct pickle_walk parts = pickle_walk(m->pickle, pair);
        size_t first = m->n_stack;
        uint32_t part;
        if (parts.left != 2) {
            return machine_bad(m, "makes a dict of something else than pairs");
        }
        while (status == GEN_OK && pickle_next(&parts, &part)) {
            status = machine_push(m, part);
        }
        if (status == GEN_OK) {
            status = machine_append(m, dict, first, 2);
        }
        m->n_stack = first;
        /* Arrays may have moved, but the walk has the pickle and numbers only. */
    }
    return status == GEN_OK ? machine_push(m, dict) : status;
}

/* What would be a call. */
static enum gen_status note_call(struct machine *m) {
    uint32_t arguments = 0, function = 0, list;
    enum gen_status status = machine_pop(m, &arguments);
    if (status == GEN_OK) {
        status = machine_pop(m, &function);
    }
    if (status != GEN_OK) {
        return status;
    }
    const struct pickle_value *called = pickle_at(m->pickle, function);
    const struct pickle_value *with = pickle_at(m->pickle, arguments);
    if (called->tag != PICKLE_GLOBAL || with->tag != PICKLE_TUPLE) {
        return machine_bad(m, "needs a name and a tuple");
    }
    if (called->global >= PICKLE_FLOAT_STORAGE) {
        return machine_bad(m, "makes a storage, which only a file of its own may be");
    }
    if (called->global != PICKLE_ORDERED_DICT) {
        return machine_push_new(m, (struct pickle_value){.tag = PICKLE_CALL,
                                                         .global = called->global,
                                                         .as.arguments = arguments});
    }
    struct pickle_walk walk = pickle_walk(m->pickle, arguments);
    if (with->n > 1) {
        return machine_bad(m, "makes a dict of several things");
    }
    return pickle_next(&walk, &list) ? push_pairs(m, list) : machine_push_tag(m, PICKLE_DICT);
}

/* The state of an ordered dict, _metadata, is nothing that a model needs. */
static enum gen_status build(struct machine *m) {
    uint32_t state = 0, object = 0;
    enum gen_status status = machine_pop(m, &state);
    if (status == GEN_OK) {
        status = machine_top(m, &object);
    }
    if (status == GEN_OK && pickle_at(m->pickle, object)->tag != PICKLE_DICT) {
        status = machine_bad(m, "changes something else than an ordered dict");
    }
    return status;
}

static enum gen_status push_persistent(struct machine *m) {
    uint32_t id = 0;
    enum gen_status status = machine_pop(m, &id);
    if (status == GEN_OK && pickle_at(m->pickle, id)->tag != PICKLE_TUPLE) {
        status = machine_bad(m, "needs a tuple");
    }
    return status == GEN_OK ? machine_push_new(m, (struct pickle_value){.tag = PICKLE_PERSISTENT,
                                                                        .as.arguments = id})
                            : status;
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
        return machine_put(m, m->n_memo);
    case 0x95: /* FRAME: so many bytes belong together; nothing hangs on it */
        cursor_u64(m->in);
        return GEN_OK;
    default:
        return refuse_opcode(m);
    }
}

/* What pushes numbers, texts, and containers that are empty. */
static enum gen_status run_value(struct machine *m) {
    struct cursor *in = m->in;
    switch (m->code) {
    case 'N': /* NONE */
        return machine_push_tag(m, PICKLE_NONE);
    case 0x88: /* NEWTRUE */
    case 0x89: /* NEWFALSE */
        return machine_push_int(m, PICKLE_BOOL, m->code == 0x88);
    case 'J': /* BININT */
        return machine_push_int(m, PICKLE_INT, (int32_t)cursor_u32(in));
    case 'K': /* BININT1 */
        return machine_push_int(m, PICKLE_INT, cursor_u8(in));
    case 'M': /* BININT2 */
        return machine_push_int(m, PICKLE_INT, cursor_u16(in));
    case 0x8a: /* LONG1 */
        return push_long(m);
    case 'G': /* BINFLOAT */
        return push_float(m);
    case 'X': /* BINUNICODE */
        return push_text(m, cursor_u32(in));
    case 'U': /* SHORT_BINSTRING */
        return push_text(m, cursor_u8(in));
    case ')': /* EMPTY_TUPLE */
        return machine_push_tag(m, PICKLE_TUPLE);
    case ']': /* EMPTY_LIST */
        return machine_push_tag(m, PICKLE_LIST);
    case '}': /* EMPTY_DICT */
        return machine_push_tag(m, PICKLE_DICT);
    case 0x8f: /* EMPTY_SET */
        return machine_push_tag(m, PICKLE_OTHER);
    default:
        return m->kind == PICKLE_PLAIN ? run_plain(m) : refuse_opcode(m);
    }
}

/* What works on the stack as containers and the memo do. */
static enum gen_status run_container(struct machine *m) {
    switch (m->code) {
    case '(': /* MARK */
        return machine_mark(m);
    case 0x85: /* TUPLE1 */
    case 0x86: /* TUPLE2 */
    case 0x87: /* TUPLE3 */
        return machine_small_tuple(m, m->code - 0x84u);
    case 't': /* TUPLE */
        return machine_marked_tuple(m);
    case 'a': /* APPEND */
        return machine_add_last(m, PICKLE_LIST, 1);
    case 'e': /* APPENDS */
        return machine_add_marked(m, PICKLE_LIST);
    case 's': /* SETITEM */
        return machine_add_last(m, PICKLE_DICT, 2);
    case 'u': /* SETITEMS */
        return machine_add_marked(m, PICKLE_DICT);
    case 'q': /* BINPUT */
        return machine_put(m, cursor_u8(m->in));
    case 'r': /* LONG_BINPUT */
        return machine_put(m, cursor_u32(m->in));
    case 'h': /* BINGET */
        return machine_get(m, cursor_u8(m->in));
    case 'j': /* LONG_BINGET */
        return machine_get(m, cursor_u32(m->in));
    default:
        return run_value(m);
    }
}

static enum gen_status stop(struct machine *m) {
    enum gen_status status = machine_pop(m, &m->pickle->root);
    m->finished = true;
    return status == GEN_OK && m->n_stack + m->n_marks > 0
               ? machine_bad(m, "leaves values on the stack")
               : status;
}

static enum gen_status run_opcode(struct machine *m) {
    switch (m->code) {
    case 0x80: /* PROTO */
        return protocol(m);
    case '.': /* STOP */
        return stop(m);
    case 'c': /* GLOBAL */
        return push_global(m);
    case 'R':  /* REDUCE */
    case 0x81: /* NEWOBJ */
        return note_call(m);
    case 'b': /* BUILD */
        return build(m);
    case 'Q': /* BINPERSID */
        return m->kind == PICKLE_TORCH ? push_persistent(m) : refuse_opcode(m);
    default:
        return run_container(m);
    }
}

static enum gen_status step(struct machine *m) {
    m->at = m->in->position - m->begin;
    if (m->at > PICKLE_MAX_BYTES) {
        return machine_too_much(m, "bytes", PICKLE_MAX_BYTES);
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
    machine_release(&m);
    return status;
}
