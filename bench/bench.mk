# Included by the Makefile: `-include bench/bench.mk`.
# Other ways need packages of their own; SIZES="S M" by default, L takes 5 GB of disk and half an hour.

SIZES ?= S M

.PHONY: bench bench-derive bench-table

$(VENV)/.bench: $(VENV)/.dev
	@$(PIP) polars
	@touch $@

bench: $(VENV)/.bench
	@$(BIN)/python -m bench all $(SIZES)

# A plan derived again, as `apply` does before it carries one out, beside a whole review of the same run.
bench-derive: $(VENV)/.dev
	@$(BIN)/python -m bench derive $(SIZES)

bench-table:
	@$(BIN)/python -m bench table
