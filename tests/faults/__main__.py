"""The command line with the writer of :mod:`tests.faults.connector` held for proven, and a limit on the size of files."""

import os
import resource

from access_review import batch
from access_review.cli import main

if size := os.environ.get("FILE_SIZE"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
batch.PROVEN |= {"faulty"}
main()
