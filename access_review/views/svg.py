"""Pictures of paths of access as SVG, drawn by hand so that equal values give equal bytes.

A picture inside the report takes its colours from the report's style sheet by class
(the strict policy allows no other style); one that stands alone brings its own, with its title and its key.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from markupsafe import Markup

from access_review.explain.explanation import Hop, ThingCard
from access_review.views.explanation import EDGE_REASONS, GRANTED_BY
from access_review.views.svg_layout import BOX, Place, Placed, layout
from access_review.views.text import count, shorten, visible

_STYLE = """
.ground{fill:#fff}.node{fill:#fff;stroke:#8794a7}.node.person{fill:#eef3fb;stroke:#5a7db5}
.node.goal{fill:#fdeeec;stroke:#b3392c}.node.goes{stroke:#b3392c;stroke-dasharray:4 3}.node.strong{stroke-width:2.5}
.name{fill:#1c2530;font:600 12px system-ui,sans-serif}.heading{fill:#1c2530;font:600 15px system-ui,sans-serif}
.sort,.note,.why,.sign{fill:#5b6777;font:10.5px system-ui,sans-serif}.note.fine{fill:#1d6b3f}.note.bad{fill:#b3261e}
.edge{fill:none;stroke:#8794a7;stroke-width:1.5}.edge.eligible{stroke-dasharray:5 4}.edge.cut{stroke:#b3392c}
.why{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}
.scissors{fill:#fff;stroke:#b3392c;stroke-width:1.5}
"""
_STYLE_ELEMENT = Markup("<style>") + Markup(_STYLE) + Markup("</style>")  # noqa: S704 - our own text
_ALONE = Markup('<svg xmlns="http://www.w3.org/2000/svg"')

MOST_PATHS = 20
"""Paths from one box that are drawn; of the others only the number is said."""

# Everything is in pixels of the view box. A box, the step to the next column and row, the border of the picture.
_WIDTH, _HEIGHT, _NOTED = 176, 44, 59
_ACROSS = 286
_GAP = 17
_MARGIN = 10
_HEADING, _KEY = 34, 20
_LETTERS = 22
"""Letters of a name that fit into a box."""
_FITS = 790
"""The width of a picture up to which the report need not let it scroll."""
_QUIET = 12
"""Arrows from which on those that say what is usual say nothing."""
_USUAL = frozenset({"owns", "member"})


@dataclass(frozen=True, slots=True)
class BoxNote:
    """What is to be known of a box, in a few words: ``fine``, ``bad`` or neither."""

    said: str
    look: str = ""


RESTRICTS = BoxNote("only restricts")


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its name, what it is, how it is drawn (person, account, goal, strong, goes), and a note."""

    id: str
    name: str
    sort: str
    look: str = ""
    note: BoxNote | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """One arrow: from, to, its label; dashed when eligible, red with a mark when cutting it is the remedy."""

    start: str
    end: str
    label: str
    eligible: bool = False
    cut: bool = False


@dataclass(slots=True)
class Drawing:
    """Boxes and arrows of one picture, each once, in the order in which they were added; ``notes`` are by box."""

    notes: Mapping[str, BoxNote] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)
    subject: str = ""
    """The entitlement that the picture is about, where it is about who has one."""
    still: frozenset[str] = frozenset()
    """What stays once what is cut is gone, by ways that need not be drawn."""

    def add(self, node: Node) -> None:
        """Add a box unless it is there."""
        self.nodes.setdefault(node.id, replace(node, note=node.note or self.notes.get(node.id)))

    def join(self, edge: Edge) -> None:
        """Add an arrow unless the two are joined."""
        self.edges.setdefault((edge.start, edge.end), edge)

    def own(self, person: ThingCard, account: ThingCard, *, certain: bool = True) -> None:
        """Add a person and the account that belongs to them."""
        self.add(Node(person.id, person.name, person.sort, "person"))
        self.add(account_box(account))
        self.join(Edge(person.id, account.id, "owns" if certain else "owns, a guess"))

    def hold(
        self, account: ThingCard, entitlement: ThingCard, via: str, goals: frozenset[str], *, eligible: bool, cut: bool
    ) -> None:
        """Add what an account holds directly."""
        self.add(entitlement_box(entitlement, goals))
        label = "" if eligible and via == "pim" else GRANTED_BY.get(via, via)
        self.join(Edge(account.id, entitlement.id, label, eligible, cut))

    def leave_out(self, box: str, number: int, *, before: bool = False) -> None:
        """Say how many more lead from a box, or to it, than are drawn."""
        if number > 0:
            more = f"{box} {'before' if before else 'after'}"
            self.add(Node(more, f"and {number:,} more", "not drawn"))
            self.join(Edge(more, box, "") if before else Edge(box, more, ""))

    def walk(self, path: Iterable[Hop], goals: frozenset[str], cuts: frozenset[tuple[str, str]] = frozenset()) -> None:
        """Add every step of a path."""
        for hop in path:
            for thing in (hop.child, hop.parent):
                self.add(entitlement_box(thing, goals))
            pair = (hop.child.id, hop.parent.id)
            self.join(Edge(*pair, EDGE_REASONS.get(hop.why, hop.why), hop.mode == "eligible", pair in cuts))

    def mark_lost(self) -> None:
        """Mark what is lost by what is cut, by whom, and what is cut but still there by another way."""
        cut = [edge for edge in self.edges.values() if edge.cut]
        kept = [edge for edge in self.edges.values() if not edge.cut]
        if not cut:
            return
        if self.subject:
            still = _reached([self.subject], [(edge.end, edge.start) for edge in kept])
            for id_ in _reached([self.subject], [(end, start) for start, end in self.edges]) - still:
                self.nodes[id_] = replace(self.nodes[id_], note=BoxNote("would lose it", "bad"))
        begin = self.nodes.keys() - {end for _, end in self.edges}
        remaining = self.still | _reached(begin, [(edge.start, edge.end) for edge in kept])
        targets = {edge.end for edge in cut}
        for id_, node in self.nodes.items():
            if id_ in remaining and id_ in targets - {self.subject}:
                self.nodes[id_] = replace(node, note=BoxNote("stays, by another way", "bad"))
            elif id_ not in remaining and id_ not in targets:
                allowed = node.note is not None and node.note.look == "fine"
                note = BoxNote("goes too, though allowed", "bad") if allowed else BoxNote("goes too")
                self.nodes[id_] = replace(node, look=f"{node.look} goes".strip(), note=note)


def _reached(begin: Iterable[str], arrows: Iterable[tuple[str, str]]) -> set[str]:
    """Return the boxes that arrows lead to from some boxes, and those themselves."""
    after = defaultdict(list)
    for start, end in arrows:
        after[start].append(end)
    reached: set[str] = set()
    waiting = list(begin)
    while waiting:
        box = waiting.pop()
        if box not in reached:
            reached.add(box)
            waiting += after[box]
    return reached


def draw_holders(
    drawing: Drawing, box: str, holders: tuple[int, int], how: str, held: Iterable[str], first: str = ""
) -> None:
    """Add a box of those who hold something (how many accounts, of how many people), named after the ``first``."""
    accounts, people = holders
    if accounts and (joined := list(held)):
        note = BoxNote(first if accounts == 1 else f"{first} and {accounts - 1:,} more") if first else None
        sort = f"of {count(people, 'person', 'people')}, {how}"
        drawing.add(Node(box, count(accounts, "account"), sort, "person", note))
        for each in joined:
            drawing.join(Edge(box, each, ""))


def outermost(drawing: Drawing, paths: Iterable[Sequence[Hop]]) -> list[str]:
    """Return where paths begin to which nothing leads in the picture."""
    ends = {end for _, end in drawing.edges}
    starts = dict.fromkeys(path[0].child.id for path in paths)
    return [start for start in starts if start in drawing.nodes and start not in ends]


def account_box(account: ThingCard) -> Node:
    """Return the box of an account."""
    return Node(account.id, account.name, f"{account.sort} account".strip())


def entitlement_box(thing: ThingCard, goals: frozenset[str]) -> Node:
    """Return the box of an entitlement, with the system that it is of."""
    look = " ".join(("goal",) * (thing.id in goals) + ("strong",) * thing.privileged)
    source = thing.id.partition(":")[0] if ":" in thing.id else ""
    sort = thing.sort if thing.sort in {"", source} else f"{source} {thing.sort}".strip()
    return Node(thing.id, thing.name, f"privileged {sort}" if thing.privileged else sort, look)


def draw(drawing: Drawing, *, title: str, alone: bool = False) -> Markup:
    """Return boxes in columns from left to right, each to the right of everything that leads to it."""
    drawing.mark_lost()
    placed = layout(list(drawing.nodes), list(drawing.edges))
    page = _Sheet(drawing, placed, _HEADING if alone else 0)
    width = 2 * _MARGIN + max((c for c, _ in placed.at.values()), default=0) * _ACROSS + _WIDTH
    key = list(_key(drawing))
    if alone or key:
        width = max(width, 500)
    bottom = page.top + 2 * _MARGIN + page.down(placed.lowest) + page.high
    signs, lines = _signs(key, bottom, width)
    height = bottom + lines * _KEY
    description = "; ".join(
        f"{drawing.nodes[a].name} → {drawing.nodes[b].name} ({e.label})" for (a, b), e in drawing.edges.items()
    )
    inside = [page.arrow(edge) for edge in drawing.edges.values()]
    inside += page.labels()
    inside += [page.box(node) for node in drawing.nodes.values()]
    if alone:
        ground = Markup('<path class="ground" d="M0 0H{}V{}H0z"/><text class="heading" x="{}" y="26">{}</text>')
        inside.insert(0, ground.format(width, height, _MARGIN, visible(title)))
    return Markup(
        '{} class="path{}" role="img" viewBox="0 0 {} {}" width="{}" height="{}"><title>{}</title><desc>{}</desc>{}{}{}</svg>'
    ).format(
        _ALONE if alone else Markup("<svg"),
        " fits" * (width <= _FITS),
        width,
        height,
        width,
        height,
        visible(title),
        visible(description),
        _STYLE_ELEMENT if alone else Markup(""),
        Markup("").join(inside),
        Markup("").join(signs),
    )


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Where things are drawn: boxes are as high as the notes need."""

    drawing: Drawing
    placed: Placed
    top: int

    @property
    def high(self) -> int:
        return _NOTED if any(node.note for node in self.drawing.nodes.values()) else _HEIGHT

    def down(self, row: int) -> int:
        return row * (self.high + _GAP) // BOX

    def corner(self, place: Place) -> tuple[int, int]:
        return _MARGIN + place[0] * _ACROSS, self.top + _MARGIN + self.down(place[1])

    def box(self, node: Node) -> Markup:
        x, y = self.corner(self.placed.at[node.id])
        note = Markup("")
        if node.note:
            note = Markup('<text class="note {}" x="{}" y="{}">{}</text>').format(
                node.note.look, x + 10, y + 50, shorten(node.note.said, _LETTERS + 5)
            )
        said = f"{node.name} — {node.id}" + (f": {node.note.said}" if node.note else "")
        return Markup(
            '<g><title>{}</title><rect class="node {}" x="{}" y="{}" width="{}" height="{}" rx="6"/>'
            '<text class="name" x="{}" y="{}">{}</text><text class="sort" x="{}" y="{}">{}</text>{}</g>'
        ).format(
            visible(said), node.look, x, y, _WIDTH, self.high,
            x + 10, y + 19, shorten(node.name, _LETTERS), x + 10, y + 35, shorten(node.sort, _LETTERS + 6), note,
        )  # fmt: skip

    def arrow(self, edge: Edge) -> Markup:
        """Draw an arrow through the places that were kept free for it."""
        stops = [self.corner(place) for place in self.placed.way[edge.start, edge.end]]
        middle = self.high // 2
        x, y = stops[0][0] + _WIDTH, stops[0][1] + middle
        line = f"M{x} {y}"
        last = (x, y)
        for left, top in stops[1:]:
            last = (x, y)
            bend = 52 if left > x else 90
            line += f"C{x + bend} {y} {left - bend} {top + middle} {left} {top + middle}"
            x, y = left, top + middle
            if (left, top) != stops[-1]:
                x += _WIDTH
                line += f"H{x}"
        look = "edge" + " eligible" * edge.eligible + " cut" * edge.cut
        head = f"M{x - 7} {y - 4}L{x} {y}L{x - 7} {y + 4}"
        return Markup('<path class="{}" d="{}"/><path class="{}" d="{}"/>{}').format(
            look, line, look.replace(" eligible", ""), head,
            _cross((last[0] + x) // 2, (last[1] + y) // 2) if edge.cut else "",
        )  # fmt: skip

    def labels(self) -> Iterator[Markup]:
        """Write what arrows say before the box that they lead to, where they say the same, or after the one they come from.

        In a tangle what is usual is left out.
        """
        quiet = len(self.drawing.edges) >= _QUIET
        coming: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for edge in self.drawing.edges.values():
            usual = quiet and edge.label in _USUAL
            label = ", ".join(part for part in ("" if usual else edge.label, "eligible" * edge.eligible) if part)
            if label:
                coming[edge.end].append((edge.start, label))
        for end, told in coming.items():
            if len({label for _, label in told}) == 1:
                yield self._label(self.corner(self.placed.at[end]), -11, "end", told[0][1])
                continue
            for start, label in told:
                yield self._label(self.corner(self.placed.at[start]), _WIDTH + 8, "start", label)

    def _label(self, corner: tuple[int, int], away: int, anchor: str, label: str) -> Markup:
        return Markup('<text class="why" x="{}" y="{}" text-anchor="{}">{}</text>').format(
            corner[0] + away, corner[1] + self.high // 2 - 6, anchor, shorten(label, 18)
        )


def _cross(x: int, y: int) -> Markup:
    return Markup(
        '<circle class="scissors" cx="{}" cy="{}" r="7"/><path class="edge cut" d="M{} {}l6 6m0 -6l-6 6"/>'
    ).format(x, y, x - 3, y - 3)


def _key(drawing: Drawing) -> Iterator[tuple[str, str]]:
    """Say what signs mean that are in the picture."""
    looks = {look for node in drawing.nodes.values() for look in node.look.split()}
    edges = drawing.edges.values()
    if any(edge.cut for edge in edges):
        yield "cut", "would be cut"
    if "goes" in looks:
        yield "goes", "goes with it"
    if any(edge.eligible for edge in edges):
        yield "eligible", "only when activated"
    if "strong" in looks:
        yield "strong", "privileged"
    if len(edges) >= _QUIET:
        yield "edge", "owns, or is a member"


def _signs(key: Iterable[tuple[str, str]], top: int, width: int) -> tuple[list[Markup], int]:
    """Draw the key below a picture, in as many lines as it needs."""
    drawn, x, line = [], _MARGIN, 0
    for look, said in key:
        room = 44 + 6 * len(said)
        if x > _MARGIN and x + room > width - _MARGIN:
            x, line = _MARGIN, line + 1
        y = top + line * _KEY + 6
        sign = (
            Markup('<path class="node {}" d="M{} {}h20v10h-20z"/>').format(look, x, y - 5)
            if look in {"goes", "strong"}
            else Markup('<path class="edge {}" d="M{} {}h20"/>{}').format(
                look, x, y, _cross(x + 10, y) if look == "cut" else ""
            )
        )
        drawn.append(sign + Markup('<text class="sign" x="{}" y="{}">{}</text>').format(x + 26, y + 4, said))
        x += room
    return drawn, line + 1 if drawn else 0
