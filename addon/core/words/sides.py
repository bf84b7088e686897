# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said of several models or of two runs, in every language: each moment has one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from . import catalog

POINTS = {"de": ","}  # before the digits after the whole number

SCALE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "first": "{name}: {parameters} numbers. Every rectangle is one of its matrices, one step a number.",
        "next": "{name}: {parameters} parameters in {layers} layers, {times} times {first}.",
        "experts": "{name}: {parameters} parameters, {times} times {first}. "
        "A token uses {chosen} of {experts} experts.",
        "all": "All at one scale: were {last} as long as a football field, {first} would be {small}.",
        "few": "All at one scale: {last} has {times} times the parameters of {first}.",
        "back": "And back: in here is the same forward pass, small enough to watch every number.",
        "title": "How large is {last}?",
        "subtitle": "{count} models at one scale",
        "act all": "All of them",
        "act back": "Back to {first}",
        "parameters": "{count} parameters",
        "sizes": "{channels} channels, {layers} layers",
        "queries": "Q, K, V",
        "output": "attention's output",
        "mlp": "MLP",
        "words": "words and places",
        "shapes": "shapes only: no values",
    },
    "de": {
        "first": "{name}: {parameters} Zahlen. Jedes Rechteck ist eine seiner Matrizen, ein Schritt eine Zahl.",
        "next": "{name}: {parameters} Parameter in {layers} Schichten, {times}-mal {first}.",
        "experts": "{name}: {parameters} Parameter, {times}-mal {first}. "
        "Ein Token nutzt {chosen} von {experts} Experten.",
        "all": "Alles in einem Maßstab: Wäre {last} so lang wie ein Fußballfeld, wäre {first} {small} lang.",
        "few": "Alles in einem Maßstab: {last} hat {times}-mal so viele Parameter wie {first}.",
        "back": "Und zurück: Hier drin läuft dasselbe ab, klein genug, um jede Zahl zu sehen.",
        "title": "Wie groß ist {last}?",
        "subtitle": "{count} Modelle in einem Maßstab",
        "act all": "Alle zusammen",
        "act back": "Zurück zu {first}",
        "parameters": "{count} Parameter",
        "sizes": "{channels} Kanäle, {layers} Schichten",
        "queries": "Q, K, V",
        "output": "Ausgang der Attention",
        "mlp": "MLP",
        "words": "Wörter und Plätze",
        "shapes": "nur Formen, keine Werte",
    },
}

COMPARE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "overview above": "One model, two prompts: {first} below, {second} above. They share the weights, drawn once.",
        "overview beside": "Side by side, at one scale: {first} on the left, {second} on the right.",
        "sizes": "{label}: {size} numbers {here}, {other} {there}; the largest are {a} and {b}.",
        "tokens apart": "{count} of {tokens} tokens differ: {pairs}. Each run looks up its own.",
        "tokens": "{count} of {tokens} tokens differ: {pairs}. Equal tokens in equal places begin with equal numbers.",
        "longer": "one prompt is longer",
        "pair": "{token} is {first} or {second}",
        "equal": "Here the two runs are still equal, to the last digit.",
        "generic": "{label}: they differ most at token {token}, {column}: {a} {here}, {b} {there}.",
        "pattern": "Layer {layer}, head {head}: token {token} gives token {seen} weight {a} {here}, {b} {there}.",
        "layers": "How far apart the streams are after each layer, root mean square: {steps}.",
        "odds": "Odds of the next token {here}: {first}. And {there}: {second}.",
        "again": "{first} goes on with {answer}, {second} with {other}.",
        "part": "The odds differ most for new token {step}: {first} {here}, {second} {there}.",
        "alone": "The two have no number here that could be compared, only the same step at the same time.",
        "below": "below",
        "above": "above",
        "left": "on the left",
        "right": "on the right",
        "channel": "channel",
        "neuron": "neuron",
        "feature": "feature",
        "key token": "key token",
        "word": "word",
        "column": "column",
        "subtitle": "{model}: {parameters} parameters, two runs on one clock",
        "beside": "{model}: {parameters} parameters",
        "unknown": "not known",
    },
    "de": {
        "overview above": "Ein Modell, zwei Prompts: {first} unten, {second} oben. Ihre Gewichte stehen nur einmal da.",
        "overview beside": "Nebeneinander, in einem Maßstab: links {first}, rechts {second}.",
        "sizes": "{label}: {size} Zahlen {here}, {other} {there}; die größten sind {a} und {b}.",
        "tokens apart": "{count} von {tokens} Token sind verschieden: {pairs}. Jeder Lauf schlägt seine eigenen nach.",
        "tokens": "{count} von {tokens} Token sind verschieden: {pairs}. Gleiche am gleichen Platz beginnen gleich.",
        "longer": "ein Prompt ist länger",
        "pair": "{token} ist {first} oder {second}",
        "equal": "Hier sind beide Läufe noch gleich, bis zur letzten Stelle.",
        "generic": "{label}: am verschiedensten bei Token {token}, {column}: {a} {here}, {b} {there}.",
        "pattern": "Schicht {layer}, Kopf {head}: Token {token} gibt Token {seen} Gewicht {a} {here}, {b} {there}.",
        "layers": "Wie weit die Ströme nach jeder Schicht auseinander sind (quadratisches Mittel): {steps}.",
        "odds": "Chancen des nächsten Tokens {here}: {first}. Und {there}: {second}.",
        "again": "{first} geht weiter mit {answer}, {second} mit {other}.",
        "part": "Am weitesten gehen die Chancen bei neuem Token {step} auseinander: {first} {here}, {second} {there}.",
        "alone": "Hier haben beide keine Zahl, die sich vergleichen ließe, nur denselben Schritt zur selben Zeit.",
        "below": "unten",
        "above": "oben",
        "left": "links",
        "right": "rechts",
        "channel": "Kanal",
        "neuron": "Neuron",
        "feature": "Merkmal",
        "key token": "Key-Token",
        "word": "Wort",
        "column": "Spalte",
        "subtitle": "{model}: {parameters} Parameter, zwei Läufe auf einer Uhr",
        "beside": "{model}: {parameters} Parameter",
        "unknown": "nicht bekannt",
    },
}


class Sentences:
    """The sentences of one production in one language, with numbers as that language writes them."""

    def __init__(self, table: Mapping[str, Mapping[str, str]], language: str) -> None:
        """Raises UserError (code 2) for a language that there is not."""
        self.catalog = catalog(language)
        self._words = table[language]
        self._point = POINTS.get(language, ".")

    def say(self, moment: str, **values: object) -> str:
        """The sentence of a moment, filled in; whole numbers get their thousands set apart. KeyError for a moment
        that there is not."""
        told = {name: self.number(one) if isinstance(one, int) else one for name, one in values.items()}
        return self._words[moment].format(**told)

    def number(self, value: float, digits: int = 0) -> str:
        """A number with so many digits after the point."""
        text = f"{value:z,.{digits}f}".replace("-", "−")
        whole, point, rest = text.partition(".")
        return whole.replace(",", self.catalog.thousands) + (self._point if point else "") + rest
