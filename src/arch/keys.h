/**
 * keys.h - the settings of an architecture as a table: for each its names in config.json and in a
 * GGUF, the member of struct gen_config, its range and what it is where the file says nothing.
 * Reading (config.c), writing (settings.c), checking and showing (gen inspect) walk it.
 */
#ifndef ARCH_KEYS_H
#define ARCH_KEYS_H

#include "format/gguf_write.h"
#include "format/model_file.h"
#include "gen.h"

/* Upper bounds that keep every product of two sizes far inside 64 bits, and the memory that one
 * token takes within reason. Real models stay below a tenth of each. */
#define CONFIG_MAX_VOCAB TOKENIZER_MAX_TOKENS
#define CONFIG_MAX_CTX   (1 << 24)
#define CONFIG_MAX_EMBD  (1 << 17)
#define CONFIG_MAX_INNER (1 << 19)
#define CONFIG_MAX_LAYER 10000

/** What the member is. */
enum key_kind {
    KEY_SIZE,       /**< int32_t, 1 ... high */
    KEY_FRACTION,   /**< float, 0 ... high */
    KEY_FLAG,       /**< bool */
    KEY_ACTIVATION, /**< enum gen_activation, a string in files */
    KEY_TOKEN,      /**< int32_t: an id of the vocabulary, -1 for none */
    KEY_LAYERS      /**< uint64_t, bit N for layer N; in a GGUF an array of n_layer bools */
};

struct config_key {
    const char *name;     /**< of the member of struct gen_config, as it is shown */
    const char *hf;       /**< member of config.json */
    const char *hf_alias; /**< another name that it may have there, or NULL */
    const char *gguf;     /**< key in a GGUF; NULL: the tensors tell */
    size_t offset;        /**< of the member in struct gen_config */
    int64_t high;
    double implied; /**< what it is where config.json is silent, and a key of our own as well */
    enum key_kind kind;
    bool hf_may_be_null; /**< then it is as if config.json were silent */
};

/** Where a member of struct gen_config is. */
#define CONFIG_MEMBER(name) offsetof(struct gen_config, name)

/** Whether the key is one of our own, under gen., which is written only if its value is not the
 *  implied one. */
bool config_key_is_own(const struct config_key *key);
/** Whether every GGUF must have the key: one of the architecture itself, under its name. */
bool config_key_is_required(const struct config_key *key, const char *arch);

/** Set the member to what is implied. */
void config_key_imply(const struct config_key *key, struct gen_config *config);
/** Whether the member has the implied value. */
bool config_key_is_implied(const struct config_key *key, const struct gen_config *config);

/**
 * Read the member from the file; where it has no such setting the member stays. GEN_BAD_FILE for a
 * value of another type or out of range, or two names that say otherwise; GEN_UNSUPPORTED for an
 * activation that gen does not compute.
 */
enum gen_status config_key_read(const struct config_key *key, struct gen_config *config,
                                const struct model_file *file, struct gen_error *err);
/** Whether the member is the same in both. */
bool config_key_is_same(const struct config_key *key, const struct gen_config *a,
                        const struct gen_config *b);
/** Write it as a key of a GGUF. */
enum gen_status config_key_write(const struct config_key *key, const struct gen_config *config,
                                 struct gguf_writer *writer, struct gen_error *err);
/** Whether the member is in its range. */
bool config_key_is_sound(const struct config_key *key, const struct gen_config *config);

#endif
