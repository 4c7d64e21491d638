/**
 * arch.h - an architecture as a value: what settings and tensors its files have, and what a block
 * does, as a list that run.h plays. One file each (gpt2.c), found by name in the table of arch.c.
 *
 * What architectures have in common and what differs by a number or a flag is in struct gen_config,
 * whose members the operations heed: the scale of attention, the window of a layer, a head of its
 * own. Biases that an architecture has no tensor for are NULL.
 */
#ifndef ARCH_ARCH_H
#define ARCH_ARCH_H

#include "arch/keys.h"
#include "arch/run.h"

struct arch {
    const char *name; /**< general.architecture in a GGUF, model_type in config.json */
    bool is_own; /**< llama.cpp has none of this name: keys and tensors of a GGUF are our own */
    const struct config_key *keys; /**< n_vocab comes first: token ids are held against it */
    size_t n_keys;
    const struct tensor_spec *tensors; /**< in the order in which gen writes them */
    size_t n_tensors;
    /** Read what no row of `keys` can say, after these; NULL: nothing. */
    enum gen_status (*read)(struct gen_config *config, const struct model_file *file,
                            struct gen_error *err);
    void (*layer_forward)(struct run *run, const struct layer *h);
    /** The same list upside down; `h` are the weights, not their gradients. */
    void (*layer_backward)(struct run *run, const struct layer *h);
};

extern const struct arch arch_gpt2;
extern const struct arch arch_gpt_neo;

/* The list of a block of GPT-2, which others have too. */
void gpt2_layer_forward(struct run *run, const struct layer *h);
void gpt2_layer_backward(struct run *run, const struct layer *h);

/** The architecture of this name, n bytes; NULL: there is none. */
const struct arch *arch_find(const char *name, size_t n);

/** That of a configuration; GPT-2 where it names none. */
const struct arch *arch_of(const struct gen_config *config);

/** Its number in the table, which only grows, and back; NULL for a number that is none. */
uint32_t arch_number(const struct arch *arch);
const struct arch *arch_by_number(uint32_t number);

/** All names, for messages: "gpt2 and gpt_neo". */
struct arch_names {
    char text[80];
};
const char *arch_names(struct arch_names *out);

/** Whether the key of a GGUF is a row of some architecture's table: one that gen writes itself. */
bool arch_has_key(const char *gguf);

#endif
