"""Benchmarks: what a training step costs, against a plain loop and against the machine's limit.

``python -m benchmarks`` measures, prints a table and stores it under ``benchmarks/results/``, one
file per machine; the book's Performance page shows what is stored there.
"""
