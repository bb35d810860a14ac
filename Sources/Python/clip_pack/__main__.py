"""The command `clip-pack`: the program that lies beside this file."""

import os
import sys


def main() -> None:
    """Becomes the program."""
    program = os.path.join(os.path.dirname(__file__), "clip-pack")
    os.execv(program, ["clip-pack", *sys.argv[1:]])


if __name__ == "__main__":
    main()
