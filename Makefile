# Two commands on a fresh machine with Python 3.11+:   make record   make test
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python

.PHONY: record test lint benchmark figures clean

record: $(VENV)/installed
	$(PY) -m cortexsim.record --overwrite

test: $(VENV)/installed
	$(PY) -m pytest

lint: $(VENV)/installed
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

benchmark: $(VENV)/installed
	$(PY) tests/benchmarks/bench_training.py
	$(PY) tests/benchmarks/bench_recording.py
	$(PY) tests/benchmarks/bench_rsa.py
	$(PY) tests/benchmarks/bench_encoding.py

figures: $(VENV)/installed
	$(PY) analyses/rsa_reference.py
	$(PY) analyses/rdm_movie.py
	$(PY) analyses/rsa_timecourse.py
	$(PY) analyses/neural_latency.py
	$(PY) analyses/appendix_a_equivalence.py
	$(PY) analyses/appendix_b_fixed_point.py
	$(PY) analyses/local_recurrence.py
	$(PY) analyses/dynamics.py

$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("cortexsim needs Python 3.11 or newer, found " + sys.version.split()[0] + "; try make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade pip
	$(PY) -m pip install --quiet -e '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
