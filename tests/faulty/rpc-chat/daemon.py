"""The program; short, because Python compiles anew the file that it is started with."""

import sys

from life import main

if __name__ == "__main__":
    sys.exit(main())
