# SPDX-License-Identifier: MIT
# The staff's side of the course kit (docs/lab/staff.md). Included by the root Makefile; no hand-out
# has this file.

LAB_PYTHON := PYTHONDONTWRITEBYTECODE=1 python3

.PHONY: lab
lab: setup
	@$(LAB_PYTHON) scripts/lab/handout.py $(BUILD) $(or $(LAB),$(error LAB=3 says which assignment))
