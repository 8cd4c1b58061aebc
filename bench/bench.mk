# Included by the Makefile: `-include bench/bench.mk`.
# Other ways need packages of their own; SIZES="S M" by default, L takes 5 GB of disk and half an hour.

SIZES ?= S M

.PHONY: bench bench-table

$(VENV)/.bench: $(VENV)/.dev
	@$(PIP) polars
	@touch $@

bench: $(VENV)/.bench
	@$(BIN)/python -m bench all $(SIZES)

bench-table:
	@$(BIN)/python -m bench table
