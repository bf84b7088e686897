# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes: what is written is what is read, and a mistake is told with its line."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forward_pass.core.errors import UserError
from forward_pass.core.recipe import Recipe, read_recipe, write_recipe
from forward_pass.core.view import ALL, BOUNDS, View

# A lone surrogate is no text; TOML has no other limits.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ANGLES = st.builds(
    View,
    azimuth=st.none() | st.floats(-85, 85),
    nearer=st.none() | st.floats(0.2, 5),
    lens=st.none() | st.floats(10, 200),
)
RECIPES = st.builds(
    Recipe,
    name=TEXT,
    prompt=st.none() | TEXT,
    tokens=st.none() | st.integers(1, 10**6),
    temperature=st.none() | st.floats(0, 100),
    top_p=st.none() | st.floats(0.01, 1),
    seed=st.integers(0, 2**63 - 1),
    chat=st.booleans(),
    keep=st.lists(TEXT, max_size=3).map(tuple),
    seconds=st.none() | st.floats(0.1, 3600),
    size=st.none() | st.tuples(st.integers(64, 8192), st.integers(64, 8192)),
    camera=st.dictionaries(st.sampled_from(["scores", "query-key-value"]), ANGLES)
    | st.builds(lambda view: {ALL: view}, ANGLES.filter(lambda view: view != View())),
    captions=st.dictionaries(
        st.sampled_from(["scores", "why first layers", "key_value"]), TEXT.filter(lambda text: not set(text) & {*"{}"})
    ),
)


@given(RECIPES)
def test_what_is_written_is_read(recipe: Recipe) -> None:
    text = write_recipe(recipe, "x.toml")
    assert read_recipe(text, "x.toml") == recipe


def test_every_choice_is_in_the_file_with_a_comment() -> None:
    text = write_recipe(Recipe(prompt="CBABBC"), "out/CBABBC.recipe.toml")
    assert "--recipe out/CBABBC.recipe.toml" in text
    for name in {*Recipe.__dataclass_fields__, *BOUNDS} - {"captions", "camera"}:
        (line,) = [line for line in text.splitlines() if line.removeprefix("# ").startswith(f"{name} = ")]
        assert "  # " in line
    # What is commented out is valid too.
    lines = [line.removeprefix("# ") if line.startswith("# ") and " = " in line else line for line in text.splitlines()]
    everything = read_recipe("\n".join(lines), "x.toml")
    assert None not in vars(everything).values() and None not in vars(everything.camera[ALL]).values()
    assert tomllib.loads(text)["model"]["prompt"] == "CBABBC"


def test_a_short_recipe_is_enough() -> None:
    text = 'version = 1\n[model]\nprompt = "CBABBC"\n[look]\ntheme = "paper"\n'
    assert read_recipe(text, "x.toml") == Recipe(prompt="CBABBC", theme="paper")
    assert read_recipe("version = 1\n[story]\nseconds = 60\n", "x.toml").seconds == 60


@pytest.mark.parametrize(
    ("text", "says", "hint"),
    [
        ('version = 1\n[story]\n\npreset = "long"\n', "x.toml, line 4: There is no preset called 'long'", "overview"),
        ('version = 1\n[story]\nacts = ["mpl"]\n', "line 3: There is no chapter called 'mpl'", "softmax"),
        ('version = 1\n[story]\nfocus = "2"\n', "line 3: '2' is not a head", "layer 2 head 1"),
        ('version = 1\n[story]\nlanguage = "tlh"\n', "line 3: There is no language", "Deutsch"),
        ('version = 1\n[captions]\nmix = "x"\n"why mixx" = "y"\n', "line 4: There is no moment", "mix"),
        ('version = 1\n[captions]\n"mix" = "{colour}"\n', "line 3: .* cannot fill in {colour}", "channels"),
        ("version = 1\n[captions]\nmix = 3\n", "line 3: mix cannot be 3", "text"),
        ("version = 1\n[camera]\nheight = 3\n", r"line 3: there is no 'height' in \[camera\]", "elevation"),
        ("version = 1\n[camera]\n\n[camera.mlp]\nlens = 'x'\n", 'line 5: lens cannot be "x"', "a number"),
        ("version = 1\n[camera.mlp]\nnearer = 0\n", "x.toml, line 3: nearer cannot be 0", "0.2 to 5"),
        (
            "version = 1\n[camera]\nlens = 50\n[camera.mpl]\nlens = 40\n",
            "line 4: There is no chapter called 'mpl'",
            "mlp",
        ),
        ("version = 1\n[camera]\nazimuth = nan\n", "line 3: azimuth cannot be nan", "a number"),
        ("version = 1\ncamera = 3\n", "line 2: camera is a table", r"\[camera\]"),
        ("version = 1\n[model\n", "x.toml is not TOML: .*line 2", "Compare"),
        ("[model]\n", "x.toml says version None", "reads version 1"),
        ("version = 2\n", "x.toml says version 2", "reads version 1"),
        (
            "version = 1\n\n[modle]\nname = 'x'\n",
            "x.toml, line 3: there is no section 'modle'",
            r"\[model\], \[story\]",
        ),
        ("version = 1\nmodel = 3\n", "x.toml, line 2: there is no section 'model'", r"\[video\]"),
        ("version = 1\n[look]\n# a note\ncolour = 'x'\n", "line 4: there is no 'colour' in \\[look\\]", "theme"),
        ("version = 1\n[model]\nprompt = 'A'\ntokens = 1.5\n", r"line 4: tokens cannot be 1\.5", "a whole number"),
        ("version = 1\n[model]\nchat = 1\n", "line 3: chat cannot be 1", "true or false"),
        ("version = 1\n[model]\nseed = true\n", "line 3: seed cannot be true", "a whole number"),
        ("version = 1\n[video]\nsize = '3x4'\n", 'line 3: size cannot be "3x4"', "a list of whole numbers"),
        ("version = 1\n[story]\nseconds = nan\n", "line 3: seconds cannot be nan", "a number"),
        ("version = 1\n[model]\nkeep = [1]\n", r"line 3: keep cannot be \[1\]", "a list of texts"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, says: str, hint: str) -> None:
    with pytest.raises(UserError, match=says) as caught:
        read_recipe(text, "x.toml")
    assert caught.value.code == 2
    import re

    assert re.search(hint, caught.value.hint)
