"""Secrets that must not reach the log, and what biologists write that must."""

from __future__ import annotations

import json
import re
import time

import pytest

from usr_core.events.event import Event
from usr_core.events.redaction import HIDDEN, TEXT_LIMIT, TOTAL_LIMIT, redact
from usr_core.events.redaction import _mask as mask

# The parts are joined here so that no scanner takes this file for a leak.
S = "S3cr" + "etValue42xyz"
HEX = "0123456789abcdef" * 2
LONG = "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6"

KEYS = [
    "password", "passwd", "db_password", "PASSWORD", "passphrase", "pwd", "secret", "client_secret", "clientSecret",
    "secrets", "token", "access_token", "authToken", "refresh-token", "tokens", "api_key", "apikey", "x-api-key",
    "apiKey",
    "access_key", "account_key", "private_key", "privateKey", "ssh_key", "signing_key", "encryption_key", "auth_key",
    "license_key", "key_material", "credential", "credentials", "webhook", "webhook_url", "authorization",
    "Authorization", "authorisation", "bearer", "cookie", "set-cookie", "auth", "basic_auth", "otp",
    "connection_string",    "dsn", "pat", "signature",
]  # fmt: skip

# Text with a secret in it: the secret is what stands between the marks.
SHAPES = [
    f"https://user:«{S}»@host/path",
    f"postgres://user:«{S}»@db.example/x?y=1",
    f"postgres://user:«p@ss{S}»@db.example/x",
    f"ssh://«{S}»@host",
    f"https://host/x?access_token=«{S}»&rows=3",
    f"https://host/x?sig=«{S}»",
    f"s3://bucket/x?X-Amz-Signature=«{HEX}»",
    f"https://host/x?api_key=«{S}»#frag",
    f"Authorization: Bearer «{LONG}»",
    f"authorization: token «{S}»",
    "curl -H 'Authorization: Basic «dXNlcjpwYXNzd29yZDE=»' url",
    f"Bearer «{LONG}»",
    "Basic «dXNlcjpwYXNzd29yZDE=»",
    f"Cookie: session=«{S}»; other=1",
    f"curl -u user:«{S}» https://host",
    f"tool --password «{S}» --rows 3",
    f"tool --password=«{S}»",
    f"tool --api-key «{S}»",
    f"tool --token '«{S}»'",
    f"PGPASSWORD=«{S}» psql",
    f"password: «{S}»",
    f'{{"password": "«{S}»", "rows": 3}}',
    f"{{'api_key': '«{S}»'}}",
    f"AWS_SECRET_ACCESS_KEY=«{LONG}»",
    f"AccountName=x;AccountKey=«{LONG}»;Suffix=y",
    f"secret = «{S}»",
    f"machine host login me password «{S}»",
    f"token=«string{S}»",
    "-----BEGIN RSA PRIVATE KEY-----\n«MIIabc\ndef»\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN OPENSSH PRIVATE KEY-----\n«b3BlbnNzaC1rZXk»",
    f"AGE-SECRET-KEY-1«{'Q3' * 25}»",
    f"see «gh{'p_'}{LONG}» there",
    f"«gh{'s_'}{LONG}»",
    f"«github_{'pat_'}{LONG}»",
    f"«glp{'at-'}{LONG[:20]}»",
    f"«AKI{'A'}IOSFODNN7EXAMPLE»",
    f"«ASI{'A'}Y34FZKBOKMUTVV7A»",
    f"«AIz{'a'}{LONG}»",
    f"«ya2{'9.'}{LONG}»",
    f"«GOCSP{'X-'}{LONG[:28]}»",
    f"«xox{'b-'}123456789012-abcdefABCDEF»",
    f"«xap{'p-'}1-A0B1C2D3E4-567890»",
    f"https://hooks.slack.com/services/«T000/B000/{LONG}»",
    f"https://discord.com/api/webhooks/«123/{LONG}»",
    f"https://x.webhook.office.com/webhookb2/«{HEX}@{HEX}/IncomingWebhook»",
    f"«sk-{'proj-'}{LONG}»",
    f"«sk_{'live_'}{LONG[:24]}»",
    f"«rk_{'test_'}{LONG[:24]}»",
    f"«hf{'_'}{LONG[:34]}»",
    f"«npm{'_'}{LONG}»",
    f"«pyp{'i-'}AgEIcHlwaS5vcmc{LONG}»",
    f"«dop{'_v1_'}{HEX}{HEX}»",
    f"«shp{'at_'}{HEX}»",
    f"«dap{'i'}{HEX}»",
    f"«dckr_{'pat_'}{LONG[:27]}»",
    f"«hvs{'.'}{LONG}»",
    f"«SG{'.'}{LONG[:22]}.{LONG}»",
    f"«key{'-'}{HEX}»",
    f"«SK{HEX}»",
    f"«123456789:AA{LONG[:33]}»",
    f"«eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.{LONG}»",
]

HARMLESS = [
    "TTGACAATTAATCATCGGCTCGTATAATGTGTGGA",
    "acgtnACGTNacgtn" * 10,
    "AKIAGGLVVSTQWERTYIPL",
    "ASIAKLLMNPQRSTVWYACD",
    "MSKGEELFTGVVPILVELDGDVNGHKFSVSGEGEGDATYGKLTLKFICTT",
    "HFQERPKSKTPNPMSGAIZA",
    "a basic promoter",
    "Basic description of the library",
    "bearer plasmid pUC19",
    "secreted protein, secretion signal",
    "/data/tokens/secret_project/run-2026.csv",
    "datasets/usr/sk_experiment_2024_results_final_version/x.parquet",
    "mock__token_count",
    "mock__token:string,mock__score:float64",
    "mock__token:list<int64>,mock__secret:struct<a:string,b:int64>,mock__x:bool",
    "mock__password:timestamp[us, UTC]",
    "pk-binding-domain-long-name-of-something",
    "rk__dimer_position_score_mean_of_all",
    "key: sequence_norm",
    "primary_key=id",
    "user@host:/path/to/file",
    "https://example.org/path?rows=3&name=x",
    "sha256:" + HEX + HEX,
    HEX,
    "registry." + HEX + HEX + ".yaml",
    "part-20260131T090000000000-1a2b3c4d.parquet",
    "2026-01-31T09:00:00.000000Z",
    "ns/dataset",
    "token-efficient tokenizer",
    "signature of the promoter",
    "NA", "INF", "nan", "007", "",
]  # fmt: skip

HARMLESS_KEYS = [
    "key", "keys", "columns", "tokenizer", "tokenized", "max_tokens", "token_count", "n_rows", "token_ids", "path",
    "author",
    "secretion", "secreted", "secretome", "pattern", "primary_key", "allow_missing", "namespace", "passed", "compass",
]  # fmt: skip


class TestSecrets:
    @pytest.mark.parametrize("key", KEYS)
    def test_are_hidden_by_their_key(self, key: str) -> None:
        """Whatever stands under such a key is hidden: text, numbers, lists, at any depth."""
        shown = json.dumps(redact({"a": [{key: S}, {key: [S, 4711]}, {key: {"inner": S}}], key: 4711}))

        assert "4711" not in shown
        assert S not in shown

    @pytest.mark.parametrize("text", SHAPES)
    def test_are_hidden_by_their_shape(self, text: str) -> None:
        """The secret goes; what tells where it was stays."""
        plain = text.replace("«", "").replace("»", "")
        secret = re.findall("«(.*?)»", text, re.DOTALL)[0]
        shown = redact({"note": plain})

        assert isinstance(shown, dict)
        assert secret not in shown["note"]
        assert HIDDEN in shown["note"]

    def test_make_a_corpus(self) -> None:
        """Secrets in all sorts of tools' spellings, none twice."""
        assert len(set(KEYS)) + len(set(SHAPES)) >= 100

    def test_are_hidden_in_keys_too(self) -> None:
        """A mapping may have been keyed by one."""
        assert S not in json.dumps(redact({f"https://u:{S}@host": 1}))

    def test_do_not_reach_the_event(self) -> None:
        """What was asked and the reason given for maintenance pass through here."""
        event = Event(
            action="x", dataset="d", root="r", args={"password": S}, maintenance={"reason": f"token={S}"}
        ).as_line(seq=1, clock_us=0, prev="")

        assert S not in json.dumps(event)

    def test_under_a_secret_key_hide_all_that_is_below(self) -> None:
        """A mapping of credentials is hidden value by value."""
        assert {"credentials": {"user": HIDDEN, "host": HIDDEN}} == redact({"credentials": {"user": S, "host": "h"}})


class TestHarmless:
    @pytest.mark.parametrize("text", HARMLESS)
    def test_texts_stay(self, text: str) -> None:
        """Sequences, peptides, paths, column lists, digests and prose are not mangled."""
        assert text == redact(text)
        assert [text] == redact({"columns": [text]})["columns"]  # type: ignore[index]

    @pytest.mark.parametrize("key", HARMLESS_KEYS)
    def test_keys_hide_nothing(self, key: str) -> None:
        """Names that only look a little like a secret's keep their value."""
        assert {key: "value"} == redact({key: "value"})

    def test_values_keep_their_type(self) -> None:
        """Numbers, booleans, null, lists and mappings come out as they went in; other things as text."""
        value = {"a": 1, "b": 1.5, "c": True, "d": None, "e": ["x", (1, 2)], "f": {"g": []}}

        assert {**value, "e": ["x", [1, 2]]} == redact(value)
        assert {"p": "/x"} == redact({"p": __import__("pathlib").Path("/x")})

    def test_switches_are_no_secrets(self) -> None:
        """Whether a token was given may be told."""
        assert {"token": True, "password": None, "secret": ""} == redact(
            {"token": True, "password": None, "secret": ""}
        )


# Repeated, each made an earlier spelling of some shape read the same characters again and again.
NASTY = [
    "a-a-a-", "://", "a://b@", "Bearer ", "Bearer a1 ", "sk-", "sk-aB1", "eyJaaaaaaaa-", "eyJaaaaaaaa.", "@", "QUJDRA",
    "{", '{"a":', "-----BEGIN PRIVATE KEY", "?a_token", "token:list<", "token:timestamp[", "token=", "token \t",
    "--a-token", "--", " -u a", 'password="\\', "pypi-", "login a ", "https://hooks.a/", "authorization:", " ",
    "cookie:", "\n",
]  # fmt: skip


class TestTime:
    @pytest.mark.parametrize("unit", NASTY)
    def test_is_linear_in_the_text(self, unit: str) -> None:
        """32,000 characters of any shape take well under a second; a quadratic shape takes minutes."""
        text = unit * (32_000 // len(unit))
        started = time.process_time()
        mask(text, len(text))

        assert time.process_time() - started < 1.5

    def test_does_not_grow_with_what_is_cut(self) -> None:
        """100 texts of a megabyte each cost what the limits let through."""
        started = time.process_time()
        redact({"texts": ["a-a-a-" * 170_000] * 100, "ids": range(10_000_000)})

        assert time.process_time() - started < 1.5


class TestCut:
    def test_text_says_how_much_is_left_out(self) -> None:
        """The beginning stays, and a note says how many characters do not."""
        shown = redact("ACGT" * 5_000)

        assert "ACGT" * (TEXT_LIMIT // 4) + f"… {20_000 - TEXT_LIMIT} more characters left out" == shown

    def test_text_of_the_limit_stays_whole(self) -> None:
        """Up to the limit nothing is cut."""
        assert "A" * TEXT_LIMIT == redact("A" * TEXT_LIMIT)

    @pytest.mark.parametrize("text", SHAPES)
    def test_hides_a_secret_that_it_divides(self, text: str) -> None:
        """Where the cut falls in a secret, no part of the secret stays."""
        lead, secret, rest = re.fullmatch("(.*?)«(.*?)»(.*)", text, re.DOTALL).groups()  # type: ignore[union-attr]
        start = TEXT_LIMIT - 6
        filling = ("x" * 9 + " ") * (TEXT_LIMIT // 10)
        begun = filling[: start - len(lead)][:-1] + " " + lead
        shown = redact(begun + secret + rest + " end" * 5_000)

        assert start == len(begun)
        assert isinstance(shown, str)
        assert shown.startswith(begun[: start - len(lead)])
        assert secret[:6] not in shown[start - len(lead) :].replace(lead, "", 1)
        assert "more characters left out" in shown

    def test_hides_a_password_whose_url_does_not_end_in_sight(self) -> None:
        """The @ that makes it a password may stand far behind the cut."""
        shown = redact("x " * (TEXT_LIMIT // 2 - 10) + "https://me:" + S * 2_000 + "@host")

        assert isinstance(shown, str)
        assert "S3" not in shown

    def test_lists_and_mappings_say_how_many_are_left_out(self) -> None:
        """Beyond the limit of all together a list, and what follows it, ends with a note."""
        shown = redact({"ids": ["a" * 1_000] * 100, "more": 1, "last": 2})

        assert isinstance(shown, dict)
        assert "… 34 more left out" == shown["ids"][-1]
        assert {"ids", "…"} == set(shown)
        assert "… 2 more left out" == shown["…"]
        assert len(json.dumps(shown)) < 2 * TOTAL_LIMIT

    def test_ends_what_is_nested_too_deeply(self) -> None:
        """A value that contains itself ends in a note, too."""
        knot: list[object] = []
        knot.append(knot)

        assert "more left out" in json.dumps(redact(knot), ensure_ascii=False)


def test_an_unclosed_quote_hides_to_the_end() -> None:
    """A secret does not stay because its closing quote is missing."""
    assert f"password={HIDDEN}" == redact(f'password="{S} and more')
