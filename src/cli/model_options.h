/**
 * model_options.h - options that commands which compute with a model share: which model, on how
 * many threads, its KV cache, the sandbox. The rows are macros, so that every command has its table
 * in one piece; a new option of all models is a member here and a row of MODEL_ROWS.
 */
#ifndef CLI_MODEL_OPTIONS_H
#define CLI_MODEL_OPTIONS_H

#include <stddef.h>

#include "cli/compute_options.h"
#include "cli/options.h"
#include "cli/sandbox.h"

/** What the rows set; all zero is the default. A member of a command's settings. */
struct model_settings {
    const char *name;  /**< a path or name, for model_load.h; NULL: the default model */
    int32_t n_threads; /**< 0: the default */
    int32_t kv_type;   /**< which of compute_kv_types */
    bool no_sandbox;
};

/** The offset of a member, `at` being that of the struct model_settings. */
#define MODEL_AT(at, member) ((at) + offsetof(struct model_settings, member))

/** Which models there are, for MODEL_ROWS: in short, and with the places where names are found. */
#define MODEL_HELP                                                                                 \
    "a GGUF file, a Hugging Face directory, or a name; default: $GEN_MODEL, else the built-in "    \
    "model"
#define MODEL_HELP_PLACES                                                                          \
    "a GGUF file, a Hugging Face directory, or a name looked up in $GEN_MODEL_PATH, "              \
    "$XDG_DATA_HOME/gen/models and the Hugging Face cache; default: $GEN_MODEL, else the "         \
    "built-in model"

/** What every command has that computes with one model; `help` says which it may be. */
#define MODEL_ROWS(at, help)                                                                       \
    OPTION_ROW("model", 'm', OPTION_STRING, MODEL_AT(at, name), "PATH|NAME", help),                \
        MODEL_ROW_THREADS(MODEL_AT(at, n_threads))

/** --threads alone; `at` is the offset of the int32_t. */
#define MODEL_ROW_THREADS(at)                                                                      \
    OPTION_ROW_RANGE("threads", 't', OPTION_INT, at, "N", 1, 1024,                                 \
                     "threads to use (default: the physical cores this process may use)")

/** For commands that keep keys and values; `help` says what f16 means there. */
#define MODEL_ROW_KV_TYPE(at, help)                                                                \
    OPTION_ROW_CHOICE("kv-type", '\0', MODEL_AT(at, kv_type), "TYPE", compute_kv_types, help)

/** For commands that give up their rights before they compute. */
#define MODEL_ROW_SANDBOX(at)                                                                      \
    OPTION_ROW("no-sandbox", '\0', OPTION_FLAG, MODEL_AT(at, no_sandbox), NULL, SANDBOX_HELP)

#endif
