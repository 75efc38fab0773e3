"""The pytest plugin: `plugin` is found by the entry point `pytest11`.

`plugin` holds options and hooks and is cheap to import. All else is imported when a
test first uses a fixture, a scenario or an option of the plugin.
"""
