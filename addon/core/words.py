# SPDX-License-Identifier: GPL-3.0-or-later
"""Every sentence of the narration, in one place: for each moment a full one, and a brief one for short videos."""

from __future__ import annotations

from .wording import Wording, shortened

SUBTITLE = "{model}: {parameters:,} parameters, every multiply, true numbers"
TITLES = {True: "How a transformer sorts {prompt}", False: 'How a transformer continues "{prompt}"'}
ENDS = {True: "Again, until it is sorted", False: "Again, for each new {unit}"}
LONGEST_TITLE, LONGEST_QUOTE = 36, 30  # characters of a prompt or of an answer that a title and a caption hold

# moment: (full, brief); the words in braces are filled in from the trace.
CAPTIONS = {
    "large overview": (
        "The whole model: {layers} layers, {heads} heads, {channels} channels. From afar, one cell stands for many.",
        "The whole model. One cell stands for many: the largest.",
    ),
    "overview": (
        "The whole model, to scale: {layers} layers, {heads} heads, {channels} channels. Each cell is one true number.",
        "The whole model. Each cell is one true number.",
    ),
    "tokens": (
        "Each {unit} looks up its row of the embedding table: {channels} numbers that stand for it.",
        "Each {unit} looks up {channels} numbers,",
    ),
    "positions": (
        "Its position adds numbers of its own. The sum starts the residual stream.",
        "and its position adds its own.",
    ),
    "tokens alone": (
        "Each {unit} looks up its row of the embedding table: {channels} numbers, which start the residual stream.",
        "Each {unit} looks up {channels} numbers.",
    ),
    "root norm": (
        "RMS norm: each token's numbers are divided by the root of their mean square, so that all are of one size.",
        "RMS norm rescales each token.",
    ),
    "query norm": (
        "Each query and each key is rescaled by a norm of its own.",
        "Queries and keys are rescaled.",
    ),
    "rotary": (
        "Where a token stands is turned into an angle: pairs of its query's numbers rotate, and those of its key.",
        "Each pair turns by the token's place.",
    ),
    "shifted": (
        "Before they compete, the scores are shifted: each by a number that depends on where the tokens are.",
        "The scores are shifted.",
    ),
    "shared heads": (
        "All {heads} heads do this at once. Every {shared} of them share one set of keys and values: {groups} in all.",
        "All {heads} heads at once, {shared} to a key.",
    ),
    "projection alone": (
        "One more multiply mixes what the heads have read. Beside it, the MLP works on the same tokens.",
        "What the heads have read is mixed.",
    ),
    "projection, norm": (
        "One more multiply mixes what the heads have read. It is rescaled once more, and added to the residual stream.",
        "Mixed, rescaled, and added to the stream.",
    ),
    "gate": (
        "The MLP works on each token alone, with two multiplies: a gate, and what the gate may let through.",
        "The MLP: a gate, and what it may let through.",
    ),
    "bent down": (
        "Each number is bent by an activation, and the way back down folds them into the stream.",
        "An activation, and back into the stream.",
    ),
    "gated down": (
        "{activation} of the gate, times what came up: {neurons} products. The way back folds them into the stream.",
        "Gate times up, and back down.",
    ),
    "parallel down": (
        "{activation}, and the way back down. Attention and MLP are added to the stream together.",
        "{activation}, and both join the stream.",
    ),
    "parallel": ("Attention and MLP are added to the stream together.", "Both join the stream."),
    "first layers": (
        "The first layers work without attention: they are run as they are, every operation under its own name.",
        "The first layers have no attention.",
    ),
    "router": (
        "A router scores {experts} experts for each token. The token goes to the best {chosen} of them.",
        "A router picks {chosen} of {experts} experts.",
    ),
    "experts": (
        "Each expert is an MLP of its own, with the rows of its own tokens. {ran} of them have some here.",
        "{ran} experts, each with its own tokens.",
    ),
    "rest": (
        "What else this layer computes, each operation under its own name.",
        "Everything else in this layer.",
    ),
    "again cached": (
        "The new {unit} joins the text. Only it goes through the model: the keys and values of the others are kept.",
        "Again, with the new {unit} alone.",
    ),
    "cache": ("The cache grows by one key and one value in each head.", ""),
    "norm": (
        "Layer norm: each token's numbers are centred, and scaled to a spread of one.",
        "Layer norm rescales each token.",
    ),
    "query": (
        "Token {token}, {text}, meets each column of the query weights: multiply, add up, one number of its query.",
        "Multiply, add up: one number of the query.",
    ),
    "key_value": ("Keys and values come the same way, from weights of their own.", "Keys and values: the same way."),
    "scores": (
        "Its query meets the key of every token. Each dot product scores how well the two match.",
        "Its query meets every key: one score each.",
    ),
    "mask": ("No token may look ahead: the scores of later tokens are masked away.", "Later tokens are masked."),
    "softmax": ("Softmax turns each row of scores into shares that add up to one.", "Softmax: shares of one."),
    "look": (
        "Token {token}, {text}, looks back at token {seen}, {seen_text}, with weight {weight:.2f}.",
        "{text} looks at {seen_text}: weight {weight:.2f}.",
    ),
    "mix": (
        "The shares weigh the values of the tokens. The sum is what this token has read.",
        "The shares weigh the values.",
    ),
    "heads": ("All {heads} heads do this at once, each with weights of its own.", "All {heads} heads at once."),
    "projection": (
        "One more multiply mixes what the heads have read, and the result is added to the residual stream.",
        "Mixed, and added to the stream.",
    ),
    "up": (
        "The MLP works on each token alone: {channels} channels fan out to {neurons} neurons.",
        "The MLP: {neurons} neurons for each token.",
    ),
    "down": (
        "{activation} lets the positive ones pass, and the way back down folds them into the stream.",
        "{activation}, and back into the stream.",
    ),
    "layers": (
        "The next layers repeat the same steps, each with weights of its own.",
        "The next layers: the same steps.",
    ),
    "logits": (
        "At the end the last token's numbers become one score for each {each}: the logits.",
        "One score for each {each}:",
    ),
    "odds": (
        "Softmax makes them odds: {odds}. The likeliest {unit} joins the text.",
        "{likely} is likeliest, and joins the text.",
    ),
    "many odds": (
        "Softmax makes them odds. Likeliest are {odds}. The first one joins the text.",
        "{likely} is likeliest, and joins the text.",
    ),
    "drawn odds": (
        "Softmax makes them odds. Likeliest are {odds}. The draw falls on {drawn}.",
        "The draw falls on {drawn}, which joins the text.",
    ),
    "again": ("The new {unit} joins the text, and the whole model runs again.", "Again, with the new {unit}."),
    "one_row": ("One pass, one {unit}: only the new token's row is new.", ""),
    "sorted": ("Sorted: {answer}.", "Sorted: {answer}."),
    "continued": ('It continues "{end}" with "{answer}".', 'It continues: "{answer}".'),
    "count": (
        "{operations} operations, {multiplies} of them multiplies, each with its true numbers.",
        "{multiplies} multiplies, all true.",
    ),
}


def caption(moment: str, brief: bool, **values: object) -> str:
    """The caption of a moment with its numbers filled in; KeyError for a moment that there is not."""
    return CAPTIONS[moment][brief].format(**values)


def title_of(wording: Wording) -> str:
    """The title card's first line."""
    return TITLES[wording.sorts].format(prompt=shortened(wording.prompt, LONGEST_TITLE, end=True))


def last_act(wording: Wording) -> str:
    """The name of the act in which the later steps run."""
    return ENDS[wording.sorts].format(unit=wording.unit)
