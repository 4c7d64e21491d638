/**
 * generate_rows.h - rows that the tables of options of `gen generate` and `gen chat` share. The
 * settings of both begin with a struct generate_settings.
 */
#ifndef CMD_GENERATE_GENERATE_ROWS_H
#define CMD_GENERATE_GENERATE_ROWS_H

#include "cmd/generate/model_defaults.h"

#define GENERATE_AT(member) offsetof(struct generate_settings, member)

/** Whose defaults. */
#define GENERATE_ROW_DEFAULTS                                                                      \
    OPTION_ROW_CHOICE("defaults", '\0', GENERATE_AT(defaults), "WHOSE", model_defaults_names,      \
                      "gen: what is said here; model: what the model's files ask for "             \
                      "(generation_config.json, or "                                               \
                      "general.sampling.* of a GGUF) is taken where no option says otherwise; "    \
                      "-v says what that is")

/** Who guesses. */
#define GENERATE_ROW_DRAFT_MODEL                                                                   \
    OPTION_ROW("draft-model", '\0', OPTION_STRING, GENERATE_AT(draft_model), "PATH|NAME",          \
               "a smaller model with the same vocabulary, which guesses the next tokens; the "     \
               "model checks them together: the same text, sooner, also of drawn ones. How far "   \
               "it guesses goes by the time that this saves")

/** What ends a text sooner. */
#define GENERATE_ROWS_ENDS                                                                         \
    OPTION_ROW_CHOICE("stop-at", '\0', GENERATE_AT(stop_at), "WHAT", generate_stop_at_names,       \
                      "end at the end of a sentence, once half of the tokens are used"),           \
        OPTION_ROW_RANGE("max-time", '\0', OPTION_FLOAT, GENERATE_AT(options.max_seconds), "S", 0, \
                         1e9,                                                                      \
                         "end a text S seconds after its prompt began to be read; 0: no limit")

/** How the next token is chosen, but for the seed. */
#define GENERATE_ROWS_SAMPLING                                                                     \
    OPTION_ROW("greedy", '\0', OPTION_FLAG, GENERATE_AT(greedy), NULL,                             \
               "always take the likeliest token; the same as --temperature 0"),                    \
        OPTION_ROW_RANGE("temperature", '\0', OPTION_FLOAT,                                        \
                         GENERATE_AT(options.sampling.temperature), "X", 0, 1000,                  \
                         "below 1 safer, above 1 wilder"),                                         \
        OPTION_ROW_RANGE("top-k", '\0', OPTION_INT, GENERATE_AT(options.sampling.top_k), "N", 0,   \
                         INT32_MAX, "choose among the N likeliest tokens; 0: all"),                \
        OPTION_ROW_ABOVE(                                                                          \
            "top-p", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.top_p), "P", 0, 1,           \
            "choose among the likeliest tokens that together have probability P; 1: all"),         \
        OPTION_ROW_RANGE("min-p", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.min_p), "P", 0, \
                         1, "drop tokens less likely than P times the likeliest"),                 \
        OPTION_ROW_ABOVE("typical-p", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.typical_p), \
                         "P", 0, 1, "locally typical sampling with mass P; 1: off"),               \
        OPTION_ROW_RANGE("top-n-sigma", '\0', OPTION_FLOAT,                                        \
                         GENERATE_AT(options.sampling.top_n_sigma), "N", 0, 1000,                  \
                         "drop tokens whose logit is more than N standard deviations below the "   \
                         "highest; 0: off"),                                                       \
        OPTION_ROW_ABOVE("repetition-penalty", '\0', OPTION_FLOAT,                                 \
                         GENERATE_AT(options.sampling.repetition_penalty), "X", 0, 1000,           \
                         "above 1: tokens that were there already are less likely"),               \
        OPTION_ROW_RANGE("presence-penalty", '\0', OPTION_FLOAT,                                   \
                         GENERATE_AT(options.sampling.presence_penalty), "X", -2, 2,               \
                         "taken off the logit of tokens added before"),                            \
        OPTION_ROW_RANGE("frequency-penalty", '\0', OPTION_FLOAT,                                  \
                         GENERATE_AT(options.sampling.frequency_penalty), "X", -2, 2,              \
                         "the same, for each time they were added"),                               \
        OPTION_ROW_RANGE("no-repeat-ngram-size", '\0', OPTION_INT,                                 \
                         GENERATE_AT(options.sampling.no_repeat_ngram_size), "N", 0, INT32_MAX,    \
                         "no N tokens in a row come twice; 0: off"),                               \
        OPTION_ROW("bad-words", '\0', OPTION_STRING, GENERATE_AT(bad_words), "FILE",               \
                   "never write what a line of FILE says, nor a longer word with it, however it "  \
                   "is cut into tokens and also where the prompt's end begins it"),                \
        OPTION_ROW("logit-bias", '\0', OPTION_LIST, GENERATE_AT(logit_bias), "ID=X",               \
                   "add X to the logit of the token ID (see gen tokenize), -inf forbids it; "      \
                   "ID=X,ID=X... or "                                                              \
                   "several times"),                                                               \
        OPTION_ROW(                                                                                \
            "sequence-bias", '\0', OPTION_LIST, GENERATE_AT(sequence_bias), "\"ID ID=X\"",         \
            "add X to the logit of the last of these tokens where the others come before it; "     \
            "several with commas, or several times"),                                              \
        OPTION_ROW("suppress-tokens", '\0', OPTION_LIST, GENERATE_AT(suppress_tokens), "ID",       \
                   "never choose these tokens; ID,ID... or several times"),                        \
        OPTION_ROW("begin-suppress-tokens", '\0', OPTION_LIST, GENERATE_AT(begin_suppress_tokens), \
                   "ID", "the same, for the first new token alone"),                               \
        OPTION_ROW_RANGE("forced-bos-token-id", '\0', OPTION_INT,                                  \
                         GENERATE_AT(options.sampling.forced_bos), "ID", -1, INT32_MAX,            \
                         "the token to begin with after a prompt of one token or none; -1: none"), \
        OPTION_ROW("forced-eos-token-id", '\0', OPTION_LIST, GENERATE_AT(forced_eos), "ID",        \
                   "the last token that the text has room for is this one, or one of ID,ID..."),   \
        OPTION_ROW("exponential-decay-length-penalty", '\0', OPTION_STRING,                        \
                   GENERATE_AT(length_decay), "START,FACTOR",                                      \
                   "after START new tokens the logit of end-of-text grows by its size times "      \
                   "FACTOR to the power of the tokens since, less 1"),                             \
        OPTION_ROW_RANGE("repeat-last-n", '\0', OPTION_INT,                                        \
                         GENERATE_AT(options.sampling.repeat_last_n), "N", -1, INT32_MAX,          \
                         "the repetition, presence and frequency penalties look at the last N "    \
                         "tokens; 0: at none, -1: at the whole text"),                             \
        OPTION_ROW_RANGE("dry-multiplier", '\0', OPTION_FLOAT,                                     \
                         GENERATE_AT(options.sampling.dry_multiplier), "X", 0, 1000,               \
                         "DRY: a token that would make a repetition of N tokens longer loses X "   \
                         "times the base to the power of N less the allowed length; 0: off"),      \
        OPTION_ROW_RANGE("dry-base", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.dry_base),   \
                         "X", 1, 1000, "base of DRY"),                                             \
        OPTION_ROW_RANGE("dry-allowed-length", '\0', OPTION_INT,                                   \
                         GENERATE_AT(options.sampling.dry_allowed_length), "N", 0, INT32_MAX,      \
                         "shorter repetitions cost nothing"),                                      \
        OPTION_ROW_RANGE("dry-penalty-last-n", '\0', OPTION_INT,                                   \
                         GENERATE_AT(options.sampling.dry_penalty_last_n), "N", -1, INT32_MAX,     \
                         "DRY looks at the last N tokens; -1: at the whole text"),                 \
        OPTION_ROW(                                                                                \
            "dry-sequence-breaker", '\0', OPTION_LIST, GENERATE_AT(dry_breakers), "TEXT",          \
            "no repetition goes across TEXT, with escapes as in --stop; may be given several "     \
            "times; none: nothing breaks them (default: newline, colon, quote, asterisk)"),        \
        OPTION_ROW_RANGE("dynatemp-range", '\0', OPTION_FLOAT,                                     \
                         GENERATE_AT(options.sampling.dynatemp_range), "X", 0, 1000,               \
                         "the temperature is up to X less where the model is sure, and up to X "   \
                         "more where it is not; 0: off"),                                          \
        OPTION_ROW_RANGE("dynatemp-exp", '\0', OPTION_FLOAT,                                       \
                         GENERATE_AT(options.sampling.dynatemp_exponent), "X", 0, 1000,            \
                         "above 1: high temperatures are rarer"),                                  \
        OPTION_ROW_RANGE("top-h", '\0', OPTION_FLOAT, GENERATE_AT(options.sampling.top_h), "H", 0, \
                         1,                                                                        \
                         "choose among the likeliest tokens that together have the share H of "    \
                         "the entropy; 0: off"),                                                   \
        OPTION_ROW_RANGE("epsilon-cutoff", '\0', OPTION_FLOAT,                                     \
                         GENERATE_AT(options.sampling.epsilon_cutoff), "P", 0, 1,                  \
                         "drop tokens less likely than P; 0: off"),                                \
        OPTION_ROW_RANGE("eta-cutoff", '\0', OPTION_FLOAT,                                         \
                         GENERATE_AT(options.sampling.eta_cutoff), "P", 0, 1,                      \
                         "the same, but less strictly where many tokens are likely; 0: off"),      \
        OPTION_ROW_RANGE("xtc-probability", '\0', OPTION_FLOAT,                                    \
                         GENERATE_AT(options.sampling.xtc_probability), "P", 0, 1,                 \
                         "XTC: how often all tokens above the threshold but the least likely of "  \
                         "them are dropped; 0: never"),                                            \
        OPTION_ROW_RANGE("xtc-threshold", '\0', OPTION_FLOAT,                                      \
                         GENERATE_AT(options.sampling.xtc_threshold), "P", 0, 1,                   \
                         "the probability of XTC's threshold; above 0.5: off"),                    \
        OPTION_ROW_RANGE("mirostat", '\0', OPTION_INT, GENERATE_AT(options.sampling.mirostat),     \
                         "N", 0, 2,                                                                \
                         "2: hold the surprise of the text steady by Mirostat 2, in the place of " \
                         "top-k, top-p and whatever else drops tokens; 0: off"),                   \
        OPTION_ROW_RANGE("mirostat-ent", '\0', OPTION_FLOAT,                                       \
                         GENERATE_AT(options.sampling.mirostat_tau), "X", 0, 1000,                 \
                         "the surprise that Mirostat holds, in bits"),                             \
        OPTION_ROW_RANGE("mirostat-lr", '\0', OPTION_FLOAT,                                        \
                         GENERATE_AT(options.sampling.mirostat_eta), "X", 0, 1000,                 \
                         "how fast Mirostat adapts"),                                              \
        OPTION_ROW_RANGE("adaptive-target", '\0', OPTION_FLOAT,                                    \
                         GENERATE_AT(options.sampling.adaptive_target), "P", -1, 1,                \
                         "prefer tokens of about this probability; -1: off"),                      \
        OPTION_ROW_RANGE("adaptive-decay", '\0', OPTION_FLOAT,                                     \
                         GENERATE_AT(options.sampling.adaptive_decay), "X", 0, 0.99,               \
                         "how long the tokens before count for --adaptive-target"),                \
        OPTION_ROW("samplers", '\0', OPTION_STRING, GENERATE_AT(options.sampling.samplers),        \
                   "NAME;NAME...",                                                                 \
                   "apply these in this order, and no others of them: penalties, dry, "            \
                   "top_n_sigma, temperature, top_h, top_k, top_p, min_p, typ_p, epsilon_cutoff, " \
                   "eta_cutoff, xtc, adaptive_p (default: in this order)")

#endif
