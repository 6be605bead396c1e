"""The core: what a model is, its SQL, what it compiles to, and the plan.

Pure Python. Nothing here imports Dagster, a client of any system, or touches the network.
"""
