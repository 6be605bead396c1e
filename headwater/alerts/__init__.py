"""What is wrong, put together by its cause, told once, and told again when it is over."""
