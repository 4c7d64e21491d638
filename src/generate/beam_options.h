/**
 * beam_options.h - what options of a search must be.
 */
#ifndef GENERATE_BEAM_OPTIONS_H
#define GENERATE_BEAM_OPTIONS_H

#include "gen.h"

/** GEN_BAD_ARGUMENT with a sentence that names the option, the value found and what it must be. */
enum gen_status beam_options_check(const struct gen_generate_options *options,
                                   struct gen_error *err);

#endif
