"""Dependency order and cycles."""

from hypothesis import given
from hypothesis import strategies as st

from headwater.graph import cycles, in_dependency_order

GRAPHS = st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 12), max_size=4), max_size=10)


@given(GRAPHS)
def test_every_node_comes_after_what_it_depends_on_unless_there_is_a_cycle(graph):
    order = in_dependency_order(graph)
    assert sorted(order) == sorted(graph)
    if not cycles(graph):
        place = {node: index for index, node in enumerate(order)}
        assert all(place[need] < place[node] for node, needs in graph.items() for need in needs if need in graph)


@given(GRAPHS)
def test_a_cycle_is_one(graph):
    for cycle in cycles(graph):
        assert all(after in graph[before] for before, after in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


@given(st.permutations(range(6)))
def test_a_ring_is_found_whole(nodes):
    ring = {node: [nodes[(index + 1) % 6]] for index, node in enumerate(nodes)}
    assert [sorted(cycle) for cycle in cycles(ring)] == [list(range(6))]


def test_a_graph_without_a_ring_has_no_cycle():
    assert cycles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []


def test_two_rings_are_two_cycles():
    assert cycles({"a": ["b"], "b": ["a"], "c": ["c"], "d": ["a", "c"]}) == [["a", "b"], ["c"]]
