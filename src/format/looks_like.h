/**
 * looks_like.h - recognize what lies where a model must be, so that a message can say what to
 * do: a git-lfs pointer, a saved web page, a PyTorch file, an adapter of PEFT, ...
 */
#ifndef FORMAT_LOOKS_LIKE_H
#define FORMAT_LOOKS_LIKE_H

#include <stdbool.h>
#include <stddef.h>

#include "gen.h"

/**
 * What a file that begins with these n bytes is, as the rest of a sentence that begins with its
 * name ("is a git-lfs pointer ..."); NULL where it is nothing that is known here. The files that
 * gen itself reads are not among them.
 */
const char *file_looks_like(const void *data, size_t n);

/** The same by the name alone, of files of other programs that are not read, as "tf_model.h5". */
const char *looks_like_foreign(const char *path);

/** Whether the file is one of a PEFT adapter, by its name. */
bool looks_like_peft(const char *path);
/** What such a file or folder is and what to do with it: the rest of a sentence. */
extern const char looks_like_peft_advice[];

/**
 * Look into a directory that is no Hugging Face model that can be read. Where exactly one GGUF lies
 * in it, *gguf gets its path, to be freed with memory_free(), and the result is GEN_OK. Else *gguf
 * is NULL and the error says what is there instead, or what is missing, and what to do.
 */
enum gen_status directory_look(char **gguf, const char *directory, struct gen_error *err);

#endif
