"""WHAT FOLLOWS: facts come in, key figures go out, each with its formula and the rows it is made of."""
