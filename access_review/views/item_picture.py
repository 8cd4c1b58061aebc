"""The picture of one item: from the person over the account to what it gives, through nesting."""

from collections.abc import Sequence

from markupsafe import Markup

from access_review.audit.worklist import WorkItem
from access_review.explain.explanation import Reached, ThingCard
from access_review.views import svg

MOST = 6
"""How many of the things reached are drawn; of the others only the number is said."""


def draw(item: WorkItem, gained: Sequence[Reached]) -> Markup:
    """Draw an item; ``gained`` is what the entitlement gives through nesting."""
    drawing = svg.Drawing()
    account = ThingCard(item.account, item.account_name, item.system)
    if item.unit != item.account:
        drawing.own(ThingCard(item.unit, item.person, "person"), account, certain=True)
    drawing.add(svg.account_box(account))
    if item.entitlement:
        held = ThingCard(item.entitlement, item.entitlement_name, item.system)
        drawing.hold(
            account, held, item.how.partition(",")[0], frozenset(), eligible=item.mode == "eligible", cut=False
        )
        for reach in gained[:MOST]:
            drawing.walk(reach.path, frozenset())
        drawing.leave_out(item.entitlement, len(gained) - MOST)
    return svg.draw(drawing, title=f"How {item.person} has {item.entitlement_name}")
