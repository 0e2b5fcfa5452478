"""The command `weir`: becomes the daemon that lies beside this file. Nothing of Python stays."""
import os
import sys


def main():
    binary = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bin", "weir")
    os.execv(binary, ["weir", *sys.argv[1:]])


if __name__ == "__main__":
    main()
