"""The `.blade` container, as docs/FORMAT.md has it: what it holds, how it is written and read."""
