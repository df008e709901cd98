"""The version of this package, the same as pyproject.toml's and package.json's (a test compares them)."""

VERSION = "0.1.0"
