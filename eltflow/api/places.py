"""Which targets the nodes of a project live on, seen from the target that a command is run at, and what crosses between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import EltflowError
from eltflow.base.fingerprint import fingerprint
from eltflow.base.names import TEMPORARY, short, shorten
from eltflow.base.records import replace
from eltflow.graph.graph import Graph
from eltflow.graph.targets import elsewhere
from eltflow.plan.plan import Copy
from eltflow.project.nodes import Node
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.queried import own_reader
from eltflow.warehouse.values import Relation

if TYPE_CHECKING:
    from collections.abc import Callable

    from eltflow.api.loading import Loaded
    from eltflow.compile.across import Across
    from eltflow.compile.node import Compiler


#: The part of a run's id in the names of copies, where nothing runs.
_NO_RUN = "00000000"


class Places:
    """The targets of a project's nodes. Another one's settings are read when it is first asked for, and it is opened by nobody here."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.run = loaded.options.target or loaded.target.name if _says(loaded.graph) else ""
        self._relations: dict[tuple[str, str], Relation] = {}
        self._mark = _NO_RUN
        self.elsewhere: Mapping[str, str] = elsewhere(loaded.graph, self.run) if self.run else {}

    def runs(self, run_id: str) -> None:
        """Give copies the names that they have in this run."""
        self._mark = short(run_id)
        self._relations.clear()

    def settled(self, sql: str) -> str:
        """A compiled text without what differs from run to run: copies named as where nothing runs."""
        if self._mark == _NO_RUN:
            return sql
        for name in (TEMPORARY, TEMPORARY.upper()):
            mark = self._mark if name == TEMPORARY else self._mark.upper()
            sql = sql.replace(name + mark, name + _NO_RUN)
        return sql

    def target(self, node: Node) -> str:
        """The name of the target that a node lives on."""
        return self.elsewhere.get(node.unique_id, self.run)

    def step_target(self, node: Node) -> str:
        """The same as a step has it: empty for the run's own."""
        return self.elsewhere.get(node.unique_id, "")

    def at(self, name: str) -> Loaded:
        """The project as another target sees it."""
        return self.loaded if name in ("", self.run) else self.loaded.at(name)

    def seen(self, node: Node) -> Node:
        """The node as its own target sees it: with its relation there. Raises EltflowError with what is wrong with that target."""
        return self.at(self.target(node)).graph.nodes.get(node.unique_id, node) if self.elsewhere else node

    @cached_property
    def graph(self) -> Graph:
        """Every node as its own target sees it. Those of a target whose settings cannot be read are as the run's target sees them: nothing
        of them is compiled or run, which would tell."""
        graph = self.loaded.graph
        there = {i: self.others[name].graph.nodes for i, name in self.elsewhere.items() if name in self.others}
        return (
            replace(graph, nodes={**graph.nodes, **{i: nodes[i] for i, nodes in there.items() if i in nodes}}) if there else graph
        )

    @cached_property
    def others(self) -> Mapping[str, Loaded]:
        """The project as the other targets see it, by their names; without those whose settings cannot be read."""
        made: dict[str, Loaded] = {}
        for name in dict.fromkeys(self.elsewhere.values()):
            with suppress(EltflowError):
                made[name] = self.at(name)
        return made

    @property
    def dialects(self) -> Mapping[str, Dialect]:
        """The dialects of the nodes of other targets, by their ids."""
        return {i: self.others[name].adapter.dialect for i, name in self.elsewhere.items() if name in self.others}

    def same(self, one: str, other: str) -> bool:
        """Whether two targets are one database, where each reads what the other makes."""
        if one == other:
            return True
        first, second = self.at(one), self.at(other)
        return first.target_key == second.target_key and "#" not in first.target_key

    def relation(self, node: Node, here: str) -> Relation:
        """What is read at the target `here` for a node that lives on another one: a copy of this run's own, or the node's own relation where
        both are in one database."""
        known = (node.unique_id, here)
        if known not in self._relations:
            self._relations[known] = self._relation(node, here)
        return self._relations[known]

    def _relation(self, node: Node, here: str) -> Relation:
        if self.same(self.target(node), here):
            found = self.seen(node).relation
            assert found is not None
            return found
        loaded = self.at(here)
        dialect, target = loaded.adapter.dialect, loaded.target
        suffix = f"_{fingerprint(node.unique_id, here)[:6]}{TEMPORARY}{self._mark}"
        limit = dialect.capabilities.identifier_limit
        name = node.name if limit is None else shorten(node.name, limit - len(suffix))
        database, schema = (part if part is None else dialect.named(part) for part in (target.database, target.schema))
        return Relation(database, schema, dialect.named(name + suffix))

    def refused(self, there: str, here: str) -> tuple[str, str] | None:
        """Why no rows can come from one target to another (message, help), if that is so."""
        into, origin = self.at(here), self.at(there)
        help = "bring them to the other side by other means, and read them as a source"
        if not origin.adapter.dialect.capabilities.streams and own_reader(origin.target.type) is None:
            return f"rows of a target of type {origin.target.type} cannot be read bit by bit", help
        if type(into.adapter.dialect).load is Dialect.load:
            return f"no rows can be sent to a target of type {into.target.type}", help
        return None

    def across(self, here: str, compiler: Callable[[str], Compiler], made: Mapping[str, Compiler]) -> Across:
        """What the compiler of one target knows of the others."""
        from eltflow.compile.across import Across

        return Across(
            here=here,
            run=self.run,
            elsewhere=self.elsewhere,
            compiler=compiler,
            made=made,
            relation=lambda node: self.relation(node, here),
            same=cache(lambda name: self.same(name, here)),
            refused=cache(lambda there: self.refused(there, here)),
        )

    def copies(self, nodes: Iterable[Node]) -> Sequence[Copy]:
        """What must cross before these nodes of `graph` can run: one copy for all readers of a node on a target."""
        readers: dict[tuple[str, str], list[str]] = {}
        for node in nodes if self.elsewhere else ():
            here = self.target(node)
            for parent in self.graph.read(node):
                if not self.same(self.target(parent), here):
                    readers.setdefault((parent.unique_id, here), []).append(node.unique_id)
        return [self._copy(self.graph.nodes[of], here, tuple(ids)) for (of, here), ids in readers.items()]

    def _copy(self, of: Node, here: str, readers: tuple[str, ...]) -> Copy:
        node = Node(
            unique_id=f"copy.{of.unique_id}.{here}",
            resource_type="copy",
            name=f"{of.display} to {here}",
            package=of.package,
            path=of.path,
            place=of.place,
            patch=of.patch,
            fqn=(*of.fqn, here),
            config={},
            relation=self.relation(of, here),
            parents=(of.unique_id,),
        )
        target = "" if here == self.run else here
        return Copy(node=node, of=of.unique_id, readers=readers, target=target, reason=f"crosses from {self.target(of)} to {here}")


def _says(graph: Graph) -> bool:
    """Whether any node says where it lives: most projects' do not, and their targets are not even asked for their names."""
    return any("target" in node.config for node in graph.nodes.values())


__all__ = ["Places"]
