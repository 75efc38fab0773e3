"""The program; short, because Python compiles anew the file that it is started with."""

import sys

from life import main

sys.exit(main())
