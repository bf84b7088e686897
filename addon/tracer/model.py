# SPDX-License-Identifier: GPL-3.0-or-later
"""The GPT that is traced: minGPT's, in plain torch, with its parameter names.

Pre-LayerNorm, learned positions, tanh GELU, an untied head without bias. Source: Radford et al., "Language Models are
Unsupervised Multitask Learners" (2019); names after minGPT. Nothing here knows that it is being watched.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import Config

EPSILON = 1e-5  # of every LayerNorm


class Attention(nn.Module):
    """Causal self-attention with all heads in one fused projection."""

    mask: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)
        visible = torch.ones(config.block_size, config.block_size, dtype=torch.bool).tril()
        self.register_buffer("mask", ~visible, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] -> [B, T, C]."""
        b, t, c = x.shape
        q, k, v = self.c_attn(x).split(c, dim=2)  # [B, T, C] each
        q = q.view(b, t, self.heads, c // self.heads).transpose(1, 2)  # [B, H, T, d]
        k = k.view(b, t, self.heads, c // self.heads).transpose(1, 2)  # [B, H, T, d]
        v = v.view(b, t, self.heads, c // self.heads).transpose(1, 2)  # [B, H, T, d]
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(c // self.heads))  # [B, H, T, T]
        scores = scores.masked_fill(self.mask[:t, :t], float("-inf"))
        mixed = F.softmax(scores, dim=-1) @ v  # [B, H, T, d]
        merged = mixed.transpose(1, 2).contiguous().view(b, t, c)
        return cast(Tensor, self.c_proj(merged))


class MLP(nn.Module):
    """Up to four times the channels, GELU, and back."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.gelu = nn.GELU(approximate="tanh")
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] -> [B, T, C]."""
        return cast(Tensor, self.c_proj(self.gelu(self.c_fc(x))))  # [B, T, 4C] inside


class Block(nn.Module):
    """One layer: attention and MLP, each on a norm of the residual stream and added back to it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=EPSILON)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=EPSILON)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        """[B, T, C] -> [B, T, C]."""
        x = x + self.attn(self.ln_1(x))
        return x + cast(Tensor, self.mlp(self.ln_2(x)))


class Transformer(nn.Module):
    """Embeddings, layers, and the last norm."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.n_embd, eps=EPSILON)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids [B, T] -> [B, T, C]."""
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)  # [1, T]
        x = self.wte(ids) + self.wpe(positions)  # [B, T, C]
        for block in self.h:
            x = block(x)
        return cast(Tensor, self.ln_f(x))


class GPT(nn.Module):
    """The whole model, from token ids to logits."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.transformer = Transformer(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Token ids [B, T] -> logits [B, T, V]."""
        return cast(Tensor, self.lm_head(self.transformer(ids)))
