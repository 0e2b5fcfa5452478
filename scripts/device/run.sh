#!/usr/bin/env bash
# Runs everything in this folder and writes result.json: ./run.sh --help
cd "$(dirname "$0")" && exec "${PYTHON:-python3}" run.py "$@"
