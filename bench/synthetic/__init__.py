"""A large log without models: the steps themselves, run over canned answers.

`replay verify` is measured over it, since a log of some hundred records says more about starting up
than about verifying. Everything but the models and the index is real: the steps, the keyring, the
parser and the tokenizer, the identities, causes and lanes. Several questions are always under way,
so that their records lie interleaved, as they do on a live log.
"""
