"""Cut vertices of a graph by one depth-first search, in time linear in its size."""

from __future__ import annotations

from collections.abc import Sequence


class Search:
    """A depth-first search: order, last place of each subtree, lowest reach, children, root."""

    def __init__(self, neighbours: Sequence[Sequence[int]]) -> None:
        """Search the graph in which each vertex has these neighbours."""
        size = len(neighbours)
        self.place = [-1] * size
        self.end = [0] * size
        self.low = [0] * size
        self.root = [0] * size
        self.parent = [-1] * size
        self.children: list[list[int]] = [[] for _ in range(size)]
        self.separated: dict[int, list[int]] = {}
        """Children whose subtrees their parent alone ties to the rest, by the parent."""
        self.visited: list[int] = []
        for vertex in range(size):
            if self.place[vertex] < 0:
                self._from(vertex, neighbours)

    def _from(self, root: int, neighbours: Sequence[Sequence[int]]) -> None:
        place, low, parent, visited = self.place, self.low, self.parent, self.visited
        place[root] = low[root] = len(visited)
        self.root[root] = root
        visited.append(root)
        stack = [(root, iter(neighbours[root]))]
        while stack:
            vertex, others = stack[-1]
            for other in others:
                if place[other] < 0:
                    place[other] = low[other] = len(visited)
                    self.root[other], parent[other] = root, vertex
                    self.children[vertex].append(other)
                    visited.append(other)
                    stack.append((other, iter(neighbours[other])))
                    break
                if place[other] < low[vertex] and other != parent[vertex]:
                    low[vertex] = place[other]
            else:
                stack.pop()
                self._leave(vertex)

    def _leave(self, vertex: int) -> None:
        self.end[vertex] = len(self.visited) - 1
        above = self.parent[vertex]
        if above < 0:
            return
        if self.low[vertex] >= self.place[above]:
            self.separated.setdefault(above, []).append(vertex)
        elif self.low[vertex] < self.low[above]:
            self.low[above] = self.low[vertex]
