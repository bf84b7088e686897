# SPDX-License-Identifier: GPL-3.0-or-later
"""Model folders of transformers as people have them, only small: weights, a config, a tokenizer of each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tokenizers

TEXT = ["the sky is blue and the sea is blue", "the cat sat on the mat", "hello world, hello sea", "unbelievable cats"]
CHAT = (
    "{% for m in messages %}<s>{{ m.role }}: {{ m.content }}{% endfor %}{% if add_generation_prompt %} bot:{% endif %}"
)
SIZES = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64}


def gpt2(folder: Path, vocabulary: int = 320, tokenizer: bool = True, **config: Any) -> Path:
    """A GPT-2 with random weights of one seed, and byte-level BPE."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    ends: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 0}
    GPT2LMHeadModel(GPT2Config(vocab_size=vocabulary, **(SIZES | ends | config))).save_pretrained(folder)
    if tokenizer:
        save_tokenizer(byte_level(), folder, bos_token="<s>", eos_token="<s>", chat_template=CHAT)
    return folder


def bert(folder: Path, head: bool, **config: Any) -> Path:
    """A BERT with random weights, with the head that fills in masked words or without, and WordPiece."""
    import torch
    from transformers import BertConfig, BertForMaskedLM, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 44}
    made = BertConfig(vocab_size=200, max_position_embeddings=64, **(sizes | config))
    (BertForMaskedLM if head else BertModel)(made).save_pretrained(folder)
    save_tokenizer(word_pieces(), folder, cls_token="[CLS]", sep_token="[SEP]", unk_token="[UNK]", mask_token="[MASK]")
    return folder


def save_tokenizer(tokenizer: tokenizers.Tokenizer, folder: Path, **special: str) -> None:
    """Writes the files that transformers reads."""
    from transformers import PreTrainedTokenizerFast

    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def byte_level() -> tokenizers.Tokenizer:
    """As GPT-2 has it: every byte is a letter, a space belongs to the word after it."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        TEXT, trainers.BpeTrainer(vocab_size=320, special_tokens=["<s>"], initial_alphabet=alphabet)
    )
    return made


def metaspace() -> tokenizers.Tokenizer:
    """As Llama has it: a space is a letter of its own kind, and what has no piece falls back to bytes."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors

    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    pieces = ["▁", "▁the", "▁sky", "▁is", "s", "▁blue", "x", "▁x", "▁e", "t", "h", "e", "k", "y"]
    scored = [(piece, -1.0) for piece in ["<unk>", "<s>", *bytes_, *pieces]]
    made = Tokenizer(models.Unigram(scored, unk_id=0, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return made


def word_pieces() -> tokenizers.Tokenizer:
    """As BERT has it: words, and pieces of words that begin with ##."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "sky", "is", "blue", "un", "##bel", "##iev", "##able"]
    words += [",", ".", "!", "cat", "##s"]
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return made


def change_json(path: Path, **changes: Any) -> None:
    """Sets keys of a JSON file; None takes one away."""
    found = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({key: value for key, value in found.items() if value is not None}), encoding="utf-8")
