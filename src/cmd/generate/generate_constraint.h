/**
 * generate_constraint.h - what a text must be: --regex and the like, of the command line or a
 * record.
 */
#ifndef CMD_GENERATE_GENERATE_CONSTRAINT_H
#define CMD_GENERATE_GENERATE_CONSTRAINT_H

#include "cmd/generate/generate_options.h"
#include "gen.h"

/** The kinds of forms, as their options are called. */
enum generate_form {
    GENERATE_FORM_REGEX,
    GENERATE_FORM_GRAMMAR,
    GENERATE_FORM_JSON_SCHEMA,
    GENERATE_FORM_JSON_OBJECT,
    GENERATE_FORM_CHOICES,
    GENERATE_N_FORMS /**< none of them */
};

/** Start from {0}. */
struct generate_constraint {
    struct gen_pieces *pieces;
    struct gen_constraint *constraint; /**< NULL: none */
    enum generate_form form;
    struct gen_bytes text;   /**< that it was made of */
    struct gen_ids *choices; /**< [n_choices] with GENERATE_FORM_CHOICES: the ids of each */
    size_t n_choices, choices_capacity;
};

/** The form that an option has. */
enum generate_form generate_form_of(const char *option);

/** Make a constraint of n bytes; the last one stays if it is the same. `name` is for messages. The
 *  tokenizer, which may be NULL, must outlive it. */
enum gen_status generate_constraint_take(struct generate_constraint *own, enum generate_form form,
                                         const char *name, const char *text, size_t n,
                                         const struct gen_tokenizer *tokenizer,
                                         struct gen_error *err);
/** Make the constraint that the settings name, if there is one. */
enum gen_status generate_constraint_init(struct generate_constraint *own,
                                         const struct generate_settings *settings,
                                         const struct gen_tokenizer *tokenizer,
                                         struct gen_error *err);
/** Let options have the form: choices are measured, but with beams they are searched. */
void generate_constraint_set(const struct generate_constraint *own,
                             struct gen_generate_options *options);
/** The vocabulary's pieces, made once; the tokenizer may be NULL, which is an error that names the
 *  option. */
enum gen_status generate_constraint_pieces(struct generate_constraint *own, const char *name,
                                           const struct gen_tokenizer *tokenizer,
                                           struct gen_error *err);
void generate_constraint_release(struct generate_constraint *own);

#endif
