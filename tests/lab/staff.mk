# SPDX-License-Identifier: MIT
# The staff's side of the course kit (docs/lab/staff.md). Included by the root Makefile; no hand-out
# has this file.

.PHONY: lab lab-autograder lab-check test-lab
lab: setup
	@scripts/lab/run.sh handout.py $(BUILD) $(or $(LAB),$(error LAB=3 says which assignment))

lab-autograder: setup
	@scripts/lab/run.sh autograder.py $(BUILD) $(or $(LAB),$(error LAB=3 says which assignment))

# Hand-outs, and the unit tests' verdicts on known submissions. A part of 'make test'.
host-tests: lab-check
lab-check: all
	@{ scripts/lab/run.sh check.py $(BUILD) || echo "FAIL lab: the check: broke off"; } | tee -a $(RESULTS)

# The same submissions on whole machines: some ten minutes on two cores.
test-lab: everything
	@rm -f $(RESULTS)
	@{ scripts/lab/run.sh check.py $(BUILD) --machines || echo "FAIL lab: the check: broke off"; } | \
		tee -a $(RESULTS)
	@scripts/test-summary.sh $(RESULTS)
