# SPDX-License-Identifier: GPL-3.0-or-later
"""German. Numbers keep the decimal point of the formulas and cells that they stand beside."""

from __future__ import annotations

from .form import MultiplyWords

TITLES = {
    "q": "Die Query", "k": "Der Key", "v": "Der Value", "scores": "Attention-Scores", "mix": "Die gewichtete Summe",
    "attention_out": "Die Ausgabe-Projektion", "gate": "Das Gate des MLP", "hidden": "Hinauf ins MLP",
    "mlp_out": "Zurück aus dem MLP", "router": "Der Router", "logits": "Die Logits",
    "e_gate": "Das Gate eines Experten", "e_hidden": "Hinauf in einen Experten",
    "e_out": "Zurück aus einem Experten", "": "Eine Multiplikation",
}  # fmt: skip

ACTS = {
    "title": "Die Multiplikation",
    "names": "Namen und Formen",
    "corner": "Zeile trifft Spalte",
    "dot": "Eine Zelle, langsam",
    "row": "Zeile für Zeile",
    "column": "Spalte für Spalte",
    "outer": "Alle Summen zugleich",
    "bias": "Der Bias",
    "rest": "Was nicht gezeichnet ist",
    "scale": "Der Faktor",
    "result": "Das Ergebnis",
}

CAPTIONS = {
    "left": {
        "": (
            "Links eine Zeile je {i}: {all_inner} Zahlen, die sagen, was das Modell darüber weiß.",
            "Links: eine Zeile je {i}.",
        ),
        "plain": ("Links eine Zeile je {i}, mit {all_inner} Zahlen.", "Links: eine Zeile je {i}."),
        "scores": ("Links die Querys. Eine Zeile je Token: wonach es sucht.", "Links: die Querys."),
        "mix": (
            "Links Anteile, die Softmax gemacht hat: in jeder Zeile, wie stark ein Token auf die anderen schaut.",
            "Links: die Anteile.",
        ),
        "attention_out": (
            "Links, was alle Köpfe gelesen haben, nebeneinander. Eine Zeile je Token.",
            "Links: was die Köpfe gelesen haben.",
        ),
        "mlp_out": ("Links die Neuronen jedes Tokens, nach der Aktivierung.", "Links: die Neuronen."),
        "e_out": ("Links die Neuronen des Experten, nach der Aktivierung.", "Links: die Neuronen."),
    },
    "right": {
        "": (
            "Rechts Gewichte, die das Modell gelernt hat: eine Spalte für jede Zahl, die herauskommt.",
            "Rechts: gelernte Gewichte.",
        ),
        "plain": ("Rechts eine Spalte je {j}, mit {all_inner} Zahlen.", "Rechts: eine Spalte je {j}."),
        "scores": (
            "Rechts die Keys, auf die Seite gelegt. Eine Spalte je Token: was es anbietet.",
            "Rechts: die Keys.",
        ),
        "router": ("Rechts gelernte Gewichte: eine Spalte je {j}.", "Rechts: gelernte Gewichte."),
        "logits": (
            "Rechts Gewichte, die das Modell gelernt hat: eine Spalte je {j} seines Vokabulars.",
            "Rechts: gelernte Gewichte.",
        ),
        "mix": ("Rechts die Values. Eine Zeile je Token: was es zu sagen hat.", "Rechts: die Values."),
    },
    "rule": {
        "": (
            "Sie passen: Beide haben {all_inner} {ks}. Heraus kommt {all_rows} mal {all_columns}.",
            "{all_rows} × {all_inner} mal {all_inner} × {all_columns}.",
        ),
    },
    "corner": {
        "": (
            "Ecke an Ecke hat jede Zelle des Ergebnisses links eine Zeile und über sich eine Spalte.",
            "Jede Zelle hat Zeile und Spalte.",
        ),
    },
    "cell": {
        "": ("{row} trifft {column} in dieser Zelle.", "{row} trifft {column_end}."),
    },
    "box": {
        "": (
            "Gefaltet ist es ein Kasten. Darin alle Produkte: {rows} × {inner} × {columns} = {products}.",
            "Gefaltet: {products} Produkte.",
        ),
        "part": (
            "Gefaltet ist es ein Kasten voller Produkte. Gezeichnet sind {rows} × {inner} × {columns} davon.",
            "Gefaltet: {products} Produkte.",
        ),
    },
    "dot": {
        "": (
            "Zahl mal Zahl, und zusammenzählen: {inner} Produkte für eine Zelle.",
            "Malnehmen, addieren: {inner}-mal.",
        ),
    },
    "sum": {
        "": ("Die Summe ist {sum}: eine Zahl des Ergebnisses.", "Die Summe: {sum}."),
        "q": ("Die Summe ist {sum}: eine Zahl der Query, dessen, wonach das Token sucht.", "Die Summe: {sum}."),
        "k": ("Die Summe ist {sum}: eine Zahl des Keys, dessen, was das Token anbietet.", "Die Summe: {sum}."),
        "v": ("Die Summe ist {sum}: eine Zahl dessen, was das Token zu sagen hat.", "Die Summe: {sum}."),
        "scores": ("Die Summe ist {sum}: So gut passen diese Query und dieser Key zusammen.", "Sie passen: {sum}."),
        "mix": ("Die Summe ist {sum}: eine Zahl dessen, was dieses Token gelesen hat.", "Die Summe: {sum}."),
        "hidden": ("Die Summe ist {sum}: So stark wird dieses Neuron angesprochen.", "Die Summe: {sum}."),
        "logits": ("Die Summe ist {sum}: so viele Punkte hat {column_end} als Nächstes.", "Punktzahl: {sum}."),
    },
    "row": {
        "": (
            "Zeile für Zeile: Jede geht für sich durch dieselben Gewichte. Keine sieht eine andere.",
            "Eine Zeile nach der anderen.",
        ),
        "plain": ("Zeile für Zeile: jede trifft alle Spalten.", "Zeile für Zeile."),
        "scores": (
            "Zeile für Zeile: Die Query eines Tokens trifft die Keys von allen.",
            "Eine Query nach der anderen.",
        ),
        "mix": ("Zeile für Zeile: Jedes Token mischt die Values aller, nach eigenen Anteilen.", "Zeile für Zeile."),
    },
    "column": {
        "": (
            "Spalte für Spalte: Eine Spalte der Gewichte stellt allen {many_i} dieselbe Frage.",
            "Spalte für Spalte.",
        ),
        "plain": ("Spalte für Spalte: jede trifft alle Zeilen.", "Spalte für Spalte."),
        "scores": ("Spalte für Spalte: Der Key eines Tokens wird an jede Query gehalten.", "Ein Key nach dem anderen."),
        "mix": ("Spalte für Spalte: ein {j} der Values nach dem anderen, für alle Tokens.", "Spalte für Spalte."),
    },
    "outer": {
        "": (
            "Oder alles zugleich: Die Summen wachsen zusammen, mit jeder Spalte links mal ihrer Zeile rechts.",
            "Alle Summen wachsen zusammen.",
        ),
        "mix": (
            "Oder alles zugleich: Der Value jedes Tokens kommt überall hinzu, so stark wie sein Anteil.",
            "Alle Summen wachsen zusammen.",
        ),
    },
    "bias": {
        "": ("Dann kommt der Bias hinzu: eine gelernte Zahl je {j}, für jede Zeile dieselbe.", "Dann der Bias."),
    },
    "rest": {
        "": (
            "{inner} von {all_inner} sind gezeichnet ({ks}). Der Rest, und was sonst hinzukommt, folgt auf einmal.",
            "Die übrigen kommen hinzu.",
        ),
        "all": (
            "Was das Modell sonst noch zu jeder Zelle addiert, kommt jetzt auf einmal hinzu.",
            "Was sonst hinzukommt.",
        ),
    },
    "scale": {
        "": ("Dann wird alles mit {scale} malgenommen.", "Mal {scale}."),
        "scores": (
            "Dann jeder Score mal {scale}, eins durch Wurzel {inner}: Lange Summen sollen nicht zu groß werden.",
            "Mal {scale}.",
        ),
    },
    "result": {
        "": (
            "Fertig: {cells} Zahlen aus {products} Produkten, jede so, wie das Modell sie berechnet hat.",
            "{products} Produkte, alle echt.",
        ),
        "q": ("Fertig: eine Query für jedes Token. Als Nächstes trifft sie die Keys.", "Eine Query für jedes Token."),
        "k": ("Fertig: ein Key für jedes Token. An ihm werden Querys gemessen.", "Ein Key für jedes Token."),
        "v": ("Fertig: ein Value für jedes Token. Andere lesen ihn, jedes nach seinem Anteil.", "Ein Value je Token."),
        "scores": (
            "Fertig: ein Score für jedes Paar von Tokens. Softmax macht aus jeder Zeile Anteile.",
            "Ein Score für jedes Paar.",
        ),
        "mix": ("Fertig: was jedes Token in diesem Kopf von den anderen gelesen hat.", "Was jedes Token gelesen hat."),
        "attention_out": (
            "Fertig: was die Attention zum Residualstrom jedes Tokens addiert.",
            "Es kommt zum Strom hinzu.",
        ),
        "hidden": ("Fertig: {all_columns} Neuronen je Token. Eine Aktivierung wird sie biegen.", "Neuronen je Token."),
        "mlp_out": ("Fertig: was das MLP zum Residualstrom jedes Tokens addiert.", "Es kommt zum Strom hinzu."),
        "logits": (
            "Fertig: eine Punktzahl je {j}. In der letzten Zeile macht Softmax daraus Wahrscheinlichkeiten.",
            "Eine Punktzahl je {j}.",
        ),
    },
}

NOUNS = {
    "token": ("Token", "Tokens"), "position": ("Position", "Positionen"), "channel": ("Kanal", "Kanäle"),
    "feature": ("Merkmal", "Merkmale"), "neuron": ("Neuron", "Neuronen"), "expert": ("Experte", "Experten"),
    "head": ("Kopf", "Köpfe"), "letter": ("Buchstabe", "Buchstaben"), "character": ("Zeichen", "Zeichen"),
    "row": ("Zeile", "Zeilen"), "step": ("Schritt", "Schritte"), "column": ("Spalte", "Spalten"),
}  # fmt: skip

GERMAN = MultiplyWords(
    titles=TITLES,
    subtitle="{model}, {where}Operation {id}",
    layer="Schicht {number}, ",
    head="Kopf {number}, ",
    acts=ACTS,
    captions=CAPTIONS,
    nouns=NOUNS,
    some="{count} von {whole} {many}",
    sum="Summe",
    so_far="{sum} bis hierher",
    before_bias="{sum} vor dem Bias",
    thousands=" ",
)
