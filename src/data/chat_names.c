/**
 * chat_names.c - the chat templates that have a name, as Jinja. The formats are those that their
 * models were trained with; where one has no official Jinja (plain, alpaca, instruct) it is made
 * from the published prompt. tests/golden/make_chat_templates.py has each in other words.
 */
#include "data/chat_template.h"

/* A loop over the messages, and what is there for one of each role. */
#define EACH(body)  "{% for message in messages %}" body "{% endfor %}"
#define BEGIN(text) "{% if add_generation_prompt %}{{ '" text "' }}{% endif %}"

#define INTRODUCTION                                                                               \
    "Below is an instruction that describes a task. Write a response that "                        \
    "appropriately completes the request."

/* Instructions and responses; `between` is what comes before a response. A system message takes the
 * place of the introduction. */
#define INSTRUCTIONS(between)                                                                      \
    "{% if messages and messages[0]['role'] != 'system' %}{{ '" INTRODUCTION                       \
    "\\n\\n' }}{% endif %}" EACH(                                                                  \
        "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"                  \
        "{% elif message['role'] == 'user' %}"                                                     \
        "{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}"                              \
        "{% else %}{{ '### Response:" between "' + message['content'] + eos_token + '\\n\\n' }}"   \
        "{% endif %}") BEGIN("### Response:" between)

static const char llama2[] =
    "{% set system = namespace(text = none) %}"
    "{% if messages and messages[0]['role'] == 'system' %}"
    "{% set system.text = messages[0]['content'] %}{% set turns = messages[1:] %}"
    "{% else %}{% set turns = messages %}{% endif %}"
    "{% for message in turns %}"
    "{% if message['role'] != ('user' if loop.index0 % 2 == 0 else 'assistant') %}"
    "{{ raise_exception('roles must alternate: user, assistant, user, ...') }}{% endif %}"
    "{% set content = message['content'] %}"
    "{% if loop.first and system.text is not none %}"
    "{% set content = '<<SYS>>\\n' + system.text + '\\n<</SYS>>\\n\\n' + content %}{% endif %}"
    "{% if message['role'] == 'user' %}"
    "{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% else %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}"
    "{% endfor %}";

const struct chat_name chat_names[CHAT_N_NAMES] = {
    {"plain",
     EACH("{{ message['role'] | capitalize + ': ' + message['content'] + '\\n' }}")
         BEGIN("Assistant:"),
     {"\nUser:", "\nSystem:"}},
    {"chatml",
     EACH("{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}")
         BEGIN("<|im_start|>assistant\\n"),
     {"<|im_end|>", "<|im_start|>"}},
    {"alpaca", INSTRUCTIONS("\\n"), {"### Instruction:"}},
    {"llama2", llama2, {"[INST]"}},
    {"zephyr",
     EACH("{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}")
         BEGIN("<|assistant|>\\n"),
     {"<|user|>"}},
    {"dialogpt", EACH("{{ message['content'] + eos_token }}"), {NULL}},
    {"instruct", INSTRUCTIONS(""), {"### Instruction:"}},
};
