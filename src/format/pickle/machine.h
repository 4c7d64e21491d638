/**
 * machine.h - what the opcodes of pickle.c work on: a stack with marks on it, a memo, and
 * the arena that values go into. Everything here holds to the limits of pickle.h.
 */
#ifndef FORMAT_PICKLE_MACHINE_H
#define FORMAT_PICKLE_MACHINE_H

#include "format/pickle/pickle.h"

struct machine {
    struct pickle *pickle;
    struct cursor *in;
    enum pickle_kind kind;
    const char *where;
    struct gen_error *err;
    size_t begin;  /**< where the pickle begins in `in` */
    size_t at;     /**< the opcode's offset within the pickle */
    uint8_t code;  /**< the opcode */
    bool finished; /**< STOP came */
    uint32_t *stack;
    size_t n_stack, stack_capacity;
    uint32_t *marks; /**< heights of the stack */
    size_t n_marks, mark_capacity;
    uint32_t *memo; /**< MACHINE_NO_VALUE: nothing is there */
    size_t n_memo, memo_capacity;
};

#define MACHINE_NO_VALUE UINT32_MAX

/** Free all but the pickle. */
void machine_release(struct machine *m);

/* Sentences: about the opcode; about more than a limit; about memory. */
enum gen_status machine_bad(const struct machine *m, const char *what);
enum gen_status machine_too_much(const struct machine *m, const char *what, size_t limit);
enum gen_status machine_no_memory(const struct machine *m);

enum gen_status machine_new_value(struct machine *m, struct pickle_value value, uint32_t *out);
enum gen_status machine_push(struct machine *m, uint32_t value);
enum gen_status machine_push_new(struct machine *m, struct pickle_value value);
/** A value without contents. */
enum gen_status machine_push_tag(struct machine *m, enum pickle_tag tag);
enum gen_status machine_push_int(struct machine *m, enum pickle_tag tag, int64_t number);
/** The last value above the last mark, which goes from the stack, or stays. */
enum gen_status machine_pop(struct machine *m, uint32_t *value);
enum gen_status machine_top(const struct machine *m, uint32_t *value);
enum gen_status machine_mark(struct machine *m);

/** A tuple of the values above the last mark, or of the last n, in their place. */
enum gen_status machine_marked_tuple(struct machine *m);
enum gen_status machine_small_tuple(struct machine *m, size_t n);
/** The values above the last mark, or the last n, go into the list or dict before them. */
enum gen_status machine_add_marked(struct machine *m, enum pickle_tag tag);
enum gen_status machine_add_last(struct machine *m, enum pickle_tag tag, size_t n);
/** Append n values of the stack, from `first` on, which stay there. */
enum gen_status machine_append(struct machine *m, uint32_t container, size_t first, size_t n);

/** Put the last value into the memo; push what is there. */
enum gen_status machine_put(struct machine *m, size_t index);
enum gen_status machine_get(struct machine *m, size_t index);

#endif
