"""The build check: a layer is built for real, in the user's own interpreter, and what came out is reported.

`recipe` says what to build, `slice` what has to run for it, `process` runs it in the worker, `report` is
what came back, `findings` what is said about it. `build_check` puts them together.
"""
