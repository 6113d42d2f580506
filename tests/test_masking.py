"""What is masked before it is written: by name, by value, in text; and what stays what it is."""

import json

import pytest

from mcpflow_nb.masking import MASK, Masks, is_secret


def masked(value, *values):
    masks = Masks(values)
    masks.learn(value)
    return masks.masked(value)


@pytest.mark.parametrize(
    "name", ["token", "API-Key", "x_authorization", "Password", "set-cookie", "client_secret", "privateKey"]
)
@pytest.mark.row("SE02")
def test_what_stands_under_a_secret_name_is_dots_and_keeps_its_type(name):
    assert is_secret(name)
    value = {name: "abc", "deep": [{name: {"a": ["x", 1, 2.5, None, True, ""]}}]}
    assert masked(value) == {name: MASK, "deep": [{name: {"a": [MASK, 0, 0.0, None, True, ""]}}]}


def test_numbers_are_masked_where_the_name_is_a_secret_and_not_where_it_only_begins_as_one():
    value = {"token": 7, "token_count": 7, "max_tokens": 8, "password_set": True, "api_keys": 9.5, "credential_id": 3}
    assert masked(value) == {**value, "token": 0, "api_keys": 9.5}


@pytest.mark.row("SE03")
def test_a_value_that_was_given_away_is_masked_everywhere_also_in_keys_and_uris():
    value = {"token": "a/b 9", "x": "a/b 9", "y": ["see a/b 9!"], "a/b 9": 1, "uri": "docs://x?q=a%2Fb%209"}
    assert masked(value, "a/b 9") == {
        "token": MASK, "x": MASK, "y": [f"see {MASK}!"], MASK: 1, "uri": f"docs://x?q={MASK}",
    }  # fmt: skip


def test_a_common_word_under_a_secret_name_is_no_reason_to_mask_it_elsewhere():
    value = {"token": "required", "pwd": "1234", "schema": {"required": ["a"]}, "n": "1234 required"}
    assert masked(value) == {**value, "token": MASK, "pwd": MASK}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"token": "a\\"b", "n": 12345678901234567890}', '{"token": "••••", "n": 12345678901234567890}'),
        ('{\n  "password" :"x",\n  "n": 1.0\n}', '{\n  "password" :"••••",\n  "n": 1.0\n}'),
        ('log: {"auth": {"token": null, "api_key": ["k", 1]}} end', 'log: {"auth": {"token": null, "api_key": ["••••", 0]}} end'),
        ('"{\\"token\\": \\"abc\\", \\"n\\": 1}"', '"{\\"token\\": \\"••••\\", \\"n\\": 1}"'),
        ("https://h/p?token=abc&page=2#x", "https://h/p?token=••••&page=2#x"),
        ("https://ada:pw1@h/p", "https://ada:••••@h/p"),
        ("http://127.0.0.1:8001/mcp?page=2 and a@b", "http://127.0.0.1:8001/mcp?page=2 and a@b"),
        ("the bearer of this letter", "the bearer of this letter"),
        ("curl -H 'Authorization: Bearer abc.def-1'", "curl -H 'Authorization: Bearer ••••'"),
        ('{"token": "abc', '{"token": "••••"'),
        ('{"token": {"a": "abc", "b', '{"token": "••••"'),
        ("password: not in JSON stays, for code says it all the time", "password: not in JSON stays, for code says it all the time"),
        ('{"max_tokens": 5, "name": "ok"}', '{"max_tokens": 5, "name": "ok"}'),
    ],
)  # fmt: skip
def test_secrets_in_text_are_masked_and_json_stays_json(text, shown):
    assert masked(text) == shown


def test_masking_twice_changes_nothing_more():
    value = {"token": "abc-123", "text": '{"secret": "x"} abc-123', "uri": "a://b:c@d?pwd=1"}
    assert masked(masked(value)) == masked(value)


def test_large_text_is_masked_in_time():
    text = '{"a": "' + '\\"token' * 20_000 + '"}' + '{"token": ' * 20_000
    assert len(masked(text)) > 1_000
    assert masked(json.dumps([{"token": f"tok-{n}", "n": n} for n in range(5_000)])).count(MASK) == 5_000
