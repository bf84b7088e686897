# SPDX-License-Identifier: GPL-3.0-or-later
"""The weights of a built-in model, read with NumPy: float32, by minGPT's names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...core.errors import UserError
from ...core.trace_external import parse_checkpoint
from ...core.trace_file import map_bytes, parse_entry
from ...core.trace_manifest import ManifestError
from ..config import HINT, Config

WEIGHTS = "model.safetensors"
MASK = ".attn.bias"  # a causal mask that minGPT saved with the weights: it is none
Array = NDArray[np.float32]


def shapes(config: Config) -> dict[str, tuple[int, ...]]:
    """Every parameter of the model with its shape, as torch stores it: a linear's weight is [out, in]."""
    c, wide = config.n_embd, 4 * config.n_embd
    found: dict[str, tuple[int, ...]] = {
        "transformer.wte.weight": (config.vocab_size, c),
        "transformer.wpe.weight": (config.block_size, c),
    }
    for layer in range(config.n_layer):
        at = f"transformer.h.{layer}"
        for name, rows, columns in (("attn.c_attn", 3 * c, c), ("attn.c_proj", c, c)):
            found |= {f"{at}.{name}.weight": (rows, columns), f"{at}.{name}.bias": (rows,)}
        for name, rows, columns in (("mlp.c_fc", wide, c), ("mlp.c_proj", c, wide)):
            found |= {f"{at}.{name}.weight": (rows, columns), f"{at}.{name}.bias": (rows,)}
        for name in ("ln_1", "ln_2"):
            found |= {f"{at}.{name}.weight": (c,), f"{at}.{name}.bias": (c,)}
    return found | {
        "transformer.ln_f.weight": (c,),
        "transformer.ln_f.bias": (c,),
        "lm_head.weight": (config.vocab_size, c),
    }


def read_weights(folder: Path, config: Config) -> dict[str, Array]:
    """All parameters. Raises UserError where the file is missing or damaged, or does not hold exactly these."""
    path = folder / WEIGHTS
    if not path.is_file():
        raise UserError(f"The model folder {folder} has no {WEIGHTS}.", HINT, 2)
    try:
        found = _read(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.", HINT) from None
    except (ManifestError, ValueError):
        hint = "Get or train the model again."
        raise UserError(f"{path} is corrupt: it cannot be read as safetensors.", hint) from None
    wanted = shapes(config)
    for name, shape in wanted.items():
        if name not in found:
            raise UserError(f"{WEIGHTS} of {folder} has no {name}.", HINT)
        if found[name].shape != shape:
            what = f"{name} in {WEIGHTS} of {folder} has shape {found[name].shape}; config.json asks for {shape}."
            raise UserError(what, HINT)
    strangers = sorted(name for name in set(found) - set(wanted) if not name.endswith(MASK))
    if strangers:
        raise UserError(f"{WEIGHTS} of {folder} has {strangers[0]}, which this kind of model has not.", HINT)
    return {name: found[name] for name in wanted}


def _read(path: Path) -> dict[str, Array]:
    """Every tensor of a safetensors file; raises ManifestError and ValueError for one that is damaged."""
    header, data = parse_checkpoint(map_bytes(path))
    header.pop("__metadata__", None)
    found = {}
    for name, words in header.items():
        dtype, _, begin, end = parse_entry(name, words)
        if end > len(data):
            raise ManifestError("its end is missing")
        found[name] = _floats(data[begin:end], dtype).reshape(words["shape"])
    return found


def _floats(content: NDArray[np.uint8], dtype: str) -> Array:
    """The numbers in float32, whatever type they were saved in; what is no floating point stays a mask of zeros."""
    if dtype == "BF16":  # the upper half of a float32
        return (content.view("<u2").astype(np.uint32) << 16).view(np.float32)
    types = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}
    if dtype not in types:
        return np.zeros(len(content), np.float32)
    return np.array(content.view(types[dtype]), np.float32)
