#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# The chat template that gen finetune writes into what it makes. That transformers and llama.cpp make
# the same of it: tests/README.md.

setup() {
    load helper
    echo '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}' >talk.jsonl
    echo '{"prompt": "a", "completion": "b"}' >pairs.jsonl
}

# described FILE KEY: its text, as `gen inspect --json` has it
described() {
    "$GEN" inspect --json "$1" | grep -o "\"$2\": *\"\([^\"\\\\]\|\\\\.\)*\"" | sed 's/^[^:]*: *//'
}

@test "a model tells the template that it was taught, as a pattern and as Jinja" {
    gen finetune -q -o m.gguf -m "$MODEL" -n 1 talk.jsonl
    [ "$status" -eq 0 ]
    [ "$(described m.gguf gen.template)" = '"{role}: {content}\\n"' ]
    [[ $(described m.gguf tokenizer.chat_template) == "\"{% for message in messages %}{{ message['role'] + ':' + ' ' + message['content'] + (eos_token if "* ]]
    gen finetune -q -o p.gguf -m "$MODEL" -n 1 --template 'Q: {prompt}\nA: {completion}' pairs.jsonl
    [ "$(described p.gguf gen.template)" = '"Q: {prompt}\\nA: {completion}"' ]
    # What most of the data are decides; instructions are divided from their answers.
    gen finetune -q -o q.gguf -m "$MODEL" -n 1 pairs.jsonl talk.jsonl pairs.jsonl
    [ "$(described q.gguf gen.template)" = '"{prompt}{completion}"' ]
    echo '{"instruction": "a", "output": "b"}' >alpaca.jsonl
    gen finetune -q -o r.gguf -m "$MODEL" -n 1 alpaca.jsonl
    [ "$(described r.gguf gen.template)" = '"{prompt}\\n{completion}"' ]
    # A model goes on with what it was taught.
    gen finetune -q --resume -o r.gguf -m "$MODEL" -n 2 alpaca.jsonl
    [ "$(described r.gguf gen.template)" = '"{prompt}\\n{completion}"' ]
}

@test "an adapter tells it to the model it is merged into, in the place of the parent's" {
    cp -r "$MODEL" dir
    printf '{"chat_template": [{"name": "default", "template": "A"}, {"name": "tool_use", "template": "B"}]}' \
        >dir/tokenizer_config.json
    gen finetune -q -o a.gguf -m dir -n 1 --lora-rank 2 --message-template '<{role}>\n{content}' talk.jsonl
    [ "$status" -eq 0 ]
    [ "$(described a.gguf gen.template)" = '"<{role}>\\n{content}"' ]
    "$GEN" convert --lora a.gguf dir m.gguf
    "$GEN" convert --type q8_0 m.gguf q.gguf
    for file in m q; do
        [ "$(described "$file.gguf" gen.template)" = '"<{role}>\\n{content}"' ]
        [[ $(described "$file.gguf" tokenizer.chat_template) == *"message['role']"* ]]
        [ -z "$(described "$file.gguf" tokenizer.chat_template.tool_use)" ]
    done
    gen -m q.gguf --greedy -n 2 Hi
    [ "$status" -eq 0 ]
}

@test "a template that is no UTF-8 is taught, and not told" {
    gen finetune -q -o m.gguf -m "$MODEL" -n 1 --message-template $'\xff{role}{content}' talk.jsonl
    [ "$status" -eq 0 ]
    [ -z "$(described m.gguf gen.template)" ]
    gen -m m.gguf --greedy -n 2 Hi
    [ "$status" -eq 0 ]
}
