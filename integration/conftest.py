"""The drivers run on the suite's pytest plugin."""

pytest_plugins = ("conformance.pytest_plugin.plugin",)
