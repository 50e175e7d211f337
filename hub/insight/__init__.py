"""WHAT FOLLOWS: key figures and what explains them. Nothing is here yet."""
