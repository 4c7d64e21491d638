/**
 * bench_constraint.h - `gen bench --constraint`: how long the mask of the next token takes.
 */
#ifndef CMD_BENCH_BENCH_CONSTRAINT_H
#define CMD_BENCH_BENCH_CONSTRAINT_H

#include <stdbool.h>

#include "gen.h"

/**
 * Draw texts under the JSON schema in the file `path` with the tokenizer of `model` (as --model has
 * it), from the masks alone, and print how long they took, as text or JSON. One thread.
 */
enum gen_status bench_constraint(const char *model, const char *path, bool json,
                                 struct gen_error *err);

#endif
