"""The tagger: where personal data stands in texts, in front of spaCy.

`value_forms.py` finds what shows itself by its form, with `checksums.py`, `national_ids.py`,
`numbers.py` and `secret_values.py`. `field.py` finds names and addresses: a conditional random
field over the features of `word_features.py`, with the weights of `weights.py` and the words that
`packed_words.py` knows. `cleaning.py` cuts what it marks to the value, `code_markup.py` knows where
code stands, `manuals.py` where manuals and titles do, in which a name takes more. `widening.py` and
`bold_names.py` add in prose what the field leaves out. `tagger_detector.py` puts it together, and
asks spaCy about the sentences that leave the field unsure. `bench/tagger` trains it; docs/tagger.md
is its card.

Why it is so: spaCy's model takes some milliseconds a text and knows names of news. A field of five
words takes a tenth of that, since all that a word adds is looked up, and it learns from templates
of our own what letters, forms and chats look like. Each makes up for what the other misses.
"""
