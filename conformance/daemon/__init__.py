"""Daemons: their manifests, and how they are built, started, watched and stopped."""
