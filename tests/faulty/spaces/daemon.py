"""The program; short, because Python compiles anew the file that it is started with."""

import sys

sys.path.insert(1, f"{sys.path[0]}/..")  # for what all faulty daemons share

from life import main

if __name__ == "__main__":
    sys.exit(main())
