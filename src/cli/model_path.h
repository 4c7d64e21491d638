/**
 * model_path.h - from the name of a model to its place in the file system.
 *
 * A value that exists as a path is that path. Otherwise it is a name, looked up in
 *   each directory of $GEN_MODEL_PATH (divided by colons): NAME, NAME.gguf
 *   $XDG_DATA_HOME/gen/models, ~/.local/share/gen/models:  NAME, NAME.gguf
 *   the cache of Hugging Face's tools: models--ORG--NAME/snapshots/REVISION, where REVISION is
 *   what refs/main says, else the newest snapshot. A NAME without ORG is also looked for under
 *   openai-community. The cache is $HF_HUB_CACHE, else $HUGGINGFACE_HUB_CACHE, else $HF_HOME/hub,
 *   else huggingface/hub in $XDG_CACHE_HOME or ~/.cache.
 * In the values of all these variables `~`, `~user`, `$NAME` and `${NAME}` are expanded, as
 * Python's tools do: a Dockerfile's or a service's environment has passed no shell.
 */
#ifndef CLI_MODEL_PATH_H
#define CLI_MODEL_PATH_H

#include "gen.h"

/** The path of the model `name`, to be freed; NULL, and the places tried in err, if none. */
char *model_path_find(const char *name, struct gen_error *err);

#endif
