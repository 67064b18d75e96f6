# SPDX-License-Identifier: MIT
# 'make grade', for students; in the staff's tree LAB=3 says which assignment. Included by the root
# Makefile. What only the staff has is in tests/lab/staff.mk.

.PHONY: grade
grade:
	@scripts/setup.sh grading
	@mkdir -p $(BUILD)
	@env -u MAKEFLAGS -u MAKELEVEL -u BUILD PYTHONPATH=tests/lab PYTHONDONTWRITEBYTECODE=1 \
		python3 -m kit.grade $(BUILD) --lab "$(LAB)" --test "$(TEST)"
