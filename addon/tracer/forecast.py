# SPDX-License-Identifier: GPL-3.0-or-later
"""What a trace would take, told before any weights are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..core.errors import UserError
from ..core.messages import Message, ProgressMessage, ResultMessage
from .architecture import first_line
from .request import Request


def forecast(request: Request, say: Callable[[Message], None]) -> ResultMessage:
    """The estimate of a request, as lines for people and as numbers. Needs the config, and any tokenizer.

    Raises UserError as the run itself would, as far as it can be told without the weights.
    """
    from .estimate import estimate

    say(ProgressMessage("load", 0.5, "Reading the config"))
    if request.config is None:
        config, ids, kind = _of_transformers(request, say)
    else:
        assert request.ids is not None
        config, ids, kind = request.config, request.ids, "builtin"
    try:
        found = estimate(config, len(ids), request.choices(kind), request.attention, request.code)
    except UserError:
        raise
    except Exception as error:  # a model's own code, on tensors without numbers
        what = f"This model cannot be estimated: {first_line(error)}."
        raise UserError(what, "Trace it without --estimate.") from error
    data = {"bytes": found.bytes, "operations": found.operations, "multiplies": found.multiplies}
    return ResultMessage("", {"lines": list(found.lines()), "seconds": found.seconds, **data})


def _of_transformers(request: Request, say: Callable[[Message], None]) -> tuple[Any, tuple[int, ...], str]:
    """The config, the prompt's ids and the kind of a model of transformers."""
    from .architecture import kind_of, limit_of, load_config
    from .codecs import load_codec
    from .device import choose_device
    from .huggingface import find, library, number_type
    from .prompt import check_ids, check_length

    place = find(request, weights=False, say=say)
    library()
    config = load_config(place.folder, place.name, request.code)
    dtype = number_type(request.dtype, choose_device(request.device))
    if dtype is not None:
        config.dtype = dtype
    kind = kind_of(config, place.name)
    vocabulary = int(config.get_text_config().vocab_size)
    ids = request.ids
    if ids is None:
        assert request.prompt is not None
        codec, _ = load_codec(place.folder, place.name, vocabulary, chat=request.chat, code=request.code, ids=False)
        ids = codec.encode(request.prompt)
    check_ids(ids, place.name, vocabulary)
    check_length(len(ids), request.choices(kind).steps, place.name, limit_of(config))
    return config, ids, kind
