# The tasks of the project. `./dev TASK` installs missing parts and runs one. CI, the README and developers use only
# these.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Both workspaces share it, since they have the same crates.
cargo_target := env("CARGO_TARGET_DIR", justfile_directory() / "target")

export VIRTUAL_ENV := justfile_directory() / ".venv"
export PATH := VIRTUAL_ENV / "bin:" + env("PATH")

# List the tasks
[private]
default:
    @just --list --unsorted

# Install the tools, as every task does, and fetch the crates
setup:
    cargo fetch --locked

# Build the native module with optimisation, and install the package into .venv in editable mode
build:
    maturin develop --release --locked

# The same without optimisation; takes seconds after a change
build-debug:
    maturin develop --locked --quiet

# Serve the examples with gunicorn to a client that keeps cookies
example: build
    python -m examples.visit

# The tests that `test` also runs on the newest CPythons. All of them take ten minutes (`./dev interpreters`).
on_the_newest := "tests/api tests/compat/golden tests/conformance/cookie_session tests/conformance/cookies \
    tests/conformance/keys tests/faults/concurrency/test_locked_processes.py tests/unit"

# One process for each processor. `--numprocesses 0` uses a single process, for a debugger.
pytest := "pytest --numprocesses auto -p beaker.testing.plugin"

# The tests that need no server, browser, wheel or long time, on a debug build: `./dev fast tests/api -k lock`
fast *arguments: build-debug
    {{ pytest }} -m fast {{ arguments }}

# All tests: Rust, then Python, with real servers, a browser, the original and wheels for every CPython found
test: build oracle chromium servers strace tree wheels dependents test-rust
    {{ pytest }}
    python -m tools.interpreters {{ on_the_newest }}

# The tests of the Rust half, which need no interpreter, its locks under schedules, and the fuzz targets on their seeds
test-rust: servers schedules
    cargo test --locked --no-default-features
    cargo test --locked --manifest-path fuzz/Cargo.toml --target-dir "{{ cargo_target }}"

# Run each law of the locks between threads under many schedules: `./dev schedules 100000`
schedules count="300":
    BEAKER_SCHEDULES={{ count }} cargo test --locked --no-default-features --features shuttle --lib schedules

# All Python tests, or some of them: `./dev test-python tests/servers -k waitress`
test-python *arguments: build
    {{ pytest }} {{ arguments }}

# Hold every backend to the published laws on its real server, and print the number of laws of each
laws *arguments: build servers
    {{ pytest }} tests/laws --every-encoding {{ arguments }}

# All static checks: formats, lints, types, stubs, dependencies
lint: format-check lint-rust lint-non-unix lint-python deny

# Check the formats
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

# Run clippy with the interpreter, without it, for the schedules and for the fuzz targets
lint-rust:
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --all-targets --no-default-features -- -D warnings
    cargo clippy --locked --lib --tests --no-default-features --features shuttle -- -D warnings
    cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir "{{ cargo_target }}" \
        --all-targets --features targets -- -D warnings

# Check that the crate compiles for a non-Unix target; needs rustup and a C compiler of that target
lint-non-unix:
    #!/usr/bin/env bash
    set -euo pipefail
    command -v rustup >/dev/null || { echo "no rustup: the non-Unix target is not checked" >&2; exit 0; }
    rustup target add x86_64-pc-windows-gnu ||
        { echo "no library of a non-Unix target: it is not checked" >&2; exit 0; }
    # The cryptography of TLS has parts in C.
    command -v x86_64-w64-mingw32-gcc >/dev/null ||
        tools/debian "a check for a non-Unix target needs its C compiler" gcc-mingw-w64-x86-64 ||
        { echo "no C compiler of a non-Unix target: it is not checked" >&2; exit 0; }
    export PYO3_CROSS=1 PYO3_CROSS_PYTHON_VERSION=3.10
    cargo check --locked --target x86_64-pc-windows-gnu
    cargo check --locked --target x86_64-pc-windows-gnu --no-default-features

# Run ruff, mypy in strict mode, and the check of the stubs
lint-python: build
    ruff check
    mypy
    python -m mypy.stubtest beaker._core

# Print the imports between the Rust modules, their circles, and the lines of each folder
imports:
    python -m tools.imports

# Check licences, sources, duplicates and known vulnerabilities of the crates
deny:
    tools/deny

# Fuzz one target for some seconds: `./dev fuzz cookie_header 600`
fuzz target seconds="60" *options:
    python -m tools.fuzz {{ target }} {{ seconds }} {{ options }}

# Fuzz every target in turn, each for some seconds
fuzz-all seconds="600":
    python -m tools.fuzz all {{ seconds }}

# Give the fuzz targets the crates of the package, after a change to Cargo.lock
fuzz-lock:
    cp Cargo.lock fuzz/Cargo.lock
    cargo metadata --quiet --manifest-path fuzz/Cargo.toml --format-version 1 >/dev/null

# Find small changes of the code that no test notices: `./dev mutants cookie --jobs 2`
mutants *arguments:
    python -m tools.mutants {{ arguments }}

# Try to break the laws of sessions, and print a line for each campaign: `./dev campaign faults --full`
campaign *arguments: build oracle strace
    python -m tests.faults.campaigns {{ arguments }}

# Let two machines, which are network namespaces, share a Redis Cluster and a PostgreSQL; needs root
machines seconds="15": build servers
    python -m tests.servers.machines.run {{ seconds }}

# Every campaign in its short form, as tests
campaigns: build oracle strace
    {{ pytest }} tests/faults/campaigns

# Measure ours and the original by turns in one run
bench *arguments: build oracle
    python benches/bench_wsgi.py {{ arguments }}

# Measure hits of caches, in memory, files and Redis, of ours and the original by turns
bench-caches *arguments: build oracle servers
    python benches/bench_caches.py {{ arguments }}

# Measure SQLite, Redis, memcached and PostgreSQL, of ours and the original by turns: `./dev bench-stores redis`
bench-stores *arguments: build oracle servers
    python benches/bench_stores.py {{ arguments }}

# Measure requests to a million sessions in SQLite, Redis and files, beside those to a thousand
bench-million *arguments: build servers
    python benches/bench_million.py {{ arguments }}

# Measure the stores and the cookie code without an interpreter
bench-rust *arguments:
    cargo bench --locked --no-default-features {{ arguments }}

# Build a wheel for every CPython found from 3.10 to 3.15, and the wheel of `Beaker`, into dist/
wheels:
    python -m tools.wheels

# Install programs that require Beaker, with ours in its place, by pip and by uv, into .dependents
dependents: wheels
    python -m tools.dependents

# Install the released original: .oracle writes AES-GCM, .oracle/ctr writes AES-CTR
oracle *arguments:
    python -m tools.oracle {{ arguments }}

# Install Debian's Chromium if it is missing and needs no password
chromium:
    tools/chromium

# Install the newest CPythons in a tree of Debian's sid if they are missing and need no password
tree:
    missing=$(python -m tools.interpreters --missing) && tools/tree $missing

# Run all Python tests, or some of them, on the newest CPythons: `./dev interpreters -k json`
interpreters *arguments: tree wheels
    python -m tools.interpreters {{ arguments }}

# Install the servers that tests start, from Debian's packages, if they are missing and need no password
servers:
    tools/servers

# Install Debian's strace if it is missing and needs no password
strace:
    tools/strace

# Print which package reads the sessions of the other: every serializer and cipher, in cookies and in each store
matrix *stores: build oracle servers
    python -m tests.compat.interop.matrix {{ stores }}

# Write the sessions and cookies of tests/compat/golden again with the original
golden: build (oracle "--all")
    python -m tests.compat.golden.make

# Write the options from src/config/table.rs into the documents and the stubs
options: build
    python -m tools.options

# Resolve the dependency groups of pyproject.toml, or some of them, into requirements/
lock *groups:
    python -m tools.lock {{ groups }}

# Run the formatters and linters before every commit
hooks:
    pre-commit install
