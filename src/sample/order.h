/**
 * order.h - which rules apply to a text, and in which order: that of `processors` (processor.h),
 * unless the options state another one.
 *
 * gen_sampling.samplers names rules as llama.cpp does, separated by `;`. Those that it may name
 * then apply in the order of the names, after the rules that have no such name, and those that it
 * does not name do not apply. adaptive_p comes last, wherever it is named. Capitals, `-` and `_` in
 * a name do not matter: "top-k", "top_k" and "topk" are the same.
 *
 * Mirostat takes the place of all that can be named but for penalties, dry and temperature.
 */
#ifndef SAMPLE_ORDER_H
#define SAMPLE_ORDER_H

#include "sample/processor.h"

/** Set order[N_PROCESSORS]; returns how many there are. The options must be checked. */
size_t order_of(const struct processor **order, const struct gen_sampling *options);

/** Check gen_sampling.samplers, alone and against the other options. */
enum gen_status order_check(const struct gen_sampling *options, struct gen_error *err);

#endif
