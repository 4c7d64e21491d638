/**
 * pickle.h - a machine for pickles that knows data only. Python's own makes objects by calling
 * whatever the file names; this one never calls anything: it builds numbers, texts, tuples, lists
 * and dicts, and notes what would have been called with what, from a short list of names.
 *
 * It has the opcodes of torch's own reader of weights (torch.load with weights_only), all of
 * protocol 2; anything else is refused with the opcode's name and offset, and a global that is not
 * in the list by its name. PICKLE_PLAIN is for what pickle.dump() writes of plain data: three more
 * opcodes of protocol 4, and no globals at all.
 *
 * Values are numbers into an arena and may be used in several places, even within themselves: who
 * walks over them goes as deep as it knows the shape, never recursively. Memory grows with the
 * bytes read; limits below.
 */
#ifndef FORMAT_PICKLE_PICKLE_H
#define FORMAT_PICKLE_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "gen.h"

/* More than ten times what a model of 10,000 layers needs. */
#define PICKLE_MAX_BYTES  ((size_t)64 << 20)
#define PICKLE_MAX_VALUES ((size_t)1 << 20)
#define PICKLE_MAX_ITEMS  ((size_t)1 << 22) /**< of all containers together */
#define PICKLE_MAX_STACK  ((size_t)1 << 16)
#define PICKLE_MAX_MARKS  ((size_t)1000) /**< how deep tuples and dicts are nested */
#define PICKLE_MAX_MEMO   ((size_t)1 << 20)

enum pickle_tag {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_TEXT,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,       /**< items: key, value, key, value, ...; a key may be there twice */
    PICKLE_GLOBAL,     /**< one of the list, by name */
    PICKLE_CALL,       /**< what such a global would have been called with; nothing was called */
    PICKLE_PERSISTENT, /**< the tuple by which something outside the pickle is known */
    PICKLE_OTHER       /**< data that no reader needs: whole numbers of 65 bits, sets */
};

/** The names that a pickle may have, in the order of the table in globals.c. */
enum pickle_global {
    PICKLE_ORDERED_DICT,
    PICKLE_REBUILD_TENSOR,
    PICKLE_REBUILD_PARAMETER,
    PICKLE_PARAMETER,
    PICKLE_SIZE,
    PICKLE_ENCODE,
    PICKLE_FLOAT_STORAGE, /**< the types of storage, from here on */
    PICKLE_HALF_STORAGE,
    PICKLE_BFLOAT16_STORAGE,
    PICKLE_DOUBLE_STORAGE,
    PICKLE_BYTE_STORAGE,
    PICKLE_CHAR_STORAGE,
    PICKLE_SHORT_STORAGE,
    PICKLE_INT_STORAGE,
    PICKLE_LONG_STORAGE,
    PICKLE_BOOL_STORAGE,
    PICKLE_N_GLOBALS
};

struct pickle_value {
    uint8_t tag;
    uint8_t global; /**< of GLOBAL and CALL */
    uint32_t n;     /**< bytes of a text, items of a container */
    union {
        int64_t i; /**< INT, BOOL */
        double f;
        size_t text; /**< where it begins in `texts` */
        struct {
            uint32_t first, last; /**< pieces; without meaning where n is 0 */
        } pieces;
        uint32_t arguments; /**< CALL, PERSISTENT: the tuple */
    } as;
};

/** Neighbouring items of a container, which may have several of them. */
struct pickle_piece {
    uint32_t at, n, next;
};

/** Start from {0}. */
struct pickle {
    struct pickle_value *values;
    size_t n_values, value_capacity;
    uint32_t *items;
    size_t n_items, item_capacity;
    struct pickle_piece *pieces;
    size_t n_pieces, piece_capacity;
    char *texts;
    size_t n_texts, text_capacity;
    uint32_t root; /**< the value that STOP left */
};

enum pickle_kind { PICKLE_TORCH, PICKLE_PLAIN };

/**
 * Read one pickle from `in`, which then stands after its STOP. Each byte is looked at once, so it
 * may be a mapping that others write to. `where` is what messages begin with: "FILE: data.pkl".
 */
enum gen_status pickle_read(struct pickle *pickle, struct cursor *in, enum pickle_kind kind,
                            const char *where, struct gen_error *err);
void pickle_release(struct pickle *pickle);

/* ---- looking at values -----------------------------------------------------------------------*/

static inline const struct pickle_value *pickle_at(const struct pickle *pickle, uint32_t value) {
    return &pickle->values[value];
}

/** What a value is, for messages: "a number", "a dict". */
const char *pickle_kind_name(const struct pickle_value *value);

/** The bytes of a text; NULL where it is none. They may be anything. */
const char *pickle_text(const struct pickle *pickle, uint32_t value, size_t *n);
/** Whether it is just this text. */
bool pickle_is_text(const struct pickle *pickle, uint32_t value, const char *text);
/** A whole number; false where it is none. */
bool pickle_int(const struct pickle *pickle, uint32_t value, int64_t *number);

/** A walk over the items of a container. */
struct pickle_walk {
    const struct pickle *pickle;
    uint32_t left, piece, at;
};
/** Over a tuple, list or dict; over nothing where it is something else. */
struct pickle_walk pickle_walk(const struct pickle *pickle, uint32_t container);
bool pickle_next(struct pickle_walk *walk, uint32_t *item);
/** Whether it is a tuple, with its items copied; more than `room` are no reason for false: *n says
 *  how many it has. */
bool pickle_tuple(const struct pickle *pickle, uint32_t value, uint32_t *items, size_t room,
                  size_t *n);
/** The last value that a dict has under this text; false where there is none. */
bool pickle_member(const struct pickle *pickle, uint32_t dict, const char *key, uint32_t *value);

/* ---- names: globals.c -----------------------------------------------------------------*/

/** The global of "module" and "name"; false where it is not in the list. */
bool pickle_global_find(const char *module, size_t n_module, const char *name, size_t n_name,
                        enum pickle_global *out);
/** Its name as Python shows it: "torch.FloatStorage". */
const char *pickle_global_name(enum pickle_global global);
/** The name of an opcode as Python's pickletools has it; NULL: there is none of this byte. */
const char *pickle_opcode_name(unsigned char opcode);

#endif
