/**
 * gpt2.c - a block of GPT-2 as the paper has it (h.N of the checkpoint): attention and an MLP, each
 * on a norm of the residual stream x, to which what they find is added.
 */
#include "arch/arch.h"

static void layer_forward(struct run *run, const struct layer *h) {
    run_norm(run, NORMAL_1, X, &h->ln_1);
    run_attention(run, FOUND, NORMAL_1, h);
    run_linear(run, X, FOUND, &h->attn_c_proj, ADDED);
    run_norm(run, NORMAL_2, X, &h->ln_2);
    run_linear(run, INNER, NORMAL_2, &h->mlp_c_fc, ACTIVATED);
    run_linear(run, X, INNER, &h->mlp_c_proj, ADDED);
}

static void layer_backward(struct run *run, const struct layer *h) {
    run_linear_backward(run, X, INNER, &h->mlp_c_proj, ADDED);
    run_linear_backward(run, INNER, NORMAL_2, &h->mlp_c_fc, ACTIVATED);
    run_norm_backward(run, NORMAL_2, X, &h->ln_2);
    run_linear_backward(run, X, FOUND, &h->attn_c_proj, ADDED);
    run_attention_backward(run, FOUND, NORMAL_1, h);
    run_norm_backward(run, NORMAL_1, X, &h->ln_1);
}

const struct arch arch_gpt2 = {
    .name = "gpt2",
    .layer_forward = layer_forward,
    .layer_backward = layer_backward,
};
