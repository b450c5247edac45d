"""The tab that tells what each approach is and what was measured."""
