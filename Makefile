# Two commands on a fresh machine with Python 3.11+:   make record   make test
PYTHON ?= python3
VENV ?= .venv
BUDGET ?= cpu
RUNS ?= runs
WORKERS ?= auto
TRAINED := fig06_weight_sharing fig07_few_parameters fig08_readout_time fig09_states_and_connections \
	fig10_readout_generalisation fig13_inhomogeneous coarse_to_fine depth_efficiency
PY := $(VENV)/bin/python
BRAINSCORE := .venv-brainscore

.PHONY: record test slow faults fuzz docs lint benchmark figures train-figures brainscore clean

record: $(VENV)/installed
	$(PY) -m cortexsim.record --overwrite

PYTEST := $(PY) -m pytest --numprocesses $(WORKERS) --maxprocesses 8 --dist worksteal

test: $(VENV)/installed
	$(PYTEST) -m "not slow"

# What takes minutes: simulations of hundreds of experiments (coverage of intervals, false alarms of tests), runs of several
# processes (torchrun, suites, kills at random instants), the longer scripts of analyses/, compiled training.
slow: $(VENV)/installed
	$(PYTEST) -m slow

# Damages and races at random, seeded, counted and printed as a table: at most ten minutes on two cores.
faults: $(VENV)/installed
	$(PY) tests/faults/run.py

# The pages, offline, every example run, no warning allowed: docs/_build/html/index.html
docs: $(VENV)/installed
	$(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html

# Malformed calls, files, cards, chunks, images and command lines, seeded, counted and printed as a table: minutes.
fuzz: $(VENV)/installed
	$(PY) tests/fuzz/run.py

lint: $(VENV)/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports

benchmark: $(VENV)/installed
	$(PY) tests/benchmarks/bench_training.py
	$(PY) tests/benchmarks/bench_recording.py
	$(PY) tests/benchmarks/bench_rsa.py
	$(PY) tests/benchmarks/bench_times.py
	$(PY) tests/benchmarks/bench_encoding.py
	$(PY) tests/benchmarks/bench_busy.py
	$(PY) tests/benchmarks/bench_explorer.py
	$(PY) tests/benchmarks/bench_memory.py --batch 2

figures: $(VENV)/installed
	$(PY) analyses/rsa_reference.py
	$(PY) analyses/rdm_movie.py
	$(PY) analyses/rsa_timecourse.py
	$(PY) analyses/v4_encoding.py
	$(PY) analyses/neural_latency.py
	$(PY) analyses/appendix_a_equivalence.py
	$(PY) analyses/appendix_b_fixed_point.py
	$(PY) analyses/local_recurrence.py
	$(PY) analyses/dynamics.py
	$(PY) analyses/masking.py
	$(PY) analyses/predictions.py
	$(PY) analyses/behavior.py
	$(PY) analyses/behavior_distortions.py
	$(PY) analyses/speed_accuracy.py
	$(PY) analyses/rsvp_features.py
	set -e; for name in $(TRAINED); do $(PY) analyses/$$name.py --budget $(BUDGET) --runs $(RUNS); done

# What the figures of trained networks need, e.g. make train-figures BUDGET=reduced RUNS=../runs: core-hours; the same command goes on.
train-figures: $(VENV)/installed
	$(PY) analyses/train_runs.py --budget $(BUDGET) --runs $(RUNS)

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("cortexsim needs Python 3.11 or newer, found " + sys.version.split()[0] + "; try make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet -e '.[dev]'
	@touch $@

# Brain-Score needs numpy<2 and xarray<2022.6: an environment of its own, kept between runs. --no-deps because this package asks for newer ones.
brainscore: $(BRAINSCORE)/installed
	$(BRAINSCORE)/bin/python -m pytest -c tests/brainscore/pytest.ini tests/brainscore cortexsim/brainscore

$(BRAINSCORE)/installed: tests/brainscore/requirements.txt
	@$(PYTHON) -c 'import sys; (3, 11) <= sys.version_info < (3, 13) or sys.exit("Brain-Score (numpy<2) needs Python 3.11 or 3.12, found " + sys.version.split()[0] + "; try make PYTHON=python3.12 brainscore")'
	$(PYTHON) -m venv $(BRAINSCORE)
	$(BRAINSCORE)/bin/python -m pip install --quiet --upgrade pip
	$(BRAINSCORE)/bin/python -m pip install --quiet -r $<
	$(BRAINSCORE)/bin/python -m pip install --quiet --no-deps -e .
	@touch $@

clean:
	rm -rf $(VENV) $(BRAINSCORE) build dist *.egg-info
