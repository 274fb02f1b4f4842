"""One file a rule: what it says, why, examples, the question to the symbolic run, and the fix."""
