"""What the README's numbers come from: `python -m playground bench`. Never part of the tests' verdict."""
