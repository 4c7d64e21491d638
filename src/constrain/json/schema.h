/**
 * schema.h - a JSON schema as a tree of what a text may be. What it may hold says
 * gen_constraint.h.
 */
#ifndef CONSTRAIN_JSON_SCHEMA_H
#define CONSTRAIN_JSON_SCHEMA_H

#include "constrain/syntax.h"

/** The rules of a schema of n bytes. Errors go on after what it is called. */
enum gen_status json_schema_parse(struct syntax *syntax, const char *text, size_t n,
                                  struct gen_error *err);
/** Those of any object. */
void json_schema_any_object(struct syntax *syntax);

#endif
