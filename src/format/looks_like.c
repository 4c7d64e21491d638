/**
 * looks_like.c - what is this file, or this directory, if it is no model that can be read?
 *
 * Nothing of them is read but their first bytes and their names. The order of the questions about a
 * directory is that of likelihood: what lies in it tells what the user did.
 */
#include "format/looks_like.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/size.h"
#include "text/lines.h"

const char looks_like_peft_advice[] =
    "is an adapter of PEFT, which is not read (in Python, merge it with its model: "
    "PeftModel.from_pretrained(MODEL, FOLDER).merge_and_unload().save_pretrained(MERGED), and name "
    "the folder MERGED)";

static const char pytorch[] = "is a PyTorch or other ZIP file (weights of PyTorch are read as "
                              "pytorch_model.bin with config.json "
                              "next to it, or as nanoGPT's ckpt.pt)";

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* What is done about a file of another program in Python; of transformers, version 4 still has code
 * for TensorFlow and Flax. */
#define SAVE_AGAIN(with)                                                                           \
    "(in Python, with transformers 4: AutoModelForCausalLM.from_pretrained(FOLDER, " with          \
    ").save_pretrained(NEW), and name the folder NEW)"

static const char hdf5[] = "is a Keras file (HDF5), which is not read " SAVE_AGAIN("from_tf=True");
static const char ggml[] =
    "is a file of ggml from before GGUF, which is not read (convert the model again from its "
    "Hugging Face directory: gen convert DIR OUT.gguf)";

/* Names of files that nothing here reads. */
static const struct {
    const char *ends, *what;
} foreign[] = {
    {".h5", hdf5},
    {".keras", hdf5},
    {".msgpack", "is a file of Flax, which is not read " SAVE_AGAIN("from_flax=True")},
    {".ot",
     "is a file of rust-bert, which is not read (name the directory with the model.safetensors "
     "or pytorch_model.bin that it was made of)"},
    {".onnx", "is a file of ONNX, which is not read (name the directory with the model.safetensors "
              "that it was made of)"},
    {".tflite", "is a file of TensorFlow Lite, which is not read (name the directory with the "
                "model.safetensors that it was made of)"},
};

const char *looks_like_foreign(const char *path) {
    const char *name = base_name(path);
    for (size_t i = 0; i < N_OF(foreign); i++) {
        if (text_ends_with(name, foreign[i].ends) && strlen(name) > strlen(foreign[i].ends)) {
            return foreign[i].what;
        }
    }
    return NULL;
}

/* ---- files -----------------------------------------------------------------------------------*/

/* Whether the text, but for space before it, begins with `<`. */
static bool is_markup(const char *bytes, size_t n) {
    size_t i = 0;
    while (i < n && i < 100 && strchr(" \t\r\n", bytes[i]) != NULL && bytes[i] != '\0') {
        i++;
    }
    return i + 1 < n && bytes[i] == '<' && strchr("!?hH", bytes[i + 1]) != NULL;
}

const char *file_looks_like(const void *data, size_t n) {
    static const struct {
        const char *begins;
        size_t n;
        const char *what;
    } known[] = {
        {"PK\3\4", 4, pytorch}, {"\x80\2", 2, pytorch}, {"\x80\4", 2, pytorch},
        {"\x89HDF", 4, hdf5},   {"lmgg", 4, ggml},      {"fmgg", 4, ggml},
        {"tjgg", 4, ggml},
    };
    for (size_t i = 0; i < N_OF(known); i++) {
        if (n >= known[i].n && memcmp(data, known[i].begins, known[i].n) == 0) {
            return known[i].what;
        }
    }
    const char *no_text = text_looks_like(data, n);
    if (no_text != NULL) {
        return no_text;
    }
    if (is_markup(data, n)) {
        return "is a web page (HTML), not the file itself: a login or an error page was saved "
               "(download the file again)";
    }
    return NULL;
}

bool looks_like_peft(const char *path) {
    return strcmp(base_name(path), "adapter_model.safetensors") == 0 ||
           strcmp(base_name(path), "adapter_model.bin") == 0 ||
           strcmp(base_name(path), "adapter_config.json") == 0;
}

/* ---- directories -----------------------------------------------------------------------------*/

/* The names in a directory that matter here. */
struct names {
    char **ggufs; /* sorted */
    size_t n_ggufs, capacity;
    char *pytorch; /* a file of PyTorch's, TensorFlow's or Flax's weights, or NULL */
    bool config, peft;
};

static void names_release(struct names *names) {
    for (size_t i = 0; i < names->n_ggufs; i++) {
        memory_free(names->ggufs[i]);
    }
    memory_free(names->ggufs);
    memory_free(names->pytorch);
}

static bool is_other_weights(const char *name) {
    static const char *const ends[] = {".pt",   ".pth",        ".bin",
                                       ".ckpt", ".ckpt.index", ".bin.index.json"};
    if (looks_like_foreign(name) != NULL) {
        return true;
    }
    for (size_t i = 0; i < N_OF(ends); i++) {
        /* An ending alone is no name. */
        if (text_ends_with(name + 1, ends[i]) && strcmp(name, "training_args.bin") != 0 &&
            strcmp(name, "optimizer.pt") != 0 && strcmp(name, "scheduler.pt") != 0) {
            return true;
        }
    }
    return false;
}

/* Keep the name if it matters; false if out of memory. */
static bool note_name(struct names *names, const char *name) {
    names->config = names->config || strcmp(name, "config.json") == 0;
    names->peft = names->peft || looks_like_peft(name);
    if (text_ends_with(name, ".gguf") && name[0] != '.') {
        char *copy = memory_copy_string(name, strlen(name));
        if (copy == NULL || !memory_grow(&names->ggufs, &names->capacity, names->n_ggufs + 1,
                                         sizeof *names->ggufs)) {
            memory_free(copy);
            return false;
        }
        names->ggufs[names->n_ggufs++] = copy;
    }
    if (!is_other_weights(name) || (names->pytorch != NULL && strcmp(names->pytorch, name) <= 0)) {
        return true;
    }
    memory_free(names->pytorch);
    names->pytorch = memory_copy_string(name, strlen(name));
    return names->pytorch != NULL;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static enum gen_status list_names(struct names *names, const char *directory,
                                  struct gen_error *err) {
    DIR *list = opendir(directory);
    bool good = true;
    for (struct dirent *entry = list != NULL ? readdir(list) : NULL; good && entry != NULL;
         entry = readdir(list)) {
        good = note_name(names, entry->d_name);
    }
    if (list != NULL) {
        closedir(list);
    }
    if (!good) {
        return error_no_memory(err, "the names in a directory");
    }
    if (names->n_ggufs > 1) {
        qsort(names->ggufs, names->n_ggufs, sizeof *names->ggufs, compare_names);
    }
    return GEN_OK;
}

/* Several GGUFs: which, and that one must be chosen. */
static enum gen_status choose_gguf(const struct names *names, const char *where,
                                   struct gen_error *err) {
    char list[240];
    size_t n = 0;
    for (size_t i = 0; i < names->n_ggufs && n < sizeof list; i++) {
        struct error_quoted quoted;
        error_quote(&quoted, names->ggufs[i], strlen(names->ggufs[i]));
        bool fits = n + strlen(quoted.text) + sizeof ", ..." < sizeof list;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i > 0 ? ", " : "",
                              fits ? quoted.text : "...");
        if (!fits) {
            break;
        }
    }
    if (strstr(names->ggufs[0], "-of-") != NULL && strstr(names->ggufs[0], "-00001-") != NULL) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s: holds a GGUF split into parts: %s (merge them: llama-gguf-split "
                         "--merge FIRST OUT.gguf)",
                         where, list);
    }
    return error_set(err, GEN_UNSUPPORTED,
                     "%s: holds %zu GGUF files: %s (choose one: name the file)", where,
                     names->n_ggufs, list);
}

static enum gen_status refuse(const struct names *names, const char *directory,
                              struct gen_error *err) {
    struct error_quoted where, quoted;
    error_path(&where, directory);
    if (names->peft) {
        return error_set(err, GEN_UNSUPPORTED, "%s/adapter_config.json: %s", where.text,
                         looks_like_peft_advice);
    }
    if (names->n_ggufs > 1) {
        return choose_gguf(names, where.text, err);
    }
    const char *what = names->pytorch != NULL ? looks_like_foreign(names->pytorch) : NULL;
    if (what != NULL) {
        return error_set(err, GEN_UNSUPPORTED, "%s/%s: %s", where.text,
                         error_quote(&quoted, names->pytorch, strlen(names->pytorch)), what);
    }
    bool bare = names->pytorch != NULL && strncmp(names->pytorch, "pytorch_model", 13) == 0;
    if (bare && !names->config) {
        return error_set(err, GEN_BAD_FILE,
                         "%s/%s: has no config.json next to it, which says what model it is (fetch "
                         "that, too, or save the model again: model.save_pretrained(DIR))",
                         where.text, error_quote(&quoted, names->pytorch, strlen(names->pytorch)));
    }
    if (names->pytorch != NULL) {
        return error_set(err, GEN_UNSUPPORTED,
                         "%s/%s: the weights are in a file of another program or layout, which is "
                         "not read (in Python, load them with the code that they are of and save "
                         "them again: model.save_pretrained(DIR))",
                         where.text, error_quote(&quoted, names->pytorch, strlen(names->pytorch)));
    }
    if (!names->config) {
        return error_set(err, GEN_BAD_FILE,
                         "%s/config.json: is missing: a directory without config.json is no model "
                         "(a model is a GGUF file, a Hugging Face directory with config.json and "
                         "model.safetensors or pytorch_model.bin, or a ckpt.pt of nanoGPT)",
                         where.text);
    }
    return error_set(err, GEN_BAD_FILE,
                     "%s/model.safetensors: is missing: the directory has neither "
                     "model.safetensors nor pytorch_model.bin, nor an index of their parts",
                     where.text);
}

enum gen_status directory_look(char **gguf, const char *directory, struct gen_error *err) {
    struct names names = {0};
    *gguf = NULL;
    enum gen_status status = list_names(&names, directory, err);
    if (status == GEN_OK && names.n_ggufs == 1) {
        *gguf = file_join(directory, names.ggufs[0]);
        status = *gguf != NULL ? GEN_OK : error_no_memory(err, "a path");
    } else if (status == GEN_OK) {
        status = refuse(&names, directory, err);
    }
    names_release(&names);
    return status;
}
