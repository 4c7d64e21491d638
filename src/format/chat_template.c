/**
 * chat_template.c - finds the chat template of a Hugging Face directory, for the GGUF that is made
 * of it, where programs that chat look for it. Templates are copied, never run.
 */
#include "format/chat_template.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "format/json_file.h"

/* Most bytes of a template, and of tokenizer_config.json. */
#define FILE_LIMIT ((size_t)4 << 20)

#define MAX_NAMES 64
#define MAX_NAME  64

/* GGUF's strings are UTF-8 and have no NUL inside. */
static bool is_text(const char *bytes, size_t n) {
    const unsigned char *at = (const unsigned char *)bytes;
    for (size_t i = 0; i < n;) {
        uint32_t codepoint = 0;
        int length = bytes_utf8(at + i, n - i, &codepoint);
        if (length <= 0 || codepoint == 0) {
            return false;
        }
        i += (size_t)length;
    }
    return true;
}

static enum gen_status add_text(struct model_file *file, const char *key, const char *text,
                                size_t n, const char *where, struct gen_error *err) {
    struct setting setting = {.type = SETTING_STRING};
    setting.value.string.text = text;
    setting.value.string.n = n;
    return model_file_add_setting(file, &setting, key, strlen(key), where, err);
}

static enum gen_status read_file(struct model_file *file, const char *path, struct gen_error *err) {
    struct error_quoted where;
    size_t n = 0;
    error_path(&where, path);
    enum gen_status status = file_read(&file->templates, &n, path, FILE_LIMIT, err);
    if (status == GEN_OK && !is_text(file->templates, n)) {
        status = error_set(err, GEN_BAD_FILE, "%s: must be a text in UTF-8, as a chat template is",
                           where.text);
    }
    return status == GEN_OK ? add_text(file, CHAT_TEMPLATE_KEY, file->templates, n, where.text, err)
                            : status;
}

/* ---- tokenizer_config.json -------------------------------------------------------------------*/

static const char *name_of(const cJSON *item) {
    const cJSON *name = json_member(item, "name");
    return cJSON_IsString(name) ? name->valuestring : "";
}

static bool is_default(const cJSON *item) {
    return strcmp(name_of(item), "default") == 0;
}

/* Whether a list is what it must be; *size gets the bytes of all its texts and encoded names. */
static bool is_list(const cJSON *list, size_t *size) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t n = 0;
    *size = 0;
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        const cJSON *text = json_member(item, "template");
        size_t n_name = strspn(name_of(item), letters);
        if (n_name == 0 || n_name > MAX_NAME || name_of(item)[n_name] != '\0' ||
            !cJSON_IsString(text) || ++n > MAX_NAMES) {
            return false;
        }
        *size += 8 + n_name + strlen(text->valuestring);
    }
    return true;
}

/* The texts under their keys, copied to *at; a name that is there twice is a key that is. */
static enum gen_status add_texts(struct model_file *file, const cJSON *list, char **at,
                                 const char *where, struct gen_error *err) {
    enum gen_status status = GEN_OK;
    for (const cJSON *item = list->child; item != NULL && status == GEN_OK; item = item->next) {
        const char *text = json_member(item, "template")->valuestring;
        size_t n = strlen(text);
        char key[sizeof CHAT_TEMPLATE_KEY + 1 + MAX_NAME] = CHAT_TEMPLATE_KEY;
        if (!is_default(item)) {
            snprintf(key, sizeof key, CHAT_TEMPLATE_KEY ".%s", name_of(item));
        }
        memcpy(*at, text, n);
        status = add_text(file, key, *at, n, where, err);
        *at += n;
    }
    return status;
}

/* The names of all but the default one, encoded at `at` as in a GGUF. */
static enum gen_status add_names(struct model_file *file, const cJSON *list, char *at,
                                 const char *where, struct gen_error *err) {
    static const char key[] = CHAT_TEMPLATE_KEY "s";
    struct setting setting = {.type = SETTING_ARRAY, .element_type = SETTING_STRING};
    unsigned char *start = (unsigned char *)at, *next = start;
    for (const cJSON *item = list->child; item != NULL; item = item->next) {
        if (is_default(item)) {
            continue;
        }
        size_t n = strlen(name_of(item));
        bytes_put_u64(next, n);
        memcpy(next + 8, name_of(item), n);
        next += 8 + n;
        setting.value.array.n++;
    }
    setting.value.array.data = start;
    setting.value.array.size = (size_t)(next - start);
    return setting.value.array.n == 0
               ? GEN_OK
               : model_file_add_setting(file, &setting, key, sizeof key - 1, where, err);
}

static enum gen_status read_member(struct model_file *file, const cJSON *member, const char *where,
                                   struct gen_error *err) {
    size_t size = 0;
    if (member == NULL || cJSON_IsNull(member)) {
        return GEN_OK;
    }
    bool single = cJSON_IsString(member);
    if (!single && !(cJSON_IsArray(member) && is_list(member, &size))) {
        return error_set(err, GEN_BAD_FILE,
                         "%s: chat_template must be a text, or a list of at most %d objects with "
                         "the texts \"name\" (letters, digits, _ and -) and \"template\"",
                         where, MAX_NAMES);
    }
    size = single ? strlen(member->valuestring) : size;
    char *at = file->templates = memory_new(size + 1, 1);
    if (at == NULL) {
        return error_no_memory(err, "the chat template");
    }
    if (single) {
        memcpy(at, member->valuestring, size);
        return add_text(file, CHAT_TEMPLATE_KEY, at, size, where, err);
    }
    enum gen_status status = add_texts(file, member, &at, where, err);
    return status == GEN_OK ? add_names(file, member, at, where, err) : status;
}

static enum gen_status read_config(struct model_file *file, const char *path,
                                   struct gen_error *err) {
    struct error_quoted where;
    cJSON *config = NULL;
    error_path(&where, path);
    enum gen_status status = json_read_object(&config, path, FILE_LIMIT, err);
    if (status == GEN_OK) {
        status = read_member(file, json_member(config, "chat_template"), where.text, err);
    }
    cJSON_Delete(config);
    return status;
}

enum gen_status chat_template_read(struct model_file *file, struct gen_error *err) {
    char *template = file_join(file->name, "chat_template.jinja");
    char *config = file_join(file->name, "tokenizer_config.json");
    enum gen_status status = GEN_OK;
    if (template == NULL || config == NULL) {
        status = error_no_memory(err, "a path");
    } else if (file_kind_of(template) != FILE_MISSING) {
        status = read_file(file, template, err);
    } else if (file_kind_of(config) != FILE_MISSING) {
        status = read_config(file, config, err);
    }
    memory_free(template);
    memory_free(config);
    return status;
}
