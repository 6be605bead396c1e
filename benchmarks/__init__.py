"""The performance suite: the platform beside the bare systems it stands on, as ratios within one run."""
