# SPDX-License-Identifier: GPL-3.0-or-later
"""German. Numbers keep the decimal point of the formulas and cells that they stand beside."""

from __future__ import annotations

from .catalog import Catalog, Unit

UNITS = {
    "letter": Unit(
        "Buchstabe", "Buchstaben", "Jeder Buchstabe", "Der neue Buchstabe", "der nächste Buchstabe",
        "mit dem neuen Buchstaben", "für jeden Buchstaben", "für jeden der {count} Buchstaben",
    ),
    "character": Unit(
        "Zeichen", "Zeichen", "Jedes Zeichen", "Das neue Zeichen", "das nächste Zeichen",
        "mit dem neuen Zeichen", "für jedes Zeichen", "für jedes der {count} Zeichen",
    ),
    "token": Unit(
        "Token", "Tokens", "Jedes Token", "Das neue Token", "das nächste Token",
        "mit dem neuen Token", "für jedes Token", "für jedes der {count} Tokens",
    ),
}  # fmt: skip

CAPTIONS = {
    "large overview": (
        "Das ganze Modell: {layers} Schichten, {heads} Köpfe, {channels} Kanäle. Von fern steht eine Zelle für viele.",
        "Das ganze Modell. Eine Zelle steht für viele.",
    ),
    "overview": (
        "Das ganze Modell, maßstäblich: {layers} Schichten, {heads} Köpfe, {channels} Kanäle. Eine Zelle, eine Zahl.",
        "Das ganze Modell. Jede Zelle ist eine Zahl.",
    ),
    "tokens": (
        "{each_unit} schlägt seine Zeile in der Embedding-Tabelle nach: {channels} Zahlen, die dafür stehen.",
        "{each_unit} holt {channels} Zahlen,",
    ),
    "positions": (
        "Die Position fügt eigene Zahlen hinzu. Mit der Summe beginnt der Residualstrom.",
        "und die Position fügt ihre hinzu.",
    ),
    "tokens alone": (
        "{each_unit} schlägt seine Zeile in der Tabelle nach: {channels} Zahlen. Mit ihnen beginnt der Residualstrom.",
        "{each_unit} holt {channels} Zahlen.",
    ),
    "tokens at once": (
        "{each_unit} wird zu {channels} Zahlen: einer Zeile der Embedding-Tabelle, dazu die Position.",
        "{each_unit} wird zu {channels} Zahlen.",
    ),
    "root norm": (
        "RMS-Norm: Die Zahlen jedes Tokens werden durch ihr quadratisches Mittel geteilt und so alle gleich groß.",
        "Die RMS-Norm macht alle gleich groß.",
    ),
    "query norm": (
        "Jede Query und jeder Key wird durch eine eigene Norm auf ein Maß gebracht.",
        "Querys und Keys auf ein Maß gebracht.",
    ),
    "rotary": (
        "Der Platz eines Tokens wird zu einem Winkel: Paare von Zahlen seiner Query und seines Keys drehen sich.",
        "Jedes Paar dreht sich nach seinem Platz.",
    ),
    "shifted": (
        "Bevor sie sich messen, werden die Scores verschoben: jeder um eine Zahl, die vom Ort der Tokens abhängt.",
        "Die Scores werden verschoben.",
    ),
    "shared heads": (
        "Alle {heads} Köpfe tun das zugleich. Je {shared} teilen sich Keys und Values: {groups} Sätze im Ganzen.",
        "Alle {heads} Köpfe zugleich, je {shared} pro Key.",
    ),
    "projection alone": (
        "Noch ein Produkt mischt, was die Köpfe gelesen haben. Daneben arbeitet das MLP an denselben Tokens.",
        "Was die Köpfe lasen, wird gemischt.",
    ),
    "projection, norm": (
        "Noch ein Produkt mischt, was die Köpfe lasen. Das Ergebnis wird normiert und zum Residualstrom addiert.",
        "Gemischt, normiert und addiert.",
    ),
    "gate": (
        "Das MLP bearbeitet jedes Token für sich, mit zwei Produkten: einem Tor, und dem, was hindurch darf.",
        "Das MLP: ein Tor, und was hindurch darf.",
    ),
    "bent down": (
        "Eine Aktivierung biegt jede Zahl. Der Weg zurück faltet alle wieder in den Strom.",
        "Eine Aktivierung, dann zurück.",
    ),
    "gated down": (
        "{activation} vom Tor, mal dem, was heraufkam: {neurons} Produkte. Der Rückweg faltet sie in den Strom.",
        "Tor mal Inhalt, dann zurück.",
    ),
    "parallel down": (
        "{activation}, dann der Weg zurück. Attention und MLP werden gemeinsam zum Strom addiert.",
        "{activation}, und beide in den Strom.",
    ),
    "parallel": ("Attention und MLP werden gemeinsam zum Strom addiert.", "Beide in den Strom."),
    "first layers": (
        "Die ersten Schichten haben keine Attention: Sie laufen, wie sie sind, jede Operation mit ihrem Namen.",
        "Die ersten Schichten: ohne Attention.",
    ),
    "layers before": (
        "Zuerst gehen die Tokens durch die Schichten davor: Jede trägt zum Strom bei, den die nächste liest.",
        "Zuerst die Schichten davor.",
    ),
    "router": (
        "Ein Router bewertet für jedes Token {experts} Experten. Zu den besten {chosen} geht das Token.",
        "Ein Router wählt {chosen} von {experts} Experten.",
    ),
    "experts": (
        "Jeder Experte ist ein eigenes MLP, mit den Zeilen seiner Tokens. {ran} von ihnen haben hier welche.",
        "{ran} Experten, jeder mit seinen Tokens.",
    ),
    "rest": (
        "Was diese Schicht sonst noch rechnet, jede Operation mit ihrem Namen.",
        "Alles Übrige in dieser Schicht.",
    ),
    "again cached": (
        "{new_unit} kommt zum Text. Nur damit läuft das Modell: Keys und Values der anderen sind aufbewahrt.",
        "Noch einmal, nur {with_new}.",
    ),
    "cache": ("Der Cache wächst in jedem Kopf um einen Key und einen Value.", ""),
    "norm": (
        "Layer-Norm: Die Zahlen jedes Tokens werden um null zentriert und auf die Streuung eins gebracht.",
        "Die Layer-Norm bringt alle auf ein Maß.",
    ),
    "one head": (
        "Das ist Kopf {head} von Schicht {layer}, einer von {count_heads} im Modell. Sehen wir ihm beim Lesen zu.",
        "Kopf {head} von Schicht {layer}.",
    ),
    "query": (
        "Token {token}, {text}, trifft jede Spalte der Query-Gewichte: malnehmen, addieren, eine Zahl der Query.",
        "Malnehmen, addieren: eine Zahl der Query.",
    ),
    "key_value": (
        "Keys und Values entstehen genauso, aus eigenen Gewichten.",
        "Keys und Values: genauso.",
    ),
    "scores": (
        "Seine Query trifft den Key jedes Tokens. Jedes Skalarprodukt sagt, wie gut die beiden passen.",
        "Seine Query trifft jeden Key: je ein Score.",
    ),
    "mask": (
        "Kein Token darf nach vorn sehen: Die Scores späterer Tokens werden ausgeblendet.",
        "Spätere Tokens: ausgeblendet.",
    ),
    "softmax": (
        "Softmax macht aus jeder Zeile von Scores Anteile, die zusammen eins ergeben.",
        "Softmax: Anteile an eins.",
    ),
    "look": (
        "Token {token}, {text}, blickt zurück auf Token {seen}, {seen_text}, mit dem Gewicht {weight:.2f}.",
        "{text} sieht {seen_text}: Gewicht {weight:.2f}.",
    ),
    "mix": (
        "Mit den Anteilen werden die Values gewichtet. Die Summe ist, was dieses Token gelesen hat.",
        "Die Anteile gewichten die Values.",
    ),
    "heads": (
        "Alle {heads} Köpfe tun das zugleich, jeder mit eigenen Gewichten.",
        "Alle {heads} Köpfe zugleich.",
    ),
    "projection": (
        "Noch ein Produkt mischt, was die Köpfe gelesen haben, und das Ergebnis wird zum Residualstrom addiert.",
        "Gemischt und zum Strom addiert.",
    ),
    "up": (
        "Das MLP bearbeitet jedes Token für sich: {channels} Kanäle fächern sich auf zu {neurons} Neuronen.",
        "Das MLP: {neurons} Neuronen je Token.",
    ),
    "down": (
        "{activation} lässt die positiven durch. Der Weg zurück faltet sie wieder in den Strom.",
        "{activation}, dann zurück in den Strom.",
    ),
    "layers": (
        "Die nächsten Schichten wiederholen dieselben Schritte, jede mit eigenen Gewichten.",
        "Die nächsten Schichten: genauso.",
    ),
    "reading": (
        "Attention: In jedem von {heads} Köpfen liest jedes Token bei den Tokens vor ihm.",
        "Attention: Tokens lesen voneinander.",
    ),
    "alone": (
        "Das MLP bearbeitet jedes Token für sich: {neurons} Neuronen, und was sie finden, geht zurück in den Strom.",
        "Das MLP bearbeitet jedes für sich.",
    ),
    "all layers": (
        "{layers} Schichten nacheinander: Attention liest bei anderen Tokens, das MLP bearbeitet jedes für sich.",
        "{layers} Schichten: Attention, dann MLP.",
    ),
    "logits": (
        "Am Ende werden die Zahlen des letzten Tokens zu je einem Score {for_each}: den Logits.",
        "Ein Score {for_each}:",
    ),
    "odds": (
        "Softmax gibt Wahrscheinlichkeiten: {odds}. Das Wahrscheinlichste kommt zum Text.",
        "{likely} ist am wahrscheinlichsten.",
    ),
    "many odds": (
        "Softmax gibt Wahrscheinlichkeiten. Vorn liegen {odds}. Das erste kommt zum Text.",
        "{likely} ist am wahrscheinlichsten.",
    ),
    "drawn odds": (
        "Softmax gibt Wahrscheinlichkeiten. Vorn liegen {odds}. Das Los fällt auf {drawn}.",
        "Das Los fällt auf {drawn}.",
    ),
    "again": (
        "{new_unit} kommt zum Text, und das ganze Modell läuft noch einmal.",
        "Noch einmal, {with_new}.",
    ),
    "next": ("Durchlauf {pass}: Als nächstes kommt {next}.", "Als nächstes kommt {next}."),
    "one_row": ("Ein Durchlauf, ein {unit}: Nur die Zeile des neuen Tokens ist neu.", ""),
    "sorted": ("Sortiert: {answer}.", "Sortiert: {answer}."),
    "continued": ('Es setzt "{end}" fort mit "{answer}".', 'Es geht weiter: "{answer}".'),
    "count": (
        "{operations} Operationen, davon {multiplies} Matrixprodukte, alle mit ihren wahren Zahlen.",
        "{multiplies} Matrixprodukte, alle wahr.",
    ),
}

WHY = {
    "overview": "Auf einem Band fließen die Zahlen nach rechts: dem Residualstrom. Jede Schicht trägt bei.",
    "large overview": "Auf einem Band fließen die Zahlen nach rechts: dem Residualstrom. Jede Schicht trägt bei.",
    "tokens": "Ein Modell kann nur mit Zahlen rechnen: Ein {unit} wird zu einem Ort in {channels} Richtungen.",
    "tokens alone": "Ein Modell kann nur mit Zahlen rechnen: Ein {unit} wird zu einem Ort in {channels} Richtungen.",
    "positions": "Sonst wären für das Modell dieselben {units} in anderer Reihenfolge dasselbe.",
    "norm": "Wozu? Wie groß die Summen im Strom auch werden: Jede Schicht liest Zahlen von gleicher Größe.",
    "root norm": "Wozu? Wie groß die Summen im Strom auch werden: Jede Schicht liest Zahlen von gleicher Größe.",
    "query": "Eine Query ist, was ein Token sucht. Je Kopf {size} Zahlen: {heads} Köpfe, {width} im Ganzen.",
    "key_value": "Am Key ist ein Token zu finden. Der Value ist, was es dem weitergibt, der es ansieht.",
    "rotary": "So hängt ein Score davon ab, wie weit zwei Tokens auseinander sind, nicht davon, wo im Text sie stehen.",
    "scores": "Ein großer Score heißt: Was dieses Token sucht, ist das, woran jenes zu finden ist.",
    "mask": "Das Modell lernt vorherzusagen, was kommt. Sehen darf es das nicht.",
    "softmax": "exp macht jeden Score positiv und hebt große hervor. Durch die Summe geteilt, werden Anteile daraus.",
    "look": "So viel vom Value jenes Tokens fließt hierher: So nimmt ein {unit} Kenntnis von anderen.",
    "mix": "Nur in diesem Schritt begegnen sich Tokens. Alles, was eines vom anderen erfährt, kommt hier an.",
    "heads": "Wozu {heads} Köpfe? Jeder kann nach etwas anderem suchen, und alle lesen zur selben Zeit.",
    "shared heads": "Wozu so viele? Jeder Kopf kann nach etwas anderem suchen, und alle lesen zur selben Zeit.",
    "projection": "Nichts im Strom wird überschrieben: Jeder Teil des Modells fügt hinzu, was er gefunden hat.",
    "projection, norm": "Nichts im Strom wird überschrieben: Jeder Teil des Modells fügt hinzu, was er gefunden hat.",
    "up": "Jedes der {neurons} Neuronen spricht auf ein eigenes Muster in den Zahlen des Tokens an.",
    "gate": "Jedes der {neurons} Neuronen spricht auf ein eigenes Muster in den Zahlen des Tokens an.",
    "down": "Ohne diese Biegung dazwischen könnten zwei Produkte nicht mehr als eines.",
    "bent down": "Ohne diese Biegung dazwischen könnten zwei Produkte nicht mehr als eines.",
    "gated down": "Ohne diese Biegung dazwischen könnten die Produkte nicht mehr als eines.",
    "parallel down": "Ohne diese Biegung dazwischen könnten zwei Produkte nicht mehr als eines.",
    "router": "So kann ein Modell viel enthalten und doch wenig rechnen: Die meisten Experten ruhen.",
    "layers": "Jede Schicht liest, was alle Schichten vor ihr zum Strom beigetragen haben.",
    "all layers": "Jede Schicht liest, was alle Schichten vor ihr zum Strom beigetragen haben.",
    "logits": "Ein Score ist groß, wo die Zahlen des Tokens in die Richtung seiner Spalte von Gewichten zeigen.",
    "odds": "Mehr sagt ein Modell nie: wie wahrscheinlich es ist, dass ein {unit} als nächstes kommt.",
    "many odds": "Mehr sagt ein Modell nie: wie wahrscheinlich es ist, dass ein {unit} als nächstes kommt.",
    "drawn odds": "Mehr sagt ein Modell nie: wie wahrscheinlich es ist, dass ein {unit} als nächstes kommt.",
    "again": "Von einem Durchlauf zum nächsten bleibt nichts: Alles, was das Modell hat, ist der Text.",
    "again cached": "Das spart Arbeit und ändert nichts: Aus den alten Tokens kämen wieder dieselben Keys und Values.",
}

ACTS = {
    "overview": "Überblick",
    "embedding": "Tokens und Embedding",
    "first-layers": "Die ersten Schichten",
    "norm": "{norm}",
    "query-key-value": "Query, Key, Value",
    "rotary": "Rotary Embedding",
    "query norms": "Normen von Querys und Keys",
    "head": "Ein Kopf",
    "scores": "Attention-Scores",
    "softmax": "Maske und Softmax",
    "softmax alone": "Softmax",
    "values": "Gewichtete Summe der Values",
    "heads": "Alle Köpfe",
    "projection": "Projektion und Residuum",
    "projection alone": "Projektion",
    "mlp": "MLP",
    "experts": "Router und Experten",
    "rest": "Und das Übrige",
    "layers": "Alle Schichten",
    "output": "Logits und {next_unit}",
    "again": "Und so weiter, {unit} für {unit}",
    "sorting": "Noch einmal, bis sortiert ist",
    "end": "Der ganze Durchlauf",
}

LEGENDS = {
    "weights": "Gewichte",
    "embedding": "Embedding",
    "after": "nach {norm}",
    "query": "Query",
    "turned": "Query, gedreht",
    "scores": "Scores",
    "share": "Anteil",
    "read": "gelesen",
    "attention": "Attention",
    "router": "Router",
    "experts": "Experten",
    "stream": "Residualstrom",
    "logits": "Logits",
    "probability": "Wahrscheinlichkeit",
}

CARDS = {
    "token": "Token {number}, {text}",
    "row": "Zeile {number}",
    "of": "{what}: {token}",
    "layer norm": "Layer-Norm",
    "RMS norm": "RMS-Norm",
    "rotary": "Rotary Embedding",
    "experts": "Die Experten",
    "expert": "Experte {number}",
    "next": "Das nächste Token",
    "numbers": "{count} Zahlen",
    "some numbers": "die ersten {shown} von {count} Zahlen",
    "mean": "minus Mittelwert, {mean}",
    "spread": "mal 1/{word} = {factor}",
    "gain": "mal Faktor, plus Versatz",
    "logits": "Logits",
    "temperature": "Softmax, Temperatur {temperature}",
    "softmax": "Softmax",
    "drawn": "zufällig gezogen",
    "likeliest": "das wahrscheinlichste",
    "odds": "Wahrscheinlichkeiten",
    "others": "andere",
    "router": "die Scores des Routers",
    "chosen": "die besten {count}, mit Gewicht",
    "the scores": "die Scores",
    "largest": "der größte: {number}",
    "exp": "exp(Score − {number})",
    "sum": "ihre Summe: {number}",
    "shares": "durch {number}: Anteile an 1",
    "position": "Position {position}",
    "some pairs": "Position {position}, {count} von {pairs} Paaren",
    "angles": "jedes Paar dreht sich, in Grad",
    "turned by": "gedreht um",
    "mean word": "Mittel",
}

# What the layout calls its parts, with # for a number.
LABELS = {
    "layer #": "Schicht #",
    "head #": "Kopf #",
    "# of # heads": "# von # Köpfen",
    "# to a key": "# pro Key",
    "expert #": "Experte #",
    "shared expert": "gemeinsamer Experte",
    "experts": "Experten",
    "# experts": "# Experten",
    "# of # experts": "# von # Experten",
    "# for each token": "# pro Token",
    "and a shared one": "und ein gemeinsamer",
    "embedding": "Embedding",
    "vocabulary": "Vokabular",
    "attention": "Attention",
    "residual": "Residuum",
    "token embedding": "Token-Embedding",
    "position embedding": "Positions-Embedding",
    "layer norm": "Layer-Norm",
    "RMS norm": "RMS-Norm",
    "final norm": "letzte Norm",
    "Q norm": "Q-Norm",
    "K norm": "K-Norm",
    "mean": "Mittel",
    "gain": "Faktor",
    "shift": "Versatz",
    "max": "Max",
    "sum": "Summe",
    "Q turned": "Q gedreht",
    "scores": "Scores",
    "masked": "maskiert",
    "softmax": "Softmax",
    "mix": "Mischung",
    "merged": "vereint",
    "attention out": "Attention-Ausgang",
    "gate": "Gate",
    "up": "Up",
    "hidden": "verborgen",
    "activation": "Aktivierung",
    "MLP out": "MLP-Ausgang",
    "router": "Router",
    "shares": "Anteile",
    "chosen": "gewählt",
    "its tokens": "seine Tokens",
    "expert out": "Experten-Ausgang",
    "experts out": "Experten-Ausgang",
    "logits": "Logits",
    "probabilities": "Wahrscheinlichkeiten",
    "# parameters": "# Parameter",
    "max |x| over #": "max |x| über #",
    "⋯ # more ⋯": "⋯ # weitere ⋯",
}

GERMAN = Catalog(
    language="de",
    name="Deutsch",
    captions=CAPTIONS,
    why=WHY,
    acts=ACTS,
    legends=LEGENDS,
    cards=CARDS,
    labels=LABELS,
    units=UNITS,
    unseen={" ": "Leerzeichen", "\n": "Zeilenumbruch", "\r": "Wagenrücklauf", "\t": "Tabulator", "": "nichts"},
    subtitle="{model}: {parameters} Parameter, jedes Matrixprodukt, wahre Zahlen",
    titles=("Wie ein Transformer {prompt} sortiert", 'Wie ein Transformer "{prompt}" fortsetzt'),
    thousands=" ",
)
