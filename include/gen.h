/**
 * gen.h - generate text with GPT-2-style models on a CPU.
 *
 * The public header to begin with: models, texts, conversion. It includes
 *  - gen_base.h: errors, growing arrays, notes
 *  - gen_tokenizer.h: text to token ids and back
 *  - gen_chat.h: chat templates, the text that a conversation is
 *  - gen_session.h: logits, and the choice of the next token
 *  - gen_constraint.h: texts that must have a form
 * and these include it:
 *  - gen_prompt_cache.h: what prompts begin with, kept in a file
 *  - gen_eval.h: what a model thinks of given texts, how good it is
 *  - gen_train.h: learn vocabularies, train models and fine-tune them
 *  - gen_explain.h: a look inside: surprise, attention, what each layer would say
 *  - gen_bench.h: what a model costs and what a machine can do
 *
 * All that the `gen` program does with models and tokenizers it does through them, so a program
 * that embeds the library can do the same; scripts/manual/guide.md shows a small one.
 *
 * To link with it: cc hello.c -lgen -lcjson -lutf8proc -lm -pthread
 *
 * Conventions
 *  - Errors are values. A function that can fail returns an enum gen_status and, where the
 *    caller passes a struct gen_error, one sentence saying what was wrong and what to do about
 *    it. The library never prints, never exits, reads no environment and keeps no global state.
 *  - Options structs are filled by a ..._default() function and changed afterwards, so that a
 *    zero keeps its own meaning. gen_model_open(), gen_model_open_memory(), gen_convert(),
 *    gen_meter_new() and gen_vocab_learner_new() take NULL for the defaults, no others do.
 *  - NULL may be passed to every ..._free() and ..._release() function.
 *  - Objects may be used from one thread at a time; a gen_model and a gen_tokenizer are read-only
 *    once opened and may be shared by any number of threads.
 *  - Ids are token ids, 0 <= id < n_vocab. Text is bytes: it is normally UTF-8 but need not be.
 */
#ifndef GEN_H
#define GEN_H

#include "gen_base.h"
#include "gen_chat.h"
#include "gen_constraint.h"
#include "gen_session.h"
#include "gen_tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * MAJOR.MINOR.PATCH. A new PATCH mends mistakes and changes no declaration of the public headers: a
 * program that was built with any 0.1 runs with every later 0.1. While MAJOR is 0 a new MINOR may
 * change and remove what is declared, and structs may grow; from 1.0.0 on it only adds functions,
 * and only a new MAJOR breaks programs. The shared library's soname says so: libgen.so.0.MINOR,
 * later libgen.so.MAJOR. What the public headers do not declare, no library shows.
 */
#define GEN_VERSION "0.1.0"

/* ---- model -----------------------------------------------------------------------------------*/

/** Activation of the MLP; names as in config.json's activation_function. */
enum gen_activation {
    GEN_GELU_NEW,  /**< gelu_new, gelu_pytorch_tanh: tanh approximation */
    GEN_GELU,      /**< gelu: x/2 (1 + erf(x / sqrt 2)) */
    GEN_RELU,      /**< relu */
    GEN_SILU,      /**< silu, swish: x sigmoid(x) */
    GEN_QUICK_GELU /**< quick_gelu: x sigmoid(1.702 x) */
};
/** The name of an activation as config.json spells it; "?" for a value that is none. */
const char *gen_activation_name(enum gen_activation activation);

/** Shape and variants of a GPT-2-style model; field names as in Hugging Face's GPT2Config. One in
 *  which arch, window and local_layers are 0 is a GPT-2's. */
struct gen_config {
    /** "gpt2" or "gpt_neo", as config.json's model_type; static text; NULL: "gpt2". */
    const char *arch;
    int32_t n_vocab; /**< rows of wte */
    int32_t n_ctx;   /**< rows of wpe: longest sequence */
    int32_t n_embd;  /**< width of the residual stream */
    int32_t n_head;  /**< attention heads; divides n_embd */
    int32_t n_layer; /**< transformer blocks */
    int32_t n_inner; /**< width of the MLP, usually 4 n_embd */
    enum gen_activation activation;
    float layer_norm_epsilon;
    bool scale_attn_weights;              /**< divide scores by sqrt(head size) */
    bool scale_attn_by_inverse_layer_idx; /**< and by layer index + 1 */
    bool tie_word_embeddings;             /**< lm_head is wte */
    int32_t bos_token_id;                 /**< -1: none */
    int32_t eos_token_id;                 /**< -1: none; gen_model_eos_ids() has all of them */
    int32_t window; /**< positions that a local layer sees, the last of them its own */
    /** Bit N: layer N is local. From GEN_MAX_LOCAL_LAYERS on all layers see all positions before.
     */
    uint64_t local_layers;
};
#define GEN_MAX_LOCAL_LAYERS 64

/** A member of a configuration, for those who show all of them. */
struct gen_config_member {
    const char *name; /**< "n_embd"; static text */
    enum {
        GEN_MEMBER_INTEGER,
        GEN_MEMBER_NUMBER,
        GEN_MEMBER_FLAG,
        GEN_MEMBER_TEXT,
        GEN_MEMBER_LAYERS
    } kind;
    double number;    /**< its value; of a flag 0 or 1 */
    const char *text; /**< of GEN_MEMBER_TEXT; static */
    uint64_t layers;  /**< of GEN_MEMBER_LAYERS: bit N for layer N */
};
size_t gen_config_n_members(const struct gen_config *config);
/** Member i < gen_config_n_members(), in the order in which they are declared or near to it. */
struct gen_config_member gen_config_member(const struct gen_config *config, size_t i);

/** Configuration, weights and tokenizer. Read-only once opened; share it between sessions. */
struct gen_model;

struct gen_model_options {
    int n_threads;      /**< threads used for checking and repacking weights; 0: all cores */
    bool metadata_only; /**< do not read the weights: enough for inspecting, not for a session */
    /** With metadata_only: open a GGUF that is no model, too, as gen_model_kind() then says. Its
     *  configuration is all 0, what it has of tensors, metadata and tokenizer is there. */
    bool any_kind;
};
struct gen_model_options gen_model_options_default(void);

/**
 * Open the model at `path`: a GGUF file (v2 or v3, architecture gpt2 or gpt_neo) or a Hugging Face
 * directory (config.json, model.safetensors or its index with shards, tokenizer files).
 * The file stays mapped: it must not become shorter while it is opened or the model lives, nor
 * other bytes be written over it; replacing it by rename is safe. Touching what is gone raises
 * SIGBUS, in any thread that computes, which by default ends the process without a word. A program
 * that cannot rule that out has a handler for SIGBUS, which can only clean up and end, as the
 * program gen does (src/cli/signals.c), or gives the library a copy in memory:
 * gen_model_open_memory(). The library itself sets no handlers.
 */
enum gen_status gen_model_open(struct gen_model **out, const char *path,
                               const struct gen_model_options *options, struct gen_error *err);
/** The same from a GGUF image in memory, which must outlive the model; `name` is for messages. */
enum gen_status gen_model_open_memory(struct gen_model **out, const char *name, const void *data,
                                      size_t size, const struct gen_model_options *options,
                                      struct gen_error *err);
void gen_model_free(struct gen_model *model);

/** What a file is. */
enum gen_kind {
    GEN_KIND_MODEL,
    GEN_KIND_ADAPTER,   /**< a LoRA adapter, to be merged by gen_convert() */
    GEN_KIND_VOCABULARY /**< a tokenizer without a model */
};
enum gen_kind gen_model_kind(const struct gen_model *model);

/** What an adapter says of itself, as far as its tensors are named as llama.cpp has them. */
struct gen_adapter {
    int32_t rank;      /**< the largest; they may differ from matrix to matrix */
    float alpha;       /**< what is added is multiplied by alpha / rank; 0: not */
    size_t n_matrices; /**< that get something */
    int32_t n_layer;   /**< layers that the model must have at least */
    int32_t n_embd;    /**< of the model; 0: not to be told */
    char targets[80];  /**< kinds of matrices, "attn.c_attn,mlp.c_fc", as finetune takes them */
};
/** All 0 where gen_model_kind() is another. */
struct gen_adapter gen_model_adapter(const struct gen_model *model);

const struct gen_config *gen_model_config(const struct gen_model *model);
/**
 * The ids that end a text, *n of them, each from 0 to n_vocab - 1 and there once: eos_token_id, the
 * tokenizer's end-of-text id, and what else the files name (eos_token_id of config.json and of
 * generation_config.json may be lists; a GGUF has tokenizer.ggml.eot_token_id, eom_token_id and
 * gen.eos_token_ids). They belong to the model.
 */
const int32_t *gen_model_eos_ids(const struct gen_model *model, size_t *n);
/** The model's tokenizer, owned by the model; NULL where the file brings none. */
const struct gen_tokenizer *gen_model_tokenizer(const struct gen_model *model);
/** Notes about the model's files, those of its tokenizer included; i < gen_model_n_notes(). */
size_t gen_model_n_notes(const struct gen_model *model);
struct gen_note gen_model_note(const struct gen_model *model, size_t i);
/**
 * What the model's files ask of generation besides the ids that end a text: those settings of
 * generation_config.json, or of config.json where there is none, that change a text and are not
 * null; of a GGUF general.sampling.*, which llama.cpp takes for its defaults, and
 * gen.generation_config. A JSON object as text, its members named as in transformers; what that
 * does not have is named as gen's options are. The values are not checked. NULL: nothing.
 * gen_generate() does not look at it. It belongs to the model.
 */
const char *gen_model_generation(const struct gen_model *model);
/** One sentence that names these settings: "FILE asks for top_k 50, ...". NULL: there are none. It
 *  belongs to the model. */
const char *gen_model_unheeded(const struct gen_model *model);
/** "gguf v3", "safetensors", …; static text. */
const char *gen_model_format(const struct gen_model *model);
/** Bytes of the model's file or files. */
uint64_t gen_model_file_size(const struct gen_model *model);
/** Number of trained parameters. */
uint64_t gen_model_n_parameters(const struct gen_model *model);

/** One tensor of the file, in file order. */
struct gen_tensor_info {
    const char *name; /**< as the file spells it */
    const char *type; /**< "F32", "F16", "BF16", … */
    int n_dims;
    uint64_t dims[4]; /**< outermost first, as PyTorch and safetensors print shapes */
    uint64_t size;    /**< bytes in the file */
};
size_t gen_model_n_tensors(const struct gen_model *model);
/** Tensor i < gen_model_n_tensors(); the name belongs to the model. */
struct gen_tensor_info gen_model_tensor(const struct gen_model *model, size_t i);

/** One metadata pair of the file (GGUF key, or member of config.json), the value as text. */
struct gen_metadata {
    const char *key;
    const char *value; /**< long arrays are given as "[N strings]" */
};
size_t gen_model_n_metadata(const struct gen_model *model);
struct gen_metadata gen_model_metadata(const struct gen_model *model, size_t i);

/* ---- generation ------------------------------------------------------------------------------*/

/** Why a text ended. */
enum gen_finish {
    GEN_FINISH_LENGTH,   /**< max_new_tokens or max_length reached */
    GEN_FINISH_EOS,      /**< an end-of-text id was drawn, one of gen_model_eos_ids() */
    GEN_FINISH_STOP,     /**< a stop string appeared, or with stop_at_sentence a sentence ended */
    GEN_FINISH_CONTEXT,  /**< n_ctx is full */
    GEN_FINISH_CANCELED, /**< a callback asked to stop */
    GEN_FINISH_ERROR,    /**< see gen_result.error */
    GEN_FINISH_TIME      /**< max_seconds are over */
};
/** "length", "eos", "stop", "context", "canceled", "error", "time". */
const char *gen_finish_name(enum gen_finish finish);

struct gen_logprob {
    int32_t id;
    float logprob; /**< natural log of the model's probability, before any processor */
};

/** One prompt. */
struct gen_prompt {
    /**
     * Read before next() is called again. None: the text starts from bos, or the first eos, which
     * counts for max_length and the penalties, but is not reported as part of the prompt.
     */
    const int32_t *ids;
    size_t n_ids;
    const struct gen_error *error; /**< not NULL: this prompt failed already; report it in turn */
    /**
     * Options of this prompt alone, in the place of those of the run; NULL: it has none. All of
     * struct gen_generate_options can be another but what says how the run works: speculate, batch,
     * n_threads, kv_type, kernels, draft. `seed` is that of the prompt's first text: take
     * gen_text_seed(seed of the run, index, 0) where it is to be as if there were no such options.
     * Bad ones fail the prompt. Read, arrays and texts too, before next() is called again.
     */
    const struct gen_generate_options *options;
    /** Prompts of a list that are left out before this one: its index, and those after it, are
     *  higher by as many. */
    uint64_t n_left_out;
};

/**
 * Where the prompts come from. next() gives true and one prompt, or false at the end; then it is
 * not called again. It is called when there is room for one more text, at the latest when all
 * before are reported, and never more than a few batches ahead of what is reported.
 */
struct gen_source {
    void *context;
    bool (*next)(void *context, struct gen_prompt *prompt);
    /**
     * Whether next() would answer without waiting, e.g. for a line to be typed. While it would
     * not, the texts under way go on; when there are none left next() is called all the same.
     * NULL: next() never waits.
     */
    bool (*ready)(void *context);
};

/** What became of one sequence; pointers are valid during the callback only. */
struct gen_result {
    uint64_t index;    /**< number of the prompt, from 0, those left out counted */
    uint64_t sequence; /**< number of the return sequence, from 0 */
    const int32_t *prompt_ids;
    size_t n_prompt_ids;
    const int32_t *new_ids; /**< the ids drawn, with a final eos if there was one */
    size_t n_new_ids;
    const char *new_text; /**< their text up to a stop string; without eos */
    size_t n_new_text;
    enum gen_finish finish;
    uint64_t seed;                      /**< the text's own, see gen_text_seed() */
    size_t n_logprobs;                  /**< entries per new id; 0 unless asked for */
    const struct gen_logprob *logprobs; /**< [n_new_ids][n_logprobs], best first */
    const struct gen_logprob *chosen; /**< [n_new_ids] with the logprob of each new id, if asked */
    /** If options->prompt_logprobs asked: [n_prompt_ids] the log
     * probability of each after those before it, as gen_score() has them; else NULL. NAN of the
     * first, and of the first that is read of a prompt longer than n_ctx and those before it
     * (`slide`). */
    const double *prompt_logprobs;
    const struct gen_logprob *prompt_best; /**< [n_prompt_ids][n_logprobs], but nothing where NAN */
    size_t n_cached;       /**< ids of the prompt that need not be read: see struct gen_engine */
    double prompt_seconds; /**< processing the prompt; in a batch, together with the others' work */
    double decode_seconds; /**< drawing the new ids; in a batch, as above */
    size_t n_guessed;      /**< new ids that speculation foresaw: each saved a pass */
    size_t n_drafted;      /**< ids that it guessed, right or wrong */
    double draft_seconds;  /**< of decode_seconds, guessing; in a batch, as above */
    /** With token_healing: the model has read the first new id in the place of the prompt's last
     * one; new_text begins after what they have in common. */
    bool is_healed;
    /** With choices: the number of this one, all of them, and how probable each is, all together 1;
     *  NULL and 0: there are none. */
    size_t choice;
    const struct gen_ids *choices;
    const float *choice_probabilities; /**< [n_choices] */
    size_t n_choices;
    /**
     * Of a beam search: the sum of the log probabilities of the new ids, as the rules of sampling
     * leave them, divided by their number to the power of length_penalty.
     */
    float score;
    bool has_score;
    const struct gen_error *error; /**< set with GEN_FINISH_ERROR */
};

/**
 * Where texts go. Calls come in order of prompt and return sequence, all of one sequence before
 * those of the next, whatever the engine computes in between: the first text that is not
 * finished streams, what later ones have waits for their turn. Any callback may be NULL.
 * Returning false cancels the job: the text that has begun ends with what there is of it, later
 * ones are not heard of.
 */
struct gen_sink {
    void *context;
    /** A sequence begins: its first id is drawn, or it ends without one. One that fails or is
     * canceled before does not begin. Where there is a logits() it begins before its first row. */
    bool (*begin)(void *context, uint64_t index, uint64_t sequence, const int32_t *prompt_ids,
                  size_t n_prompt_ids);
    /** New text, whole UTF-8 characters where the text is UTF-8; never part of a stop string. */
    bool (*text)(void *context, uint64_t index, uint64_t sequence, const char *bytes, size_t n);
    /**
     * One row of logits for each id, those after it: the ids of the prompt once, then the new ids
     * of each text, the last included. With it there is one text at a time and no speculation.
     */
    bool (*logits)(void *context, const float *logits, int32_t n_vocab);
    /** The sequence is done, or failed. Also called, with what there is, for a canceled one. */
    bool (*end)(void *context, const struct gen_result *result);
    /** Asked between batches of work, so that a long prompt can be canceled too. */
    bool (*go_on)(void *context);
};

/** When a beam search ends before max_new_tokens, with num_beams texts found. */
enum gen_early_stopping {
    GEN_EARLY_STOPPING_FALSE, /**< when the best beam, were its score of now the last, is no better
                                   than the worst of them */
    GEN_EARLY_STOPPING_TRUE,  /**< at once */
    GEN_EARLY_STOPPING_NEVER  /**< when no beam can become better than the worst of them: with a
                                   length_penalty above 0 a beam that goes on to the greatest length
                                   is looked at */
};

/** A word that must come, in one of its spellings, of which none is the beginning of another. */
struct gen_force_words {
    const struct gen_ids *spellings; /**< [n_spellings] */
    size_t n_spellings;
};

/** Greatest num_beams. */
#define GEN_MAX_BEAMS 256

struct gen_generate_options {
    struct gen_sampling sampling;
    int32_t max_new_tokens; /**< >= 0, or -1: no limit of its own. Default 128 */
    int32_t max_length;     /**< prompt + new tokens, >= 1, or -1: no limit. Default -1 */
    /**
     * n_stop strings that end the new text; not part of it. What is complete first ends it, of
     * several that end at the same byte the longest.
     */
    const char *const *stop;
    size_t n_stop;
    /**
     * End the text at the end of a sentence once half of the tokens that it may have are used:
     * where an id's text ends with . ! ? or their like in other scripts, with or without closing
     * quotes and brackets, but not with a full stop after a digit. Default false.
     */
    bool stop_at_sentence;
    /**
     * End the text with its first id after so many seconds from when its prompt began to be read;
     * 0, the default: no limit. With it a text depends on how fast the machine is.
     */
    float max_seconds;
    /** n_eos ids that end a text, in the place of the model's; n_eos 0, the default: the model's.
     */
    const int32_t *eos;
    size_t n_eos;
    /** No eos ends the text; drawn, it is a token like others and its spelling is text. To keep
     * one from being drawn at all give it a logit bias of -INFINITY. Default false. */
    bool ignore_eos;
    /** Of the run; that of each text is gen_text_seed() of it. Default 0: choose one yourself,
     *  e.g. by gen_random_seed(). */
    uint64_t seed;
    int32_t num_return_sequences; /**< texts per prompt, >= 1. Default 1 */
    /**
     * Beam search, where above 1 (at most GEN_MAX_BEAMS): go on with the so many likeliest
     * beginnings of a text at once, as transformers does with num_beams. With a temperature of 0
     * that is beam search; else what is kept at each step is drawn, as its beam sampling
     * (do_sample) does. The num_return_sequences <= num_beams texts with the best scores are
     * reported, best first, all with the seed of the first, when the search is done; a prompt that
     * finds fewer fails. A text takes num_beams of the engine's batch, and there is no speculation.
     * Default 1.
     */
    int32_t num_beams;
    float length_penalty; /**< above 0: longer texts get better scores. -100 ... 100. Default 1 */
    enum gen_early_stopping early_stopping; /**< Default GEN_EARLY_STOPPING_FALSE */
    /**
     * Contrastive search, where above 0 (at most 1), as transformers had it up to 4.55: of the
     * sampling.top_k likeliest ids, 2 to GEN_MAX_BEAMS, each is tried, and that one is chosen which
     * is both likely and unlike all that is there: (1 - alpha) probability - alpha greatest cosine
     * of hidden states. Nothing is drawn, so the temperature must be 0; there is one text, no
     * beams, and no sliding. It takes top_k of the engine's batch, and there is no speculation.
     * Default 0.
     */
    float penalty_alpha;
    /**
     * Groups of beams, a divisor of num_beams: each searches for itself, and in every step the log
     * probability of an id falls by diversity_penalty (above 0, at most 1000) for each beam of the
     * groups before that goes on with it. As transformers 4.56 has it; nothing is drawn, so the
     * temperature must be 0. Default 1, and 0.
     */
    int32_t num_beam_groups;
    float diversity_penalty;
    /**
     * n_force_words that the text, prompt included, must have: the search keeps beams that are
     * closer to them as well as likelier ones, as the constrained beam search of transformers 4.56
     * does. Where no text with all of them was found before max_new_tokens, the best without is
     * reported. Needs num_beams of 2 or more, one group, and a temperature of 0.
     */
    const struct gen_force_words *force_words;
    size_t n_force_words;
    /**
     * Guidance, as transformers' guidance_scale: another text goes along, which begins with
     * negative_prompt and goes on with the same new ids, and the log probabilities become
     * guidance_scale * (own - other) + other, before all rules. Above 1 the text keeps closer to
     * its prompt, and farther from the other. -100 ... 100; 1, the default, is off. Without a
     * negative prompt the other text begins with the last id of the prompt; an empty one is what an
     * empty prompt is. A text takes two of the engine's batch, and there is no speculation. Not
     * with beams, choices, or a sink that has logits().
     */
    float guidance_scale;
    bool has_negative_prompt;
    struct gen_ids negative_prompt; /**< borrowed */
    /**
     * Token healing: leave out the last id of the prompt, and let the first new one be any whose
     * bytes begin with those of that one, so that a prompt need not end where a token does. It
     * counts as one of the prompt. Not with beams, choices or a constraint, and without effect
     * where the prompt ends with a special token. Default false.
     */
    bool token_healing;
    /**
     * n_choices answers, each of at least one id: the text is one of them. Each is as probable as
     * its ids are for the model, one after the other, all together 1; with a temperature of 0 the
     * likeliest is taken, the first of equals, else one is drawn by its probability to the power 1
     * / temperature. Other options of sampling do not count. It ends as with a stop string, or
     * where the text has its greatest length. Not with beams, a constraint, n_logprobs, or a sink
     * that has logits(). 0, the default: none.
     */
    const struct gen_ids *choices;
    size_t n_choices;
    /**
     * When n_ctx is full, go on over the last n_ctx / 2 ids, read anew, as often as needed. A
     * prompt longer than n_ctx is read as if its ids had come one by one: of its n ids the last
     * n_ctx/2 + (n - n_ctx - 1) mod (n_ctx - n_ctx/2 + 1). Without it a text ends when prompt and
     * new ids are n_ctx together, and a longer prompt is an error.
     */
    bool slide;
    int32_t n_logprobs; /**< best tokens reported per step, 0 ... 1000 */
    /** Report the log probabilities of the prompt's ids, too, with n_logprobs best tokens each. All
     * of the prompt is then read, once for its texts, whatever some slot or a prompt cache holds of
     * it. Default false. */
    bool prompt_logprobs;
    /**
     * Guess the next ids where the text repeats itself, and check the guesses in one pass through
     * the model. Only what would have been drawn anyway is taken, so it makes repetitive texts
     * faster and never changes one. Guessing stops where it fails, and where ids are drawn at
     * random it takes a longer repetition to begin, so other texts lose next to nothing. Default
     * true.
     */
    bool speculate;
    /** As in struct gen_engine_options: gen_generate() makes an engine with them. For
     *  gen_engine_run() they mean nothing, its engine has its own. */
    int32_t batch;
    int n_threads;
    const char *kv_type, *kernels;
    const struct gen_model *draft;
};
struct gen_generate_options gen_generate_options_default(void);

/**
 * What answers prompts: threads, a KV cache with a slot for each text at once, and in each slot the
 * ids that it holds, also when the text is done. A text whose prompt begins with what some slot
 * holds - the same examples, or a talk so far with one turn more, or less - reads only the rest.
 * Reading less never changes a text: it is, bit for bit, that of a new engine.
 */
struct gen_engine;

struct gen_engine_options {
    int n_threads;       /**< 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    const char *kv_type; /**< as in gen_session_options; NULL: f32 */
    /**
     * Most texts to work on at once, 1 ... 1024; 0: 64, or fewer where their KV cache would take
     * more than 512 MiB, were each as long as n_ctx, but least_batch all the same. A text does not
     * depend on it.
     */
    int32_t batch;
    int32_t least_batch; /**< texts at once that there must be room for, e.g. num_beams */
    int32_t n_ctx; /**< positions of a text, 1 ... the model's n_ctx; 0: the model's. What is said
                        of n_ctx above is said of this. */
    /**
     * A smaller model that guesses the next ids where the text does not repeat itself, for runs
     * with `speculate`; NULL, the default: none does. It must have the same vocabulary, and outlive
     * the engine; its n_ctx may be less, then it sees the end of a text alone. It draws as the text
     * does, by the same rules and random numbers. What is guessed wrong costs time and nothing
     * else; how far it guesses goes by the time that guesses cost and save, and where they save
     * none it is left alone, but for a try now and then. Neither beam searches nor runs whose sink
     * hears of logits have guesses. Its keys and values are part of what `batch` reckons with. If
     * it fails - results that are not finite, no memory - there are no guesses any more, which
     * gen_engine_draft_report() says, and texts go on.
     */
    const struct gen_model *draft;
};
struct gen_engine_options gen_engine_options_default(void);

/** The model must outlive the engine. Bad options are GEN_BAD_ARGUMENT, also a draft model with
 *  another vocabulary. */
enum gen_status gen_engine_new(struct gen_engine **out, const struct gen_model *model,
                               const struct gen_engine_options *options, struct gen_error *err);
void gen_engine_free(struct gen_engine *engine);

/** What the draft model of an engine has done so far. */
struct gen_draft_report {
    uint64_t n_drafted;     /**< ids that it guessed */
    uint64_t n_accepted;    /**< of them, those that came true: each saved a pass */
    double seconds;         /**< its time */
    struct gen_error error; /**< why it has given up; status GEN_OK: it has not */
};
/** Without a draft model it is all 0. */
struct gen_draft_report gen_engine_draft_report(const struct gen_engine *engine);

/**
 * Answer every prompt of the source; as often as you like, but not from a callback of the same
 * engine. Prompts are numbered from 0 in each run. A prompt that cannot be answered (too long, say)
 * is reported through sink->end and does not stop the others; *n_failed (may be NULL) counts them.
 * The status is that of the run as a whole: bad options, out of memory, canceled. After any of them
 * the engine is good for the next run.
 */
enum gen_status gen_engine_run(struct gen_engine *engine,
                               const struct gen_generate_options *options,
                               const struct gen_source *source, const struct gen_sink *sink,
                               uint64_t *n_failed, struct gen_error *err);

/** One run of an engine that is made for it: gen_engine_new, gen_engine_run, gen_engine_free. */
enum gen_status gen_generate(const struct gen_model *model,
                             const struct gen_generate_options *options,
                             const struct gen_source *source, const struct gen_sink *sink,
                             uint64_t *n_failed, struct gen_error *err);

/* ---- the machine -----------------------------------------------------------------------------*/

/**
 * The seed of a text: return sequence `sequence` of prompt `index` in a run that was given `seed`.
 * That of the first text is `seed` itself, all others are below 2^53. The text is that of a run
 * with this seed and this prompt alone. Those of a prompt come from that of its first text:
 * gen_text_seed(s, i, n) is gen_text_seed(gen_text_seed(s, i, 0), 0, n).
 */
uint64_t gen_text_seed(uint64_t seed, uint64_t index, uint64_t sequence);

/** A seed from the system's entropy. */
uint64_t gen_random_seed(void);

/** Physical cores this process may use (affinity and cgroup quota counted in), at least 1. */
int gen_default_threads(void);

/** Seconds of a clock that only goes forward; differences of two calls are meaningful. */
double gen_clock(void);

/* ---- conversion ------------------------------------------------------------------------------*/

/** Names of the types that gen_convert() writes, then NULL: "f32", "f16", "bf16", "q8_0", "q4_0",
 *  "q4_1", "q5_0", "q5_1", "q4_k_m", "q5_k_m", "q6_k", "iq4_nl"; mixed as llama.cpp does, but
 *  iq4_nl is not mixed. */
extern const char *const gen_convert_types[];

struct gen_convert_options {
    /** One of gen_convert_types; NULL: as the source has it, and then no number changes. */
    const char *type;
    /** A LoRA adapter of the model, a GGUF file as gen_finetune() of gen_train.h or llama.cpp's
     *  converter writes it, to be merged into the weights; NULL: none. */
    const char *lora;
    /** With it `src` is but a name: a GGUF image of image_size bytes. NULL: a file. */
    const void *image;
    size_t image_size;
    void *context;
    /** Told the bytes written so far and in all; returning false cancels. May be NULL. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    /** Told each note about the source and about what is written. May be NULL. */
    void (*note)(void *context, const struct gen_note *note);
};
struct gen_convert_options gen_convert_options_default(void);

/**
 * Write the model at `src` (GGUF or Hugging Face directory) with its tokenizer to the GGUF v3
 * file `dst`, which llama.cpp and the Python package gguf read too. Keys of a GGUF that gen does
 * not set are carried over as they are (author, licence, chat template, unknown ones), and the chat
 * template of a Hugging Face directory; not so tensors that the model does not need, as llama.cpp
 * refuses a file with such ones. The file is written next to its target and renamed, so `dst` is
 * either whole or as it was.
 */
enum gen_status gen_convert(const char *src, const char *dst,
                            const struct gen_convert_options *options, struct gen_error *err);

#ifdef __cplusplus
}
#endif
#endif
