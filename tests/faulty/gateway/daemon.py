"""The program; short, because Python compiles it again at each start."""

import sys

sys.path.insert(1, f"{sys.path[0]}/..")  # for switch.py, which all faulty daemons share

from life import main

if __name__ == "__main__":
    sys.exit(main())
