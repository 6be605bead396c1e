"""The difference between what is declared and what is there, as stages that explaining and applying both walk."""
