# SPDX-License-Identifier: GPL-3.0-or-later
"""English. Every sentence that a viewer reads, in one place: translate this file to add a language."""

from __future__ import annotations

from .catalog import Catalog, Unit

UNITS = {
    "letter": Unit(
        "letter", "letters", "Each letter", "The new letter", "the next letter", "with the new letter",
        "for each letter", "for each of {count} letters",
    ),
    "character": Unit(
        "character", "characters", "Each character", "The new character", "the next character",
        "with the new character", "for each character", "for each of {count} characters",
    ),
    "token": Unit(
        "token", "tokens", "Each token", "The new token", "the next token", "with the new token",
        "for each token", "for each of {count} tokens",
    ),
}  # fmt: skip

# moment: (full, brief)
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
        "{each_unit} looks up its row of the embedding table: {channels} numbers that stand for it.",
        "{each_unit} looks up {channels} numbers,",
    ),
    "positions": (
        "Its position adds numbers of its own. The sum starts the residual stream.",
        "and its position adds its own.",
    ),
    "tokens alone": (
        "{each_unit} looks up its row of the embedding table: {channels} numbers, which start the residual stream.",
        "{each_unit} looks up {channels} numbers.",
    ),
    "tokens at once": (
        "{each_unit} becomes {channels} numbers: a row of the embedding table, with its position added.",
        "{each_unit} becomes {channels} numbers.",
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
    "layers before": (
        "First the tokens pass through the layers before: each adds to the stream that the next one reads.",
        "First, the layers before.",
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
        "{new_unit} joins the text. Only it goes through the model: the keys and values of the others are kept.",
        "Again, {with_new} alone.",
    ),
    "cache": ("The cache grows by one key and one value in each head.", ""),
    "norm": (
        "Layer norm: each token's numbers are centred, and scaled to a spread of one.",
        "Layer norm rescales each token.",
    ),
    "one head": (
        "This is head {head} of layer {layer}, one of {count_heads} in the model. Let us watch it read.",
        "Head {head} of layer {layer}.",
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
    "reading": (
        "Attention: in each of {heads} heads, every token reads from the tokens before it.",
        "Attention: tokens read from each other.",
    ),
    "alone": (
        "The MLP works on each token alone: {neurons} neurons, and what they find goes back into the stream.",
        "The MLP works on each token alone.",
    ),
    "all layers": (
        "{layers} layers, one after the other: attention reads from other tokens, the MLP works on each alone.",
        "{layers} layers: attention, then an MLP.",
    ),
    "logits": (
        "At the end the last token's numbers become one score {for_each}: the logits.",
        "One score {for_each}:",
    ),
    "odds": (
        "Softmax makes them odds: {odds}. The likeliest one joins the text.",
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
    "again": ("{new_unit} joins the text, and the whole model runs again.", "Again, {with_new}."),
    "next": ("Pass {pass}: {next} comes next.", "{next} comes next."),
    "one_row": ("One pass, one {unit}: only the new token's row is new.", ""),
    "sorted": ("Sorted: {answer}.", "Sorted: {answer}."),
    "continued": ('It continues "{end}" with "{answer}".', 'It continues: "{answer}".'),
    "count": (
        "{operations} operations, {multiplies} of them multiplies, each with its true numbers.",
        "{multiplies} multiplies, all true.",
    ),
}

# What a step is for; said after the full sentence of its moment.
WHY = {
    "overview": "Numbers flow along one band from left to right, the residual stream. Every layer adds to it.",
    "large overview": "Numbers flow along one band from left to right, the residual stream. Every layer adds to it.",
    "tokens": "A model can only calculate with numbers: a {unit} becomes a place among {channels} directions.",
    "tokens alone": "A model can only calculate with numbers: a {unit} becomes a place among {channels} directions.",
    "positions": "Without this the model could not tell the same {units} in another order apart.",
    "norm": "What for? However large the sums in the stream grow, each layer reads numbers of the same size.",
    "root norm": "What for? However large the sums in the stream grow, each layer reads numbers of the same size.",
    "query": "A query is what a token looks for. Each head has {size} numbers for it: {heads} heads, {width} in all.",
    "key_value": "A key is what a token can be found by. A value is what it hands on to those who look at it.",
    "rotary": "So a score depends on how far apart two tokens are, and not on where in the text they stand.",
    "scores": "A large score means: what this token looks for is what that one can be found by.",
    "mask": "The model learns to tell what comes next. It must not see it before.",
    "softmax": "exp makes every score positive, and large ones stand out. Divided by their sum they become shares.",
    "look": "So much of that token's value flows here: this is how one {unit} takes note of another.",
    "mix": "This is the only step in which tokens meet. All that one learns of another passes here.",
    "heads": "Why {heads} heads? Each can look for something else, and all of them read at the same time.",
    "shared heads": "Why so many? Each head can look for something else, and all of them read at the same time.",
    "projection": "Nothing in the stream is overwritten: each part of the model adds what it has found.",
    "projection, norm": "Nothing in the stream is overwritten: each part of the model adds what it has found.",
    "up": "Each of the {neurons} neurons answers to a pattern of its own in the token's numbers.",
    "gate": "Each of the {neurons} neurons answers to a pattern of its own in the token's numbers.",
    "down": "Without that bend between them, two multiplies could do no more than one.",
    "bent down": "Without that bend between them, two multiplies could do no more than one.",
    "gated down": "Without that bend between them, these multiplies could do no more than one.",
    "parallel down": "Without that bend between them, two multiplies could do no more than one.",
    "router": "So a model can hold much and still compute little: most of the experts rest.",
    "layers": "Each layer reads what all the layers before it have added to the stream.",
    "all layers": "Each layer reads what all the layers before it have added to the stream.",
    "logits": "A score is large where the token's numbers point the same way as its column of weights.",
    "odds": "This is all that a model ever says: how likely each {unit} is to be the next one.",
    "many odds": "This is all that a model ever says: how likely each {unit} is to be the next one.",
    "drawn odds": "This is all that a model ever says: how likely each {unit} is to be the next one.",
    "again": "Nothing is remembered from one pass to the next: all that the model has is the text.",
    "again cached": "This saves work and changes nothing: the old tokens would give the same keys and values again.",
}

ACTS = {
    "overview": "Overview",
    "embedding": "Tokens and embedding",
    "first-layers": "The first layers",
    "norm": "{norm}",
    "query-key-value": "Query, key, value",
    "rotary": "Rotary embedding",
    "query norms": "Norms of queries and keys",
    "head": "One head",
    "scores": "Attention scores",
    "softmax": "Mask and softmax",
    "softmax alone": "Softmax",
    "values": "Weighted sum of values",
    "heads": "All the heads",
    "projection": "Projection and residual",
    "projection alone": "Projection",
    "mlp": "MLP",
    "experts": "Router and experts",
    "rest": "And the rest",
    "layers": "All the layers",
    "output": "Logits and {next_unit}",
    "again": "Again, for each new {unit}",
    "sorting": "Again, until it is sorted",
    "end": "The whole pass",
}

LEGENDS = {
    "weights": "weights",
    "embedding": "embedding",
    "after": "after {norm}",
    "query": "query",
    "turned": "query, turned",
    "scores": "scores",
    "share": "share",
    "read": "read",
    "attention": "attention out",
    "router": "router",
    "experts": "experts out",
    "stream": "residual stream",
    "logits": "logits",
    "probability": "probability",
}

CARDS = {
    "token": "token {number}, {text}",
    "row": "row {number}",
    "of": "{what} of {token}",
    "layer norm": "layer norm",
    "RMS norm": "RMS norm",
    "rotary": "rotary embedding",
    "experts": "the experts",
    "expert": "expert {number}",
    "next": "odds of the next token",
    "numbers": "{count} numbers",
    "some numbers": "the first {shown} of {count} numbers",
    "mean": "less their mean, {mean}",
    "spread": "times 1/{word} = {factor}",
    "gain": "times gain, plus shift",
    "logits": "logits",
    "temperature": "softmax at temperature {temperature}",
    "softmax": "softmax",
    "drawn": "drawn by chance",
    "likeliest": "the likeliest",
    "odds": "odds",
    "others": "others",
    "router": "the router's scores",
    "chosen": "the best {count}, with weights",
    "the scores": "the scores",
    "largest": "the largest: {number}",
    "exp": "exp(score − {number})",
    "sum": "their sum: {number}",
    "shares": "divided by {number}: shares of 1",
    "position": "position {position}",
    "some pairs": "position {position}, {count} of {pairs} pairs",
    "angles": "each pair turns, in degrees",
    "turned by": "turned by",
    "mean word": "mean",
}

# What the layout calls its parts, with # for a number.
LABELS = {
    "layer #": "layer #",
    "head #": "head #",
    "# of # heads": "# of # heads",
    "# to a key": "# to a key",
    "expert #": "expert #",
    "shared expert": "shared expert",
    "experts": "experts",
    "# experts": "# experts",
    "# of # experts": "# of # experts",
    "# for each token": "# for each token",
    "and a shared one": "and a shared one",
    "embedding": "embedding",
    "vocabulary": "vocabulary",
    "attention": "attention",
    "residual": "residual",
    "token embedding": "token embedding",
    "position embedding": "position embedding",
    "layer norm": "layer norm",
    "RMS norm": "RMS norm",
    "final norm": "final norm",
    "Q norm": "Q norm",
    "K norm": "K norm",
    "mean": "mean",
    "gain": "gain",
    "shift": "shift",
    "max": "max",
    "sum": "sum",
    "Q turned": "Q turned",
    "scores": "scores",
    "masked": "masked",
    "softmax": "softmax",
    "mix": "mix",
    "merged": "merged",
    "attention out": "attention out",
    "gate": "gate",
    "up": "up",
    "hidden": "hidden",
    "activation": "activation",
    "MLP out": "MLP out",
    "router": "router",
    "shares": "shares",
    "chosen": "chosen",
    "its tokens": "its tokens",
    "expert out": "expert out",
    "experts out": "experts out",
    "logits": "logits",
    "probabilities": "probabilities",
    "# parameters": "# parameters",
    "max |x| over #": "max |x| over #",
    "⋯ # more ⋯": "⋯ # more ⋯",
}

ENGLISH = Catalog(
    language="en",
    name="English",
    captions=CAPTIONS,
    why=WHY,
    acts=ACTS,
    legends=LEGENDS,
    cards=CARDS,
    labels=LABELS,
    units=UNITS,
    unseen={" ": "space", "\n": "newline", "\r": "carriage return", "\t": "tab", "": "nothing"},
    subtitle="{model}: {parameters} parameters, every multiply, true numbers",
    titles=("How a transformer sorts {prompt}", 'How a transformer continues "{prompt}"'),
    thousands=",",
)
