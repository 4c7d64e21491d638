/**
 * train_rows.h - rows that the tables of options of `gen train` and `gen finetune` share. The
 * settings of both begin with a struct train_settings.
 */
#ifndef CMD_TRAIN_TRAIN_ROWS_H
#define CMD_TRAIN_TRAIN_ROWS_H

#include "cli/model_options.h"
#include "cmd/train/train_options.h"

#define TRAIN_AT(member) offsetof(struct train_settings, member)

/** Names of the choices, in the order of enum gen_schedule. */
extern const char *const train_schedule_names[];
/** In the order of enum gen_optimizer. */
extern const char *const train_optimizer_names[];

/** What is written and shown besides the model. */
#define TRAIN_ROWS_OUTPUT                                                                          \
    OPTION_ROW("last", '\0', OPTION_STRING, TRAIN_AT(options.last), "FILE.gguf",                   \
               "write the last model there, too, at every checkpoint"),                            \
        OPTION_ROW("metrics", '\0', OPTION_STRING, TRAIN_AT(metrics), "FILE",                      \
                   "write a JSON object a line for each step"),                                    \
        OPTION_ROW("svg", '\0', OPTION_STRING, TRAIN_AT(svg), "FILE",                              \
                   "draw the loss curve, at every checkpoint and at the end; a resumed run needs " \
                   "--metrics for what was before"),                                               \
        OPTION_ROW("sample-every", '\0', OPTION_UINT64, TRAIN_AT(options.sample_every), "N",       \
                   "show a text of the model every N steps; 0: never"),                            \
        OPTION_ROW("sample-prompt", '\0', OPTION_STRING, TRAIN_AT(sample_prompt), "TEXT",          \
                   "what that text begins with (default: nothing)"),                               \
        OPTION_ROW_RANGE("sample-tokens", '\0', OPTION_INT, TRAIN_AT(sample_tokens), "N", 1,       \
                         INT32_MAX, "how long it is"),                                             \
        OPTION_ROW("log-every", '\0', OPTION_UINT64, TRAIN_AT(log_every), "N",                     \
                   "where stderr is no terminal: a line every N steps"),                           \
        OPTION_ROW("quiet", 'q', OPTION_FLAG, TRAIN_AT(quiet), NULL,                               \
                   "say nothing on stderr but errors")

/** Learning rate, optimizer, dropout, seed. */
#define TRAIN_ROWS_RATE                                                                            \
    OPTION_ROW_RANGE("lr", '\0', OPTION_FLOAT, TRAIN_AT(options.learning_rate), "X", 0, 1000,      \
                     "learning rate, after the warm-up"),                                          \
        OPTION_ROW_RANGE("min-lr", '\0', OPTION_FLOAT, TRAIN_AT(options.least_rate), "X", 0, 1000, \
                         "what it falls to"),                                                      \
        OPTION_ROW_CHOICE(                                                                         \
            "schedule", '\0', TRAIN_AT(schedule), "NAME", train_schedule_names,                    \
            "constant; cosine: falls all the way; wsd: falls at the end, so that a run "           \
            "can be made longer before"),                                                          \
        OPTION_ROW("warmup", '\0', OPTION_UINT64, TRAIN_AT(options.n_warmup), "N",                 \
                   "steps in which the learning rate grows"),                                      \
        OPTION_ROW_RANGE("decay-share", '\0', OPTION_FLOAT, TRAIN_AT(options.decay_share), "X", 0, \
                         1, "of all steps, for wsd: in these it falls"),                           \
        OPTION_ROW_CHOICE("optimizer", '\0', TRAIN_AT(optimizer), "NAME", train_optimizer_names,   \
                          "adamw; muon: Muon for the matrices of the layers, AdamW for the rest, " \
                          "which takes fewer steps to the same loss, each a little longer"),       \
        OPTION_ROW_RANGE("weight-decay", '\0', OPTION_FLOAT, TRAIN_AT(options.weight_decay), "X",  \
                         0, 1000, "of matrices; biases and norms have none"),                      \
        OPTION_ROW("decay-embeddings", '\0', OPTION_FLAG, TRAIN_AT(options.decay_embeddings),      \
                   NULL, "of embeddings, too"),                                                    \
        OPTION_ROW_RANGE("momentum", '\0', OPTION_FLOAT, TRAIN_AT(options.momentum), "X", 0,       \
                         0.999999, "of muon"),                                                     \
        OPTION_ROW_RANGE("beta1", '\0', OPTION_FLOAT, TRAIN_AT(options.beta1), "X", 0, 0.999999,   \
                         "of AdamW"),                                                              \
        OPTION_ROW_RANGE("beta2", '\0', OPTION_FLOAT, TRAIN_AT(options.beta2), "X", 0, 0.999999,   \
                         "of AdamW"),                                                              \
        OPTION_ROW_RANGE("clip", '\0', OPTION_FLOAT, TRAIN_AT(options.clip), "X", 0, 1e30,         \
                         "longest gradient; 0: any"),                                              \
        OPTION_ROW_RANGE("dropout", '\0', OPTION_FLOAT, TRAIN_AT(options.dropout), "X", 0, 0.99,   \
                         "share of activations dropped while learning"),                           \
        OPTION_ROW("seed", 's', OPTION_UINT64, TRAIN_AT(options.seed), "N",                        \
                   "of weights, order of the data, dropout: the same seed gives the same model")

/** Checkpoints, threads and memory. */
#define TRAIN_ROWS_RUN                                                                             \
    OPTION_ROW(                                                                                    \
        "resume", '\0', OPTION_FLAG, TRAIN_AT(options.resume), NULL,                               \
        "go on from the last checkpoint, if there is one; with the same options to the same "      \
        "bits as if never stopped; all but shape, vocabulary, seed and optimizer may be changed; " \
        "with other data the best model begins anew"),                                             \
        OPTION_ROW("checkpoint-every", '\0', OPTION_UINT64, TRAIN_AT(options.checkpoint_every),    \
                   "N", "steps from one checkpoint to the next; 0: by time"),                      \
        OPTION_ROW_RANGE("checkpoint-minutes", '\0', OPTION_FLOAT,                                 \
                         TRAIN_AT(options.checkpoint_minutes), "X", 0, 1e9,                        \
                         "minutes from one to the next; 0: by steps"),                             \
        OPTION_ROW_HEADING("Machine (changes no bit of the model)"),                               \
        MODEL_ROW_THREADS(TRAIN_AT(options.n_threads)),                                            \
        OPTION_ROW_RANGE(                                                                          \
            "micro-batch", '\0', OPTION_INT, TRAIN_AT(options.micro_batch), "N", 1, INT32_MAX,     \
            "sequences to work on at once (default: some 1024 tokens, if memory allows)"),         \
        OPTION_ROW("checkpoint-activations", '\0', OPTION_FLAG,                                    \
                   TRAIN_AT(options.checkpoint_activations), NULL,                                 \
                   "compute layers again instead of keeping what they found: less memory, a "      \
                   "third more work")

#endif
