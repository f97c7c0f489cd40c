"""How the story says it: figures, names and sentences for readers who are not statisticians."""
