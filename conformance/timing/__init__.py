"""Calibration and loop lag: how the suite stays right on a slow machine."""
