# make demo    move a made-up school system from SQLite to PostgreSQL, and see the proof
# make example   a real application: started, moved on its evening, checked, and taken back
# make test    the whole test suite
# make property    the tests of generated databases, for longer
# make fuzz    bytes that nobody thought of, for each of litelift's readers
# make chaos   break moves at random moments, and count what was lost
# make bench   docs/benchmarks.md: how fast, beside other tools
# make corrupt    damage real databases, and move each: proved, or refused
# make fidelity SAMPLES=folder   docs/fidelity.md: what arrives of the SQLite databases in a folder
#
# Needs Python 3.11 or newer, and nothing else; everything goes into .venv.

.DEFAULT_GOAL := help
.PHONY: help demo example test test-pure test-plain-role sanitize fuzz property corrupt chaos lint bench fidelity samples clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# An environment does not survive being moved: its scripts and its link to src/ hold the folder's name.
ifneq ($(shell cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif

help:
	@echo 'make demo     move an example database to PostgreSQL, prove it, and show the report'
	@echo 'make example  start a real application, cut it over to PostgreSQL, check it, and roll it back'
	@echo 'make test     run the tests            (make test ARGS="-k plan" runs some of them)'
	@echo 'make property    move 10,000 generated databases, and compare each once more (EXAMPLES=2000 SEED=7)'
	@echo 'make chaos    break 200 moves on purpose, go on or undo, and count what was lost (FAULTS=50 SEED=7 JOBS=3)'
	@echo 'make corrupt     damage databases (MUTATIONS=300 SEED=7 SAMPLES=folder), and move each: proved, or refused'
	@echo 'make test-pure   run those that load without the compiled path'
	@echo 'make test-plain-role   run the tests of the contract as roles that a managed PostgreSQL gives out'
	@echo 'make sanitize    run the compiled path under the sanitizers, and on broken files'
	@echo 'make fuzz     fuzz every reader for ten minutes (SECONDS=60 TARGET=lexer; INPUT=file: that one once more)'
	@echo 'make lint     ruff and mypy'
	@echo 'make bench    measure litelift beside other tools, and make docs/benchmarks.md (ARGS=--quick: small)'
	@echo 'make fidelity SAMPLES=folder    move the SQLite files in a folder, and make docs/fidelity.md of what arrived'
	@echo 'make clean    remove .venv and caches  (what demo and example made stays)'

# 3: moved and proved, and some rows need a person. The demo's data has such rows on purpose.
demo: $(READY)
	@$(BIN)/litelift demo $(ARGS) || [ $$? -eq 3 ]

# examples/atis, in FOLDER; SCALE=1 is 40,000 grades. nginx and redis-server are used where they are installed.
FOLDER := examples/atis/run
SCALE := 1

example: $(READY)
	@$(BIN)/python -m examples.atis.evening --folder '$(FOLDER)' --scale $(SCALE) $(ARGS)

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

# SEED: as an earlier run printed it, to make the same databases again. -qq: the last line is the count.
EXAMPLES := 10000
SEED :=

property: $(READY)
	@LITELIFT_EXAMPLES=$(EXAMPLES) LITELIFT_SEED=$(SEED) $(BIN)/python -m pytest -qq -n auto tests/test_property_move.py $(ARGS)

# SEED as an earlier run printed it; KINDS="kill network" only these faults; ONLY="17 30" only the trials of these numbers;
# SAMPLE=file.sqlite a database of your own beside the made ones. It takes a client's and a server's memory for each of JOBS.
FAULTS := 200
JOBS := 3
KINDS :=
SAMPLE :=

chaos: $(READY)
	@PYTHONPATH=tests $(BIN)/python -m chaos --faults $(FAULTS) --jobs $(JOBS) $(if $(SEED),--seed $(SEED)) \
		$(if $(KINDS),--kinds $(KINDS)) $(if $(ONLY),--only $(ONLY)) $(if $(SAMPLE),--sample '$(SAMPLE)') $(ARGS)
# Of the databases in SAMPLES; without such a folder, of the demo's and a small one. A fault is told with what repeats it.
MUTATIONS := 300

corrupt: $(READY)
	@PYTHONPATH=tests:. $(BIN)/python -m corrupt '$(SAMPLES)' --mutations $(MUTATIONS) $(if $(SEED),--seed $(SEED)) $(ARGS)

# A part of the tests without the compiled path: those that load, quarantine, fill and read what is broken.
PURE := contract_types contract_dates contract_text contract_misfits contract_plan applications broken prove wire integrity

test-pure: $(READY)
	LITELIFT_PURE=1 $(BIN)/python -m pytest -n auto --dist worksteal $(foreach part,$(PURE),$(wildcard tests/test_$(part)*.py)) $(ARGS)

# The contract as a role that owns its database, and as one that owns two schemas and nothing else (tests/plain_role.py).
test-plain-role: $(READY)
	for role in owner schema; do \
		LITELIFT_TEST_ROLE=$$role $(BIN)/python -m pytest -n auto --dist worksteal tests/test_contract_*.py $(ARGS) || exit 1; \
	done

# The compiled path under AddressSanitizer and UndefinedBehaviorSanitizer, and on broken databases for FUZZ seconds.
# Neither Python nor SQLite gives back all memory at its end: leaks are not looked for.
FUZZ := 60
SANITIZED := build/sanitized
CC := cc

sanitize: $(READY)
	@if ! printf 'int main(void) { return 0; }' | \
		$(CC) -fsanitize=address,undefined -x c -o /dev/null - 2>/dev/null; then \
		echo 'make sanitize: left out, for $(CC) has no sanitizers here.'; exit 0; \
	fi; \
	set -e; \
	rm -rf $(SANITIZED); mkdir -p $(SANITIZED); \
	cp -r setup.py pyproject.toml README.md LICENSE src tests $(SANITIZED); rm -f $(SANITIZED)/src/litelift/_native*.so; \
	python=$(abspath $(BIN))/python; cd $(SANITIZED); \
	CFLAGS='-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined' \
		$$python setup.py --quiet build_ext --inplace; \
	export LD_PRELOAD="$$($(CC) -print-file-name=libasan.so) $$($(CC) -print-file-name=libubsan.so)"; \
	export ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH=$(CURDIR)/$(SANITIZED)/src; \
	$$python -m pytest -q -n auto --dist worksteal -p no:cacheprovider \
		$(foreach part,codecs reader census json proof,tests/test_native_$(part).py) \
		tests/test_fuzz_corpus.py $(ARGS); \
	$$python tests/fuzz_native.py $(FUZZ)

# Of all targets together. What is found goes to build/fuzz; "python -m fuzz.keep" puts it into tests/fuzz/corpus.
SECONDS := 600
TARGET :=
INPUT :=

fuzz: $(READY)
	@mkdir -p build
	@$(BIN)/python -c 'import atheris' 2>/dev/null || \
		$(BIN)/python -m pip install -qq --disable-pip-version-check --requirement tests/fuzz/requirements.txt \
			>build/fuzz.log 2>&1 || \
		echo 'make fuzz: atheris cannot be installed for this Python: see build/fuzz.log.' >&2
	@PYTHONPATH=tests $(BIN)/python -m fuzz.run --seconds $(SECONDS) $(addprefix --target ,$(TARGET)) \
		$(if $(INPUT),--input $(INPUT)) $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# SCALES="0.3,1" RUNS=3 ONLY="litelift floor tpch-0.3": a part of it. What cannot be installed is left out, and told.
SCALES := 0.3,1
RUNS := 3
ONLY :=

bench: $(READY)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --requirement benchmarks/requirements.txt || \
		echo 'Not everything that it measures could be installed: see above. What is missing is left out.' >&2
	$(BIN)/python -m benchmarks.speed --scales $(SCALES) --runs $(RUNS) $(if $(ONLY),--only $(ONLY)) $(ARGS)

# With pgloader beside it where that is installed.
SAMPLES := $(wildcard ../shared/samples)

fidelity: samples $(READY)
	$(BIN)/python -m benchmarks.fidelity '$(SAMPLES)' --output docs/fidelity.md $(ARGS)

samples:
	@[ -d '$(SAMPLES)' ] || { \
		echo 'make fidelity SAMPLES=folder: there is no folder "$(SAMPLES)". It must hold SQLite files (.sqlite, .db, or these with .zst).' >&2; \
		exit 1; }

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf src/*.egg-info src/litelift/_native*.so
	find src tests benchmarks examples -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements.lock pyproject.toml setup.py $(wildcard src/litelift/native/*)
	@python=; \
	for candidate in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
		if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			python=$$candidate; break; \
		fi; \
	done; \
	if [ -z "$$python" ]; then \
		echo 'litelift needs Python 3.11 or newer, and none was found.' >&2; \
		echo 'Install it (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12' >&2; \
		exit 1; \
	fi; \
	echo "Making $(VENV) with $$("$$python" --version) ..."; \
	if ! "$$python" -m venv --clear $(VENV) >$(VENV).log 2>&1; then \
		cat $(VENV).log >&2; rm -rf $(VENV) $(VENV).log; \
		echo "That Python cannot make a virtual environment. Debian, Ubuntu: apt-get install python3-venv" >&2; \
		exit 1; \
	fi; \
	rm -f $(VENV).log
	@echo "Installing the $$(grep -c == requirements.lock) packages of requirements.lock (a minute the first time) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --requirement requirements.lock || { \
		echo 'The packages could not be installed: see above. Run make again once that is mended.' >&2; exit 1; }
	@echo 'Installing litelift from this folder ...'
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@printf '%s\n' '$(CURDIR)' > $@
