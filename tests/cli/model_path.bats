#!/usr/bin/env bats
# shellcheck disable=SC2153,SC2154 # bats and helper.bash set them
# Which model is used: --model as path or name, $GEN_MODEL, the built-in one.

setup() {
    load helper
    unset GEN_MODEL
}

# found NAME PLACE: the model of that name is found at that place.
found() {
    gen inspect --json -m "$1"
    echo "$output$stderr"
    [ "$status" -eq 0 ]
    [[ $output == "{\"model\":\"$2\","* ]]
}

# A repository in a cache of Hugging Face's tools: cached HUB ORG--NAME REVISION
cached() {
    mkdir -p "$1/models--$2/snapshots" "$1/models--$2/blobs"
    cp -r "$MODEL" "$1/models--$2/snapshots/$3"
}

# A model with another name in each place, so that it shows which one was taken.
@test "a path is taken as it is, before any name" {
    cp -r "$MODEL" model
    found ./model ./model
    found model model
    found "$PWD/model" "$PWD/model"
    mkdir other
    cp -r "$MODEL" other/model
    GEN_MODEL_PATH=$PWD/other found model model
}

@test "GEN_MODEL is the default, --model comes first" {
    cp -r "$MODEL" model
    cp -r "$MODEL" other
    export GEN_MODEL=model
    gen inspect --json
    [[ $output == '{"model":"model",'* ]]
    gen inspect --json -m other
    [[ $output == '{"model":"other",'* ]]
    gen inspect --json other
    [[ $output == '{"model":"other",'* ]]
}

@test "a name is looked up in GEN_MODEL_PATH" {
    mkdir -p a b
    cp -r "$MODEL" b/tiny
    "$GEN" convert "$MODEL" b/file.gguf
    export GEN_MODEL_PATH=$PWD/a::$PWD/b
    found tiny "$PWD/b/tiny"
    found file "$PWD/b/file.gguf"
    found file.gguf "$PWD/b/file.gguf"
    mkdir -p b/org
    cp -r "$MODEL" b/org/tiny
    found org/tiny "$PWD/b/org/tiny"
}

@test "a name is looked up in the data directory" {
    mkdir -p "$HOME/.local/share/gen/models"
    cp -r "$MODEL" "$HOME/.local/share/gen/models/tiny"
    found tiny "$HOME/.local/share/gen/models/tiny"
    mkdir -p data/gen/models
    cp -r "$MODEL" data/gen/models/other
    XDG_DATA_HOME=$PWD/data found other "$PWD/data/gen/models/other"
    # A relative directory counts as none.
    XDG_DATA_HOME=data found tiny "$HOME/.local/share/gen/models/tiny"
}

@test "a name is looked up in the Hugging Face cache" {
    hub=$HOME/.cache/huggingface/hub
    cached "$hub" org--tiny abc123
    found org/tiny "$hub/models--org--tiny/snapshots/abc123"
    cached "$hub" openai-community--gpt2 def
    found openai-community/gpt2 "$hub/models--openai-community--gpt2/snapshots/def"
    found gpt2 "$hub/models--openai-community--gpt2/snapshots/def"
    cached "$hub" gpt2 ghi
    found gpt2 "$hub/models--gpt2/snapshots/ghi"
}

@test "refs/main says which snapshot, else it is the newest" {
    hub=$HOME/.cache/huggingface/hub
    cached "$hub" org--tiny old
    cached "$hub" org--tiny new
    touch -d '2001-01-01' "$hub/models--org--tiny/snapshots/old"
    found org/tiny "$hub/models--org--tiny/snapshots/new"
    mkdir "$hub/models--org--tiny/refs"
    printf old >"$hub/models--org--tiny/refs/main"
    found org/tiny "$hub/models--org--tiny/snapshots/old"
    printf '../../../../../etc' >"$hub/models--org--tiny/refs/main"
    found org/tiny "$hub/models--org--tiny/snapshots/new"
    rm "$hub/models--org--tiny/refs/main"
    mkfifo "$hub/models--org--tiny/refs/main"
    found org/tiny "$hub/models--org--tiny/snapshots/new"
}

@test "HF_HUB_CACHE, HF_HOME and XDG_CACHE_HOME move the cache" {
    cached "$PWD/hub" org--a 1
    HF_HUB_CACHE=$PWD/hub found org/a "$PWD/hub/models--org--a/snapshots/1"
    cached "$PWD/home-of-hf/hub" org--b 1
    HF_HOME=$PWD/home-of-hf found org/b "$PWD/home-of-hf/hub/models--org--b/snapshots/1"
    cached "$PWD/cache/huggingface/hub" org--c 1
    XDG_CACHE_HOME=$PWD/cache found org/c "$PWD/cache/huggingface/hub/models--org--c/snapshots/1"
}

@test "the names of the places tried are told" {
    mkdir places
    GEN_MODEL_PATH=$PWD/places gen -m nosuch/model Hi
    refused 1 'no model "nosuch/model"'
    [[ $stderr == *places* ]]
    gen -m nosuch/model Hi
    refused 1 "$HOME/.local/share/gen/models"
    [[ $stderr == *huggingface/hub* ]]
    (unset HOME && ! "$GEN" -m nosuch Hi)
    gen -m ../nosuch Hi
    refused 1 "../nosuch: No such file"
    gen -m /nosuch Hi
    refused 1 "/nosuch: No such file"
    gen -m "" Hi
    refused 1 'gen: "": No such'
}

@test "names with .. are not looked up" {
    mkdir -p places model
    cp -r "$MODEL" secret
    GEN_MODEL_PATH=$PWD/places/deeper gen inspect -m ../../secret
    refused 1 "../../secret"
}

@test "what is no model is refused at once: FIFO, directory, device, link to itself" {
    mkfifo fifo
    mkdir empty
    ln -s loop loop
    ln -s nowhere dangling
    : >nothing
    head -c 3000 /dev/urandom >noise
    for model in fifo empty loop dangling nothing noise /dev/null /dev/zero; do
        for command in "generate Hi -m" inspect "tokenize -p Hi -m" convert; do
            # shellcheck disable=SC2086 # several words
            set -- $command "$model"
            [ "$1" != convert ] || set -- "$@" out.gguf
            run --separate-stderr timeout 10 "$GEN" "$@"
            refused 1 "$model"
        done
        [ ! -e out.gguf ]
    done
}

@test "a file without permission to read is refused" {
    [ "$(id -u)" -ne 0 ] || skip "root may read everything"
    cp "$MODEL/config.json" locked
    chmod 000 locked
    gen inspect locked
    refused 1 "Permission denied"
}

@test "with nothing said the built-in model is used, from any directory" {
    cd /
    gen inspect --json
    [[ $stderr != *"built without one"* ]] || skip "no model is built in"
    [ "$status" -eq 0 ]
    [[ $output == *'"embedded":true'* ]]
    gen --prompt "Once upon a time" --max-length 50
    [ "$status" -eq 0 ]
    [[ $output == "Once upon a time"?* ]]
    gen tokenize --count -p "Once upon a time"
    [ "$status" -eq 0 ]
    [ "$output" -ge 4 ]
    # An empty variable is none.
    GEN_MODEL='' gen -n 1 Hi
    [ "$status" -eq 0 ]
}

@test "the cache's older variable, and ~ and variables in all of them" {
    local revision=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    export HOME=$PWD/home PLACE=$PWD/place
    cached "$PWD/older" acme--one $revision
    HUGGINGFACE_HUB_CACHE=$PWD/older found acme/one "$PWD/older/models--acme--one/snapshots/$revision"
    cached "$PWD/newer" acme--one $revision
    HF_HUB_CACHE=$PWD/newer HUGGINGFACE_HUB_CACHE=$PWD/older \
        found acme/one "$PWD/newer/models--acme--one/snapshots/$revision"
    cached "$HOME/x/hub" acme--one $revision
    local snapshot=models--acme--one/snapshots/$revision
    # shellcheck disable=SC2016,SC2088 # gen expands them
    for value in '~/x' '$HOME/x' '${HOME}/x'; do
        HF_HOME=$value found acme/one "$HOME/x/hub/$snapshot"
        HF_HUB_CACHE=$value/hub found acme/one "$HOME/x/hub/$snapshot"
        HUGGINGFACE_HUB_CACHE=$value/hub found acme/one "$HOME/x/hub/$snapshot"
    done
    cached "$HOME/cache/huggingface/hub" acme--two $revision
    # shellcheck disable=SC2088
    XDG_CACHE_HOME='~/cache' found acme/two \
        "$HOME/cache/huggingface/hub/models--acme--two/snapshots/$revision"
    mkdir -p place "$HOME/data/gen/models"
    cp -r "$MODEL" place/three
    cp -r "$MODEL" "$HOME/data/gen/models/four"
    # shellcheck disable=SC2016
    GEN_MODEL_PATH='/nowhere:$PLACE:~/y' found three "$PWD/place/three"
    # shellcheck disable=SC2016
    # shellcheck disable=SC2088 # gen expands it
    GEN_MODEL_PATH='~/y:${PLACE}' found three "$PWD/place/three"
    # shellcheck disable=SC2088
    XDG_DATA_HOME='~/data' found four "$HOME/data/gen/models/four"
    # shellcheck disable=SC2016
    GEN_MODEL='$PLACE/three' gen inspect --json
    [[ $output == "{\"model\":\"$PLACE/three\","* ]]
    # shellcheck disable=SC2016
    HF_HUB_CACHE='$UNSET_HERE/x' gen inspect -m acme/one
    [ "$status" -eq 1 ]
    # shellcheck disable=SC2016 # as it is
    [[ $stderr == *'$UNSET_HERE/x'* ]]
}
