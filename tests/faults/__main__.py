"""The command line with a limit on the size of files."""

import os
import resource

from access_review.cli import main

if size := os.environ.get("FILE_SIZE"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))
main()
