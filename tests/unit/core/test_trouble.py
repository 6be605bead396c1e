"""What is wrong with a process, in words, and what to do about it."""

from headwater.trouble import process_trouble


def test_a_process_that_does_not_run_is_told_with_its_log() -> None:
    assert process_trouble("kafka", "RUNNING", 3) is None
    assert process_trouble("kafka", "STARTING", 3) is None
    assert str(process_trouble("kafka", "BACKOFF", 3)) == (
        "kafka is BACKOFF: it ends again and again (3 restarts), and is tried again with growing pauses\n"
        "  next:  headwater logs kafka"
    )
    fatal = process_trouble("kafka", "FATAL", 100)
    assert fatal is not None
    assert fatal.next_command == "headwater logs kafka; then headwater down and headwater up"
