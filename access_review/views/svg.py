"""Pictures as SVG, drawn by hand so that equal values give equal bytes: paths of access, and bars.

A picture inside the report takes its colours from the report's style sheet by class
(the strict policy allows no other style); one that stands alone brings its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from access_review.explain.explanation import CutKind, Explanation, Hop, SubjectKind, ThingCard
from access_review.views.explanation import EDGE_REASONS
from access_review.views.svg_layout import Place, Placed, layout
from access_review.views.text import shorten, visible

_STYLE = """
.node{fill:#fff;stroke:#8794a7}.node.person{fill:#eef3fb;stroke:#5a7db5}.node.goal{fill:#fdeeec;stroke:#b3392c}
.node.strong{stroke-width:2.5}.name{fill:#1c2530;font:600 12px system-ui,sans-serif}
.sort{fill:#5b6777;font:10px system-ui,sans-serif}.edge{fill:none;stroke:#8794a7;stroke-width:1.5}
.edge.eligible{stroke-dasharray:5 4}.edge.cut{stroke:#b3392c}.why{fill:#5b6777;font:10px system-ui,sans-serif}
.why{paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}
.scissors{fill:#fff;stroke:#b3392c;stroke-width:1.5}
"""
_STYLE_ELEMENT = Markup("<style>") + Markup(_STYLE) + Markup("</style>")  # noqa: S704 - our own text
_ALONE = Markup('<svg xmlns="http://www.w3.org/2000/svg"')

MOST_PATHS = 20
"""Paths from one box that are drawn; of the others only the number is said."""

# Everything is in pixels of the view box. A box, the step to the next column and row, the border of the picture.
_WIDTH, _HEIGHT = 168, 44
_ACROSS, _DOWN = 264, 62
_MARGIN = 10
_LETTERS = 19
"""Letters of a name that fit into a box."""
_FITS = 760
"""The width of a picture up to which the report need not let it scroll."""


@dataclass(frozen=True, slots=True)
class Node:
    """One box: its name, what it is, and how it is drawn (person, account, goal, strong)."""

    id: str
    name: str
    sort: str
    look: str = ""


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
    """Boxes and arrows of one picture, each once, in the order in which they were added."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: dict[tuple[str, str], Edge] = field(default_factory=dict)

    def add(self, node: Node) -> None:
        """Add a box unless it is there."""
        self.nodes.setdefault(node.id, node)

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
        self.add(_node(entitlement, goals))
        self.join(Edge(account.id, entitlement.id, via, eligible, cut))

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
                self.add(_node(thing, goals))
            pair = (hop.child.id, hop.parent.id)
            self.join(Edge(*pair, EDGE_REASONS.get(hop.why, hop.why), hop.mode == "eligible", pair in cuts))


def draw_explanation(explanation: Explanation, *, alone: bool = False) -> Markup:
    """Draw the paths of an explanation: people, their accounts, what those hold and what that gives."""
    goals = frozenset(f.about.id for f in explanation.findings if f.about and explanation.kind is SubjectKind.FINDING)
    cuts = frozenset(
        (cut.child.id, cut.parent.id) for cut in explanation.ends if cut.removable and cut.what is CutKind.GRANT
    )
    drawing = Drawing()
    for account in explanation.accounts:
        owner = account.ownership.person
        if owner is not None:
            drawing.own(owner, account.account, certain=bool(account.ownership.certain))
        drawing.add(account_box(account.account))
        drawing.leave_out(account.account.id, len(account.grants) - MOST_PATHS)
        for grant in account.grants[:MOST_PATHS]:
            cut = (account.account.id, grant.entitlement.id) in cuts
            drawing.hold(
                account.account, grant.entitlement, grant.via, goals, eligible=grant.mode == "eligible", cut=cut
            )
            drawing.leave_out(grant.entitlement.id, len(grant.reaches) - MOST_PATHS)
            for reach in grant.reaches[:MOST_PATHS]:
                drawing.walk(reach.path, goals)
    edges = frozenset((cut.child.id, cut.parent.id) for cut in explanation.ends if cut.removable and not cuts)
    for entitlement in explanation.entitlements:
        drawing.add(_node(entitlement.entitlement, goals))
        drawing.leave_out(entitlement.entitlement.id, len(entitlement.gives) - MOST_PATHS)
        drawing.leave_out(entitlement.entitlement.id, len(entitlement.carried_by) - MOST_PATHS, before=True)
        for reach in (*entitlement.carried_by[:MOST_PATHS], *entitlement.gives[:MOST_PATHS]):
            drawing.walk(reach.path, goals, edges)
    return draw(drawing, title=f"Access of {explanation.name}", alone=alone)


def account_box(account: ThingCard) -> Node:
    """Return the box of an account."""
    return Node(account.id, account.name, f"{account.sort} account".strip())


def _node(thing: ThingCard, goals: frozenset[str]) -> Node:
    look = " ".join(("goal",) * (thing.id in goals) + ("strong",) * thing.privileged)
    return Node(thing.id, thing.name, f"privileged {thing.sort}" if thing.privileged else thing.sort, look)


def draw(drawing: Drawing, *, title: str, alone: bool = False) -> Markup:
    """Return boxes in columns from left to right, each to the right of everything that leads to it."""
    placed = layout(list(drawing.nodes), list(drawing.edges))
    width = 2 * _MARGIN + max((c for c, _ in placed.at.values()), default=0) * _ACROSS + _WIDTH
    height = 2 * _MARGIN + placed.lowest * _DOWN + _HEIGHT
    description = "; ".join(
        f"{drawing.nodes[a].name} → {drawing.nodes[b].name} ({e.label})" for (a, b), e in drawing.edges.items()
    )
    inside = [_arrow(edge, placed) for edge in drawing.edges.values()]
    inside += [_box(node, *_corner(placed.at[node.id])) for node in drawing.nodes.values()]
    head = _ALONE if alone else Markup("<svg")
    style = _STYLE_ELEMENT if alone else Markup("")
    return Markup(
        '{} class="path{}" role="img" viewBox="0 0 {} {}" width="{}" height="{}"><title>{}</title><desc>{}</desc>{}{}</svg>'
    ).format(
        head,
        " fits" * (width <= _FITS),
        width,
        height,
        width,
        height,
        visible(title),
        visible(description),
        style,
        Markup("").join(inside),
    )


def _corner(place: Place) -> tuple[int, int]:
    return _MARGIN + place[0] * _ACROSS, _MARGIN + place[1] * _DOWN


def _box(node: Node, x: int, y: int) -> Markup:
    return Markup(
        '<g><title>{} — {}</title><rect class="node {}" x="{}" y="{}" width="{}" height="{}" rx="6"/>'
        '<text class="name" x="{}" y="{}">{}</text><text class="sort" x="{}" y="{}">{}</text></g>'
    ).format(
        visible(node.name), visible(node.id), node.look, x, y, _WIDTH, _HEIGHT,
        x + 10, y + 19, shorten(node.name, _LETTERS), x + 10, y + 34, shorten(node.sort, _LETTERS + 8),
    )  # fmt: skip


def _arrow(edge: Edge, placed: Placed) -> Markup:
    """Draw an arrow through the places that were kept free for it, its label in the last gap."""
    stops = [_corner(place) for place in placed.way[edge.start, edge.end]]
    middle = _HEIGHT // 2
    x, y = stops[0][0] + _WIDTH, stops[0][1] + middle
    line = f"M{x} {y}"
    for left, top in stops[1:]:
        last = (x, y)
        bend = 44 if left > x else 90
        line += f"C{x + bend} {y} {left - bend} {top + middle} {left} {top + middle}"
        x, y = left, top + middle
        if (left, top) != stops[-1]:
            x += _WIDTH
            line += f"H{x}"
    look = "edge" + " eligible" * edge.eligible + " cut" * edge.cut
    head = f"M{x - 7} {y - 4}L{x} {y}L{x - 7} {y + 4}"
    # Where the arrows of one box have parted, and those to one box have not yet met.
    near_x, near_y = last[0] + (x - last[0]) * 11 // 20, last[1] + (y - last[1]) * 3 // 5
    label = f"{edge.label}, eligible" if edge.eligible else edge.label
    return Markup(
        '<path class="{}" d="{}"/><path class="{}" d="{}"/><text class="why" x="{}" y="{}" text-anchor="middle">{}</text>{}'
    ).format(
        look, line, look.replace(" eligible", ""), head,
        near_x, near_y - (11 if edge.cut else 5), shorten(label, 16),
        _cross(near_x, near_y) if edge.cut else "",
    )  # fmt: skip


def _cross(x: int, y: int) -> Markup:
    return Markup(
        '<circle class="scissors" cx="{}" cy="{}" r="7"/><path class="edge cut" d="M{} {}l6 6m0 -6l-6 6"/>'
    ).format(x, y, x - 3, y - 3)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart: its label and its parts, each a class of the style sheet with a number."""

    label: str
    parts: Sequence[tuple[str, int]]

    @property
    def total(self) -> int:
        """The length of the whole bar."""
        return sum(number for _, number in self.parts)


def bars(title: str, rows: Sequence[Bar]) -> Markup:
    """Draw horizontal stacked bars to one scale, each with its label and total; the parts say themselves on hover."""
    room, left, step = 520, 170, 30
    scale = max((row.total for row in rows), default=0) or 1
    drawn = []
    for number, row in enumerate(rows):
        y, x = number * step, float(left)
        drawn.append(
            Markup('<text class="label" x="{}" y="{}" text-anchor="end">{}</text>').format(left - 12, y + 18, row.label)
        )
        for name, amount in row.parts:
            if amount:
                # However small its share, what is there is seen.
                wide = max(room * amount / scale, 2.0)
                drawn.append(
                    Markup(
                        '<rect class="bar {}" x="{:.1f}" y="{}" width="{:.1f}" height="20"><title>{}: {} {}</title></rect>'
                    ).format(name, x, y + 4, wide, row.label, f"{amount:,}", name)
                )
                x += wide
        drawn.append(Markup('<text class="total" x="{:.1f}" y="{}">{}</text>').format(x + 8, y + 18, f"{row.total:,}"))
    description = "; ".join(
        f"{row.label}: " + ", ".join(f"{n:,} {name}" for name, n in row.parts if n) for row in rows if row.total
    )
    return Markup('<svg class="chart" role="img" viewBox="0 0 {} {}"><title>{}</title><desc>{}</desc>{}</svg>').format(
        left + room + 70, max(len(rows), 1) * step, escape(title), escape(description), Markup("").join(drawn)
    )
