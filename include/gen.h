/**
 * gen.h - generate text with GPT-2-style models on a CPU.
 *
 * This header and gen_train.h, which makes models and vocabularies, are the public ones of libgen.
 * Everything the `gen` program does it does through them, so a program that embeds the library can
 * do the same. To link with it: cc hello.c -lgen -lcjson -lutf8proc -lm -pthread
 *
 * Conventions
 *  - Errors are values. A function that can fail returns an enum gen_status and, where the
 *    caller passes a struct gen_error, one sentence saying what was wrong and what to do about
 *    it. The library never prints, never exits, reads no environment and keeps no global state.
 *  - Options structs are filled by a ..._default() function and changed afterwards, so that a
 *    zero keeps its own meaning.
 *  - NULL may be passed to every ..._free() and ..._release() function.
 *  - Objects may be used from one thread at a time; a gen_model and a gen_tokenizer are read-only
 *    once opened and may be shared by any number of threads.
 *  - Ids are token ids, 0 <= id < n_vocab. Text is bytes: it is normally UTF-8 but need not be.
 */
#ifndef GEN_H
#define GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEN_VERSION "0.1.0"

/* ------------------------------------------------------------------ errors ---------------- */

/** What kind of thing went wrong; GEN_OK is 0. */
enum gen_status {
    GEN_OK = 0,
    GEN_BAD_ARGUMENT, /**< a value the caller chose is out of its range */
    GEN_IO_ERROR,     /**< a file cannot be opened, read or written */
    GEN_BAD_FILE,     /**< a file's contents are malformed or contradict themselves */
    GEN_UNSUPPORTED,  /**< a file is well-formed but asks for something gen does not do */
    GEN_NO_MEMORY,    /**< an allocation failed */
    GEN_CONTEXT_FULL, /**< more positions were asked for than the context has */
    GEN_CANCELED      /**< a callback asked to stop */
};

/** Longest message including its NUL; with `gen: ` and a newline a line stays under 600 bytes. */
#define GEN_MESSAGE_SIZE 560

/** One sentence about a failure: no trailing newline, no control characters, valid UTF-8. */
struct gen_error {
    enum gen_status status;
    char message[GEN_MESSAGE_SIZE];
};

/* ------------------------------------------------------------------ growing arrays -------- */

/** A growing array of token ids; start from {0}. */
struct gen_ids {
    int32_t *data;
    size_t n;
    size_t capacity;
};

/** A growing array of bytes (not NUL-terminated); start from {0}. */
struct gen_bytes {
    char *data;
    size_t n;
    size_t capacity;
};

/** Append n ids. GEN_NO_MEMORY leaves the array as it was. */
enum gen_status gen_ids_append(struct gen_ids *ids, const int32_t *more, size_t n);
/** Append n bytes. GEN_NO_MEMORY leaves the array as it was. */
enum gen_status gen_bytes_append(struct gen_bytes *bytes, const char *more, size_t n);
/** Free the memory and make the array {0} again. */
void gen_ids_release(struct gen_ids *ids);
void gen_bytes_release(struct gen_bytes *bytes);

/**
 * A sentence about what was read that is no failure: which of two sources won, what is not heeded.
 * The library never prints; show each once. As clean and short as the message of a gen_error.
 */
struct gen_note {
    bool verbose_only; /**< for those who ask for details */
    const char *text;  /**< belongs to what it is about */
};

/* ------------------------------------------------------------------ tokenizer ------------- */

/** GPT-2's byte-level BPE: bytes to ids, ids to bytes. Read-only once opened. */
struct gen_tokenizer;

/**
 * Open the tokenizer at `path`: a Hugging Face directory (tokenizer.json, or vocab.json and
 * merges.txt; no weights needed), a tokenizer.json file, or a GGUF file.
 */
enum gen_status gen_tokenizer_open(struct gen_tokenizer **out, const char *path,
                                   struct gen_error *err);
void gen_tokenizer_free(struct gen_tokenizer *tokenizer);

/** Number of ids: every id is below it. Ids without a token of their own decode to nothing. */
int32_t gen_tokenizer_n_vocab(const struct gen_tokenizer *tokenizer);
/** Id of the end-of-text token, or -1 where the vocabulary has none. */
int32_t gen_tokenizer_eos(const struct gen_tokenizer *tokenizer);

/** Bytes of the longest token: n tokens stand for no more than n times as many. */
size_t gen_tokenizer_longest(const struct gen_tokenizer *tokenizer);

/** Notes about the files the tokenizer was read from; i < gen_tokenizer_n_notes(). */
size_t gen_tokenizer_n_notes(const struct gen_tokenizer *tokenizer);
struct gen_note gen_tokenizer_note(const struct gen_tokenizer *tokenizer, size_t i);

/**
 * Append the ids of `text` (n bytes) to `ids`. Any bytes are accepted: what is not valid UTF-8
 * is encoded byte by byte, so decoding gives the same bytes back. Equal to tiktoken's r50k_base
 * and Hugging Face's GPT2Tokenizer on valid UTF-8.
 * Ordinary added tokens (words that a fine-tuning added) stand for themselves wherever they are
 * spelled out, the leftmost first, of several there the longest; those that their files describe so
 * take the white space around them (lstrip, rstrip; decoding does not give that back) or are found
 * as whole words only (single_word). special: whether the spelling of a
 * special token (`<|endoftext|>`, control tokens) does, too; when false it is ordinary text.
 * A byte for which the vocabulary has no token and an id for which the tokenizer's model has no row
 * are GEN_UNSUPPORTED, and nothing is appended.
 */
enum gen_status gen_tokenizer_encode(const struct gen_tokenizer *tokenizer, const char *text,
                                     size_t n, bool special, struct gen_ids *ids,
                                     struct gen_error *err);

/**
 * The bytes of one token: a pointer into the tokenizer and their number in *n. An id that is
 * out of range or has no token gives "" and 0. A token may hold part of a UTF-8 character.
 */
const char *gen_tokenizer_piece(const struct gen_tokenizer *tokenizer, int32_t id, size_t *n);

/** Append the bytes of n_ids tokens to `text`. An id out of range is GEN_BAD_ARGUMENT. */
enum gen_status gen_tokenizer_decode(const struct gen_tokenizer *tokenizer, const int32_t *ids,
                                     size_t n_ids, struct gen_bytes *text, struct gen_error *err);

/**
 * Streaming decode: bytes go in as tokens bring them, whole UTF-8 characters come out. Bytes
 * that can still become a character wait (at most 3); bytes that cannot are passed on as they
 * are. Start from {0}.
 */
struct gen_utf8_stream {
    unsigned char waiting[4];
    size_t n;
};
/** Push n bytes and append to `out` everything that is complete. */
enum gen_status gen_utf8_stream_push(struct gen_utf8_stream *stream, const char *bytes, size_t n,
                                     struct gen_bytes *out);
/** End of text: append what still waits, as it is. */
enum gen_status gen_utf8_stream_flush(struct gen_utf8_stream *stream, struct gen_bytes *out);

/* ------------------------------------------------------------------ model ----------------- */

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

/** Shape and variants of a GPT-2-style model; field names as in Hugging Face's GPT2Config. */
struct gen_config {
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
};

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
 * Open the model at `path`: a GGUF file (v2 or v3, architecture gpt2) or a Hugging Face
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
 * One sentence that names the settings of generation which the model's files have and gen leaves
 * aside: those of generation_config.json, or config.json where there is none, that change a text
 * (do_sample, top_k, suppress_tokens, ...). NULL: none. It belongs to the model.
 */
const char *gen_model_unheeded(const struct gen_model *model);
/** "gguf v3", "safetensors", …; static text. */
const char *gen_model_format(const struct gen_model *model);
/** Bytes of model file(s) behind the model. */
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

/* ------------------------------------------------------------------ session --------------- */

/**
 * The working state of a model: a KV cache for one or more sequences ("slots"), scratch memory,
 * logits. All work is one call, gen_session_eval: a batch of rows in, logits out. Prompt
 * processing, decoding, many sequences at once and draft checking differ only in the rows.
 *
 * The same bits come out for any number of threads, any composition of the batch and any way to
 * cut a prompt into calls.
 */
struct gen_session;

struct gen_session_options {
    int n_threads;   /**< 0: all physical cores this process may use */
    int32_t n_slots; /**< sequences held at once, >= 1; default 1 */
    int32_t n_ctx;   /**< positions per slot, 1 ... the model's n_ctx; 0: the model's */
    /** "f32" or "f16": how the KV cache stores keys and values. f16 rounds them, takes half the
     *  memory, and is read in less time; a model whose keys and values reach 65520 overflows it,
     *  which fails as GEN_BAD_FILE. NULL: f32. */
    const char *kv_type;
    /** A kernel set, for tests: "generic", "avx2", "avx2vnni", "avx512", "avx512vnni", "neon",
     *  "neondotprod", as far as this machine has it. All give the same bits; NULL: the
     *  fastest here. */
    const char *kernels;
};
struct gen_session_options gen_session_options_default(void);

enum gen_status gen_session_new(struct gen_session **out, const struct gen_model *model,
                                const struct gen_session_options *options, struct gen_error *err);
void gen_session_free(struct gen_session *session);

/** One token to process: it takes the next free position of its slot. */
struct gen_row {
    int32_t id;
    int32_t slot;     /**< 0 ... n_slots - 1 */
    bool want_logits; /**< whether the logits after this row are needed */
};

/**
 * Process n_rows rows, in order within each slot; rows of different slots may be mixed freely.
 * Ids and slots out of range are GEN_BAD_ARGUMENT, a slot without room is GEN_CONTEXT_FULL; both
 * leave the session as it was. A result that is not finite is GEN_BAD_FILE.
 */
enum gen_status gen_session_eval(struct gen_session *session, const struct gen_row *rows,
                                 size_t n_rows, struct gen_error *err);

/**
 * Logits of row i of the last gen_session_eval: n_vocab floats, valid until the next eval.
 * NULL if that row did not want them.
 */
const float *gen_session_logits(const struct gen_session *session, size_t i);

/** Positions used in a slot. */
int32_t gen_session_length(const struct gen_session *session, int32_t slot);
/** Forget all but the first `length` positions of a slot (no effect if it has fewer). */
void gen_session_truncate(struct gen_session *session, int32_t slot, int32_t length);
/**
 * Make a slot hold the first `length` positions of another, and nothing else: what two sequences
 * have in common is computed once. GEN_BAD_ARGUMENT if a slot is out of range or `from_slot` has
 * fewer positions; a slot copied to itself is truncated.
 */
enum gen_status gen_session_copy(struct gen_session *session, int32_t to_slot, int32_t from_slot,
                                 int32_t length);
/** Positions a slot can hold. */
int32_t gen_session_n_ctx(const struct gen_session *session);
/** Threads in use, after the default was resolved. */
int gen_session_n_threads(const struct gen_session *session);
/** Name of the kernel set in use, after the default was resolved. */
const char *gen_session_kernels(const struct gen_session *session);

/* ------------------------------------------------------------------ sampler --------------- */

struct gen_logit_bias {
    int32_t id;
    float bias; /**< added to the token's logit; -INFINITY forbids it */
};

/**
 * How the next token is chosen. Names, order and semantics are those of Hugging Face
 * transformers' logits processors and warpers; presence and frequency penalty are OpenAI's.
 * Order: logit bias, repetition penalty, presence and frequency penalty, no-repeat n-gram, bad
 * words, minimum length, then - unless greedy - temperature, top-k, top-p, min-p, typical-p.
 */
struct gen_sampling {
    float temperature;               /**< >= 0; 0 (below 1e-6) is greedy. Default 0.8 */
    int32_t top_k;                   /**< >= 0; 0 is off. Default 40 */
    float top_p;                     /**< 0 < p <= 1; 1 is off. Default 0.95 */
    float min_p;                     /**< 0 <= p <= 1; 0 is off. Default 0 */
    float typical_p;                 /**< 0 < p <= 1; 1 is off. Default 1 */
    float repetition_penalty;        /**< > 0; 1 is off. Counts prompt and new tokens. Default 1 */
    float presence_penalty;          /**< -2 ... 2; 0 is off. Counts new tokens. Default 0 */
    float frequency_penalty;         /**< -2 ... 2; 0 is off. Counts new tokens. Default 0 */
    int32_t no_repeat_ngram_size;    /**< >= 0; 0 is off. Default 0 */
    int32_t min_new_tokens;          /**< no eos before that many new tokens. Default 0 */
    int32_t min_length;              /**< the same, counting the prompt as well. Default 0 */
    const struct gen_ids *bad_words; /**< n_bad_words never completed; an eos alone is none */
    size_t n_bad_words;
    const struct gen_logit_bias *logit_bias; /**< n_logit_bias entries, one per id */
    size_t n_logit_bias;
};
struct gen_sampling gen_sampling_default(void);

/** Options, recent ids and random state of one sequence. */
struct gen_sampler;

/**
 * A sampler for one sequence over n_vocab tokens. eos is the id to hold back for the minimum
 * length, -1 for none; gen_sampler_add_eos() takes more of them. The options are copied, with the
 * arrays they point to. The random stream is PCG32 (O'Neill 2014), its state derived from (seed,
 * prompt index, return sequence), so it does not depend on the neighbours of a sequence in a batch.
 */
enum gen_status gen_sampler_new(struct gen_sampler **out, const struct gen_sampling *options,
                                int32_t n_vocab, int32_t eos, uint64_t seed, uint64_t index,
                                uint64_t sequence, struct gen_error *err);
void gen_sampler_free(struct gen_sampler *sampler);
/** More ids that are an eos, as gen_model_eos_ids() has them; any that is out of range is
 *  GEN_BAD_ARGUMENT and leaves the sampler as it was. */
enum gen_status gen_sampler_add_eos(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                    struct gen_error *err);

/** Make the prompt known: the penalties and n-gram rules look at it. Call once, before all. */
enum gen_status gen_sampler_prompt(struct gen_sampler *sampler, const int32_t *ids, size_t n,
                                   struct gen_error *err);
/**
 * Choose the next id from logits (n_vocab floats, left unchanged) and remember it.
 * If the options forbid every token, GEN_BAD_ARGUMENT says so.
 */
enum gen_status gen_sampler_next(struct gen_sampler *sampler, const float *logits, int32_t *id,
                                 struct gen_error *err);
/**
 * The scores after all processors and warpers, before the draw: scores[n_vocab], forbidden
 * tokens are -INFINITY. For inspection and tests; does not change the sampler.
 */
enum gen_status gen_sampler_scores(const struct gen_sampler *sampler, const float *logits,
                                   float *scores, struct gen_error *err);

/* ------------------------------------------------------------------ generation ------------ */

/** Why a text ended. */
enum gen_finish {
    GEN_FINISH_LENGTH,   /**< max_new_tokens or max_length reached */
    GEN_FINISH_EOS,      /**< an end-of-text id was drawn, one of gen_model_eos_ids() */
    GEN_FINISH_STOP,     /**< a stop string appeared */
    GEN_FINISH_CONTEXT,  /**< n_ctx is full */
    GEN_FINISH_CANCELED, /**< a callback asked to stop */
    GEN_FINISH_ERROR     /**< see gen_result.error */
};
/** "length", "eos", "stop", "context", "canceled", "error". */
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
    uint64_t index;    /**< number of the prompt, from 0 */
    uint64_t sequence; /**< number of the return sequence, from 0 */
    const int32_t *prompt_ids;
    size_t n_prompt_ids;
    const int32_t *new_ids; /**< the ids drawn, with a final eos if there was one */
    size_t n_new_ids;
    const char *new_text; /**< their text up to a stop string; without eos */
    size_t n_new_text;
    enum gen_finish finish;
    uint64_t seed;
    size_t n_logprobs;                  /**< entries per new id; 0 unless asked for */
    const struct gen_logprob *logprobs; /**< [n_new_ids][n_logprobs], best first */
    const struct gen_logprob *chosen; /**< [n_new_ids] with the logprob of each new id, if asked */
    double prompt_seconds; /**< processing the prompt; in a batch, together with the others' work */
    double decode_seconds; /**< drawing the new ids; likewise */
    size_t n_guessed;      /**< new ids that speculation foresaw: each saved a pass */
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
     * canceled before does not begin. Where logits are wanted it begins with its prompt. */
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
    /** No eos ends the text; drawn, it is a token like others and its spelling is text. To keep
     * one from being drawn at all give it a logit bias of -INFINITY. Default false. */
    bool ignore_eos;
    uint64_t seed;                /**< default 0: choose one yourself, e.g. by gen_random_seed() */
    int32_t num_return_sequences; /**< texts per prompt, >= 1. Default 1 */
    /**
     * When n_ctx is full, go on over the last n_ctx / 2 ids, read anew, as often as needed. A
     * prompt longer than n_ctx is read as if its ids had come one by one: of its n ids the last
     * n_ctx/2 + (n - n_ctx - 1) mod (n_ctx - n_ctx/2 + 1). Without it a text ends when prompt and
     * new ids are n_ctx together, and a longer prompt is an error.
     */
    bool slide;
    int32_t n_logprobs; /**< best tokens reported per step, 0 ... 1000 */
    /**
     * Most texts to work on at once, 1 ... 1024; 0: 64, or fewer where their KV cache would take
     * more than 512 MiB, were each as long as n_ctx. A text does not depend on it.
     */
    int32_t batch;
    const char *kv_type; /**< as in gen_session_options; NULL: f32 */
    /**
     * Guess the next ids where the text repeats itself, and check the guesses in one pass through
     * the model. Only what would have been drawn anyway is taken, so it makes repetitive texts
     * faster and never changes one. Guessing stops where it fails, and where ids are drawn at
     * random it takes a longer repetition to begin, so other texts lose next to nothing. Default
     * true.
     */
    bool speculate;
    int n_threads;       /**< 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
};
struct gen_generate_options gen_generate_options_default(void);

/**
 * Answer every prompt of the source. A prompt that cannot be answered (too long, say) is
 * reported through sink->end and does not stop the others; *n_failed (may be NULL) counts them.
 * The status is that of the job as a whole: bad options, out of memory, canceled.
 */
enum gen_status gen_generate(const struct gen_model *model,
                             const struct gen_generate_options *options,
                             const struct gen_source *source, const struct gen_sink *sink,
                             uint64_t *n_failed, struct gen_error *err);

/** A seed from the system's entropy. */
uint64_t gen_random_seed(void);

/** Physical cores this process may use (affinity and cgroup quota counted in), at least 1. */
int gen_default_threads(void);

/* ------------------------------------------------------------------ measuring ------------- */

/** Seconds of a clock that only goes forward; differences of two calls are meaningful. */
double gen_clock(void);

/**
 * What a model costs, for setting a measured speed beside what the machine can do. Operations
 * are counted as two for each fused multiply-add of a matrix product or of attention; what else
 * there is to do is little beside them. All are 0 for a model opened for its metadata only.
 */
struct gen_cost {
    uint64_t weight_bytes;         /**< matrices as they lie in memory: each eval reads them once */
    uint64_t row_operations;       /**< of one row in the matrices; in the last layer those of its
                                        key and value, which later rows see */
    uint64_t head_operations;      /**< besides, of one row that wants logits: the rest of the last
                                        layer, and lm_head */
    uint64_t row_int8_operations;  /**< of row_operations, those on int8 */
    uint64_t head_int8_operations; /**< the same of head_operations */
    bool full_int8;                /**< most of these on weights of all 8 bits, as q8_0's are */
    uint64_t row_seen_operations;  /**< of attention, for each position a row sees */
    uint64_t head_seen_operations; /**< besides, where the row wants logits */
    uint64_t seen_numbers;         /**< of the KV cache, for each position of a sequence */
};
struct gen_cost gen_model_cost(const struct gen_model *model);

/** What a machine can run out of, and how it is counted per second. */
enum gen_limit {
    GEN_LIMIT_READ, /**< bytes read from memory: bounds the decoding of few sequences */
    GEN_LIMIT_F32,  /**< operations on f32 in registers: bounds prompts and large batches */
    GEN_LIMIT_INT8  /**< the same on int8, for quantized weights */
};

/** Threads and memory to measure this machine with. */
struct gen_meter;

struct gen_meter_options {
    int n_threads;       /**< as in gen_session_options; 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    size_t buffer_bytes; /**< read over and over; 0: so large that no cache holds much of it */
    double seconds;      /**< a measurement takes at least that long. Default 0.1 */
    bool full_int8;      /**< GEN_LIMIT_INT8 is that of weights of all 8 bits, with a sign, not of
                              fewer: without instructions for them (VNNI, dotprod) it is lower */
};
struct gen_meter_options gen_meter_options_default(void);

enum gen_status gen_meter_new(struct gen_meter **out, const struct gen_meter_options *options,
                              struct gen_error *err);
void gen_meter_free(struct gen_meter *meter);

/**
 * Measure one limit once, with all threads and the vectors of the kernel set. Machines drift: for
 * a fair share take the median of several, in turns with what is to be compared.
 */
enum gen_status gen_meter_measure(struct gen_meter *meter, enum gen_limit limit, double *per_second,
                                  struct gen_error *err);
/** Size of the buffer, after the default was resolved. */
size_t gen_meter_buffer_bytes(const struct gen_meter *meter);

/* ------------------------------------------------------------------ conversion ------------ */

struct gen_convert_options {
    /** "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k_m", "q5_k_m", "q6_k",
     *  mixed as llama.cpp does; NULL: as the source has it, and then no number changes. */
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
