# SPDX-License-Identifier: MIT
"""The course kit's grader: what a student's 'make grade' and the staff's scripts/grade.sh share."""
