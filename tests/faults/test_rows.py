"""The table of faults and its tests are held together: each row is claimed by a test, or left out with its reason."""

from tests.faults.rows import BUT, LEFT_OUT, TABLE, claims


def test_every_row_is_claimed_or_left_out_and_none_is_both():
    claimed = {row for row, _ in claims()}
    assert sorted(claimed | set(LEFT_OUT)) == sorted(TABLE)
    assert claimed & set(LEFT_OUT) == set()
    assert [row for row, why in LEFT_OUT.items() if len(why) < 20] == []


def test_what_is_otherwise_than_in_the_table_is_said_of_rows_that_are_held():
    assert set(BUT) <= {row for row, _ in claims()}


def test_a_row_stands_in_the_table_once():
    assert len(TABLE) == 168
    assert {key for row in TABLE.values() for key in row} == {"id", "area", "stimulus", "expected"}
