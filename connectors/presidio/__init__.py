"""Presidio: where personal data stands in texts.

Presidio's recognisers (patterns with checksums, telephone numbers of many countries) and spaCy's
named entities, together with patterns for what they lack. `connector.py` answers the request, by
processes (`connectors/processes/`) in which `detector.py` looks, asked as `detection_task.py` says;
`personal_patterns.py` and `english_words.py` are what it knows, `stretches.py` how it cuts.

Why it is so: the recognisers are called directly rather than through AnalyzerEngine, whose
context words need the lemmas of a parser that costs more than the entities themselves; here
a cue is part of a pattern. spaCy runs with the entity recogniser alone, over all texts of a request
in one go, and multiplies with NumPy's library: the one it brings has no code for today's processors
in its wheels (a chunk took 28 ms, and takes 17).
"""
