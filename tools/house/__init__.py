"""The rules of this house that no ready-made linter knows, each with a name, a reason and tests."""
