"""The tests of the tool, and what holds for each process of them before anything is imported."""

import gc
import os

# Collecting five thousand tests makes objects that stay: looking through them for garbage every 700 took a third of it.
# It is what the tool itself sets for its commands.
gc.set_threshold(50_000)

# Workers are more than cores: threads of linear algebra would wait for each other by spinning, fifteen times the work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
