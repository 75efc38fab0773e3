"""Running: which cases are judged, in which order, and with which verdict."""
