/** open.c - what is at this path? Opening models and tokenizers of any format. */
#include <string.h>

#include "base/memory.h"
#include "format/llmc.h"
#include "format/looks_like.h"
#include "format/model_file.h"
#include "format/tokenizer_files.h"
#include "format/torch/torch.h"

static enum gen_status new_file(struct model_file **out, const char *name, struct gen_error *err) {
    struct model_file *file = *out = memory_new(1, sizeof *file);
    if (file == NULL) {
        return error_no_memory(err, "a model file");
    }
    file->name = memory_copy_string(name, strlen(name));
    if (file->name == NULL) {
        return error_no_memory(err, "a file's name");
    }
    error_path(&file->where, name);
    return GEN_OK;
}

/* Read a file that is mapped; say what else it seems to be than one that can be read. */
static enum gen_status read_mapped(struct model_file *file, struct gen_error *err) {
    const struct file_map *map = &file->maps[0];
    if (llmc_is(map)) {
        return llmc_read(file, err);
    }
    const char *other = file_looks_like(map->data, map->size);
    const char *foreign = looks_like_foreign(file->name);
    if (foreign != NULL && (other == NULL || memcmp(map->data, "PK", 2) == 0)) {
        other = foreign;
    }
    if (map->size == 0) {
        other = "the file is empty";
    } else if (looks_like_peft(file->name)) {
        other = looks_like_peft_advice;
    } else if (map->size >= 9 && map->data[8] == '{' && memcmp(map->data, "GGUF", 4) != 0) {
        other = "looks like a safetensors file: name the directory with its config.json instead";
    } else if (map->data[0] == '{') {
        other = "is a JSON file, not a model: name the directory that it lies in";
    }
    if (other != NULL) {
        return error_set(err, map->size == 0 ? GEN_BAD_FILE : GEN_UNSUPPORTED, "%s: %s",
                         file->where.text, other);
    }
    return gguf_read(file, err);
}

/* ---- readers: a format is one row ------------------------------------------------------------*/

static enum gen_status read_file(struct model_file **file, const char *path,
                                 struct gen_error *err) {
    enum gen_status status = model_file_map(*file, path, err);
    return status == GEN_OK ? read_mapped(*file, err) : status;
}

static enum gen_status read_hf_directory(struct model_file **file, const char *path,
                                         struct gen_error *err) {
    return hf_dir_read(*file, path, NULL, err);
}

/* The file name after the last slash. */
static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* The directory that a file lies in, to be freed; NULL if out of memory. */
static char *directory_of(const char *path) {
    size_t n = (size_t)(base_name(path) - path);
    return n > 0 ? memory_copy_string(path, n) : memory_copy_string(".", 1);
}

/* A file of PyTorch: the weights of the directory around it, where that has config.json; else it
 * must be a checkpoint that says all itself. */
static enum gen_status read_torch_file(struct model_file **file, const char *path,
                                       struct gen_error *err) {
    char *directory = directory_of(path);
    char *config = directory != NULL ? file_join(directory, "config.json") : NULL;
    enum gen_status status = GEN_OK;
    if (config == NULL) {
        status = error_no_memory(err, "a path");
    } else if (file_kind_of(config) != FILE_MISSING && strcmp(base_name(path), NANOGPT_FILE) != 0) {
        status = hf_dir_read(*file, directory, base_name(path), err);
    } else {
        status = nanogpt_read(*file, path, err);
    }
    memory_free(config);
    memory_free(directory);
    return status;
}

static enum gen_status read_nanogpt_directory(struct model_file **file, const char *path,
                                              struct gen_error *err) {
    char *checkpoint = file_join(path, NANOGPT_FILE);
    enum gen_status status =
        checkpoint != NULL ? nanogpt_read(*file, checkpoint, err) : error_no_memory(err, "a path");
    memory_free(checkpoint);
    return status;
}

/* A folder around one GGUF: then the model is that file. */
static enum gen_status read_folder(struct model_file **file, const char *path,
                                   struct gen_error *err) {
    char *gguf = NULL;
    enum gen_status status = directory_look(&gguf, path, err);
    if (status == GEN_OK) {
        model_file_free(*file);
        status = new_file(file, gguf, err);
    }
    if (status == GEN_OK) {
        status = read_file(file, gguf, err);
    }
    memory_free(gguf);
    return status;
}

static bool is_directory(const char *path) {
    return file_kind_of(path) == FILE_DIRECTORY;
}

static bool is_hf_directory(const char *path) {
    return is_directory(path) && hf_dir_is_model(path);
}

/* A GGUF next to the checkpoint is what somebody made of it, and goes before. */
static bool is_nanogpt_directory(const char *path) {
    char *checkpoint = is_directory(path) ? file_join(path, NANOGPT_FILE) : NULL;
    char *gguf = NULL;
    bool found = checkpoint != NULL && file_kind_of(checkpoint) != FILE_MISSING &&
                 directory_look(&gguf, path, NULL) != GEN_OK;
    memory_free(checkpoint);
    memory_free(gguf);
    return found;
}

/* Others have ZIPs too; what they are is said where nothing else takes them. */
static bool is_torch_file(const char *path) {
    return !looks_like_peft(path) && looks_like_foreign(path) == NULL && torch_is_file(path);
}

static bool is_anything(const char *path) {
    (void)path;
    return true;
}

struct reader {
    bool (*probe)(const char *path); /* the first reader whose probe says yes reads it */
    /* Fill *file, which has its name; it may be made anew under another one. */
    enum gen_status (*read)(struct model_file **file, const char *path, struct gen_error *err);
};

static const struct reader readers[] = {
    {is_hf_directory, read_hf_directory},
    {is_nanogpt_directory, read_nanogpt_directory},
    {is_directory, read_folder},
    {is_torch_file, read_torch_file},
    {is_anything, read_file}, /* which says what else it seems to be */
};

enum gen_status model_file_begin(struct model_file **out, const char *path, struct gen_error *err) {
    struct model_file *file = NULL;
    const struct reader *reader = readers;
    while (!reader->probe(path)) {
        reader++;
    }
    enum gen_status status = new_file(&file, path, err);
    if (status == GEN_OK) {
        status = reader->read(&file, path, err);
    }
    if (status != GEN_OK) {
        model_file_free(file);
        file = NULL;
    }
    *out = file;
    return status;
}

enum gen_status model_file_begin_memory(struct model_file **out, const char *name, const void *data,
                                        size_t size, struct gen_error *err) {
    struct model_file *file = NULL;
    enum gen_status status = new_file(&file, name, err);
    if (status == GEN_OK && (file->maps = memory_new(1, sizeof *file->maps)) == NULL) {
        status = error_no_memory(err, "the list of files");
    }
    if (status == GEN_OK) {
        file->maps[0] = (struct file_map){.data = data, .size = size, .mapped = false};
        file->n_maps = 1;
        status = read_mapped(file, err);
    }
    if (status != GEN_OK) {
        model_file_free(file);
        file = NULL;
    }
    *out = file;
    return status;
}

enum gen_status model_file_read_tokenizer(struct model_file *file, struct gen_error *err) {
    return file->make_tokenizer != NULL && file->tokenizer == NULL ? file->make_tokenizer(file, err)
                                                                   : GEN_OK;
}

/* The second step, after the first and its result. */
static enum gen_status complete(struct model_file **out, enum gen_status status,
                                struct gen_error *err) {
    if (status == GEN_OK) {
        status = model_file_read_tokenizer(*out, err);
    }
    if (status == GEN_OK) {
        model_file_stop_reading(*out);
    } else {
        model_file_free(*out);
        *out = NULL;
    }
    return status;
}

enum gen_status model_file_open(struct model_file **out, const char *path, struct gen_error *err) {
    enum gen_status status = model_file_begin(out, path, err);
    return complete(out, status, err);
}

enum gen_status model_file_open_memory(struct model_file **out, const char *name, const void *data,
                                       size_t size, struct gen_error *err) {
    enum gen_status status = model_file_begin_memory(out, name, data, size, err);
    return complete(out, status, err);
}

/* ---- tokenizers alone ------------------------------------------------------------------------*/

static bool is_adapter(const struct model_file *file) {
    const char *type = "";
    size_t n = 0;
    model_file_get_string(file, "general.type", &type, &n, NULL);
    return n == 7 && memcmp(type, "adapter", n) == 0;
}

static enum gen_status tokenizer_of_model(struct gen_tokenizer **out, const char *path,
                                          struct gen_error *err) {
    struct model_file *file = NULL;
    enum gen_status status = model_file_open(&file, path, err);
    if (status == GEN_OK && file->tokenizer == NULL) {
        status = error_set(err, GEN_BAD_FILE, "%s: %s", file->where.text,
                           is_adapter(file) ? "is a LoRA adapter and has no tokenizer (name the "
                                              "model that it was made for)"
                                            : "has no tokenizer");
    }
    if (status == GEN_OK) {
        *out = file->tokenizer;
        file->tokenizer = NULL;
    }
    model_file_free(file);
    return status;
}

/* A directory without the files of a tokenizer: a GGUF in it may bring one. */
static enum gen_status tokenizer_of_look(struct gen_tokenizer **out, const char *directory,
                                         struct gen_error *err) {
    struct error_quoted where;
    char *gguf = NULL;
    enum gen_status status =
        hf_dir_is_model(directory) ? GEN_BAD_FILE : directory_look(&gguf, directory, err);
    if (status == GEN_OK) {
        status = tokenizer_of_model(out, gguf, err);
    } else if (status != GEN_NO_MEMORY) {
        status = error_set(err, GEN_BAD_FILE,
                           "%s: has no tokenizer: neither vocab.json and merges.txt nor "
                           "tokenizer.json",
                           error_path(&where, directory));
    }
    memory_free(gguf);
    return status;
}

/* config.json need not be there, but if it is, it may name the end-of-text token. */
static enum gen_status tokenizer_of_directory(struct gen_tokenizer **out, const char *directory,
                                              struct gen_error *err) {
    struct model_file *config = NULL;
    if (is_nanogpt_directory(directory)) {
        return tokenizer_of_model(out, directory, err);
    }
    char *path = file_join(directory, "config.json");
    enum gen_status status = path == NULL ? error_no_memory(err, "a path") : GEN_OK;
    if (status == GEN_OK) {
        status = new_file(&config, directory, err);
    }
    if (status == GEN_OK && file_kind_of(path) != FILE_MISSING) {
        status = hf_config_read(config, directory, err);
    }
    if (status == GEN_OK) {
        status = tokenizer_files_read_directory(out, directory, hf_config_eos(config), err);
    }
    if (status == GEN_OK && *out == NULL) {
        status = tokenizer_of_look(out, directory, err);
    }
    model_file_free(config);
    memory_free(path);
    return status;
}

/* vocab.json alone is half a tokenizer: the rest lies next to it. */
static enum gen_status tokenizer_next_to(struct gen_tokenizer **out, const char *path,
                                         struct gen_error *err) {
    char *directory = directory_of(path);
    if (directory == NULL) {
        return error_no_memory(err, "a path");
    }
    enum gen_status status = tokenizer_of_directory(out, directory, err);
    memory_free(directory);
    return status;
}

enum gen_status gen_tokenizer_open(struct gen_tokenizer **out, const char *path,
                                   struct gen_error *err) {
    const char *name = base_name(path);
    size_t n = strlen(name);
    *out = NULL;
    if (file_kind_of(path) == FILE_DIRECTORY) {
        return tokenizer_of_directory(out, path, err);
    }
    if (strcmp(name, "vocab.json") == 0 || strcmp(name, "merges.txt") == 0) {
        return tokenizer_next_to(out, path, err);
    }
    if (n >= 4 && strcmp(name + n - 4, ".pkl") == 0) {
        return torch_read_characters(out, path, err);
    }
    if (n >= 5 && strcmp(name + n - 5, ".json") == 0) {
        return tokenizer_files_read_json(out, path, NULL, -1, err);
    }
    return tokenizer_of_model(out, path, err);
}
