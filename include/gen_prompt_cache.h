/**
 * gen_prompt_cache.h - keys and values of a prompt kept in a file, for a later process whose
 * prompts begin alike: it reads only what is new.
 *
 *     struct gen_prompt_cache *cache;
 *     gen_prompt_cache_open(&cache, "examples.cache", &err);   // the file need not be there yet
 *     gen_engine_new(&engine, model, &engine_options, &err);
 *     gen_prompt_cache_load(cache, engine, &err);
 *     gen_engine_run(engine, &options, &source, &sink, NULL, &err);
 *     gen_prompt_cache_save(cache, engine, &err);              // where that is worth it
 *     gen_prompt_cache_free(cache);
 *
 * No text depends on it: keys and values have the same bits, read from the file or computed. So a
 * file is used only for the model that it was made with (a digest of all weights and settings that
 * keys and values depend on), for the same kv_type, and by a gen whose arithmetic is the same.
 * Which kernels, threads and batch made it does not matter. Whatever else a file holds is refused,
 * and stays as it is.
 *
 * What is kept are the ids of one prompt: the first that is read after gen_prompt_cache_load(),
 * without what was drawn after it. What a prompt has in common with them at its beginning it need
 * not read, up to its last id but one. The file is made anew
 *  - where it was missing, empty, or for another model, kv_type or gen;
 *  - where less than half of the first prompt is in it: it is another prompt;
 *  - where the first prompt goes on after all that is in it, with at least an eighth of its ids.
 * Otherwise it stays: prompts that differ in their ends, one after the other, all use what they
 * have in common, and none of them writes.
 *
 * A file takes 2 n_embd numbers for each layer and token, as a session does: of gpt2 (124M) 72 KiB
 * a token, 36 KiB with kv_type f16. It is written next to its target and renamed, so several
 * processes may use one: each reads and leaves a whole one, and the last stays.
 *
 * The conventions of gen.h hold.
 */
#ifndef GEN_PROMPT_CACHE_H
#define GEN_PROMPT_CACHE_H

#include "gen.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A file of that kind. Belongs to one thread at a time. */
struct gen_prompt_cache;

/** What was in the file. */
enum gen_prompt_cache_found {
    GEN_PROMPT_CACHE_NONE,      /**< there is no file, or an empty one */
    GEN_PROMPT_CACHE_GOOD,      /**< keys and values that can be used */
    GEN_PROMPT_CACHE_OTHER_GEN, /**< those of a gen with another format or arithmetic */
    GEN_PROMPT_CACHE_OTHER_MODEL,
    GEN_PROMPT_CACHE_OTHER_TYPE /**< another kv_type */
};
/** Half a sentence: "missing or empty", "good", "made by another version of gen", "made with
 * another model", "made with another kv_type". */
const char *gen_prompt_cache_found_name(enum gen_prompt_cache_found found);

/** What became of it so far. */
struct gen_prompt_cache_report {
    enum gen_prompt_cache_found found; /**< once it was loaded */
    size_t n_ids;                      /**< that were in it; 0 unless GEN_PROMPT_CACHE_GOOD */
    size_t n_prompt; /**< ids of the first prompt that was read; 0: there was none yet */
    size_t n_common; /**< of them, those that were in the file */
    bool renewed;    /**< it is made anew, or will be when it is saved */
    bool can_write;  /**< the file may be replaced; false: it is only read */
};

/**
 * Open the file at `path`, to be read and, later, replaced: nothing is opened after that, so a
 * sandbox may be entered. A file that may be read but not replaced - its mode, its directory's - is
 * only read. GEN_IO_ERROR: what is there is no regular file or cannot be read, or nothing is there
 * and nothing can be made there. GEN_BAD_FILE: it is no prompt cache.
 */
enum gen_status gen_prompt_cache_open(struct gen_prompt_cache **out, const char *path,
                                      struct gen_error *err);
/** What was not saved is not written. */
void gen_prompt_cache_free(struct gen_prompt_cache *cache);

/**
 * The directory in which the file will be renamed into its place, for those who must allow that to
 * a sandbox; NULL: it will not be written. It belongs to the cache.
 */
const char *gen_prompt_cache_directory(const struct gen_prompt_cache *cache);

/**
 * Have the engine keep what the file holds, next to its slots and whatever becomes of them, and
 * look at the next prompt that it reads. Reading checks sizes, ids, every number and a check sum;
 * GEN_BAD_FILE: they are not what gen writes, so the file is damaged. What can only be made anew is
 * no error, see gen_prompt_cache_report().
 * Takes about as long as reading model and file from memory: of gpt2 (124M, q8_0) with 900 tokens,
 * on two cores, a fortieth of a second, where reading the tokens takes half a second.
 */
enum gen_status gen_prompt_cache_load(struct gen_prompt_cache *cache, struct gen_engine *engine,
                                      struct gen_error *err);

/**
 * Write what the engine keeps, if it is to be made anew and can be written. Not from a callback of
 * the engine. GEN_IO_ERROR: it could not, and the file is as it was; no text is the worse for it.
 * Only the first call writes.
 */
enum gen_status gen_prompt_cache_save(struct gen_prompt_cache *cache, struct gen_engine *engine,
                                      struct gen_error *err);

struct gen_prompt_cache_report gen_prompt_cache_report(const struct gen_prompt_cache *cache,
                                                       const struct gen_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
