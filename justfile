# The tasks of the project. `./dev TASK` runs one and installs what is missing first; CI, the README and
# developers call these and nothing else.

set shell := ["bash", "-euo", "pipefail", "-c"]

# One for both workspaces, which have their crates in common.
cargo_target := env("CARGO_TARGET_DIR", justfile_directory() / "target")

export VIRTUAL_ENV := justfile_directory() / ".venv"
export PATH := VIRTUAL_ENV / "bin:" + env("PATH")

# What there is to do
[private]
default:
    @just --list --unsorted

# Install the tools (which running any task does) and fetch the crates
setup:
    cargo fetch --locked

# Build the native module, optimised, and install the package into .venv, its Python files in place
build:
    maturin develop --release --locked

# Build it without optimisation, which takes seconds after a change
build-debug:
    maturin develop --locked --quiet

# Serve the examples by gunicorn and visit them with a cookie jar: the main job
example: build
    python -m examples.visit

# What `test` runs on the newest CPythons too: all of it takes ten minutes (`./dev interpreters`).
on_the_newest := "tests/api tests/compat/golden tests/conformance/cookie_session tests/conformance/cookies \
    tests/conformance/keys tests/faults/concurrency/test_locked_processes.py tests/unit"

# As many processes as there are processors share the tests. `--numprocesses 0` runs them in one, as a debugger needs.
pytest := "pytest --numprocesses auto"

# The tests that need no server, browser, wheel or long time, on a debug build: `./dev fast tests/api -k lock`
fast *arguments: build-debug
    {{ pytest }} -m fast {{ arguments }}

# All tests: Rust, then Python, with real servers, a browser, the original and wheels for every CPython found
test: build oracle chromium strace tree wheels dependents test-rust
    {{ pytest }}
    python -m tools.interpreters {{ on_the_newest }}

# The tests of the Rust half, which need no interpreter, its locks under schedules, and the fuzz targets on their seeds
test-rust: schedules
    cargo test --locked --no-default-features
    cargo test --locked --manifest-path fuzz/Cargo.toml --target-dir "{{ cargo_target }}"

# Run the locks between threads under so many schedules of each kind for each law: `./dev schedules 100000`
schedules count="300":
    BEAKER_SCHEDULES={{ count }} cargo test --locked --no-default-features --features shuttle --lib schedules

# The Python tests, or some of them: `./dev test-python tests/servers -k waitress`
test-python *arguments: build
    {{ pytest }} {{ arguments }}

# Everything that can be said without running: formats, lints, types, stubs, dependencies
lint: format-check lint-rust lint-non-unix lint-python deny

# Whether everything is formatted
format-check:
    cargo fmt --check
    cargo fmt --check --manifest-path fuzz/Cargo.toml
    ruff format --check

# Format everything
format:
    cargo fmt
    cargo fmt --manifest-path fuzz/Cargo.toml
    ruff check --fix --select I
    ruff format

# Clippy, with the interpreter and without, for the schedules, and for the fuzz targets
lint-rust:
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --all-targets --no-default-features -- -D warnings
    cargo clippy --locked --lib --tests --no-default-features --features shuttle -- -D warnings
    cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir "{{ cargo_target }}" \
        --all-targets --features targets -- -D warnings

# Whether the crate compiles where there is no Unix; needs rustup, which has the standard library of such a target
lint-non-unix:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v rustup >/dev/null || { echo "no rustup: nothing is compiled for non-Unix" >&2; exit 0; }
    rustup target add x86_64-pc-windows-gnu ||
        { echo "no library for a non-Unix target: nothing is compiled for one" >&2; exit 0; }
    export PYO3_CROSS=1 PYO3_CROSS_PYTHON_VERSION=3.10
    cargo check --locked --target x86_64-pc-windows-gnu
    cargo check --locked --target x86_64-pc-windows-gnu --no-default-features

# Ruff, mypy in strict mode, and the stubs against the built module
lint-python: build
    ruff check
    mypy
    python -m mypy.stubtest beaker._core

# The imports between the Rust modules, their circles, and the lines of each folder
imports:
    python -m tools.imports

# Licences, sources, duplicates and known vulnerabilities of the crates
deny:
    tools/deny

# Let libFuzzer try one target for some seconds: `./dev fuzz cookie_header 600`
fuzz target seconds="60" *options:
    python -m tools.fuzz {{ target }} {{ seconds }} {{ options }}

# Let libFuzzer try every target in turn, each for some seconds
fuzz-all seconds="600":
    python -m tools.fuzz all {{ seconds }}

# Give the fuzz targets the very crates of the package, after Cargo.lock has changed
fuzz-lock:
    cp Cargo.lock fuzz/Cargo.lock
    cargo metadata --quiet --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null

# Change the code in every small way and look which changes no test notices: `./dev mutants cookie --jobs 2`
mutants *arguments:
    python -m tools.mutants {{ arguments }}

# Try to break the laws of sessions, and print a line for each campaign: `./dev campaign faults --full`
campaign *arguments: build oracle strace
    python -m tests.faults.campaigns {{ arguments }}

# Every campaign in its short form, as tests
campaigns: build oracle strace
    {{ pytest }} tests/faults/campaigns

# Measure against the original, interleaved, in one run
bench *arguments: build oracle
    python benches/bench_wsgi.py {{ arguments }}

# Measure the stores and the cookie code without an interpreter
bench-rust *arguments:
    cargo bench --locked --no-default-features {{ arguments }}

# Build a wheel for every CPython from 3.10 to 3.15 that is found, and the one of `Beaker`, into dist/
wheels:
    python -m tools.wheels

# Install programs that need Beaker with ours in its place, by pip and by uv, into .dependents
dependents: wheels
    python -m tools.dependents

# The released original in environments of its own: .oracle writes AES-GCM, .oracle/ctr writes AES-CTR
oracle *arguments:
    python -m tools.oracle {{ arguments }}

# Install Debian's Chromium, if there is none and it is possible without asking
chromium:
    tools/chromium

# Make the newest CPythons run here, in a tree of Debian's sid, if there are none and it is possible without asking
tree:
    missing=$(python -m tools.interpreters --missing) && tools/tree $missing

# The Python tests on the newest CPythons, or some of them: `./dev interpreters -k json`
interpreters *arguments: tree wheels
    python -m tools.interpreters {{ arguments }}

# Install Debian's strace, if there is none and it is possible without asking
strace:
    tools/strace

# Print who reads what, the original and ours: every serializer and cipher, in files and in cookies
matrix: build oracle
    python -m tests.compat.interop.matrix

# Write the sessions and cookies of tests/compat/golden anew with the original
golden: build (oracle "--all")
    python -m tests.compat.golden.make

# Write the options of the documents and of the stubs anew, from the table in src/config/table.rs
options: build
    python -m tools.options

# Resolve the dependency groups of pyproject.toml, or some of them, anew into requirements/
lock *groups:
    python -m tools.lock {{ groups }}

# Run the formatters and linters before every commit
hooks:
    pre-commit install
