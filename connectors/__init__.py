"""Where the outside is: every other service or store, Kafka apart. Connectors know no step."""

import os

# Before NumPy is imported: its library reads this once. Our matrices are small, and a second thread
# costs more (it spins: 40 ms instead of 17 to read a chunk) than it helps.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
