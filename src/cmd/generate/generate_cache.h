/**
 * generate_cache.h - the file of --prompt-cache: opened with the others, given to the engine, saved
 * when all is said. Without the option nothing happens.
 */
#ifndef CMD_GENERATE_GENERATE_CACHE_H
#define CMD_GENERATE_GENERATE_CACHE_H

#include "cmd/generate/generate_options.h"
#include "gen_prompt_cache.h"

/** Start from {0}. */
struct generate_cache {
    const char *path;
    bool verbose;
    struct gen_prompt_cache *cache; /**< NULL: the option was not given */
};

enum gen_status generate_cache_open(struct generate_cache *cache,
                                    const struct generate_settings *settings,
                                    struct gen_error *err);
/** As gen_prompt_cache_directory() has it. */
const char *generate_cache_directory(const struct generate_cache *cache);
enum gen_status generate_cache_load(const struct generate_cache *cache, struct gen_engine *engine,
                                    struct gen_error *err);
/** A file that cannot be written costs a line on stderr: the texts are what was asked for. */
void generate_cache_save(const struct generate_cache *cache, struct gen_engine *engine);
void generate_cache_close(struct generate_cache *cache);

#endif
