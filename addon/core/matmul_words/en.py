# SPDX-License-Identifier: GPL-3.0-or-later
"""English."""

from __future__ import annotations

from .form import MultiplyWords

# What the film is called, by what the result is in the model ("" for any other).
TITLES = {
    "q": "The query", "k": "The key", "v": "The value", "scores": "Attention scores", "mix": "The weighted sum",
    "attention_out": "The output projection", "gate": "The gate of the MLP", "hidden": "Up into the MLP",
    "mlp_out": "Down from the MLP", "router": "The router", "logits": "The logits", "e_gate": "The gate of an expert",
    "e_hidden": "Up into an expert", "e_out": "Down from an expert", "": "One multiply",
}  # fmt: skip

ACTS = {
    "title": "The multiply",
    "names": "Names and shapes",
    "corner": "A row meets a column",
    "dot": "One cell, slowly",
    "row": "Row by row",
    "column": "Column by column",
    "outer": "All sums together",
    "bias": "The bias",
    "rest": "What is not drawn",
    "scale": "The scale",
    "result": "The result",
}

# moment: {part: (full, brief)}; "" is for every part that is not named.
CAPTIONS = {
    "left": {
        "": (
            "On the left, one row for each {i}: {all_inner} numbers that say what the model knows of it.",
            "Left: a row for each {i}.",
        ),
        "plain": ("On the left, one row for each {i}, of {all_inner} numbers.", "Left: a row for each {i}."),
        "scores": ("On the left, the queries. One row for each token: what it is looking for.", "Left: the queries."),
        "mix": (
            "On the left, shares that softmax made: in each row, how much one token looks at every other.",
            "Left: the shares.",
        ),
        "attention_out": (
            "On the left, what all heads have read, side by side. One row for each token.",
            "Left: what the heads have read.",
        ),
        "mlp_out": ("On the left, the neurons of each token, after the activation.", "Left: the neurons."),
        "e_out": ("On the left, the neurons of the expert, after the activation.", "Left: the neurons."),
    },
    "right": {
        "": (
            "On the right, weights that the model has learned: one column for each {j} that comes out.",
            "Right: learned weights.",
        ),
        "plain": ("On the right, one column for each {j}, of {all_inner} numbers.", "Right: a column for each {j}."),
        "scores": (
            "On the right, the keys, turned on their side. One column for each token: what it offers.",
            "Right: the keys.",
        ),
        "logits": (
            "On the right, weights that the model has learned: one column for each {j} that it knows.",
            "Right: learned weights.",
        ),
        "mix": ("On the right, the values. One row for each token: what it has to say.", "Right: the values."),
    },
    "rule": {
        "": (
            "They fit: both have {all_inner} {ks}. What comes out is {all_rows} by {all_columns}.",
            "{all_rows} × {all_inner} times {all_inner} × {all_columns}.",
        ),
    },
    "corner": {
        "": (
            "Put corner to corner, each cell of the result has a row on its left and a column above it.",
            "Each cell has a row and a column.",
        ),
    },
    "cell": {
        "": ("{row} meets {column} in this cell.", "{row} meets {column_end}."),
    },
    "box": {
        "": (
            "Folded up it is a box. Inside are all products: {rows} × {inner} × {columns} = {products}.",
            "Folded up: {products} products.",
        ),
        "part": (
            "Folded up it is a box. Inside are products. Drawn are {rows} × {inner} × {columns} of them.",
            "Folded up: {products} products.",
        ),
    },
    "dot": {
        "": ("Number times number, and add up: {inner} products for one cell.", "Multiply, add up: {inner} products."),
    },
    "sum": {
        "": ("The sum is {sum}: one number of the result.", "The sum: {sum}."),
        "q": ("The sum is {sum}: one number of the token's query, of what it looks for.", "The sum: {sum}."),
        "k": ("The sum is {sum}: one number of the token's key, of what it offers.", "The sum: {sum}."),
        "v": ("The sum is {sum}: one number of what the token has to say.", "The sum: {sum}."),
        "scores": ("The sum is {sum}: so well do this query and this key fit each other.", "They fit: {sum}."),
        "mix": ("The sum is {sum}: one number of what this token has read from all others.", "The sum: {sum}."),
        "hidden": ("The sum is {sum}: so strongly is this neuron addressed.", "The sum: {sum}."),
        "logits": ("The sum is {sum}: the score of this {j} as the next one.", "Its score: {sum}."),
    },
    "row": {
        "": (
            "Row by row: one {i} at a time goes through the same weights. None of them sees another.",
            "One {i} at a time.",
        ),
        "plain": ("Row by row: one {i} at a time meets all columns.", "One {i} at a time."),
        "scores": ("Row by row: the query of one token meets the keys of all.", "One query at a time."),
        "mix": ("Row by row: each token mixes the values of all, by shares of its own.", "One token at a time."),
    },
    "column": {
        "": ("Column by column: one column of the weights puts the same question to every {i}.", "One {j} at a time."),
        "plain": ("Column by column: one {j} at a time, for every {i}.", "One {j} at a time."),
        "scores": ("Column by column: the key of one token is held against every query.", "One key at a time."),
        "mix": ("Column by column: one {j} of the values at a time, for all tokens.", "One {j} at a time."),
    },
    "outer": {
        "": (
            "Or all at once: the sums grow together. Each {k} adds its column times its row.",
            "All sums grow together.",
        ),
        "mix": (
            "Or all at once: each token's value is added everywhere, as much as its shares say.",
            "All sums grow together.",
        ),
    },
    "bias": {
        "": ("Then the bias is added: one learned number for each {j}, the same for every {i}.", "Then the bias."),
    },
    "rest": {
        "": (
            "{inner} of {all_inner} {ks} are drawn. The others, and what else is added, add the rest at once.",
            "The other {ks} add the rest.",
        ),
        "all": ("What else the model adds to each cell is added now, at once.", "What else is added."),
    },
    "scale": {
        "": ("Then all of it is multiplied by {scale}.", "Times {scale}."),
        "scores": (
            "Then each score times {scale}, one over the root of {inner}: long sums must not grow too large.",
            "Times {scale}.",
        ),
    },
    "result": {
        "": (
            "Done: {cells} numbers from {products} products, each as the model computed it.",
            "{products} products, all true.",
        ),
        "q": ("Done: a query for each token. Next, it will meet the keys.", "A query for each token."),
        "k": ("Done: a key for each token. Next, queries will be held against it.", "A key for each token."),
        "v": ("Done: a value for each token. Others will read it, each in its share.", "A value for each token."),
        "scores": (
            "Done: a score for each pair of tokens. Softmax will turn each row into shares.",
            "A score for each pair.",
        ),
        "mix": ("Done: what each token has read from the others, in this head.", "What each token has read."),
        "attention_out": ("Done: what attention adds to each token's residual stream.", "Added to the stream."),
        "hidden": (
            "Done: {all_columns} neurons for each token. An activation will bend them.",
            "Neurons for each token.",
        ),
        "mlp_out": ("Done: what the MLP adds to each token's residual stream.", "Added to the stream."),
        "logits": (
            "Done: a score for each {j}. In the last row, softmax makes them odds for the next one.",
            "A score for each {j}.",
        ),
    },
}


NOUNS = {
    "token": ("token", "tokens"), "position": ("position", "positions"), "channel": ("channel", "channels"),
    "feature": ("feature", "features"), "neuron": ("neuron", "neurons"), "expert": ("expert", "experts"),
    "head": ("head", "heads"), "letter": ("letter", "letters"), "character": ("character", "characters"),
    "row": ("row", "rows"), "step": ("step", "steps"), "column": ("column", "columns"),
}  # fmt: skip

ENGLISH = MultiplyWords(
    titles=TITLES,
    subtitle="{model}, {where}operation {id}",
    layer="layer {number}, ",
    head="head {number}, ",
    acts=ACTS,
    captions=CAPTIONS,
    nouns=NOUNS,
    some="{count} of {whole} {many}",
    sum="sum",
    so_far="{sum} so far",
    before_bias="{sum} before its bias",
    thousands=",",
)
