"""Makes every example of the mapping records a test."""

pytest_plugins = ["oarlock_generator.pytest_plugin"]
