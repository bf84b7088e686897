# SPDX-License-Identifier: GPL-3.0-or-later
"""Any causal language model or encoder of transformers as a subject: offline first, its own code never unasked."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..core.errors import UserError
from ..core.messages import Message, ProgressMessage
from .architecture import ends_of, first_line, has_masked_head, json_safe, kind_of, limit_of, load_config
from .checkpoint_files import safetensors_header, weight_files
from .codecs import load_codec
from .hub import hub_folder, keep_quiet, stay_offline
from .request import Request
from .subject import Kind, Subject

NUMBER_TYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SHORTER = "Say --dtype bfloat16, which takes half of that, or choose a smaller model."
MISSING = ("set_up", "python")  # what can be done where transformers is missing


@dataclass(frozen=True)
class Place:
    """A model's folder, what to call it, and where it came from."""

    folder: Path
    name: str
    source: str


@dataclass
class _Loading:
    """What is needed to load one model, and what was found that a person should know."""

    place: Place
    config: Any
    kind: Kind
    request: Request
    warnings: list[str] = field(default_factory=list)


def load_huggingface(request: Request, device: torch.device, say: Callable[[Message], None]) -> Subject:
    """The model of a folder or of the hub, with its tokenizer.

    Raises UserError where transformers is missing, or the model is, or is none that can be traced or loaded.
    """
    place = find(request, weights=True, say=say)
    transformers = library()
    config = load_config(place.folder, place.name, request.code)
    loading = _Loading(place, config, kind_of(config, place.name), request)
    files = weight_files(place.folder, place.name)
    dtype = number_type(request.dtype, device)
    _check_memory(place.name, files, dtype, device)
    say(ProgressMessage("load", 0.3, f"Loading {place.name}"))
    model = _loaded(loading, dtype).to(device).eval()
    return _subject(loading, model, files, transformers.__version__)


def find(request: Request, weights: bool, say: Callable[[Message], None]) -> Place:
    """Where the model is, fetched first where the person allowed it. Before transformers is imported.

    Raises UserError where it is nowhere.
    """
    keep_quiet()
    if request.folder is not None:
        stay_offline()
        name = request.folder.resolve().name
        return Place(request.folder, name, name)
    assert request.hub is not None
    folder = hub_folder(request.hub, request.online, request.code, weights, say)
    return Place(folder, request.hub.last, f"{request.hub.repository}@{folder.name[:12]}")


def library() -> Any:
    """transformers, quiet. Raises UserError where this Python has none, or one that does not start."""
    try:
        import transformers
        from transformers.utils import logging
    except ModuleNotFoundError as error:
        what = f"The Python at {sys.executable} has no {error.name}, which this model needs."
        raise UserError(what, 'Install it there: pip install "transformers==5.24.0".', 1, MISSING) from error
    except ImportError as error:
        raise UserError(
            f"transformers cannot be loaded: {first_line(error)}.", "Install it again.", 1, MISSING
        ) from error
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    return transformers


def number_type(wanted: str, device: torch.device) -> torch.dtype | None:
    """The type for the weights; None is the checkpoint's own, which "auto" means on anything but the CPU."""
    if wanted == "auto":
        return torch.float32 if device.type == "cpu" else None
    return NUMBER_TYPES[wanted]


def _subject(loading: _Loading, model: torch.nn.Module, files: tuple[Path, ...], version: str) -> Subject:
    place, request, config = loading.place, loading.request, loading.config
    embedding: Any = getattr(model, "get_input_embeddings", lambda: None)()
    weight = getattr(embedding, "weight", None)
    vocabulary = int(config.get_text_config().vocab_size if weight is None else weight.shape[0])
    codec, warning = load_codec(
        place.folder, place.name, vocabulary, chat=request.chat, code=request.code, ids=request.ids is not None
    )
    return Subject(
        model=model,
        name=place.name,
        architecture=type(model).__name__,
        config=json_safe(config.to_dict()),
        source=place.source,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        codec=codec,
        limit=limit_of(config, model),
        vocabulary=vocabulary,
        ends=ends_of(config, model) if loading.kind == "causal" else frozenset(),
        kind=loading.kind,
        checkpoint=tuple(path for path in files if path.suffix == ".safetensors"),
        transformers=version,
        warnings=(*loading.warnings, *filter(None, [warning])),
    )


def _loaded(loading: _Loading, dtype: torch.dtype | None) -> Any:
    """The first way of loading that leaves no weight to chance. Raises UserError where there is none."""
    missing: list[str] = []
    for kind, own in _ways(loading):
        model, info = _from_pretrained(loading, kind, own, dtype)
        _check_shapes(loading.place.name, info["mismatched_keys"])
        missing = missing or sorted(map(str, info["missing_keys"]))
        if not info["missing_keys"]:
            method = _quantisation(loading.config)
            if method is not None:
                what = f"The weights of {loading.place.name} are quantised ({method})"
                loading.warnings.append(f"{what}: multiplies in its quantised layers may not be exact.")
            return model
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    what = f"The weights of {loading.place.name} have no {missing[0]}{more}, and random numbers shall not be shown."
    raise UserError(what, "Get the model again, or the one that it was made from.")


def _check_shapes(name: str, mismatched: Iterable[str | tuple[str, Any, Any]]) -> None:
    """Raises UserError where a weight has another shape than the config asks for; transformers 5 tells the shapes."""
    for key in sorted(entry if isinstance(entry, str) else entry[0] for entry in mismatched):
        what = f"{key} of {name} has another shape in its file than its config.json asks for."
        raise UserError(what, "Get the model again: its config.json belongs to another one.")


def _ways(loading: _Loading) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Classes to load the model with, and arguments of their own, best first."""
    import transformers

    if loading.kind == "causal":
        yield transformers.AutoModelForCausalLM, {}
        return
    if has_masked_head(loading.config):
        yield transformers.AutoModelForMaskedLM, {}
    yield transformers.AutoModel, {}
    yield transformers.AutoModel, {"add_pooling_layer": False}


def _from_pretrained(loading: _Loading, kind: Any, own: dict[str, Any], dtype: torch.dtype | None) -> tuple[Any, Any]:
    """The model and what transformers says of its weights; with its default attention where it refuses the wanted."""
    config, request = loading.config, loading.request
    if hasattr(config, "_experts_implementation"):
        config._experts_implementation = "eager"  # the others are one kernel for all experts
    arguments = {"config": config, "local_files_only": True, "output_loading_info": True, **own}
    arguments["ignore_mismatched_sizes"] = True  # told apart below, in better words
    arguments |= {"trust_remote_code": request.code, _dtype_argument(): "auto" if dtype is None else dtype}
    folder = str(loading.place.folder)
    try:
        try:
            return kind.from_pretrained(folder, attn_implementation=request.attention, **arguments)
        except (ValueError, TypeError) as error:
            if "attn_implementation" not in str(error) and "attention implementation" not in str(error):
                raise
            loading.warnings.append(f"{loading.place.name} refuses {request.attention} attention; it runs its own.")
            return kind.from_pretrained(folder, **arguments)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever a model's code and its libraries think of
        raise _unloadable(loading, error) from error


def _dtype_argument() -> str:
    """What `from_pretrained` calls the number type: another name before 4.56."""
    import transformers

    major, minor = map(int, transformers.__version__.split(".")[:2])
    return "dtype" if (major, minor) >= (4, 56) else "torch_dtype"


def _unloadable(loading: _Loading, error: Exception) -> UserError:
    """Why a model could not be loaded, as far as it can be told from what was raised."""
    import transformers

    name, text = loading.place.name, first_line(error)
    method = _quantisation(loading.config)
    if method is not None:
        what = f"The weights of {name} are quantised ({method}), and this Python cannot read them: {text}."
        return UserError(what, "Choose the model that it was made from, or install what that needs.")
    if isinstance(error, ImportError):
        return UserError(f"{name} needs a Python package that is not here: {text}.", "Install it in that Python.")
    if "trust_remote_code" in str(error):
        hint = "If you trust its author, say --trust-remote-code; it may do anything that you may do."
        return UserError(f"{name} needs program code that comes with it, which is not run unasked.", hint, 2, ("code",))
    what = f"transformers {transformers.__version__} cannot load {name}: {text}."
    return UserError(what, "Get the model again, or try another version of transformers.")


def _quantisation(config: Any) -> str | None:
    """How the weights are quantised; None where they are not."""
    found = getattr(config, "quantization_config", None)
    if found is None:
        return None
    words = found if isinstance(found, dict) else found.to_dict()
    return str(words.get("quant_method", "in an unknown way")).rpartition(".")[2].lower()


def _check_memory(name: str, files: tuple[Path, ...], dtype: torch.dtype | None, device: torch.device) -> None:
    """Raises UserError where the weights alone are more than this machine's memory."""
    if device.type != "cpu" or dtype is None:
        return
    headers = [safetensors_header(path) for path in files if path.suffix == ".safetensors"]
    numbers = sum(_count(entry.get("shape")) for header in headers for entry in header.values())
    needed, there = numbers * dtype.itemsize, _memory()
    if there is not None and needed > there:
        what = f"The weights of {name} take {needed / 1e9:.1f} GB as {str(dtype).removeprefix('torch.')}"
        hint = SHORTER if dtype.itemsize > 2 else "Choose a smaller model."
        raise UserError(
            f"{what}, and this machine has {there / 1e9:.1f} GB of memory.",
            hint,
            1,
            ("half",) if dtype.itemsize > 2 else (),
        )


def _count(shape: Any) -> int:
    count = 1
    for size in shape if isinstance(shape, list) else []:
        count *= int(size)
    return count


def _memory() -> int | None:
    """The machine's memory in bytes; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
