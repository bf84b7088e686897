# SPDX-License-Identifier: GPL-3.0-or-later
"""What fields, their entries and buttons say in German where the pointer rests on them."""

from __future__ import annotations

TIPS = {
    # What several have
    "What the second run reads; empty for the same prompt": "Was der zweite Lauf liest; leer für dieselbe Eingabe",
    "The model of the second run": "Das Modell des zweiten Laufs",
    "The text that the model reads. nano-sort takes six letters of A, B and C": "Der Text, den das Modell liest. "
    "nano-sort nimmt sechs Buchstaben aus A, B und C",
    "The model that reads the prompt": "Das Modell, das die Eingabe liest",
    "Built in: ships with the add-on": "Eingebaut: kommt mit der Erweiterung",
    "What kind of video it is": "Welche Art von Video es ist",
    "Generate this many tokens; otherwise as many as come before the model is done": "So viele Tokens erzeugen; sonst "
    "so viele, wie kommen, bis das Modell fertig ist",
    "Make the video this long; otherwise each act takes the time that it needs": "Das Video so lang machen; sonst "
    "bekommt jeder Akt die Zeit, die er braucht",
    "How many tokens to generate; 0 goes on until the model is done": "Wie viele Tokens erzeugt werden; "
    "0 macht weiter, bis das Modell fertig ist",
    "Length of the video in seconds; 0 gives each act the time that it needs": "Länge des Videos in Sekunden; "
    "0 gibt jedem Akt die Zeit, die er braucht",
    "Of all that the video says: captions, names, titles": "Alles dessen, was das Video sagt: Untertitel, Namen, Titel",
    "How a number is drawn": "Wie eine Zahl gezeichnet wird",
    "The fastest that is there": "Das schnellste, das da ist",
    "Runs everywhere": "Läuft überall",
    "NVIDIA graphics cards": "NVIDIA-Grafikkarten",
    "Apple graphics": "Apple-Grafik",
    "Light on deep blue": "Licht auf tiefem Blau",
    "Ink on warm paper": "Tinte auf warmem Papier",
    "Chalk on a green-grey board": "Kreide auf einer graugrünen Tafel",
    "Black and white, for projectors and low vision": "Schwarz und weiß, für Projektoren und schwache Augen",
    "The act at work. Click one to go to its beginning": "Der laufende Akt. Ein Klick geht zu seinem Anfang",
    "Seconds that this act takes. Moves the keys of the scene's clock, and all that comes later": "Sekunden, die "
    "dieser Akt dauert. Verschiebt die Keyframes der Uhr der Szene und alles Spätere",
    "How large and how clean the pictures are": "Wie groß und wie sauber die Bilder sind",
    # Models
    "A folder with config.json and model.safetensors": "Ein Ordner mit config.json und model.safetensors",
    "A model of the hub by its name, such as openai-community/gpt2": "Ein Modell des Hubs mit seinem Namen, etwa "
    "openai-community/gpt2",
    "Folder of the model: config.json and model.safetensors": "Ordner des Modells: config.json und model.safetensors",
    "Name of the model on the Hugging Face hub: organization/name, with @revision where you want one. What is in the "
    "local cache needs no network": "Name des Modells auf dem Hub von Hugging Face: Organisation/Name, mit @Revision, "
    "wenn Sie eine wollen. Was schon lokal liegt, braucht kein Netz",
    "Let what is not in the local cache be downloaded. Needs Blender's permission to go online": "Lässt herunterladen, "
    "was nicht schon lokal liegt. Dazu muss Blender selbst ins Netz dürfen",
    "Run Python code that comes with the model. It may do anything that you may do: only for models whose author you "
    "trust": "Führt Python-Code aus, der mit dem Modell kommt. Er darf alles, was Sie dürfen: nur bei Modellen, deren "
    "Urheber Sie vertrauen",
    "Put the prompt into the model's chat template, for models that were trained to talk": "Setzt die Eingabe in die "
    "Gesprächsvorlage des Modells, für Modelle, die Gespräche gelernt haben",
    "The model of the first run": "Das Modell des ersten Laufs",
    "Folder of the second model: config.json and model.safetensors": "Ordner des zweiten Modells: config.json und "
    "model.safetensors",
    "Name of the second model on the Hugging Face hub: organization/name": "Name des zweiten Modells auf dem Hub von "
    "Hugging Face: Organisation/Name",
    "The models that stand beside each other": "Die Modelle, die nebeneinanderstehen",
    "The config.json of a model of your own; several with ; between them. No weights are needed": "Die config.json "
    "eines eigenen Modells; mehrere mit ; dazwischen. Gewichte sind nicht nötig",
    # Kinds of video
    "Every step of the model once, in about two minutes or, with few words, in one": "Jeder Schritt des Modells "
    "einmal, in etwa zwei Minuten oder, mit wenigen Worten, in einer",
    "The whole model in one pass, in few words": "Das ganze Modell in einem Zug, mit wenigen Worten",
    "Every step slowly, with what it is for, then all of it at once": "Jeder Schritt langsam und wozu er dient, dann "
    "alles auf einmal",
    "One head of attention: queries, keys, scores, shares, values": "Ein Kopf der Attention: Queries, Keys, Scores, "
    "Anteile, Values",
    "One multiply as a box that is swept": "Eine Multiplikation als Quader, der durchlaufen wird",
    "Token after token: the layers at work, the odds each time, the text that grows": "Token um Token: die Schichten "
    "bei der Arbeit, jedes Mal die Chancen, der Text, der wächst",
    "Two runs side by side": "Zwei Läufe nebeneinander",
    "Models at one scale, from the smallest to the largest": "Modelle in einem Maßstab, vom kleinsten zum größten",
    "Upright, for phones: the whole of it in less than a minute": "Hochkant, für Telefone: das Ganze in weniger als "
    "einer Minute",
    "Which multiply: words such as layer 2 head 1 scores, or query, projection, up, logits; the name of an operation "
    "or of a tensor. Empty takes the one with most to show": "Welche Multiplikation: englische Wörter wie layer 2 "
    "head 1 scores, oder query, projection, up, logits; der Name einer Operation oder eines Tensors. Leer nimmt die, "
    "an der am meisten zu sehen ist",
    "Work through this head of the attention; otherwise the one that shows most in this run": "Rechnet diesen Kopf der "
    "Attention vor; sonst den, der in diesem Lauf am meisten zeigt",
    "Counted from 1": "Von 1 an gezählt",
    # Choice of tokens
    "How daring the choice of each token is; 0 takes the likeliest": "Wie gewagt jedes Token gewählt wird; 0 nimmt das "
    "wahrscheinlichste",
    "Choose among this many of the likeliest tokens; 0 among all": "Wählt unter so vielen der wahrscheinlichsten "
    "Tokens; 0 unter allen",
    "Choose among the likeliest tokens that together have this probability": "Wählt unter den wahrscheinlichsten "
    "Tokens, die zusammen diese Wahrscheinlichkeit haben",
    "The same choices with the same seed": "Dieselbe Wahl mit demselben Startwert",
    # Look
    "Colors of the scene": "Farben der Szene",
    "By its color": "Durch ihre Farbe",
    "By its color, and its magnitude as a height": "Durch ihre Farbe, und ihr Betrag als Höhe",
    "By its color, and its magnitude as a size": "Durch ihre Farbe, und ihr Betrag als Größe",
    "Which numbers have the ends of the color map. Counts for the next scene": "Welche Zahlen an den Enden der "
    "Farbskala stehen. Gilt für die nächste Szene",
    "Every block uses the whole color map: patterns show, blocks do not compare": "Jeder Block nutzt die ganze "
    "Farbskala: Muster werden sichtbar, Blöcke sind nicht vergleichbar",
    "One color means one number everywhere: blocks compare": "Eine Farbe bedeutet überall dieselbe Zahl: Blöcke sind "
    "vergleichbar",
    "Shape of the picture, which the layout and the camera are made for": "Form des Bildes, für die Anordnung und "
    "Kamera gemacht sind",
    "Pictures a second": "Bilder in der Sekunde",
    # Engine
    "What the model runs on": "Worauf das Modell rechnet",
    "How the weights are held": "Wie die Gewichte gehalten werden",
    "Single precision on the CPU, elsewhere what the model comes in": "Auf der CPU einfach genau, sonst so, wie das "
    "Modell kommt",
    "Exact, and 4 bytes for each weight": "Genau, und 4 Bytes für jedes Gewicht",
    "2 bytes for each weight, and a little less exact": "2 Bytes für jedes Gewicht, und etwas weniger genau",
    "2 bytes for each weight; large numbers may not fit": "2 Bytes für jedes Gewicht; große Zahlen passen vielleicht "
    "nicht",
    "How the attention is computed": "Wie die Attention gerechnet wird",
    "Every multiply of the attention is a step of its own": "Jede Multiplikation der Attention ist ein eigener Schritt",
    "As the model runs in practice; takes less memory": "Wie das Modell in der Praxis rechnet; braucht weniger "
    "Speicher",
    # Rendering
    "Where the captions go": "Wohin die Untertitel kommen",
    "Burnt into the picture, and as files beside it": "Ins Bild gebrannt, und als Dateien daneben",
    "Burnt into the picture only": "Nur ins Bild gebrannt",
    "As files beside it only: players and video sites show them when they are wanted": "Nur als Dateien daneben: "
    "Player und Videoseiten zeigen sie auf Wunsch",
    "Clear where nothing stands, to be laid over something else": "Durchsichtig, wo nichts steht, um über anderem zu "
    "liegen",
    "Folder for the video, its captions and chapters; // is the folder of the saved .blend": "Ordner für das Video, "
    "seine Untertitel und Kapitel; // ist der Ordner der gespeicherten .blend",
    "Keep the frames of a rendering that was broken off. The scene should be as it was": "Behält die Bilder eines "
    "abgebrochenen Renderns. Die Szene sollte sein, wie sie war",
    # Buttons
    "Run the model on the prompt and build a scene that shows every step of it. Replaces the generated scene shown": (
        "Lässt das Modell die Eingabe lesen und baut eine Szene, die jeden Schritt davon zeigt. Ersetzt die erzeugte "
        "Szene, die zu sehen ist"
    ),
    "Build a scene from a trace that is there already. Replaces the generated scene shown": "Baut eine Szene aus einer "
    "vorhandenen Aufzeichnung. Ersetzt die erzeugte Szene, die zu sehen ist",
    "A .trace.safetensors file": "Eine Datei .trace.safetensors",
    "Make a video of the generated scene as it is now, with captions and chapters beside it. You can go on working": (
        "Macht ein Video aus der erzeugten Szene, wie sie jetzt ist, mit Untertiteln und Kapiteln daneben. Sie können "
        "weiterarbeiten"
    ),
    "A picture for each frame of the scene": "Ein Bild für jedes Bild der Szene",
    "Movements are as smooth as the quality promises": "Bewegungen sind so flüssig, wie die Qualität es verspricht",
    "Remove the frames that are there from a rendering that was broken off": "Entfernt die Bilder, die ein "
    "abgebrochenes Rendern hinterließ",
    "Stop what Forward Pass is doing and take away what is half done": "Hält an, was Forward Pass tut, und nimmt weg, "
    "was halb fertig ist",
    "Take the error away": "Nimmt den Fehler weg",
    "Copy what a report needs: versions, engine, the error, and the last lines that the model's process said": (
        "Kopiert, was ein Fehlerbericht braucht: Versionen, Rechenwerk, den Fehler und die letzten Zeilen, die der "
        "Prozess des Modells schrieb"
    ),
    "Show all that the model's process said, in the text editor": "Zeigt im Texteditor alles, was der Prozess des "
    "Modells schrieb",
    "Leave this act out of the video, or take it in again. What it would have shown is there all the same": "Lässt "
    "diesen Akt aus dem Video oder nimmt ihn wieder auf. Was er gezeigt hätte, ist trotzdem da",
    "Move an act earlier or later. What it shows stays as it was: the clock of the scene jumps to it and back": "Einen "
    "Akt nach vorn oder hinten verschieben. Was er zeigt, bleibt, wie es war: Die Uhr der Szene springt zu ihm und "
    "zurück",
    "Where it goes in the list of acts": "Wohin er in der Liste der Akte geht",
    "Before the act that is before it": "Vor den Akt, der davor steht",
    "After the act that is after it": "Hinter den Akt, der danach steht",
    "Its place in the list, counted from 0; -1 is the act at work": "Sein Platz in der Liste, von 0 an gezählt; -1 ist "
    "der laufende Akt",
    "Its number, counted from 0": "Seine Nummer, von 0 an gezählt",
    "Let the selected result of a multiply count up through its true partial sums, instead of cell by cell": "Lässt "
    "das gewählte Ergebnis einer Multiplikation durch seine wahren Teilsummen hochzählen, statt Zelle für Zelle",
    "Choose a model that ran here before": "Wählt ein Modell, das hier schon lief",
    "Show the add-on's preferences, where the Python that runs models is chosen": "Zeigt die Einstellungen der "
    "Erweiterung, wo das Python gewählt wird, in dem Modelle laufen",
    "Blender is set to stay offline. Shows the preference that lets it and its add-ons go online": "Blender ist so "
    "eingestellt, dass es nicht ins Netz geht. Zeigt die Einstellung, die es ihm und seinen Erweiterungen erlaubt",
    "Show the scene in the largest 3D viewport as it will be rendered: through its camera, in its own colors": (
        "Zeigt die Szene im größten 3D-Ansichtsfenster so, wie sie gerendert wird: durch ihre Kamera, in ihren Farben"
    ),
    "Show the folder of the last video": "Zeigt den Ordner des letzten Videos",
    "Import torch in the chosen Python, and say its version and what it can run on": "Importiert torch im gewählten "
    "Python und sagt, welche Version es ist und worauf es rechnen kann",
    "Make a Python environment of the add-on's own, with torch. Tells first how much there is to download": "Richtet "
    "eine eigene Python-Umgebung mit torch ein. Sagt zuerst, wie viel zu laden ist",
    "Remove the add-on's own Python environment and free its room on disk": "Entfernt die eigene Python-Umgebung der "
    "Erweiterung und gibt ihren Platz auf der Platte frei",
    "Open the page of the manual that explains this": "Öffnet die Seite des Handbuchs, die das erklärt",
    "Change this, and generate the scene again": "Ändert das und erzeugt die Szene noch einmal",
    "{what}, and try again": "{what}, und noch einmal versuchen",
    "Run on the CPU": "Auf der CPU rechnen",
    "Hold the weights in half precision": "Die Gewichte in halber Genauigkeit halten",
    "Let the model be downloaded": "Das Modell herunterladen lassen",
    "Let the program code that comes with the model run": "Den Programmcode laufen lassen, der mit dem Modell kommt",
    "A Python program that has torch, such as .venv/bin/python of a checkout. Empty: the variable FORWARD_PASS_PYTHON, "
    "then the add-on's own environment, then what is found": "Ein Python-Programm, das torch hat, etwa "
    ".venv/bin/python eines Quellbaums. Leer: die Variable FORWARD_PASS_PYTHON, dann die eigene Umgebung der "
    "Erweiterung, dann was sich findet",
    # Add > Forward Pass > Matmul
    "Add the multiply of two matrices as a box that one number sweeps through, from nothing to the whole result": (
        "Fügt die Multiplikation zweier Matrizen als Quader hinzu, den eine Zahl durchläuft, von nichts bis zum ganzen "
        "Ergebnis"
    ),
    "The left matrix, as 1 2; 3 4. Empty: drawn at random": "Die linke Matrix, als 1 2; 3 4. Leer: zufällig gezogen",
    "The right matrix, as 1 2; 3 4. Empty: drawn at random": "Die rechte Matrix, als 1 2; 3 4. Leer: zufällig gezogen",
    "Of a left matrix drawn at random": "Einer zufällig gezogenen linken Matrix",
    "Steps of the axis that is summed over": "Schritte der Achse, über die summiert wird",
    "Of a right matrix drawn at random": "Einer zufällig gezogenen rechten Matrix",
    "The same numbers with the same seed": "Dieselben Zahlen mit demselben Startwert",
    "What moves through the box": "Was sich durch den Quader bewegt",
    "How the three faces stand; they fold into each other later too": "Wie die drei Seiten stehen; sie lassen sich "
    "auch später ineinander klappen",
    # Why a button is grey
    "Allow Online Access in the System preferences first": "Erlauben Sie zuerst den Online-Zugang in den "
    "Einstellungen unter System",
    "There is no environment": "Es gibt keine Umgebung",
    "Nothing ran yet": "Es lief noch nichts",
    "Render a video first": "Rendern Sie zuerst ein Video",
    "Generate a scene first": "Erzeugen Sie zuerst eine Szene",
    "Nothing is running": "Es läuft nichts",
    "Forward Pass is already at work": "Forward Pass arbeitet schon",
}
