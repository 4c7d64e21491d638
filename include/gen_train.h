/**
 * gen_train.h - learn vocabularies, train GPT-2-style models and fine-tune them.
 *
 * The conventions of gen.h hold here, too. What comes out are files that gen_tokenizer_open() and
 * gen_model_open() take. Runs take hours: they tell a watcher where they are, can be stopped by it,
 * and go on later to the same bits.
 */
#ifndef GEN_TRAIN_H
#define GEN_TRAIN_H

#include "gen.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- learning a vocabulary -------------------------------------------------------------------*/

/** Most tokens of a vocabulary that can be learned. */
#define GEN_VOCAB_MAX 500000

struct gen_vocab_options {
    /** Tokens in all, 257 ... GEN_VOCAB_MAX: <|endoftext|>, the 256 bytes, merges. Default 30000 */
    int32_t size;
    uint64_t min_frequency; /**< a pair that occurs less often is not merged. Default 2 */
    int n_threads;          /**< for reading; 0: all physical cores. Nothing else depends on it */
    void *context;
    /** Told the merges found so far and in all; returning false cancels. May be NULL. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
};
struct gen_vocab_options gen_vocab_options_default(void);

/** What a vocabulary was learned from, lines that divide documents left out. */
struct gen_vocab_counts {
    uint64_t n_bytes;
    uint64_t n_words;        /**< as GPT-2's pattern cuts them */
    size_t n_distinct_words; /**< memory is bounded by their bytes */
    uint64_t n_tokens;       /**< of all words, in the new vocabulary */
};

/**
 * Learns a vocabulary for GPT-2's byte-level BPE from text: the same tokens, ids and merges as
 * Hugging Face's ByteLevelBPETokenizer.train with the special token <|endoftext|>. Of pairs that
 * occur equally often the one with the smaller left id is merged first, then the one with the
 * smaller right id, as there. Ids: 0 is <|endoftext|>, then come the bytes in the order of GPT-2's
 * printable alphabet, then the merges.
 *
 * Text is taken as bytes, which need not be UTF-8, and line by line: a run of white space ends with
 * its line. `<|endoftext|>` divides documents wherever it is and is not learned from, nor is a
 * line end right after it.
 * Tokens longer than 8192 bytes are not made.
 */
struct gen_vocab_learner;

enum gen_status gen_vocab_learner_new(struct gen_vocab_learner **out,
                                      const struct gen_vocab_options *options,
                                      struct gen_error *err);
void gen_vocab_learner_free(struct gen_vocab_learner *learner);
/** The next n bytes of a text, cut anywhere. */
enum gen_status gen_vocab_learner_add(struct gen_vocab_learner *learner, const char *text, size_t n,
                                      struct gen_error *err);
/**
 * All documents of a file, as gen_train() reads it: text, or JSON lines with documents as their
 * member `field` (NULL: "text"). UTF-8. The callback (may be NULL) is told the bytes done and in
 * all, and cancels with false.
 */
enum gen_status gen_vocab_learner_add_file(
    struct gen_vocab_learner *learner, const char *path, const char *field, void *context,
    bool (*progress)(void *context, uint64_t done, uint64_t total), struct gen_error *err);
/** The text (a file) ends here; what is added next begins a line of its own. */
enum gen_status gen_vocab_learner_end(struct gen_vocab_learner *learner, struct gen_error *err);
/**
 * Learn from all text so far. The vocabulary is smaller than options.size where no pair is left
 * that is frequent enough; without any text it is GEN_BAD_ARGUMENT. counts may be NULL. More text
 * may be added and learned from afterwards.
 */
enum gen_status gen_vocab_learner_learn(struct gen_vocab_learner *learner,
                                        struct gen_tokenizer **out, struct gen_vocab_counts *counts,
                                        struct gen_error *err);

/**
 * Write vocab.json, merges.txt and tokenizer_config.json into a directory, which is made if it is
 * not there. Hugging Face's AutoTokenizer reads them, and gen_tokenizer_open. Each file is written
 * next to its target and renamed.
 */
enum gen_status gen_tokenizer_save(const struct gen_tokenizer *tokenizer, const char *directory,
                                   struct gen_error *err);

/* ---- training --------------------------------------------------------------------------------*/

/** How the learning rate runs after the warm-up; train/optimizer/schedule.h has the formulas. */
enum gen_schedule {
    GEN_SCHEDULE_CONSTANT, /**< stays */
    GEN_SCHEDULE_COSINE,   /**< falls all the way, as half a cosine wave */
    GEN_SCHEDULE_WSD       /**< warm-up, stable, decay: falls at the end; can be extended */
};

/** What moves the weights; a run is resumed with the optimizer it was begun with. */
enum gen_optimizer {
    GEN_OPTIMIZER_ADAMW, /**< train/optimizer/adamw.h has the formulas */
    /** Muon for the matrices of the layers, AdamW for the rest: train/optimizer/muon.h. Takes fewer
     *  steps to the same loss, each a little longer. */
    GEN_OPTIMIZER_MUON
};
/** "adamw", "muon"; "?" for a value that is none. */
const char *gen_optimizer_name(enum gen_optimizer optimizer);

/**
 * Shape of a model to train; 0: of the preset. With `init`, and in a resumed run, it is the
 * model's, and what is asked for must be that; only n_ctx may be less with `init`, for sequences
 * shorter than the model's context.
 */
struct gen_train_shape {
    int32_t n_layer, n_head, n_embd, n_ctx;
};

/** Names of the shapes that a new model may have by name, then NULL: "tiny", "small", "gpt2". */
extern const char *const gen_train_presets[];

/**
 * Processes that train one model together: each reads the same files, works on its share of every
 * step's sequences, and makes the same step with the sum of all gradients. What carries the numbers
 * is the caller's, MPI for one. All ranks call the functions in the same order with the same n;
 * each returns when all have called it, with the same bits on all. One that fails returns false,
 * and from then on all fail.
 */
struct gen_ranks {
    void *context;
    int32_t rank, n;      /**< 0 ... n - 1; rank 0 alone writes */
    int32_t n_on_machine; /**< ranks on this machine, this one included: they share its memory */
    int32_t n_on_cores;   /**< ranks that may use the cores this one may use, included */
    /** values[i] becomes the sum of all ranks' values[i]. */
    bool (*sum_floats)(void *context, float *values, size_t n);
    bool (*sum_doubles)(void *context, double *values, size_t n);
    /** The n bytes of rank `from` are copied to all others. */
    bool (*broadcast)(void *context, int32_t from, void *bytes, size_t n);
};

/** n_warmup: a tenth of all steps, 100 at most. */
#define GEN_WARMUP_SHARE UINT64_MAX

struct gen_train_options {
    /**
     * n_data files: text whose documents are divided by `<|endoftext|>`, wherever it is (a line
     * end right before or after it belongs to neither); or, where the name ends in .jsonl, .ndjson
     * or .json, a JSON object a line, with such text as its member `field`. UTF-8; a byte order
     * mark in front is passed over.
     */
    const char *const *data;
    size_t n_data;
    const char *const *valid; /**< n_valid files held out for validation, written as `data` */
    size_t n_valid;
    /** Without such files: hold this last share of the data out, as whole tokens (or pairs), at
     *  least what can be validated, and never all. Default 0 */
    float valid_share;
    bool special;      /**< special tokens spelled out in the data stand for themselves, as in
                            gen_tokenizer_encode(). Default false */
    const char *field; /**< default "text" */
    /** A tokenizer, as gen_tokenizer_open() takes it; NULL: that of `init`, else one learned from
     *  `data`, as gen_vocab_learner does. */
    const char *vocab;
    int32_t vocab_size; /**< of one that is learned, so without the other two; 0: of the preset */
    /** A model whose weights, shape and tokenizer to begin with; NULL: random weights. */
    const char *init;
    /** With it `init` is but its name: a GGUF image of init_size bytes that outlives the run. */
    const void *init_image;
    size_t init_size;
    /** One of gen_train_presets; NULL: "tiny" for a new model, none for one that exists, which a
     *  named one must fit. Default NULL */
    const char *preset;
    struct gen_train_shape shape;

    uint64_t n_steps; /**< in all, with those before a resumption. Default 1000 */
    /**
     * Above 0, and n_steps is not looked at: so many times as many sequences as the data have, in
     * whole steps, rounded up. An epoch of text begins at a random offset below n_ctx and has
     * all whole sequences from there but at most one; what is left over is read in other epochs.
     * Default 0
     */
    double n_epochs;
    /** Tokens a step, rounded up to whole sequences of n_ctx, no more than the data have; 0: 4096,
     *  or all of the data where that is less. Default 0 */
    uint64_t batch_size;
    float learning_rate; /**< the peak. Default 0.001, for a new model; one that exists is soon
                              worse for it: gen train takes 1e-4 with `init` */
    float least_rate;    /**< where it falls to. Default 0 */
    enum gen_schedule schedule;   /**< default cosine */
    uint64_t n_warmup;            /**< steps in which it grows, or GEN_WARMUP_SHARE. Default 100 */
    float decay_share;            /**< of all steps, for GEN_SCHEDULE_WSD. Default 0.2 */
    enum gen_optimizer optimizer; /**< default AdamW */
    float momentum;               /**< of Muon. Default 0.95 */
    float beta1, beta2;           /**< of AdamW. Default 0.9, 0.95 */
    float epsilon;                /**< of AdamW. Default 1e-8 */
    float weight_decay;           /**< of matrices. Default 0.1 */
    bool decay_embeddings;        /**< embeddings decay, too. Default false */
    float clip;                   /**< longest gradient, as a Euclidean norm; 0: any. Default 1 */
    float dropout;                /**< 0 ... below 1. Default 0 */
    uint64_t seed;                /**< of weights, order of the data, dropout. Default 0 */

    uint64_t valid_every; /**< steps between validations; 0: only at the end, besides the one before
                               the first step. Default 250 */
    uint64_t patience;    /**< stop after so many validations without a better one; 0: never.
                               Default 0 */
    /** Where the model of every checkpoint, in the end the last, is written, too; PATH may hold an
     *  earlier and better one. NULL: nowhere. Default NULL */
    const char *last;
    /** A text that is kept in the state for gen_train_note(); NULL: none. Default NULL */
    const char *note;
    uint64_t checkpoint_every;   /**< steps between checkpoints; 0: by time alone. Default 0 */
    float checkpoint_minutes;    /**< minutes between checkpoints; 0: by steps alone. Default 10 */
    uint64_t sample_every;       /**< steps between calls of watch->sample; 0: never. Default 0 */
    bool resume;                 /**< go on from the last checkpoint, if there is one */
    bool checkpoint_activations; /**< compute layers again in the backward pass: less memory */
    int32_t micro_batch;         /**< sequences at a time; 0: some 1024 tokens, or
                                      what half of the memory holds. Changes no bit */
    int n_threads;               /**< 0: all physical cores, or this rank's share of them */
    const char *kernels;         /**< as in gen_session_options; NULL: the fastest */
    const struct gen_ranks *ranks; /**< NULL: this process alone */
};
struct gen_train_options gen_train_options_default(void);

/** What a run is about to do. */
struct gen_train_plan {
    const struct gen_config *config;
    uint64_t n_parameters;
    uint64_t n_trainable; /**< parameters that are trained: all, or those of LoRA */
    uint64_t n_tokens, n_valid_tokens;
    uint64_t n_documents;         /**< of `data`, those held out included; 0 of fine-tuning */
    uint64_t n_valid_sequences;   /**< of fine-tuning: pairs held out */
    uint64_t n_left_out;          /**< of fine-tuning: pairs longer than the context */
    uint64_t n_sequences;         /**< that an epoch has: n_ctx tokens each, or pairs */
    uint64_t step_sequences;      /**< of a step */
    int32_t sequence_length;      /**< tokens of the longest: n_ctx, or less */
    int32_t micro_batch;          /**< sequences at a time */
    uint64_t last_sequences;      /**< of the last step of an epoch, where it has fewer; else 0 */
    uint64_t first_step, n_steps; /**< first_step > 0: resumed */
    uint64_t n_warmup;
    /* Of a resumed run. */
    bool other_data; /**< the data are not those of the checkpoint */
    bool
        from_beginning; /**< they are read from their beginning: they, or their order, are others */
    bool other_valid;   /**< the best validation so far was on other data and counts no more */
    bool lost_best;     /**< nor does it count where the model of it is not in PATH any more */
    bool has_best;      /**< there is one that counts: PATH holds the model of best_step */
    uint64_t best_step;
    double best_loss;
    bool has_first; /**< first_loss is that of the validation before the first step */
    double first_loss;
    uint64_t memory; /**< bytes for weights, gradients, moments, activations */
};

/** Where a run is, after a step. */
struct gen_train_report {
    uint64_t step, n_steps;   /**< steps done, in all */
    uint64_t n_tokens;        /**< trained on in all steps so far */
    double loss;              /**< mean -ln p of the step's tokens, before its update */
    double learning_rate;     /**< of the step */
    double gradient_norm;     /**< before clipping */
    double tokens_per_second; /**< of the step */
    double epoch;             /**< times the data was read, since they are these data */
    bool has_valid;           /**< whether there was a validation after the step */
    double valid_loss;        /**< mean -ln p of a held-out token */
    double valid_bits;        /**< bits for each byte of held-out text */
    bool is_best; /**< the validation was the best so far, the one before the first step included,
                       unless the weights were random then */
};

enum gen_train_phase {
    GEN_TRAIN_READING,    /**< bytes of text, for the vocabulary or made tokens */
    GEN_TRAIN_VOCABULARY, /**< merges of a vocabulary that is learned */
    GEN_TRAIN_STEPPING,   /**< sequences of the step */
    GEN_TRAIN_VALIDATING, /**< sequences held out */
};

/**
 * Who watches a run. Any callback may be NULL. Those that return a bool stop the run with false:
 * it then writes a checkpoint, if it has made a step, and ends with GEN_CANCELED.
 */
struct gen_train_watch {
    void *context;
    void (*plan)(void *context, const struct gen_train_plan *plan);
    /** The validation before the first step: step, n_steps, n_tokens, epoch and what is said of the
     *  validation are set. A resumed run has one where data to validate on are others. */
    bool (*began)(void *context, const struct gen_train_report *report);
    bool (*step)(void *context, const struct gen_train_report *report);
    /** Work within a step and between steps: done of total. */
    bool (*progress)(void *context, enum gen_train_phase phase, uint64_t done, uint64_t total);
    /** A model of the current weights, for the time of the call. */
    bool (*sample)(void *context, uint64_t step, const struct gen_model *model);
    /** A note about the model or the vocabulary that the run begins with. */
    void (*note)(void *context, const struct gen_note *note);
    /** Asked after each step (on rank 0): true to have a checkpoint written now. */
    bool (*checkpoint_now)(void *context);
    /** PATH was written and holds the model of this step. */
    void (*wrote)(void *context, uint64_t step);
    /** A checkpoint is written: the state, and PATH if wrote() was called just before. */
    void (*saved)(void *context, uint64_t step);
};

/**
 * Train a model and write it to the GGUF file `path`, again at every checkpoint. Next to it lie
 * PATH.state, all that a resumed run needs to come to the same bits as an unbroken one, and
 * PATH.tokens-*, the tokenized data, which are made again where they are missing, damaged, another
 * user's, open to everybody for writing, or not those that the state knows. Else they are trusted
 * as PATH itself is: whoever may write here may change what is learned.
 *
 * Where there is something to validate with, PATH holds the model of the best validation so far,
 * of which one is before the first step, else that of the last checkpoint.
 *
 * Both files are written next to their targets and renamed, the state first: whenever the run is
 * cut off, PATH and PATH.state are whole, and resuming goes on from the state alone.
 * Without `resume`, a PATH.state that is there is an error, so that no run is lost by mistake.
 * With it, shape, vocabulary, seed and optimizer must be those of the checkpoint; so must shape and
 * vocabulary of `init`, which need not be named again, as the weights are those of the checkpoint
 * (but must, with a shape.n_ctx less than the model's, where the sequences are to be shorter).
 * All else may be changed: a run of more steps, another learning rate or schedule, other data (read
 * from their beginning; so are the same data cut into sequences or, in fine-tuning, into steps of
 * another size), another number of ranks. With other data, or other data to validate on, the best
 * validation begins anew: losses on different data cannot be compared.
 *
 * With `ranks` every rank calls it, with the same options but for n_threads, kernels, micro_batch
 * and `ranks` itself, and with a watch of its own, of which only rank 0's is told of checkpoints.
 * What fails on one rank, or stops it, ends all of them with the same status and message. Sums of
 * gradients then depend on the number of ranks in their last bits, and on nothing else as far as
 * the engine's sums do not.
 */
enum gen_status gen_train(const char *path, const struct gen_train_options *options,
                          const struct gen_train_watch *watch, struct gen_error *err);

/**
 * Append the note of the run whose state is PATH.state, as options.note was when it was written; of
 * a run without one, or without a state, nothing.
 */
enum gen_status gen_train_note(const char *path, struct gen_bytes *note, struct gen_error *err);

/* ---- fine-tuning -----------------------------------------------------------------------------*/

struct gen_finetune_options {
    /**
     * The run, as in gen_train_options, but for: `init`, a model with a tokenizer, must be there;
     * `data` and `valid` are files of JSON lines, each a pair
     *     {"prompt": "...", "completion": "..."}
     * or a conversation
     *     {"messages": [{"role": "user", "content": "..."}, {"role": "assistant", ...}]}
     * or, as Alpaca and ShareGPT have them,
     *     {"instruction": "...", "input": "...", "output": "..."}
     *     {"conversations": [{"from": "human", "value": "..."}, {"from": "gpt", ...}]}
     * of which only completions, what the assistant says, and the end-of-text after them count in
     * the loss; valid_share holds pairs out that depend on the seed; batch_size counts pairs, at
     * least 1, and where it is more than there are, a step has them all (default 16);
     * n_steps 0: as `n_epochs` below says; valid_every 0: after each epoch; shape.n_ctx limits the
     * tokens of a pair; vocab, vocab_size, field, preset, the rest of the shape, and the n_epochs
     * and the patience in here are not looked at.
     */
    struct gen_train_options train;
    /** Times the pairs are learned. In each epoch every pair is once: of n pairs in batches of b
     *  the steps are n / b, rounded up, and the last has those that are left, with the mean loss
     *  over them. Shares of an epoch are rounded up to whole steps. Default 3 */
    double n_epochs;
    /** What the members of a pair are called; NULL: "prompt", "completion", the default */
    const char *prompt_field, *completion_field;
    /**
     * How a pair becomes one text, with {prompt} and {completion} in it. \n, \t and \\ stand for a
     * line's end, a tabulator, a backslash. A single space right before {completion} goes with it.
     * An instruction and its input are a prompt of two lines; where the template puts nothing
     * between them and {completion}, a line end is put there. Default "{prompt}{completion}".
     */
    const char *pair_template;
    /** The same for each message, with {role} and {content}. After what the assistant says comes
     *  end-of-text instead of what the template has there. Default "{role}: {content}\n".
     *  Of the two templates that which most sequences were made by is written into model and
     * adapter: gen.template, and as Jinja tokenizer.chat_template; see gen_chat.h. */
    const char *message_template;
    /** Stop after so many validations without a better one; 0: never. Default 0 */
    uint64_t patience;
    /**
     * LoRA: 0: all weights are trainable; otherwise only adapters of that rank. What is written is
     * then the adapter alone, which gen_convert() merges and llama.cpp loads. Default 0
     */
    int32_t lora_rank;
    float lora_alpha; /**< what an adapter adds is multiplied by alpha / rank. Default 16 */
    /** The matrices of each layer that get one: some of attn.c_attn, attn.c_proj, mlp.c_fc,
     *  mlp.c_proj, with commas between them. Default: all */
    const char *lora_targets;
};
struct gen_finetune_options gen_finetune_options_default(void);

/**
 * Teach a model to complete prompts and write it, or with LoRA the adapter, to the GGUF file
 * `path`. PATH.state, resuming, checkpoints and stopping are as with gen_train(); a resumed run
 * with LoRA needs the same `init` again. Where there is something to validate with, PATH holds the
 * model of the best validation, else the last. A pair is one sequence: none sees another. Pairs
 * longer than the context are left out and counted in the plan.
 */
enum gen_status gen_finetune(const char *path, const struct gen_finetune_options *options,
                             const struct gen_train_watch *watch, struct gen_error *err);

#ifdef __cplusplus
}
#endif
#endif
