/**
 * gen_constraint.h - texts that must have a form: of a regular expression, a grammar, a JSON
 * schema, a list of choices; and texts that must not be written. A constraint says of each token
 * whether it may come next.
 *
 * gen.h includes it. The conventions of gen.h hold.
 *
 * What a text may be is said in bytes, and a token may come if its bytes can: so any way to cut a
 * text into tokens is allowed that leads to an allowed text. Special tokens spell no text; only a
 * grammar can name them.
 */
#ifndef GEN_CONSTRAINT_H
#define GEN_CONSTRAINT_H

#include "gen_base.h"
#include "gen_tokenizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/** The tokens of a vocabulary as a tree of their bytes: made once, for all constraints over it.
 *  Read-only once made. */
struct gen_pieces;
/** The tokenizer must outlive it. */
enum gen_status gen_pieces_new(struct gen_pieces **out, const struct gen_tokenizer *tokenizer,
                               struct gen_error *err);
void gen_pieces_free(struct gen_pieces *pieces);

/**
 * What a text may be. It may be used by any number of texts and threads at once: what it finds out
 * about the vocabulary is kept in it, behind a lock, within about 200 MiB at most. The pieces must
 * outlive it. A constraint that allows no text, or that is too large, is GEN_BAD_ARGUMENT; messages
 * begin with `name`, which is what the user calls it.
 */
struct gen_constraint;
/** One user less; the last one frees it. */
void gen_constraint_free(struct gen_constraint *constraint);
/** One user more, who calls gen_constraint_free(), too. NULL gives NULL. */
struct gen_constraint *gen_constraint_use(struct gen_constraint *constraint);
/** Ids that its masks speak of: gen_tokenizer_n_vocab() of the tokenizer. */
size_t gen_constraint_n_vocab(const struct gen_constraint *constraint);

/**
 * A regular expression of n bytes of UTF-8, as ECMAScript writes it with the flag u: the whole text
 * must match. There are . [...] [^...] | (...) (?:...) (?<name>...) * + ? {n} {n,} {n,m},
 * which are the same with ? after them; \d \D \w \W \s \S; \p{L} and other general categories,
 * \P{L}; \t \n \r \f \v \0 \xHH \uHHHH \u{H...} \cX; ^ at the beginning and $ at the end, where
 * they change nothing. "." is any code point but \n, \r, U+2028 and U+2029. Refused by name:
 * assertions (?=...) (?<=...) \b, references \1 \k<name>, ^ and $ elsewhere.
 */
enum gen_status gen_constraint_new_regex(struct gen_constraint **out,
                                         const struct gen_pieces *pieces, const char *name,
                                         const char *text, size_t n, struct gen_error *err);

/**
 * A grammar of n bytes in llama.cpp's notation (GBNF): rules NAME ::= alternatives, the text being
 * what `root` is. Items are "text", [a-z], [^a-z], ., (...), names of rules and tokens: <[ID]>,
 * <token> as it is spelled with its brackets, !<...> for any other token that is text; after them *
 * + ? {n} {n,} {n,m} {,m}. Escapes: \n \r \t \xHH \uHHHH \UHHHHHHHH and \ before \ " [ ] - ^ /. A
 * rule ends with its line, unless brackets are open or the next line begins with |; # begins a
 * comment. Rules may call themselves, but not before they have read something (left recursion).
 */
enum gen_status gen_constraint_new_grammar(struct gen_constraint **out,
                                           const struct gen_pieces *pieces, const char *name,
                                           const char *text, size_t n, struct gen_error *err);

/** One of the lines of a text of n bytes; empty lines are none, and a CR before a newline is not
 *  part of the line. */
enum gen_status gen_constraint_new_choices(struct gen_constraint **out,
                                           const struct gen_pieces *pieces, const char *name,
                                           const char *text, size_t n, struct gen_error *err);

/**
 * JSON that a schema of n bytes allows (JSON Schema 2020-12, or draft 7 where $schema names one of
 * "draft-0..."; no other $schema changes anything). Members come in the order
 * of `properties`, then those that `required` alone names, then others; between the parts stands
 * nothing, a blank, or one or two newlines with up to 20 blanks. A keyword that is not supported
 * where it would mean something is GEN_BAD_ARGUMENT and named; gen-guide(7), which is
 * scripts/manual/guide.md, has the table. Two members of one name are not ruled out where the
 * schema does not name them. Formats that are known are heeded.
 */
enum gen_status gen_constraint_new_json_schema(struct gen_constraint **out,
                                               const struct gen_pieces *pieces, const char *name,
                                               const char *text, size_t n, struct gen_error *err);

/** Any JSON object. */
enum gen_status gen_constraint_new_json_object(struct gen_constraint **out,
                                               const struct gen_pieces *pieces,
                                               struct gen_error *err);

/** The state of one text. */
struct gen_matcher;
/** At the beginning of a text. It is a user of the constraint. */
enum gen_status gen_matcher_new(struct gen_matcher **out, struct gen_constraint *constraint,
                                struct gen_error *err);
/** The same text, to go on by itself; NULL: out of memory. */
struct gen_matcher *gen_matcher_clone(const struct gen_matcher *matcher);
void gen_matcher_free(struct gen_matcher *matcher);

/**
 * The text has one more token, or n more bytes. A token that may not come is GEN_BAD_ARGUMENT; the
 * matcher is as it was. GEN_CONTEXT_FULL: it can be read in more ways than can be kept; nothing can
 * be said of the text any more.
 */
enum gen_status gen_matcher_accept(struct gen_matcher *matcher, int32_t id, struct gen_error *err);
enum gen_status gen_matcher_accept_bytes(struct gen_matcher *matcher, const char *bytes, size_t n,
                                         struct gen_error *err);
/** Whether the text may end here. */
bool gen_matcher_may_end(const struct gen_matcher *matcher);
/**
 * The tokens that may come next: bit id % 64 of word id / 64, for ids below
 * gen_constraint_n_vocab(). Good until the matcher is used again; NULL: out of memory, or it
 * can be read in more ways than can be kept. An
 * end-of-text id is not in it: gen_matcher_may_end().
 */
const uint64_t *gen_matcher_mask(struct gen_matcher *matcher);

/**
 * Texts that are never written: no token may come with which one of them would be complete, whether
 * the tokens or the prompt before began it. What the prompt has of them stays. An end-of-text id
 * is never forbidden, where it is no text. Read-only once made; it may be used by any number of
 * texts and threads at once.
 */
struct gen_bad_texts;
/** Of n texts, texts[i] has lengths[i] bytes, at least one, else GEN_BAD_ARGUMENT. The pieces must
 *  outlive it. */
enum gen_status gen_bad_texts_new(struct gen_bad_texts **out, const struct gen_pieces *pieces,
                                  const char *const *texts, const size_t *lengths, size_t n,
                                  struct gen_error *err);
/** One user more, who calls gen_bad_texts_free(), too. NULL gives NULL. */
struct gen_bad_texts *gen_bad_texts_use(struct gen_bad_texts *bad);
/** One user less; the last one frees it. */
void gen_bad_texts_free(struct gen_bad_texts *bad);

#ifdef __cplusplus
}
#endif
#endif
