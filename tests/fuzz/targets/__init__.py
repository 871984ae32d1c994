"""One module for each target: ``one(data)`` raises for nothing but a broken contract, which its docstring states."""
