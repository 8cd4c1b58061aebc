import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_review.errors import ArtifactError
from access_review.logbook.tree import (
    GrowingTree,
    TreeHead,
    consistency_proof,
    consistent,
    head_of,
    included,
    inclusion_proof,
    leaf,
)
from access_review.sample.commitment import merkle_root

# The inputs and roots that implementations of Certificate Transparency test with.
INPUTS = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf(b"line %d" % number) for number in range(70)]
HEADS = [head_of(LEAVES[:size]) for size in range(len(LEAVES) + 1)]

sizes = st.integers(0, len(LEAVES))
hashes = st.lists(st.binary(min_size=32, max_size=32) | st.binary(max_size=40), max_size=9)


def test_the_heads_are_those_of_certificate_transparency():
    tree = GrowingTree()
    assert tree.head == TreeHead(0, f"sha256:{ROOTS[0]}")
    for size, line in enumerate(INPUTS, start=1):
        tree.add(leaf(line))
        assert tree.head == TreeHead(size, f"sha256:{ROOTS[size]}")


@given(st.sets(st.text(), min_size=1, max_size=40))
def test_the_head_is_the_root_that_draws_freeze_a_population_with(ids):
    assert head_of(leaf(one.encode()) for one in sorted(ids)).root == merkle_root(ids)


@given(st.integers(1, len(LEAVES)), st.data())
def test_each_line_is_shown_under_each_head_and_no_other_is(size, data):
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(LEAVES[:size], index)
    assert included(b"line %d" % index, index, HEADS[size], proof)
    assert not included(b"another line", index, HEADS[size], proof)
    other = data.draw(st.integers(0, size).filter(lambda place: place != index))
    assert not included(b"line %d" % index, other, HEADS[size], proof)
    assert not included(b"line %d" % index, index, HEADS[size], (*proof, b"\0" * 32))
    assert not proof or not included(b"line %d" % index, index, HEADS[size], proof[:-1])


@given(sizes, sizes)
def test_each_later_head_is_shown_to_add_to_each_earlier_one(one, two):
    small, large = sorted((one, two))
    proof = consistency_proof(LEAVES[:large], small)
    assert consistent(HEADS[small], HEADS[large], proof)
    if small < large:
        assert not consistent(HEADS[large], HEADS[small], proof)
        assert not consistent(HEADS[small], HEADS[large], (*proof, b"\0" * 32))
    if 0 < small < large:
        other = TreeHead(small, "sha256:" + "0" * 64)
        assert not consistent(other, HEADS[large], proof)
        assert not consistent(HEADS[small], TreeHead(large, other.root), proof)
        assert not consistent(HEADS[small], HEADS[large], proof[1:])


@given(sizes, sizes, hashes)
def test_hashes_that_somebody_made_up_show_nothing(one, two, made_up):
    small, large = sorted((one, two))
    if made_up:
        assert not consistent(HEADS[small], HEADS[large], made_up)
    assert not included(b"another line", small, HEADS[large], made_up)


def test_an_earlier_head_of_no_lines_must_be_the_empty_one():
    assert not consistent(TreeHead(0, "sha256:" + "0" * 64), HEADS[3], ())
    assert not consistent(HEADS[0], TreeHead(0, "sha256:" + "0" * 64), ())
    assert consistent(HEADS[0], HEADS[0], ())
    assert consistent(HEADS[3], HEADS[3], ())
    assert not consistent(HEADS[3], TreeHead(3, HEADS[2].root), ())


def test_no_proof_of_what_is_not_there():
    for index in (-1, 3):
        with pytest.raises(IndexError):
            inclusion_proof(LEAVES[:3], index)
    for size in (-1, 4):
        with pytest.raises(IndexError):
            consistency_proof(LEAVES[:3], size)


@given(sizes)
def test_a_head_is_read_back_as_it_is_printed(size):
    assert TreeHead.parse(f" {HEADS[size]}\n") == HEADS[size]


@given(st.text() | st.sampled_from(["1:sha256:" + "A" * 64, "01:sha256:" + "a" * 64, "-1:sha256:" + "a" * 64]))
def test_anything_else_is_no_head(text):
    with pytest.raises(ArtifactError, match="is no head of a logbook"):
        TreeHead.parse(text)


def test_a_leaf_is_no_node():
    left, right = LEAVES[:2]
    assert leaf(left + right) != hashlib.sha256(b"\1" + left + right).digest()
    assert not included(left + right, 0, HEADS[2], ())
