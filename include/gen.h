/**
 * gen.h - generate text with GPT-2-style models on a CPU.
 *
 * The public header to begin with: models, conversion. It includes
 *  - gen_base.h: errors, growing arrays, notes
 *  - gen_tokenizer.h: text to token ids and back
 *  - gen_chat.h: chat templates, the text that a conversation is
 *  - gen_generate.h: prompts in, texts out
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
#include "gen_generate.h"
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
 * Open the model at `path`: a GGUF file (v2 or v3, architecture gpt2 or gpt_neo), a Hugging Face
 * directory (config.json, model.safetensors or pytorch_model.bin or an index with shards, tokenizer
 * files), a checkpoint of nanoGPT (ckpt.pt) or the directory that it lies in, or a model of llm.c
 * (versions 1, 3 and 5; the tokenizer is that of its directory).
 * The file stays mapped: it must not become shorter while it is opened or the model lives, nor
 * other bytes be written over it; replacing it by rename is safe. Touching what is gone raises
 * SIGBUS, in any thread that computes, which by default ends the process without a word. A program
 * that cannot rule that out has a handler for SIGBUS, which can only clean up and end, as the
 * program gen does (src/cli/signals.c), or gives the library a copy in memory:
 * gen_model_open_memory(). The library itself sets no handlers.
 */
enum gen_status gen_model_open(struct gen_model **out, const char *path,
                               const struct gen_model_options *options, struct gen_error *err);
/** The same from the image of such a file in memory, which must outlive the model; `name` is for
 * messages. */
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
/** "gguf v3", "safetensors", "pytorch", …; static text. */
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

/** What gen_model_check() found: one thing, told in a sentence. */
struct gen_finding {
    const char *check; /**< the name of the check, as its summary has it */
    bool is_wrong;     /**< else it is odd: it may be meant so */
    const char *text;  /**< valid for the call */
};
/** What a check of gen_model_check() came to. */
struct gen_check_summary {
    const char *name; /**< "numbers"; static text, as `unit` */
    const char *unit; /**< what was looked at: "tensors" */
    uint64_t n;       /**< how many */
    uint64_t n_wrong, n_odd;
};
/** Who is told; functions may be NULL, `context` is theirs. */
struct gen_check_options {
    void *context;
    /** Told the bytes read so far and in all; returning false cancels. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    /** A few findings of each check; `n_wrong` and `n_odd` count all. */
    void (*finding)(void *context, const struct gen_finding *finding);
    /** After the findings of each check. */
    void (*summary)(void *context, const struct gen_check_summary *summary);
};
/**
 * Read all of a model's files, or of an adapter's, and look for what is wrong or odd: checksums,
 * where the format has them; numbers that are not finite, blocks whose scales are not; norms that
 * let nothing through, rows that are zero or there twice, huge numbers; tokens that are there
 * twice, that are no text or that no text is cut into; ids of special tokens. What opening refuses
 * need not be looked for. *is_wrong: whether anything was. GEN_OK unless it is canceled or out of
 * memory.
 */
enum gen_status gen_model_check(const struct gen_model *model,
                                const struct gen_check_options *options, bool *is_wrong,
                                struct gen_error *err);

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
 *  iq4_nl is not mixed; and "auto", which needs a size. */
extern const char *const gen_convert_types[];

struct gen_convert_options {
    /** One of gen_convert_types; NULL: as the source has it, and then no number changes. */
    const char *type;
    /**
     * With type "auto": most bytes of the file, else 0. Each tensor gets a type so that the file is
     * as good as its size allows, as found by trying: by what each does to the model's predictions
     * in the text to calibrate with, without one to the numbers. GEN_BAD_ARGUMENT where all types
     * are too large. A note says what was chosen.
     */
    uint64_t size;
    /** A LoRA adapter of the model, a GGUF file as gen_finetune() of gen_train.h or llama.cpp's
     *  converter writes it, to be merged into the weights; NULL: none. */
    const char *lora;
    /**
     * n_calibrate text files, plain or JSON lines (gen_train.h says how documents are told apart),
     * like what the model will read: matrices that are rounded to a block format are rounded so
     * that their products with the inputs that they have in such a text change least, not each
     * number by itself. The files have the same types and sizes, and lose much less. NULL, 0: none.
     */
    const char *const *calibrate;
    size_t n_calibrate;
    /** So many tokens are read, spread over all of the text; 0: 32768. */
    int32_t calibrate_tokens;
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
