/**
 * gpt2.c - GPT-2: the settings and tensors of its files, and a block as the paper has it (h.N of
 * the checkpoint): attention and an MLP, each on a norm of the residual stream x, to which what
 * they find is added.
 */
#include "arch/arch.h"
#include "base/size.h"

/* In the order in which gen writes and shows them. config.json's defaults are GPT2Config's; n_inner
 * has none, as it depends on n_embd. */
static const struct config_key keys[] = {
    {"n_vocab", "vocab_size", NULL, NULL, CONFIG_MEMBER(n_vocab), CONFIG_MAX_VOCAB, 50257, KEY_SIZE,
     false},
    {"n_ctx", "n_positions", "max_position_embeddings", "gpt2.context_length", CONFIG_MEMBER(n_ctx),
     CONFIG_MAX_CTX, 1024, KEY_SIZE, false},
    {"n_embd", "n_embd", "hidden_size", "gpt2.embedding_length", CONFIG_MEMBER(n_embd),
     CONFIG_MAX_EMBD, 768, KEY_SIZE, false},
    {"n_layer", "n_layer", "num_hidden_layers", "gpt2.block_count", CONFIG_MEMBER(n_layer),
     CONFIG_MAX_LAYER, 12, KEY_SIZE, false},
    {"n_inner", "n_inner", NULL, "gpt2.feed_forward_length", CONFIG_MEMBER(n_inner),
     CONFIG_MAX_INNER, 0, KEY_SIZE, true},
    {"n_head", "n_head", "num_attention_heads", "gpt2.attention.head_count", CONFIG_MEMBER(n_head),
     CONFIG_MAX_EMBD, 12, KEY_SIZE, false},
    {"layer_norm_epsilon", "layer_norm_epsilon", NULL, "gpt2.attention.layer_norm_epsilon",
     CONFIG_MEMBER(layer_norm_epsilon), 1, 1e-5, KEY_FRACTION, false},
    {"activation", "activation_function", NULL, "gen.activation_function",
     CONFIG_MEMBER(activation), GEN_QUICK_GELU, GEN_GELU_NEW, KEY_ACTIVATION, false},
    {"scale_attn_weights", "scale_attn_weights", NULL, "gen.scale_attn_weights",
     CONFIG_MEMBER(scale_attn_weights), 1, 1, KEY_FLAG, false},
    {"scale_attn_by_inverse_layer_idx", "scale_attn_by_inverse_layer_idx", NULL,
     "gen.scale_attn_by_inverse_layer_idx", CONFIG_MEMBER(scale_attn_by_inverse_layer_idx), 1, 0,
     KEY_FLAG, false},
    {"tie_word_embeddings", "tie_word_embeddings", NULL, NULL, CONFIG_MEMBER(tie_word_embeddings),
     1, 1, KEY_FLAG, false},
    {"bos_token_id", "bos_token_id", NULL, "tokenizer.ggml.bos_token_id",
     CONFIG_MEMBER(bos_token_id), INT32_MAX, 50256, KEY_TOKEN, true},
    {"eos_token_id", "eos_token_id", NULL, "tokenizer.ggml.eos_token_id",
     CONFIG_MEMBER(eos_token_id), INT32_MAX, 50256, KEY_TOKEN, true},
};

static const struct tensor_spec tensors[] = {
    {"wte.weight", "token_embd.weight", ROLE_TOKENS, SIZE_VOCAB, SIZE_EMBD, TENSOR_ONCE(wte)},
    {"wpe.weight", "position_embd.weight", ROLE_POSITIONS, SIZE_CTX, SIZE_EMBD, TENSOR_ONCE(wpe)},
    {"h.#.ln_1.weight", "blk.#.attn_norm.weight", ROLE_NORM, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_1.weight)},
    {"h.#.ln_1.bias", "blk.#.attn_norm.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_1.bias)},
    {"h.#.attn.c_attn.weight", "blk.#.attn_qkv.weight", ROLE_QKV, SIZE_QKV, SIZE_EMBD,
     .conv1d = true, TENSOR_EACH(attn_c_attn.matrix)},
    {"h.#.attn.c_attn.bias", "blk.#.attn_qkv.bias", ROLE_BIAS, SIZE_QKV, SIZE_NONE,
     TENSOR_EACH(attn_c_attn.bias)},
    {"h.#.attn.c_proj.weight", "blk.#.attn_output.weight", ROLE_ATTN_OUT, SIZE_EMBD, SIZE_EMBD,
     .conv1d = true, TENSOR_EACH(attn_c_proj.matrix)},
    {"h.#.attn.c_proj.bias", "blk.#.attn_output.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(attn_c_proj.bias)},
    {"h.#.ln_2.weight", "blk.#.ffn_norm.weight", ROLE_NORM, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_2.weight)},
    {"h.#.ln_2.bias", "blk.#.ffn_norm.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(ln_2.bias)},
    {"h.#.mlp.c_fc.weight", "blk.#.ffn_up.weight", ROLE_UP, SIZE_INNER, SIZE_EMBD, .conv1d = true,
     TENSOR_EACH(mlp_c_fc.matrix)},
    {"h.#.mlp.c_fc.bias", "blk.#.ffn_up.bias", ROLE_BIAS, SIZE_INNER, SIZE_NONE,
     TENSOR_EACH(mlp_c_fc.bias)},
    {"h.#.mlp.c_proj.weight", "blk.#.ffn_down.weight", ROLE_DOWN, SIZE_EMBD, SIZE_INNER,
     .conv1d = true, TENSOR_EACH(mlp_c_proj.matrix)},
    {"h.#.mlp.c_proj.bias", "blk.#.ffn_down.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE,
     TENSOR_EACH(mlp_c_proj.bias)},
    {"ln_f.weight", "output_norm.weight", ROLE_NORM, SIZE_EMBD, SIZE_NONE,
     TENSOR_ONCE(ln_f.weight)},
    {"ln_f.bias", "output_norm.bias", ROLE_BIAS, SIZE_EMBD, SIZE_NONE, TENSOR_ONCE(ln_f.bias)},
    {"lm_head.weight", "output.weight", ROLE_HEAD, SIZE_VOCAB, SIZE_EMBD, TENSOR_ONCE(lm_head)},
};

void gpt2_layer_forward(struct run *run, const struct layer *h) {
    run_norm(run, NORMAL_1, X, &h->ln_1);
    run_attention(run, FOUND, NORMAL_1, h);
    run_linear(run, X, FOUND, &h->attn_c_proj, ADDED);
    run_norm(run, NORMAL_2, X, &h->ln_2);
    run_linear(run, INNER, NORMAL_2, &h->mlp_c_fc, ACTIVATED);
    run_linear(run, X, INNER, &h->mlp_c_proj, ADDED);
}

void gpt2_layer_backward(struct run *run, const struct layer *h) {
    run_linear_backward(run, X, INNER, &h->mlp_c_proj, ADDED);
    run_linear_backward(run, INNER, NORMAL_2, &h->mlp_c_fc, ACTIVATED);
    run_norm_backward(run, NORMAL_2, X, &h->ln_2);
    run_linear_backward(run, X, FOUND, &h->attn_c_proj, ADDED);
    run_attention_backward(run, FOUND, NORMAL_1, h);
    run_norm_backward(run, NORMAL_1, X, &h->ln_1);
}

const struct arch arch_gpt2 = {
    .name = "gpt2",
    .keys = keys,
    .n_keys = N_OF(keys),
    .tensors = tensors,
    .n_tensors = N_OF(tensors),
    .layer_forward = gpt2_layer_forward,
    .layer_backward = gpt2_layer_backward,
};
