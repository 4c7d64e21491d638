/**
 * constraint.h - a constraint from the tree of what a text may be, which front ends make.
 */
#ifndef CONSTRAIN_CONSTRAINT_H
#define CONSTRAIN_CONSTRAINT_H

#include "constrain/syntax.h"
#include "constrain/trie.h"

/** Messages begin with `name`. */
enum gen_status constraint_new(struct gen_constraint **out, const struct gen_pieces *pieces,
                               const char *name, const struct syntax *syntax,
                               struct gen_error *err);

/** A message that begins with `name`, from one that goes on after it. */
enum gen_status constraint_refuse(const char *name, enum gen_status status, struct gen_error *err);

#endif
