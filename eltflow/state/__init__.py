"""What was done before: run history, durations and the last view of a target, kept beside the project."""
