"""python -m litelift: the command, where its script is not on the PATH."""

from litelift.cli.main import main

main()
