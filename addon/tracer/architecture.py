# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of model a config of transformers describes, and what it says about sizes; no rule for a single model."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UserError

# What configs call the most tokens that a model reads.
LIMITS = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "max_seq_length",
    "n_ctx",
    "seq_length",
    "max_target_positions",
    "model_max_length",
)
TABLES = ("wpe", "embed_positions", "position_embeddings", "positions_embed")  # embeddings of positions
TRACED = "Forward Pass traces causal language models, such as GPT-2 or Llama, and encoders such as BERT."


def read_json(path: Path) -> dict[str, Any]:
    """A config file as it stands. Raises UserError where it is missing or no JSON object."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.", "Give another folder.", 2) from None
    except (ValueError, RecursionError):
        raise UserError(f"{path} is not JSON.", "Get the model again.") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is not a model's config.", "Get the model again.")
    return found


def load_config(folder: Path, name: str, code: bool) -> Any:
    """The config of transformers; `code` lets it run Python that the model brings along.

    Raises UserError where this transformers does not know the model, or it is nothing without its own code.
    """
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    words = read_json(folder / "config.json")
    model_type, own = words.get("model_type"), words.get("auto_map")
    known = isinstance(model_type, str) and model_type in CONFIG_MAPPING
    if not known and own and not code:
        hint = "If you trust its author, say --trust-remote-code; it may do anything that you may do."
        raise UserError(f"{name} needs program code that comes with it, which is not run unasked.", hint, 2)
    if not known and not own:
        if not isinstance(model_type, str):
            raise UserError(f"config.json of {name} does not say its model_type.", "Choose a model of transformers.")
        what = f"This transformers {transformers.__version__} does not know the model type {model_type}"
        raise UserError(f"{what} of {name}.", "Install a newer one: pip install --upgrade transformers.")
    try:
        return transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True, trust_remote_code=code)
    except Exception as error:  # a config checks itself in its own ways
        raise UserError(f"config.json of {name} will not do: {first_line(error)}.", "Get the model again.") from error


def kind_of(config: Any, name: str) -> Literal["causal", "encoder"]:
    """Whether the model generates tokens or reads a text in one pass.

    Raises UserError where it does neither: it is an encoder-decoder, sees pictures, hears sound.
    """
    causal, masked = _names("CAUSAL_LM"), _names("MASKED_LM")
    model_type = config.model_type
    own = getattr(config, "auto_map", None) or {}
    generates = model_type in causal or "AutoModelForCausalLM" in own
    reads = model_type in masked or "AutoModelForMaskedLM" in own
    named = set(getattr(config, "architectures", None) or ())
    both_ways = bool(getattr(config, "is_encoder_decoder", False))
    if generates and not reads and (not both_ways or causal.get(model_type) in named):
        return "causal"
    if generates and getattr(config, "is_decoder", False) and not both_ways:
        return "causal"
    if reads and not both_ways:
        return "encoder"
    what = "an encoder-decoder model" if both_ways else f"a model of the type {model_type}"
    raise UserError(f"{name} is {what}, not a causal language model.", TRACED, 2)


def has_masked_head(config: Any) -> bool:
    """Whether the checkpoint of an encoder was saved with a head that fills in masked words."""
    named = getattr(config, "architectures", None) or ()
    heads = set(_names("MASKED_LM").values())
    return any(one in heads or one.endswith(("ForPreTraining", "LMHeadModel")) for one in named)


def limit_of(config: Any, model: Any = None) -> int | None:
    """The most tokens that the model can be given: by its config, and by its table of positions where it has one."""
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    found = [getattr(text, key, None) for key in LIMITS]
    limits = [value for value in found if type(value) is int and 0 < value < 1 << 40][:1]
    rows = [] if model is None else _position_rows(model)
    return min([*limits, *rows], default=None)


def _position_rows(model: Any) -> list[int]:
    """The rows for positions in embeddings of positions: some tables begin with rows that stand for padding."""
    rows = []
    for path, module in model.named_modules():
        weight: Any = getattr(module, "weight", None)
        if path.rpartition(".")[2] in TABLES and getattr(weight, "ndim", 0) == 2:
            padding = getattr(module, "padding_idx", None)
            before = getattr(module, "offset", 0 if padding is None else padding + 1)
            rows.append(int(weight.shape[0]) - int(before))
    return rows


def ends_of(config: Any, model: Any) -> frozenset[int]:
    """The ids that end a text, by the model's generation config, else by its config."""
    for owner in (getattr(model, "generation_config", None), config):
        found = getattr(owner, "eos_token_id", None)
        ids = found if isinstance(found, list | tuple) else [found]
        ends = frozenset(one for one in ids if type(one) is int)
        if ends:
            return ends
    return frozenset()


def json_safe(value: Any) -> Any:
    """As JSON can hold it: what it has no word for becomes a text."""
    if isinstance(value, Mapping):
        return {str(key): json_safe(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(one) for one in value]
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value).removeprefix("torch.")


def first_line(error: BaseException) -> str:
    """The beginning of what an exception says, without a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:240].rstrip(".: ")


def _names(task: str) -> dict[str, str]:
    """The class for a task by model type, as transformers lists them."""
    from transformers.models.auto import modeling_auto

    return dict(getattr(modeling_auto, f"MODEL_FOR_{task}_MAPPING_NAMES"))
