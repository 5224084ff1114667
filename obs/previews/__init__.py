"""All stacks side by side: gathered, held against what was before, and told in one report."""
