/**
 * gen_eval.h - what a model thinks of given texts: log probabilities, ranks, the likeliest ids;
 * perplexity of a text, accuracy on multiple choice, models held against each other.
 *
 * The conventions of gen.h hold here, too. Logarithms are natural ones. The numbers are those of
 * the model itself: no temperature, no rule of struct gen_sampling.
 */
#ifndef GEN_EVAL_H
#define GEN_EVAL_H

#include "gen.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- scoring ids -----------------------------------------------------------------------------*/

/** Most likeliest ids that can be asked for. */
#define GEN_SCORE_BEST_MOST 100

/** What the model thought of a token, after those before it. */
struct gen_token_score {
    int32_t id;
    /** 1: no id is likelier, nor is a lower one as likely; 2: one is; ... 0: not scored, because it
     *  is context or has nothing before it. */
    int32_t rank;
    double logprob; /**< natural log of its probability; 0 where it is not scored */
};

/** Ids to be scored. */
struct gen_score_request {
    const int32_t *ids; /**< read before next() is called again */
    size_t n_ids;       /**< at least 1 */
    /** Number of the first id to be scored: those before it are context. The very first id of a
     * text has nothing before it and is never scored: 0 and 1 mean the same. */
    size_t from;
    const struct gen_error *error; /**< not NULL: this one failed already; report it in turn */
};

/** Where requests come from, as struct gen_source is where prompts come from. */
struct gen_score_source {
    void *context;
    bool (*next)(void *context, struct gen_score_request *request);
    /** Whether next() would answer without waiting. While it would not, those that are there are
     *  scored and reported. NULL: it never waits. */
    bool (*ready)(void *context);
};

/** What became of a request; pointers are valid during the callback only. */
struct gen_score {
    uint64_t index;                       /**< number of the request, from 0 */
    const struct gen_token_score *tokens; /**< [n_ids] of the request, scored or not */
    size_t n_ids, from;                   /**< as the request has them */
    size_t n_scored;                      /**< of them */
    double logprob;                       /**< sum over those that are scored, in their order */
    bool all_likeliest; /**< each that is scored has rank 1: greedy decoding gives just these */
    size_t n_best;      /**< likeliest ids for each token; 0 unless asked for */
    /** [n_ids][n_best], best first, of equals the lower id; where a token is not scored they mean
     *  nothing. NULL where n_best is 0. */
    const struct gen_logprob *best;
    const struct gen_error *error; /**< not NULL: it failed, and nothing else is set but `index` */
};

/** Where scores go, in the order of requests. Returning false cancels. */
struct gen_score_sink {
    void *context;
    bool (*score)(void *context, const struct gen_score *score);
    /** Asked between passes through the model; may be NULL. */
    bool (*go_on)(void *context);
};

/**
 * What scores ids: threads and a KV cache. Many requests go through the model together, and what
 * they have in common at their beginnings is read once: the choices of a question, the examples
 * before all questions. No score depends on that, nor on order, threads or kernels: it is, bit for
 * bit, that of the request alone.
 */
struct gen_scorer;

struct gen_score_options {
    int n_threads;       /**< 0: all physical cores */
    const char *kernels; /**< as in gen_session_options; NULL: the fastest */
    const char *kv_type; /**< as in gen_session_options; NULL: f32 */
    int32_t n_ctx;       /**< ids that are seen at once, 1 ... the model's n_ctx; 0: the model's */
    /**
     * Of n_ids above n_ctx + 1: they are scored in windows of n_ctx ids, each `stride` further than
     * the one before, as in Hugging Face's guide to perplexity. A window scores what none before it
     * has scored and what has an id before it in the window. 1 ... n_ctx: n_ctx reads each id once,
     * fewer give each more to see and take longer; 0: half of n_ctx.
     */
    int32_t stride;
    int32_t n_best; /**< likeliest ids for each token, 0 ... GEN_SCORE_BEST_MOST. Default 0 */
};
struct gen_score_options gen_score_options_default(void);

/** The model must outlive the scorer. Bad options are GEN_BAD_ARGUMENT. */
enum gen_status gen_scorer_new(struct gen_scorer **out, const struct gen_model *model,
                               const struct gen_score_options *options, struct gen_error *err);
void gen_scorer_free(struct gen_scorer *scorer);

/** Ids that are seen at once, after the default was resolved: a request of one more is scored in
 *  one piece. */
int32_t gen_scorer_n_ctx(const struct gen_scorer *scorer);

/**
 * Score every request of the source; as often as you like, but not from a callback of the same
 * scorer. A request that cannot be scored (no ids, an id out of range, an output of the model that
 * is not finite) is reported with its error and does not stop the others; *n_failed (may be NULL)
 * counts them. The status is that of the run as a whole: out of memory, canceled.
 */
enum gen_status gen_scorer_run(struct gen_scorer *scorer, const struct gen_score_source *source,
                               const struct gen_score_sink *sink, uint64_t *n_failed,
                               struct gen_error *err);

/**
 * Append the ids of context and continuation to `ids`, as lm-evaluation-harness makes them; *from
 * is the number of the first id of the continuation among those appended. Blanks at the end of the
 * context move to the continuation, both together are encoded whole, and what comes after as many
 * ids as the context has by itself is the continuation. Without a context, bos or else eos stands
 * in its place. special: as in gen_tokenizer_encode(). GEN_BAD_ARGUMENT: the continuation has no
 * ids; GEN_UNSUPPORTED: the model has no tokenizer, or no id to begin with.
 */
enum gen_status gen_encode_pair(const struct gen_model *model, const char *context,
                                size_t n_context, const char *continuation, size_t n_continuation,
                                bool special, struct gen_ids *ids, size_t *from,
                                struct gen_error *err);

/* ---- a text ----------------------------------------------------------------------------------*/

/** Which tokens of a long text are scored, and what each sees. */
enum gen_convention {
    /** Windows of n_ctx ids, each `stride` further than the one before, as in Hugging Face's guide
     *  to perplexity; see struct gen_score_options. A last id that would be alone in its window is
     *  not scored, nor is the first of each window where stride is n_ctx. */
    GEN_CONVENTION_WINDOWS,
    /** llama-perplexity's: of each n_ctx ids the second half is scored, less one; a rest shorter
     *  than n_ctx is left out. The text must have 2 n_ctx ids. */
    GEN_CONVENTION_LLAMA_CPP
};

struct gen_eval_text_options {
    enum gen_convention convention;
    int32_t stride; /**< of GEN_CONVENTION_WINDOWS, 1 ... n_ctx of the scorer; 0: that */
    void *context;
    /** Told the ids read so far and in all; returning false cancels. May be NULL. */
    bool (*progress)(void *context, uint64_t done, uint64_t total);
    bool (*go_on)(void *context); /**< as in struct gen_score_sink */
};
struct gen_eval_text_options gen_eval_text_options_default(void);

/** Where there is nothing to tell, a double is NaN. */
struct gen_eval_text {
    uint64_t n_ids;     /**< of the text */
    uint64_t n_scored;  /**< of them */
    uint64_t n_windows; /**< in which they were read */
    uint64_t n_bytes;   /**< of those that are scored, by the tokenizer; 0 where there is none */
    uint64_t n_chars;   /**< UTF-8 characters that begin in those */
    double logprob;     /**< sum over those that are scored */
    double perplexity;  /**< e^(-logprob / n_scored) */
    /** Standard error of the perplexity. GEN_CONVENTION_LLAMA_CPP: as llama-perplexity has it,
     *  which takes tokens for independent. Else from the sums of the windows, as tokens next to
     *  each other are not: it is larger, and there is none of a single window. */
    double perplexity_stderr;
    double bits_per_byte, bits_per_char;
};

/**
 * Score the ids of a text. The tokenizer, for bytes and characters, may be NULL. GEN_BAD_ARGUMENT:
 * fewer than 2 ids, too few for the convention, or a scorer that sees 1 id at a time.
 */
enum gen_status gen_eval_text(struct gen_eval_text *out, struct gen_scorer *scorer,
                              const struct gen_tokenizer *tokenizer, const int32_t *ids, size_t n,
                              const struct gen_eval_text_options *options, struct gen_error *err);

/* ---- multiple choice -------------------------------------------------------------------------*/

/** What gen_eval_choices() reads: "choices", "hellaswag", "lambada", "blimp", "piqa", "arc",
 *  "winogrande"; then NULL. */
extern const char *const gen_eval_tasks[];

/** The lines of a data set, a JSON object each. */
struct gen_eval_lines {
    void *context;
    /** The next line, without its end, n bytes that are read before next() is called again; false
     *  at the end. `where` names it in messages. A line that could not be read has an error. */
    bool (*next)(void *context, const char **line, size_t *n, const char **where,
                 const struct gen_error **error);
};

/** What became of a record; pointers are valid during the callback only. */
struct gen_eval_answer {
    uint64_t index;         /**< number of the line, from 0 */
    size_t n_choices;       /**< 1 for lambada */
    const double *logprobs; /**< [n_choices] of the choices' tokens, summed */
    size_t label;           /**< the right one */
    size_t chosen;          /**< the likeliest, the first of equals */
    size_t chosen_norm;     /**< the one with the greatest log probability for each character */
    bool right, right_norm;
    const struct gen_error *error; /**< not NULL: it failed, nothing else is set but `index` */
};

struct gen_eval_choices_options {
    const char *task; /**< one of gen_eval_tasks; NULL: "choices" */
    bool special;     /**< as in gen_tokenizer_encode() */
    void *context;
    /** Told of each record, in order; returning false cancels. May be NULL. */
    bool (*answer)(void *context, const struct gen_eval_answer *answer);
    bool (*go_on)(void *context); /**< as in struct gen_score_sink */
};
struct gen_eval_choices_options gen_eval_choices_options_default(void);

/** Where there is nothing to tell, a double is NaN. Standard errors are those of a mean: sample
 *  standard deviation by the root of n. */
struct gen_eval_choices {
    uint64_t n, n_failed; /**< records that are answered, and that are not */
    double acc, acc_stderr;
    /** By log probability for each character; NaN for tasks that lm-evaluation-harness does not
     *  judge so: lambada, blimp, winogrande. */
    double acc_norm, acc_norm_stderr;
    /** Of lambada, per word: e^(-mean log probability); its standard error is the mean's times it.
     */
    double perplexity, perplexity_stderr;
};

/**
 * Choices by their log probability after a context, as lm-evaluation-harness 0.4 judges them
 * without examples (num_fewshot 0): prompts, the cut between context and choice
 * (gen_encode_pair()), what is cut off where both are longer than the context. Records are those in
 * which the data sets are published:
 *
 *   choices     {"context":"...", "choices":["...", ...], "label":0}; a blank is put between
 *               context and choice unless there is white space
 *   hellaswag   {"activity_label", "ctx_a", "ctx_b", "endings", "label"}
 *   lambada     {"text"}: its last word, right where greedy decoding gives it
 *   blimp       {"sentence_good", "sentence_bad"}
 *   piqa        {"goal", "sol1", "sol2", "label"}
 *   arc         {"question", "choices":{"text", "label"}, "answerKey"}, or the question as
 *               {"stem", "choices":[{"text", "label"}, ...]}
 *   winogrande  {"sentence", "option1", "option2", "answer"}, with _ in the sentence
 *
 * A record that is wrong costs that record. The status is that of the run as a whole.
 */
enum gen_status gen_eval_choices(struct gen_eval_choices *out, struct gen_scorer *scorer,
                                 const struct gen_model *model, const struct gen_eval_lines *lines,
                                 const struct gen_eval_choices_options *options,
                                 struct gen_error *err);

/* ---- models next to each other ---------------------------------------------------------------*/

/**
 * How a model differs from another, the base, on the same ids. p is the probability of the token
 * that the text has; KL is the Kullback-Leibler divergence from the base's probabilities of all
 * tokens to the model's, in natural units. Standard errors take tokens for independent, as
 * llama-perplexity does, but for that of `difference`. Where there is nothing to tell, a double is
 * NaN.
 */
struct gen_agreement {
    uint64_t n;                   /**< tokens that were scored */
    uint64_t n_windows;           /**< in which they were read */
    uint64_t n_bytes;             /**< of them; 0 where the model has no tokenizer */
    double logprob_base, logprob; /**< sums over them */
    /** Standard errors of the means of both, as gen_eval_text() has them: over windows, in which
     *  tokens go up and down together, but over tokens with GEN_CONVENTION_LLAMA_CPP. That of the
     *  perplexity is this times it. */
    double mean_stderr_base, mean_stderr;
    /** Mean of log p - log p of the base: above 0, and the model finds the text likelier. Its
     *  standard error is always that of windows, and the one to look at where two models are
     *  compared: they find the same windows hard. */
    double difference, difference_stderr;
    double same_top, same_top_stderr; /**< share of places with the same likeliest token */
    double kl_mean, kl_stderr, kl_median, kl_p99, kl_greatest;
    double change_mean, change_stderr; /**< of p, -1 ... 1 */
    double change_rms, change_rms_stderr;
    double change_greatest; /**< in size */
};

/**
 * Log probabilities of a base, kept in a file so that it need not run again: the format of
 * llama-perplexity's --kl-divergence-base, 16 bits for each token of the vocabulary at each place
 * that GEN_CONVENTION_LLAMA_CPP scores, and the ids themselves.
 */
struct gen_base_file;

/** GEN_BAD_FILE: it is none, or is cut off. The file must not become shorter while it is open. */
enum gen_status gen_base_file_open(struct gen_base_file **out, const char *path,
                                   struct gen_error *err);
void gen_base_file_free(struct gen_base_file *file);
/** Its ids, which belong to it; they are whole windows of *n_ctx. */
const int32_t *gen_base_file_ids(const struct gen_base_file *file, size_t *n, int32_t *n_ctx);

/** Such a file that is going to be written, opened before other work: see gen_compare_options. */
struct gen_base_writer;

enum gen_status gen_base_writer_open(struct gen_base_writer **out, const char *path,
                                     struct gen_error *err);
/** Without a gen_compare() that came to its end, what the file of that name held stays. */
void gen_base_writer_free(struct gen_base_writer *writer);

struct gen_compare_options {
    int n_threads; /**< as in struct gen_score_options, as the next three */
    const char *kernels, *kv_type;
    int32_t n_ctx;                  /**< 0: the least of the models' */
    int32_t stride;                 /**< as in struct gen_eval_text_options */
    enum gen_convention convention; /**< the same */
    /** Keep the base's log probabilities in this file, which gets its name when all is done and is
     *  of no more use then but to be freed; with GEN_CONVENTION_LLAMA_CPP. NULL: no. */
    struct gen_base_writer *save_base;
    void *context;
    bool (*progress)(void *context, uint64_t done, uint64_t total); /**< as there */
};
struct gen_compare_options gen_compare_options_default(void);

/**
 * Hold n models, out[n], against a base on the ids of a text. The base is a model, or the file of
 * one: then ids is NULL, and n_ctx, stride and convention mean nothing. All go through the text
 * together, so all are in memory. Ids must mean the same to all (gen_same_vocabulary()); here only
 * their range is checked. n may be 0 where the base is saved.
 */
enum gen_status gen_compare(struct gen_agreement *out, const struct gen_model *base,
                            const struct gen_base_file *base_file,
                            const struct gen_model *const *models, size_t n, const int32_t *ids,
                            size_t n_ids, const struct gen_compare_options *options,
                            struct gen_error *err);

/** Whether two tokenizers have the same tokens with the same ids and merges. */
bool gen_same_vocabulary(const struct gen_tokenizer *a, const struct gen_tokenizer *b);

#ifdef __cplusplus
}
#endif
#endif
