"""Lets ``python -m access_review`` be the command."""

from access_review.cli import main

if __name__ == "__main__":
    main()
