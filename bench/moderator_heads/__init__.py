"""Train the heads of the Triton model `moderator`, and say how well they do.

    PART/venv/bin/python -m bench.moderator_heads --data EVALDATA --figures \
        --embedder PART/models-data/bge-small-en-v1.5 \
        --profanity alt_profanity_check-1.9.1-py3-none-any.whl

PART is the installed Triton (`playhead parts` tells where), whose environment has onnxruntime. The
texts are read where they lie and no row of them is kept: what is written is one number a bucket of
hashed n-grams, and one a dimension of the embedder's vectors. The same texts give the same file.
"""
