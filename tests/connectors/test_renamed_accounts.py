"""Accounts under other ids than in the read before: said, and not taken for people who went and others who came."""

import pytest

from access_review.connectors.renamed_accounts import compared, sentence
from access_review.tables import frame


def accounts(*ids: str, **said: str):
    row = {"source": "app", "stable_id": True, "kind": "human"}
    named = [{name: text.format(one.rpartition("\\")[2]) for name, text in said.items()} for one in ids]
    return frame(
        "accounts",
        [{**row, "account": f"app:user:{one}", "native_id": one, **more} for one, more in zip(ids, named, strict=True)],
    )


LOGINS = [f"u{n:03}" for n in range(40)]


@pytest.mark.parametrize(
    ("ids", "said", "kept"),
    [
        ([f"CORP\\{one}" for one in LOGINS], {"name": "{}"}, 0),
        ([f"CORP\\{one}" for one in LOGINS[:6]] + LOGINS[6:], {"mail": "{}@x.test"}, 34),
        ([f"0b5c-{one}" for one in LOGINS], {}, 0),
        ([f"CORP\\{one}" for one in LOGINS[:3]] + LOGINS[3:], {"mail": "{}@x.test"}, None),
        ([f"new{one}" for one in LOGINS[:15]] + LOGINS[15:], {"mail": "{}@x.test"}, None),
        (LOGINS[:10], {"mail": "{}@x.test"}, None),
    ],
    ids=["domain", "a-sixth", "guids", "three", "others-came", "shrunk"],
)
def test_many_ids_that_are_gone_while_others_came_are_noticed(ids, said, kept):
    found = compared(accounts(*LOGINS, **said), [accounts(*ids, **said)])
    assert (found and found.kept) == kept
    if found and said:
        assert "app:user:CORP\\u000 for app:user:u000" in sentence(found)
