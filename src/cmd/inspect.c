/**
 * inspect.c - `gen inspect`: what a model file says of itself, as text or as JSON: configuration,
 * tokenizer, metadata, tensors. What there is to tell comes from gen_model_*() (model/describe.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"
#include "cli/alloc.h"
#include "cli/exit_code.h"
#include "cli/json_out.h"
#include "cli/message.h"
#include "cli/model_load.h"
#include "cli/signals.h"
#include "cli/text_line.h"
#include "cmd/command.h"
#include "cmd/inspect_check.h"

struct inspect_settings {
    const char *model;
    bool json, tensors, check;
};

#define AT(member) offsetof(struct inspect_settings, member)

static const struct option table[] = {
    OPTION_ROW(
        "model", 'm', OPTION_STRING, AT(model), "PATH|NAME",
        "the model, if it is not given as argument; default: $GEN_MODEL, else the built-in model"),
    OPTION_ROW("json", '\0', OPTION_FLAG, AT(json), NULL, "print one JSON object"),
    OPTION_ROW("tensors", '\0', OPTION_FLAG, AT(tensors), NULL, "list the tensors too"),
    OPTION_ROW(
        "check", '\0', OPTION_FLAG, AT(check), NULL,
        "instead, read all of it and look for what is wrong (checksums, numbers that are not "
        "finite, norms of zeros) or odd (rows of zeros or there twice, huge numbers, tokens "
        "that are no text, that no text is cut into, there twice); exit status 1 if "
        "something is wrong"),
};

static const struct options_spec spec = {
    .usage = "gen inspect [OPTIONS] [MODEL]",
    .intro = "Say what MODEL (a GGUF file, a Hugging Face directory, or a name) consists of, or "
             "a GGUF file that holds a LoRA adapter or a vocabulary alone. The weights are not "
             "read, but "
             "for --check.",
    .table = table,
    .n_table = N_OF(table),
    .examples = "  gen inspect\n"
                "  gen inspect --tensors gpt2.gguf\n"
                "  gen inspect --check gpt2.gguf\n"
                "  gen inspect --json openai-community/gpt2\n",
};

/* ---- as text ---------------------------------------------------------------------------------*/

/* "1 3 5" */
static void layers_text(struct gen_bytes *text, const struct gen_config_member *member) {
    char list[3 * GEN_MAX_LOCAL_LAYERS + 1] = "";
    size_t n = 0;
    for (int layer = 0; layer < GEN_MAX_LOCAL_LAYERS; layer++) {
        if ((member->layers >> layer & 1) != 0) {
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%d", n > 0 ? " " : "", layer);
        }
    }
    text_line(text, "%-31s %s", member->name, n > 0 ? list : "none");
}

static void config_text(struct gen_bytes *text, const struct gen_config *config) {
    for (size_t i = 0; i < gen_config_n_members(config); i++) {
        struct gen_config_member member = gen_config_member(config, i);
        switch (member.kind) {
        case GEN_MEMBER_INTEGER:
            text_line(text, "%-31s %.0f", member.name, member.number);
            break;
        case GEN_MEMBER_NUMBER:
            text_line(text, "%-31s %g", member.name, member.number);
            break;
        case GEN_MEMBER_FLAG:
            text_line(text, "%-31s %s", member.name, member.number != 0 ? "yes" : "no");
            break;
        case GEN_MEMBER_TEXT:
            text_line(text, "%-31s %s", member.name, member.text);
            break;
        case GEN_MEMBER_LAYERS:
            layers_text(text, &member);
            break;
        }
    }
}

/* All ids that end a text, where there are several. */
static void eos_text(struct gen_bytes *text, const struct gen_model *model) {
    size_t n;
    const int32_t *ids = gen_model_eos_ids(model, &n);
    char list[300] = "";
    for (size_t i = 0, at = 0; i < n && at < sizeof list; i++) {
        at +=
            (size_t)snprintf(list + at, sizeof list - at, "%s%" PRId32, i > 0 ? ", " : "", ids[i]);
    }
    if (n > 1) {
        text_line(text, "texts end at                    %s", list);
    }
}

/* "[768, 3072]" */
static void shape_text(char *text, size_t size, const struct gen_tensor_info *tensor) {
    size_t n = 1;
    snprintf(text, size, "[");
    for (int i = 0; i < tensor->n_dims && n < size; i++) {
        int more = snprintf(text + n, size - n, "%s%" PRIu64, i > 0 ? ", " : "", tensor->dims[i]);
        n += more > 0 ? (size_t)more : 0;
    }
    if (n < size) {
        snprintf(text + n, size - n, "]");
    }
}

static void tensors_text(struct gen_bytes *text, const struct gen_model *model) {
    text_line(text, "%s", "");
    text_line(text, "%-36s %-5s %-18s %12s", "tensor", "type", "shape", "bytes");
    for (size_t i = 0; i < gen_model_n_tensors(model); i++) {
        struct gen_tensor_info tensor = gen_model_tensor(model, i);
        char shape[100];
        shape_text(shape, sizeof shape, &tensor);
        text_line(text, "%-36.200s %-5s %-18s %12" PRIu64, tensor.name, tensor.type, shape,
                  tensor.size);
    }
}

static void adapter_text(struct gen_bytes *text, const struct gen_adapter *adapter) {
    text_line(text, "kind                            LoRA adapter (gen convert --lora merges it)");
    text_line(text, "rank                            %" PRId32, adapter->rank);
    text_line(text, "alpha                           %g", (double)adapter->alpha);
    text_line(text, "targets                         %s, %zu matrices", adapter->targets,
              adapter->n_matrices);
    text_line(text,
              "for a model of                  n_embd %" PRId32 ", at least %" PRId32 " layers",
              adapter->n_embd, adapter->n_layer);
}

/* What is told of a file by its kind. */
static void kind_text(struct gen_bytes *text, const struct gen_model *model) {
    if (gen_model_kind(model) == GEN_KIND_ADAPTER) {
        struct gen_adapter adapter = gen_model_adapter(model);
        adapter_text(text, &adapter);
    } else if (gen_model_kind(model) == GEN_KIND_VOCABULARY) {
        text_line(text, "kind                            vocabulary, without a model");
    } else {
        config_text(text, gen_model_config(model));
        eos_text(text, model);
    }
}

static void model_text(struct gen_bytes *text, const struct model_load *load, bool tensors) {
    const struct gen_model *model = load->model;
    text_line(text, "model                           %.300s%s", load->name,
              load->path == NULL ? " (built in)" : "");
    text_line(text, "format                          %s", gen_model_format(model));
    text_line(text, "file size                       %" PRIu64 " bytes",
              gen_model_file_size(model));
    if (gen_model_kind(model) == GEN_KIND_MODEL) {
        text_line(text, "architecture                    %s", gen_model_config(model)->arch);
        text_line(text, "parameters                      %" PRIu64, gen_model_n_parameters(model));
    }
    text_line(text, "tensors                         %zu", gen_model_n_tensors(model));
    kind_text(text, model);
    if (load->tokenizer != NULL) {
        text_line(text,
                  "tokenizer                       byte-level BPE, %" PRId32
                  " tokens, end of text %" PRId32,
                  gen_tokenizer_n_vocab(load->tokenizer), gen_tokenizer_eos(load->tokenizer));
    } else {
        text_line(text, "tokenizer                       none");
    }
    if (gen_model_n_metadata(model) > 0) {
        text_line(text, "%s", "");
        text_line(text, "metadata");
    }
    for (size_t i = 0; i < gen_model_n_metadata(model); i++) {
        struct gen_metadata pair = gen_model_metadata(model, i);
        text_line(text, "  %-34.120s %.240s", pair.key, pair.value);
    }
    if (tensors) {
        tensors_text(text, model);
    }
}

/* ---- as JSON ---------------------------------------------------------------------------------*/

static void json_text(struct json_out *json, const char *name, const char *value) {
    json_out_string(json, name, value, strlen(value));
}

static void layers_json(struct json_out *json, const struct gen_config_member *member) {
    json_out_open(json, member->name, '[');
    for (int layer = 0; layer < GEN_MAX_LOCAL_LAYERS; layer++) {
        if ((member->layers >> layer & 1) != 0) {
            json_out_int(json, NULL, layer);
        }
    }
    json_out_close(json, ']');
}

static void config_json(struct json_out *json, const struct gen_config *config) {
    json_out_open(json, "config", '{');
    for (size_t i = 0; i < gen_config_n_members(config); i++) {
        struct gen_config_member member = gen_config_member(config, i);
        switch (member.kind) {
        case GEN_MEMBER_INTEGER:
            json_out_int(json, member.name, (int64_t)member.number);
            break;
        case GEN_MEMBER_NUMBER:
            json_out_double(json, member.name, member.number, 9);
            break;
        case GEN_MEMBER_FLAG:
            json_out_bool(json, member.name, member.number != 0);
            break;
        case GEN_MEMBER_TEXT:
            json_text(json, member.name, member.text);
            break;
        case GEN_MEMBER_LAYERS:
            layers_json(json, &member);
            break;
        }
    }
    json_out_close(json, '}');
}

/* All ids that end a text. */
static void eos_json(struct json_out *json, const struct gen_model *model) {
    size_t n;
    const int32_t *ids = gen_model_eos_ids(model, &n);
    json_out_open(json, "eos_token_ids", '[');
    for (size_t i = 0; i < n; i++) {
        json_out_int(json, NULL, ids[i]);
    }
    json_out_close(json, ']');
}

/* What is told of a file by its kind. */
static void kind_json(struct json_out *json, const struct gen_model *model) {
    static const char *const names[] = {"model", "adapter", "vocabulary"};
    enum gen_kind kind = gen_model_kind(model);
    json_text(json, "kind", names[kind]);
    if (kind == GEN_KIND_ADAPTER) {
        struct gen_adapter adapter = gen_model_adapter(model);
        json_out_open(json, "adapter", '{');
        json_out_int(json, "rank", adapter.rank);
        json_out_double(json, "alpha", (double)adapter.alpha, 9);
        json_out_uint(json, "n_matrices", adapter.n_matrices);
        json_text(json, "targets", adapter.targets);
        json_out_int(json, "n_embd", adapter.n_embd);
        json_out_int(json, "n_layer", adapter.n_layer);
        json_out_close(json, '}');
    } else if (kind == GEN_KIND_MODEL) {
        json_text(json, "architecture", gen_model_config(model)->arch);
        config_json(json, gen_model_config(model));
        eos_json(json, model);
    }
}

static void tokenizer_json(struct json_out *json, const struct gen_tokenizer *tokenizer) {
    if (tokenizer == NULL) {
        return;
    }
    json_out_open(json, "tokenizer", '{');
    json_out_int(json, "n_vocab", gen_tokenizer_n_vocab(tokenizer));
    json_out_int(json, "eos_token_id", gen_tokenizer_eos(tokenizer));
    json_out_close(json, '}');
}

static void metadata_json(struct json_out *json, const struct gen_model *model) {
    json_out_open(json, "metadata", '{');
    for (size_t i = 0; i < gen_model_n_metadata(model); i++) {
        struct gen_metadata pair = gen_model_metadata(model, i);
        json_text(json, pair.key, pair.value);
    }
    json_out_close(json, '}');
}

static void tensors_json(struct json_out *json, const struct gen_model *model) {
    json_out_open(json, "tensors", '[');
    for (size_t i = 0; i < gen_model_n_tensors(model); i++) {
        struct gen_tensor_info tensor = gen_model_tensor(model, i);
        json_out_open(json, NULL, '{');
        json_text(json, "name", tensor.name);
        json_text(json, "type", tensor.type);
        json_out_open(json, "shape", '[');
        for (int d = 0; d < tensor.n_dims; d++) {
            json_out_uint(json, NULL, tensor.dims[d]);
        }
        json_out_close(json, ']');
        json_out_uint(json, "size", tensor.size);
        json_out_close(json, '}');
    }
    json_out_close(json, ']');
}

static void model_json(struct gen_bytes *text, const struct model_load *load, bool tensors) {
    const struct gen_model *model = load->model;
    struct json_out json = {0};
    json_out_open(&json, NULL, '{');
    json_text(&json, "model", load->name);
    json_out_bool(&json, "embedded", load->path == NULL);
    json_text(&json, "format", gen_model_format(model));
    json_out_uint(&json, "file_size", gen_model_file_size(model));
    if (gen_model_kind(model) == GEN_KIND_MODEL) {
        json_out_uint(&json, "parameters", gen_model_n_parameters(model));
    }
    json_out_uint(&json, "n_tensors", gen_model_n_tensors(model));
    kind_json(&json, model);
    tokenizer_json(&json, load->tokenizer);
    metadata_json(&json, model);
    if (tensors) {
        tensors_json(&json, model);
    }
    json_out_close(&json, '}');
    *text = json.text;
    alloc_append(text, "\n", 1);
}

/* ---- the command -----------------------------------------------------------------------------*/

static int run(void *opaque, const struct options_parsed *parsed) {
    const struct inspect_settings *settings = opaque;
    if (parsed->n_operands > (settings->model != NULL ? 0U : 1U)) {
        message("inspect takes one MODEL; \"%.80s\" is too much",
                parsed->operands[parsed->n_operands - 1]);
        return EXIT_USAGE;
    }
    struct gen_error err = {0};
    struct model_load load;
    struct gen_model_options options = gen_model_options_default();
    options.metadata_only = true;
    options.any_kind = true;
    const char *name = parsed->n_operands > 0 ? parsed->operands[0] : settings->model;
    bool is_wrong = false;
    struct gen_bytes text = {0};
    bool good = model_load_open(&load, name, &options, &err) == GEN_OK;
    if (good) {
        model_load_say_notes(&load, true);
    }
    if (good && settings->check) {
        good = inspect_check(&text, &load, settings->json, &is_wrong, &err) == GEN_OK;
    } else if (good && settings->json) {
        model_json(&text, &load, settings->tensors);
    } else if (good) {
        model_text(&text, &load, settings->tensors);
    }
    if (!good) {
        message("%s", err.message);
    } else {
        struct text_out out;
        text_out_open(&out, NULL);
        text_out_write(&out, text.data, text.n);
        good = text_out_close(&out);
    }
    gen_bytes_release(&text);
    model_load_close(&load);
    if (signals_caught() != 0) {
        return EXIT_SIGNAL + signals_caught();
    }
    return good && !is_wrong ? EXIT_DONE : EXIT_FAILED;
}

static void set_defaults(void *settings) {
    *(struct inspect_settings *)settings = (struct inspect_settings){0};
}

const struct command inspect_command = {
    .name = "inspect",
    .summary = "say what a model file consists of",
    .spec = &spec,
    .settings_size = sizeof(struct inspect_settings),
    .set_defaults = set_defaults,
    .run = run,
};
