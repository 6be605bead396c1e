"""The SQL page: questions of those who may ask, answered at one desk for all, each of them noted."""
