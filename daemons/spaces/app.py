#!/usr/bin/env python3
"""Starts the remote inference app: python app.py --host http://localhost:5001 --spaces MySpace."""

import sys

from spaces_app.command import main

if __name__ == "__main__":
    sys.exit(main())
