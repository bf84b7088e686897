# SPDX-License-Identifier: GPL-3.0-or-later
"""Small models of every architecture that the tracer is held to, with random weights.

Wherever a model allows it, every dimension has a size of its own, so that an axis in the wrong place shows: batch 1,
5 tokens in a prompt, 2 layers, 4 heads of 8, 2 of them for keys, 40 channels, 44 neurons, 6 experts of 28 neurons of
which 3 are chosen, 101 words.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig

VOCAB = 101
PROMPT = (7, 42, 3, 99, 42)  # a word that comes twice, and the last but one of the vocabulary

_YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32, "rope_theta": 10000.0}


def _config(model_type: str, **sizes: Any) -> PretrainedConfig:
    """The config of a model type. Raises ValueError where this transformers has no such type."""
    from transformers import AutoConfig

    ends: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    return AutoConfig.for_model(model_type, **(ends | sizes))


def _modern(model_type: str, **sizes: Any) -> Callable[[], PretrainedConfig]:
    """The config of a model that names its sizes as Llama does."""
    usual = {
        "vocab_size": VOCAB,
        "hidden_size": 40,
        "intermediate_size": 44,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 64,
        "tie_word_embeddings": False,
    }
    return partial(_config, model_type, **(usual | sizes))


def _multi_head(model_type: str, **sizes: Any) -> Callable[[], PretrainedConfig]:
    """As `_modern`, where the heads share the channels out among them: 32 channels, 4 heads of 8."""
    usual = {
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 44,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "tie_word_embeddings": False,
    }
    return partial(_config, model_type, **(usual | sizes))


_GPT2 = {"vocab_size": VOCAB, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}
_EXPERTS = {"num_local_experts": 6, "num_experts_per_tok": 3}
_ROUTED = {"num_experts": 6, "num_experts_per_tok": 3, "moe_intermediate_size": 28, "norm_topk_prob": True}
_OPT: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "ffn_dim": 44,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_OPT |= {"max_position_embeddings": 64, "dropout": 0.0}
_FALCON = {"vocab_size": VOCAB, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
_FALCON |= {"ffn_hidden_size": 44, "max_position_embeddings": 64}
_LATENT = {"q_lora_rank": 20, "kv_lora_rank": 12, "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 10}
_DEEPSEEK = {"num_key_value_heads": 4, "head_dim": 4, "first_k_dense_replace": 1, "n_routed_experts": 6, "n_group": 2}
_DEEPSEEK |= {"topk_group": 2, "n_shared_experts": 1, "num_experts_per_tok": 3, "moe_intermediate_size": 28}
_STATE = {"mamba_d_state": 6, "mamba_d_conv": 3, "mamba_expand": 2}
_LINEAR = {
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "linear_key_head_dim": 6,
    "linear_value_head_dim": 10,
}
_MPT = {"vocab_size": VOCAB, "d_model": 32, "n_heads": 4, "n_layers": 2, "max_seq_len": 64, "expansion_ratio": 3}
_XGLM = {"vocab_size": VOCAB, "d_model": 32, "num_layers": 2, "attention_heads": 4, "ffn_dim": 44}

ARCHITECTURES: dict[str, Callable[[], PretrainedConfig]] = {
    "gpt2": partial(_config, "gpt2", **_GPT2, n_inner=44),
    "gpt2_scaled": partial(_config, "gpt2", **_GPT2, scale_attn_by_inverse_layer_idx=True, tie_word_embeddings=False),
    "gpt_neox": _multi_head("gpt_neox", rotary_pct=0.5),
    "gpt_neox_serial": _multi_head("gpt_neox", use_parallel_residual=False, rotary_pct=1.0, attention_bias=False),
    "gptj": partial(_config, "gptj", **_GPT2, n_inner=44, rotary_dim=4),
    "gpt_neo": partial(
        _config,
        "gpt_neo",
        vocab_size=VOCAB,
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        intermediate_size=44,
        attention_types=[[["global", "local"], 1]],
        window_size=3,
        max_position_embeddings=64,
    ),
    "gpt_bigcode": partial(_config, "gpt_bigcode", **_GPT2, n_inner=44),
    "codegen": partial(_config, "codegen", **_GPT2, n_inner=44, rotary_dim=4),
    "openai-gpt": partial(_config, "openai-gpt", **_GPT2),
    "ctrl": partial(_config, "ctrl", **_GPT2, dff=44),
    "opt": partial(_config, "opt", **_OPT, word_embed_proj_dim=32),
    "opt_post_norm": partial(_config, "opt", **_OPT, word_embed_proj_dim=20, do_layer_norm_before=False),
    "bloom": partial(_config, "bloom", vocab_size=VOCAB, hidden_size=32, n_layer=2, n_head=4),
    "falcon_old": partial(_config, "falcon", **_FALCON, multi_query=False, parallel_attn=False, bias=True, alibi=False),
    "falcon_multi_query": partial(_config, "falcon", **_FALCON, multi_query=True, parallel_attn=True, alibi=False),
    "falcon_alibi": partial(_config, "falcon", **_FALCON, multi_query=False, parallel_attn=False, alibi=True),
    "falcon_new": partial(_config, "falcon", **_FALCON, new_decoder_architecture=True, num_kv_heads=2, alibi=False),
    "mpt": partial(_config, "mpt", **_MPT),
    "biogpt": _multi_head("biogpt"),
    "xglm": partial(_config, "xglm", **_XGLM, max_position_embeddings=64),
    "bart": partial(
        _config,
        "bart",
        vocab_size=VOCAB,
        d_model=32,
        decoder_layers=2,
        encoder_layers=2,
        decoder_attention_heads=4,
        encoder_attention_heads=4,
        decoder_ffn_dim=44,
        encoder_ffn_dim=44,
        max_position_embeddings=64,
        is_decoder=True,
        is_encoder_decoder=False,
        forced_eos_token_id=None,
    ),
    "phi": _multi_head("phi", num_key_value_heads=2, partial_rotary_factor=0.5, qk_layernorm=True),
    "phi3": _multi_head("phi3", num_key_value_heads=2, sliding_window=3, rope_theta=100.0),
    "phimoe": _multi_head("phimoe", num_key_value_heads=2, num_local_experts=6, num_experts_per_tok=2),
    "llama": _modern("llama"),
    "llama_multi_head": _multi_head("llama", num_key_value_heads=4, attention_bias=True, mlp_bias=True),
    "llama_tied": _modern("llama", tie_word_embeddings=True, num_key_value_heads=1),
    "llama_yarn": _modern("llama", rope_scaling=_YARN, rope_parameters=_YARN),
    "llama4_text": _modern(
        "llama4_text",
        intermediate_size=28,
        intermediate_size_mlp=44,
        num_local_experts=6,
        num_experts_per_tok=1,
        moe_layers=[1],
        attention_chunk_size=3,
        no_rope_layers=[1, 0],
    ),
    "mistral": _modern("mistral", sliding_window=3),
    "mixtral": _modern("mixtral", **_EXPERTS, intermediate_size=28),
    "ministral": _modern("ministral", sliding_window=3),
    "qwen2": _multi_head("qwen2", num_key_value_heads=2),
    "qwen2_moe": _multi_head("qwen2_moe", num_key_value_heads=2, **_ROUTED, shared_expert_intermediate_size=20),
    "qwen3": _modern("qwen3"),
    "qwen3_moe": _modern("qwen3_moe", **_ROUTED, decoder_sparse_step=1),
    "qwen3_next": _modern(
        "qwen3_next",
        **_ROUTED,
        **_LINEAR,
        shared_expert_intermediate_size=20,
        layer_types=["linear_attention", "full_attention"],
    ),
    "gemma": _modern("gemma"),
    "gemma2": _modern("gemma2", sliding_window=3, query_pre_attn_scalar=8, tie_word_embeddings=True),
    "gemma3_text": _modern("gemma3_text", sliding_window=3, layer_types=["sliding_attention", "full_attention"]),
    "gemma3n_text": _modern(
        "gemma3n_text",
        sliding_window=3,
        layer_types=["sliding_attention", "full_attention"],
        intermediate_size=[44, 44],
        vocab_size_per_layer_input=VOCAB,
        hidden_size_per_layer_input=6,
        laurel_rank=7,
        num_kv_shared_layers=0,
        activation_sparsity_pattern=[0.5, 0.0],
    ),
    "gpt_oss": _modern("gpt_oss", **_EXPERTS, intermediate_size=28, sliding_window=3, rope_scaling=None),
    "deepseek_v2": _modern("deepseek_v2", **_DEEPSEEK, **_LATENT, topk_method="group_limited_greedy"),
    "deepseek_v3": _modern("deepseek_v3", **_DEEPSEEK, **_LATENT),
    "glm": _modern("glm", partial_rotary_factor=0.5),
    "glm4": _modern("glm4", partial_rotary_factor=0.5),
    "glm4_moe": _modern(
        "glm4_moe",
        **{key: value for key, value in _DEEPSEEK.items() if key not in ("num_key_value_heads", "head_dim")},
        partial_rotary_factor=0.5,
        use_qk_norm=True,
    ),
    "stablelm": _multi_head("stablelm", num_key_value_heads=2, use_qkv_bias=True, partial_rotary_factor=0.5),
    "cohere": _multi_head("cohere", num_key_value_heads=2, use_qk_norm=True, logit_scale=0.5),
    "cohere2": _modern(
        "cohere2", logit_scale=0.5, sliding_window=3, layer_types=["sliding_attention", "full_attention"]
    ),
    "olmo": _multi_head("olmo", num_key_value_heads=2, clip_qkv=1.5),
    "olmo2": _multi_head("olmo2", num_key_value_heads=2),
    "olmo3": _multi_head("olmo3", num_key_value_heads=2, sliding_window=3),
    "olmoe": _multi_head("olmoe", num_key_value_heads=2, num_experts=6, num_experts_per_tok=3, intermediate_size=28),
    "granite": _multi_head("granite", num_key_value_heads=2, residual_multiplier=0.7, logits_scaling=2.0),
    "granitemoe": _multi_head("granitemoe", num_key_value_heads=2, **_EXPERTS, intermediate_size=28),
    "starcoder2": _multi_head("starcoder2", num_key_value_heads=2, sliding_window=3, use_bias=True),
    "nemotron": _modern("nemotron", partial_rotary_factor=0.5),
    "persimmon": _multi_head("persimmon", qk_layernorm=True),
    "doge": _multi_head("doge", num_key_value_heads=2, keep_window_size=64),
    "smollm3": _multi_head("smollm3", num_key_value_heads=2, no_rope_layers=[1, 0]),
    "exaone4": _modern("exaone4", sliding_window=3, layer_types=["sliding_attention", "full_attention"]),
    "minimax": _modern(
        "minimax", **_EXPERTS, intermediate_size=28, block_size=4, layer_types=["linear_attention", "full_attention"]
    ),
    "dbrx": partial(
        _config,
        "dbrx",
        vocab_size=VOCAB,
        d_model=32,
        n_heads=4,
        n_layers=2,
        max_seq_len=64,
        attn_config={"kv_n_heads": 2, "clip_qkv": 2.0, "rope_theta": 10000.0},
        ffn_config={"ffn_hidden_size": 28, "moe_num_experts": 6, "moe_top_k": 3, "ffn_act_fn": {"name": "silu"}},
    ),
    "helium": _multi_head("helium", num_key_value_heads=2, head_dim=8),
    "ernie4_5_moe": _modern(
        "ernie4_5_moe", moe_num_experts=6, moe_k=3, moe_intermediate_size=28, moe_num_shared_experts=1, use_bias=True
    ),
    "hunyuan_v1_dense": _modern("hunyuan_v1_dense"),
    "seed_oss": _modern("seed_oss"),
    "arcee": _modern("arcee"),
    "apertus": _multi_head("apertus", num_key_value_heads=2),
    "diffllama": _multi_head("diffllama", num_key_value_heads=2),
    "moshi": _modern("moshi", ffn_dim=44, audio_vocab_size=None),
    "modernbert-decoder": _multi_head(
        "modernbert-decoder",
        global_attn_every_n_layers=2,
        layer_types=["full_attention", "sliding_attention"],
        local_attention=6,
    ),
    "mamba": partial(
        _config, "mamba", vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, state_size=6, conv_kernel=3
    ),
    "mamba2": partial(
        _config,
        "mamba2",
        vocab_size=VOCAB,
        hidden_size=32,
        num_hidden_layers=2,
        state_size=6,
        conv_kernel=3,
        num_heads=8,
        head_dim=8,
        n_groups=2,
        chunk_size=4,
    ),
    "falcon_mamba": partial(
        _config, "falcon_mamba", vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, state_size=6, conv_kernel=3
    ),
    "jamba": _multi_head(
        "jamba",
        **_STATE,
        num_key_value_heads=2,
        num_experts=6,
        num_experts_per_tok=3,
        attn_layer_period=2,
        attn_layer_offset=1,
        expert_layer_period=2,
        expert_layer_offset=1,
        mamba_dt_rank=5,
        use_mamba_kernels=False,
    ),
    "bamba": _multi_head(
        "bamba",
        **_STATE,
        num_key_value_heads=2,
        mamba_n_heads=8,
        mamba_d_head=8,
        mamba_n_groups=2,
        mamba_chunk_size=4,
        attn_layer_indices=[1],
    ),
    "lfm2": _multi_head(
        "lfm2",
        num_key_value_heads=2,
        block_ff_dim=44,
        block_multiple_of=4,
        conv_L_cache=3,
        layer_types=["conv", "full_attention"],
    ),
    "recurrent_gemma": _multi_head(
        "recurrent_gemma",
        num_key_value_heads=1,
        lru_width=36,
        attention_window_size=3,
        block_types=["recurrent", "attention"],
    ),
    "rwkv": partial(
        _config,
        "rwkv",
        vocab_size=VOCAB,
        hidden_size=32,
        attention_hidden_size=32,
        intermediate_size=44,
        num_hidden_layers=2,
        context_length=64,
    ),
    "nemotron_h": _modern(
        "nemotron_h",
        layers_block_type=["mamba", "attention", "moe"],
        num_hidden_layers=3,
        mamba_num_heads=8,
        mamba_head_dim=8,
        ssm_state_size=6,
        conv_kernel=3,
        n_groups=2,
        chunk_size=4,
        n_routed_experts=6,
        num_experts_per_tok=3,
        moe_intermediate_size=28,
        moe_shared_expert_intermediate_size=20,
    ),
    "cpmant": partial(
        _config,
        "cpmant",
        vocab_size=VOCAB,
        hidden_size=40,
        num_attention_heads=4,
        dim_head=8,
        dim_ff=44,
        num_hidden_layers=2,
        prompt_length=3,
    ),
    "reformer": partial(
        _config,
        "reformer",
        vocab_size=VOCAB,
        hidden_size=40,
        num_attention_heads=4,
        attention_head_size=8,
        feed_forward_size=44,
        attn_layers=["local", "lsh"],
        local_attn_chunk_length=8,
        lsh_attn_chunk_length=8,
        num_buckets=4,
        num_hashes=2,
        hash_seed=0,
        axial_pos_shape=[8, 8],
        axial_pos_embds_dim=[16, 24],
        max_position_embeddings=64,
        is_decoder=True,
    ),
    "prophetnet": partial(
        _config,
        "prophetnet",
        vocab_size=VOCAB,
        hidden_size=32,
        num_decoder_layers=2,
        num_decoder_attention_heads=4,
        decoder_ffn_dim=44,
        max_position_embeddings=64,
        pad_token_id=0,  # the positions that follow one another in its cache begin there
        bos_token_id=2,
    ),
    "xlm": partial(
        _config, "xlm", vocab_size=VOCAB, emb_dim=32, n_layers=2, n_heads=4, max_position_embeddings=64, causal=True
    ),
    "xlnet": partial(_config, "xlnet", vocab_size=VOCAB, d_model=32, n_layer=2, n_head=4, d_inner=44),
    "bert": _multi_head("bert", is_decoder=True),
    "roberta": _multi_head("roberta", is_decoder=True, pad_token_id=1, eos_token_id=2),
    "bert_masked": _multi_head("bert", tie_word_embeddings=True),
    "roberta_masked": _multi_head("roberta", pad_token_id=1, eos_token_id=2),
    "distilbert_masked": partial(
        _config,
        "distilbert",
        vocab_size=VOCAB,
        dim=32,
        hidden_dim=44,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=64,
    ),
    "electra_masked": _multi_head("electra", embedding_size=20),
    "albert_masked": _multi_head("albert", embedding_size=20),
    "modernbert_masked": _multi_head(
        "modernbert",
        global_attn_every_n_layers=2,
        layer_types=["full_attention", "sliding_attention"],
        local_attention=6,
    ),
    "deberta-v2_masked": _multi_head(
        "deberta-v2", relative_attention=True, pos_att_type=["p2c", "c2p"], max_relative_positions=8
    ),
}
"""By name, a function that makes the config; a name that ends in "_masked" is an encoder's, for a masked LM."""


FAILING = {"cpmant": "generate() fails at the second token"}
"""Architectures that transformers 4 itself cannot generate with, and how."""


def is_encoder(name: str) -> bool:
    """Whether the model of this name reads in both directions and generates nothing."""
    return name.endswith("_masked")


def missing() -> dict[str, str]:
    """The architectures that the installed transformers does not have or cannot run, and what it says about them."""
    import transformers

    lacking = {}
    for name, make in ARCHITECTURES.items():
        if name in FAILING and transformers.__version__.startswith("4."):
            lacking[name] = FAILING[name]
            continue
        try:
            make()
        except ValueError as error:
            lacking[name] = str(error).splitlines()[0][:120]
    return lacking


def build(name: str, folder: Path, seed: int = 0, dtype: torch.dtype | None = None) -> Path:
    """A model folder (config.json, model.safetensors, no tokenizer) with weights from `seed`, float32 if not told.

    Raises ValueError where this transformers does not have the architecture.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

    config = ARCHITECTURES[name]()
    kind = AutoModelForMaskedLM if is_encoder(name) else AutoModelForCausalLM
    torch.manual_seed(seed)
    model = kind.from_config(config).eval()
    randomise(model, seed)
    model.to(dtype or torch.float32).save_pretrained(folder, safe_serialization=True)
    return folder


def randomise(model: torch.nn.Module, seed: int) -> None:
    """Weights of which every one matters: matrices that keep the size of what goes through them, biases away from
    zero and gains away from one."""
    import torch

    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=random)
            if parameter.dim() < 2 or name.endswith("A_log"):
                parameter.add_(0.1 * noise)
            else:
                parameter.copy_(noise / math.sqrt(parameter.shape[-1]))
