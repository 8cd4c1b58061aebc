# Two commands for a newcomer: `make demo` and `make test`. Everything else is for those who work on the tool.
#
# Packages come from whatever index this machine's pip is configured for, checked against the hashes in the locks.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet
AS_OF := 2026-11-02T06:00:00Z

# Tests start the tool many times; what Python compiled once is kept, even where the shell says otherwise.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := all
.PHONY: all demo test test-whole tested quick check linted typed simulate soak attacks crash mutants sweep damages damage-evidence fuzz drafts report-bench web-bench watch-bench schemas docs pictures lock clean

all: test

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or newer is needed; name it: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

# The tool itself, as a user has it.
$(VENV)/.tool: requirements.txt pyproject.toml | $(BIN)/python
	@echo "Installing access-review and what it needs ..."
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# What the checks need besides.
$(VENV)/.dev: requirements-dev.txt $(VENV)/.tool
	@echo "Installing what the checks need ..."
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

# Spark: 450 MB, for one test, and only where Java is.
$(VENV)/.spark: requirements-spark.txt $(VENV)/.dev
	@echo "Installing Spark ..."
	@$(PIP) --require-hashes --no-build-isolation -r requirements-spark.txt
	@touch $@

demo: $(VENV)/.tool
	@$(BIN)/access-review --as-of $(AS_OF) audit

# tests/conftest.py keeps each module on one core, and the tests that share real servers; what takes long begins first.
# One worker more than cores, since servers, browsers and disks are waited for.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
GROUPED := --dist loadscope --no-loadscope-reorder
PARALLEL := -n $(shell expr $(CORES) + 1) $(GROUPED)

# Types are checked beside the first tests, which wait for servers to start.
test: linted
	@tests/system-packages.sh
	@if command -v java >/dev/null; then $(MAKE) --no-print-directory $(VENV)/.spark; fi
	@$(MAKE) --no-print-directory --jobs=2 typed tested

tested:
	@tests/in-memory.sh $(BIN)/python -m pytest $(PYTEST) $(PARALLEL) tests

# Every case of every sweep, where `make test` draws a share by a seed (tests/support/sweep.py): half as long again.
test-whole:
	@$(MAKE) --no-print-directory test PYTEST="$(PYTEST) --whole"

# While working, under two minutes: what each part decides by itself, and one path through all of it (tests/cli/test_cli.py).
# No server, no browser, no whole history, no company that goes through commands on disk.
UNHURRIED := $(addprefix tests/,attacks bench demo documentation evidence fuzz offboarding powershell real simulation stages web \
	cli/test_forgiving.py cli/test_mcp.py cli/test_one_by_one.py cli/test_remembered.py connectors/test_damaged_copies.py \
	connectors/test_emptied_groups.py draft/test_unusual.py explain/test_coverage.py plan/test_limits.py plan/test_plan.py \
	revoke/test_read_again.py revoke/test_recheck.py views/test_report.py)

quick: $(VENV)/.dev
	@tests/in-memory.sh $(BIN)/python -m pytest -q $(PYTEST) -n $(CORES) $(GROUPED) --hypothesis-profile=quick -m "not slow" \
		$(addprefix --ignore=,$(UNHURRIED)) tests

check: linted typed

typed: $(VENV)/.dev
	@$(BIN)/mypy

linted: $(VENV)/.dev
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/lint-imports --no-logo > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }
	@$(BIN)/deptry . 2> $(VENV)/deptry.txt || { cat $(VENV)/deptry.txt; exit 1; }

# Longer than CI has time for. On 24 November 2026 all of 10,000 seeds and 1,000 histories of the state machine kept
# the promises, in 9 minutes; on 30 November 1,000 tampered histories and 10,000 tampered sets of files, on a busy machine.
simulate: $(VENV)/.dev
	@SIMULATION_SEEDS=10000 MACHINE_EXAMPLES=1000 $(BIN)/python -m pytest -q --whole \
		tests/simulation/test_simulation.py tests/simulation/test_machine.py
	@TAMPERED_HISTORIES=1000 TAMPERED_FILES=10000 $(BIN)/python -m pytest -q --whole tests/attacks/test_tampering.py
	@CHANGE_SEQUENCES=100 $(BIN)/python -m pytest -q --whole tests/stages/test_review_change.py

# A day of watching in accelerated time: a roster, a list, a domain and a tenant with some 2,000 random changes, faults in all of
# them and ten kills, by a seed; no alarm may be lost or told twice, and the findings at the end are those of a whole review. CI
# looks six times at its day; 480 looks take seven minutes of one core, with TMPDIR in memory (/dev/shm) as many on the clock.
SOAK_LOOKS ?= 480
SOAK_SEED ?= 1

soak: $(VENV)/.dev
	@SOAK_LOOKS=$(SOAK_LOOKS) SOAK_CHANGES=8 SOAK_SEED=$(SOAK_SEED) $(BIN)/python -m pytest -q --whole $(PYTEST) \
		tests/stages/test_watch.py -k day_of_random_changes

# Every attack that ends in a write, on a Samba domain and a simulated tenant; CI draws five. On 29
# and 30 November 2026 all 21 left both as they were, in two minutes and a half.
attacks: $(VENV)/.dev
	@tests/system-packages.sh
	@$(BIN)/python -m pytest -q --whole $(PYTEST) tests/real/test_attacks_live.py

# Packs of evidence, damaged by a seed and made to fit again: both verifiers must refuse each, and name first what was
# damaged: four minutes of one core. DAMAGED_PACK names another pack than that of the small company's three weeks: half-year is
# that of 26 weeks with plans and audits that people signed (eight minutes of one core), example that of 26 audits of the example
# company (half an hour). On 30 November 2026 both refused all 500 of each of the three, and named what was damaged first.
damage-evidence: $(VENV)/.dev
	@DAMAGED_PACKS=500 $(BIN)/python -m pytest -q --whole tests/evidence

# mutmut makes the code wrong in one place, runs the tests of that code, and puts it right again: some hours on one
# core. It is no part of the locks; what it found last stands in CONTRIBUTING.md.
MUTANTS := plan.limits* plan.protect* revoke.recheck* store.journal* revoke.states* \
	plan.request.x_find_gaps* findings.xǁGaps* snapshot.xǁSnapshot* snapshot.x__add_missing* snapshot.carry_over* connectors.ad.paging* \
	plan.derive* plan.after_undo* plan.recent_removals* plan.wind_down_scope* revoke.approve* revoke.journal_removals* revoke.read_again* \
	revoke.statements* revoke.sshsig* revoke.signatures* logbook.entries* logbook.known* logbook.lines* logbook.tree* store.logbook* \
	store.hash_chain* store.rights* store.pinned* sample.choice* sample.commitment* sample.draw* guarded_files.plain* guarded_files.private*

mutants: $(VENV)/.dev
	@$(PIP) mutmut==3.8.1
	@$(BIN)/mutmut run --max-children 1 $(MUTANTS:%='access_review.%') > /dev/null
	@$(BIN)/mutmut results --all true | sed -nE '/not checked/d; s/^ *access_review\.([a-z_.]+)\..*: /\1: /p' | sort | uniq -c

crash: $(VENV)/.dev
	@CRASH_ALL=1 CRASH_SECOND=0,1,3,5,9,15,21 CRASH_SECOND_REAL=5,11 $(BIN)/python -m pytest -q --whole \
		tests/simulation/test_crash.py tests/simulation/test_crash_graph.py tests/real/test_crash_ad.py

# Every fault on the first, a middle and the last page of every collection of a tenant. On 24 November 2026 all of 2,210
# cases passed, in two minutes.
sweep: $(VENV)/.dev
	@ACCESS_REVIEW_SWEEP=all $(BIN)/python -m pytest -q --whole tests/connectors/entra/test_faults.py

# 500 damages to the good file of every connector, about 50 minutes on a busy core; CI does a dozen of each. On 29
# November 2026 none of the 7,000 made a leaver or closed a finding, but for 181 that leave a well-formed file of 90 % or
# more: rows dropped, a letter changed, a cell blanked.
damages: $(VENV)/.dev
	@DAMAGES=500 $(BIN)/python -m pytest -q --whole tests/connectors/test_damaged_copies.py

# Every reader of files, fed with what no program writes, for as many minutes; CI does a small share with the same examples.
# On 29 November 2026 ten minutes found nothing.
FUZZ_MINUTES ?= 10

fuzz: $(VENV)/.dev
	@FUZZ_MINUTES=$(FUZZ_MINUTES) $(BIN)/python -m pytest -q --whole $(PYTEST) tests/fuzz

# What drafts, unusual access and predictions are worth on the outside data, asked of the command line: some minutes.
drafts: $(VENV)/.dev
	@$(BIN)/python -m bench.drafting $(ACCESS_REVIEW_OUTSIDE_DATA)

# How soon the report of 10,000 findings opens in Chromium and its search answers; REPORT_FINDINGS=100000 for more.
REPORT_FINDINGS ?= 10000

report-bench: $(VENV)/.dev
	@$(BIN)/python -m bench.report $(REPORT_FINDINGS)

# 30 people at once, 10 answers a second for a minute, then kill -9: how long an answer takes, and whether one is lost. On
# 30 November 2026, two idle cores: median 17 ms, 99 % under 60 ms, none lost.
web-bench: $(VENV)/.dev
	@$(BIN)/python -m bench.web

# From a change to its alarm at default settings, the median of 20: a Samba domain of 5,000 users, a tenant, a roster: ten minutes
# of two cores. On 30 November 2026, medians of 20 with nothing beside: 2.8 s, 3.0 s and 1.6 s (at a load of 4: 3.4, 3.2 and 1.9).
watch-bench: $(VENV)/.dev
	@tests/system-packages.sh
	@$(BIN)/python -m bench.watching

schemas: $(VENV)/.dev
	@$(BIN)/python -m access_review.stages.schemas

# Generated parts of the documentation.
docs: $(VENV)/.dev
	@$(BIN)/python -m tests.documentation.generate

# The pictures of README and runbooks, taken of the example company in Chromium.
pictures: $(VENV)/.dev
	@$(BIN)/python -m tests.documentation.pictures

# Needs uv on the PATH; the locks hold hashes and no index address.
lock:
	uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --group build --output-file requirements.txt
	uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		pyproject.toml --group dev --constraint requirements.txt --output-file requirements-dev.txt
	uv pip compile --quiet --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
		--group spark --constraint requirements-dev.txt --output-file requirements-spark.txt

clean:
	rm -rf $(VENV) runs dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis mutants

-include bench/bench.mk
