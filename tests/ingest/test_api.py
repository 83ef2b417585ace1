"""Steps of kind `rest` and `graphql`: every record once, however its answers come in parts; and what goes wrong, told without a secret."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime

import duckdb
import pytest
from api_server import Api, Asked, Reply

TOKEN = "t0ken-of-the-shop"
BEARER = {"type": "bearer", "token": TOKEN}
#: 25 records, a day apart.
ORDERS = [{"id": i, "at": f"2013-01-{i + 1:02}T10:00:00Z", "cents": i * 100, "items": [{"sku": f"a{i}"}]} for i in range(25)]


@pytest.fixture
def api():
    made = Api()
    yield made
    made.close()


class World:
    """A project with one step that asks the API."""

    def __init__(self, root, api, eltflow, postgres):
        self.root, self.api, self._eltflow, self._postgres = root, api, eltflow, postgres
        self.target = "duckdb"

    def project(self, source, target="duckdb", *, connection=None, **step):
        self.target = target
        own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"} if target == "duckdb" else self._postgres.target()
        if target == "postgres":
            with closing(self._postgres.connect()) as con:
                con.execute("drop schema if exists s_raw, eltflow_meta cascade")
        shop = {"type": "rest", "url": f"{self.api.url}/v1", "retries": 0, **(connection or {})}
        settings = {"name": "p", "targets": {"dev": own}, "connections": {"shop": shop}}
        (self.root / "eltflow.yml").write_text(json.dumps(settings, indent=1))
        for name in ("ingest", "models"):
            (self.root / name).mkdir(exist_ok=True)
        asked = {"kind": "rest", "connection": "shop", **({} if source.get("kind") == "graphql" else {"path": "/orders"}), **source}
        one = {"name": "x", "source": asked, "into": "raw.x", **step}
        (self.root / "ingest/i.yml").write_text(json.dumps({"steps": [one]}, indent=1))
        return self

    def run(self, *arguments, code=0, env=None):
        ran = self._eltflow(*(arguments or ("ingest",)), cwd=self.root, env=env)
        assert ran.code == code, ran.text
        return ran.text

    def fails(self, *arguments, code=1, env=None):
        """The error, without what stands around it."""
        text = self.run(*arguments, code=code, env=env)
        assert TOKEN not in text
        start = text.index("error[")
        return text[start:].split("\n\n")[0].replace(self.api.url, "URL").rstrip()

    def rows(self, sql="select id from s_raw.x order by 1"):
        if self.target == "postgres":
            with closing(self._postgres.connect()) as con:
                return con.execute(sql).fetchall()
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def ids(self):
        return [id for (id,) in self.rows()]


@pytest.fixture
def world(tmp_path, api, eltflow, postgres):
    return World(tmp_path, api, eltflow, postgres)


def part(asked: Asked, first: int, size: int) -> list[dict]:
    return ORDERS[first : first + size]


def by_page(asked: Asked) -> object:
    return part(asked, (int(asked.params["page"]) - 1) * 10, 10)


def by_page_from_zero(asked: Asked) -> object:
    return {"meta": {"pages": 3}, "rows": part(asked, int(asked.params["p"]) * 10, 10)}


def by_offset(asked: Asked) -> object:
    return {"rows": part(asked, int(asked.params["offset"]), int(asked.params["limit"]))}


def by_cursor(asked: Asked) -> object:
    first = int(asked.params.get("after", 0))
    return {"rows": part(asked, first, 10), "next": str(first + 10) if first + 10 < 25 else None}


def by_flag(asked: Asked) -> object:
    first = int(asked.params.get("after", 0))
    return {"rows": part(asked, first, 10), "page": {"end": first + 10, "more": first + 10 < 25}}


def by_address(asked: Asked) -> object:
    first = int(asked.params.get("from", 0))
    return {"rows": part(asked, first, 10), "links": {"next": f"/v1/orders?from={first + 10}" if first + 10 < 25 else None}}


def by_link(asked: Asked) -> object:
    first = int(asked.params.get("from", 0))
    link = f'<http://{asked.host}/v1/orders?from={first + 10}>; rel="next", <http://{asked.host}/v1/orders>; rel="first"'
    return Reply(part(asked, first, 10), headers={"Link": link} if first + 10 < 25 else {})


WAYS = {
    "page, a size": (by_page, {"pagination": {"type": "page", "size": 10}}, 3),
    "page, until one is empty": (by_page, {"pagination": {"type": "page"}}, 4),
    "page, so many": (
        by_page_from_zero,
        {"records": "rows", "pagination": {"type": "page", "param": "p", "start": 0, "pages": "meta.pages"}},
        3,
    ),
    "offset": (by_offset, {"records": "rows", "pagination": {"type": "offset", "size": 10}}, 3),
    "offset, a full last part": (by_offset, {"records": "rows", "pagination": {"type": "offset", "size": 5}}, 6),
    "cursor": (by_cursor, {"records": "rows", "pagination": {"type": "cursor", "param": "after", "next": "next"}}, 3),
    "cursor and a flag": (
        by_flag,
        {"records": "rows", "pagination": {"type": "cursor", "param": "after", "next": "page.end", "more": "page.more"}},
        3,
    ),
    "next address": (by_address, {"records": "rows", "pagination": {"type": "next_url", "next": "links.next"}}, 3),
    "link header": (by_link, {"pagination": {"type": "link"}}, 3),
    "no parts": (lambda asked: ORDERS, {}, 1),
}


@pytest.mark.parametrize("way", list(WAYS))
def test_every_part_once(world, way):
    answer, source, requests = WAYS[way]
    world.api.answers["/v1/orders"] = answer
    world.project(source)
    assert "25 rows" in world.run()
    assert world.ids() == list(range(25))
    assert len(world.api.asked) == requests


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_values_stay_what_they_are(world, target):
    """Numbers keep their digits, and what is nested stays so; line breaks between tokens, and in texts, are none of a record's."""
    body = (
        '{"data": [\n  {"id": 1, "n": 12345678901234567, "price": 0.1000000000000000055,\n   "text": "a\\nb\\tc\\u00e9",'
        '"deep": {"k": [1, {"z": null}]},'
        '\r\n   "none": null, "yes": true},\n  {"id": 2, "n": -1, "price": 2, "text": "", "deep": null, "none": null, "yes": false}\n]}'
    )
    world.api.answers["/v1/orders"] = lambda asked: Reply(body.encode(), zipped=True)
    world.project({"records": "data"}, target)
    world.run()
    text = "select n, text, yes, none is null from s_raw.x order by id"
    assert world.rows(text) == [(12345678901234567, "a\nb\tcé", True, True), (-1, "", False, True)]
    deep = world.rows("select deep from s_raw.x order by id")
    assert [json.loads(v) if isinstance(v, str) else v for (v,) in deep] == [{"k": [1, {"z": None}]}, None] or deep[0][0]["k"]


def since(asked: Asked) -> object:
    start = asked.params.get("since", "")
    return [row for row in ORDERS[: Api.shown] if row["at"] >= start]


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
@pytest.mark.parametrize("load", ["append", "merge"])
def test_only_what_is_new_is_asked_for(world, load, target):
    Api.shown = 10
    world.api.answers["/v1/orders"] = since
    more = {"unique_key": "id"} if load == "merge" else {}
    step = {"load": load, "cursor": {"column": "at", "initial": "2013-01-03"}, **more}
    world.project({"incremental": {"param": "since"}}, target, columns={"items": {"exclude": True}}, **step)
    world.run()
    assert world.ids() == list(range(2, 10))
    assert world.api.asked[-1].params == {"since": "2013-01-03T00:00:00Z"}
    Api.shown = 20
    world.run()
    assert world.api.asked[-1].params == {"since": "2013-01-10T10:00:00Z"}
    assert world.ids() == list(range(2, 20))
    said = world.run()
    assert ("  0 rows" if load == "append" else "+0 rows, 1 changed") in said
    assert world.ids() == list(range(2, 20))
    (value,) = world.rows("select value from eltflow_meta.cursor")[0]
    assert datetime.fromisoformat(value) == datetime(2013, 1, 20, 10, tzinfo=UTC)
    world.run("ingest", "--full-refresh")
    assert world.api.asked[-1].params == {"since": "2013-01-03T00:00:00Z"}


@pytest.mark.parametrize(
    ("form", "shown"),
    [("date", "2013-01-10"), ("unix", "1357812000"), ("unix_ms", "1357812000000"), ("%d.%m.%Y %H:%M", "10.01.2013 10:00")],
)
def test_the_cursor_as_the_api_wants_it(world, form, shown):
    world.api.answers["/v1/orders"] = lambda asked: ORDERS[:10]
    world.project({"incremental": {"param": "since", "format": form}}, load="merge", unique_key="id", cursor={"column": "at"})
    world.run()
    world.run()
    assert [asked.params.get("since") for asked in world.api.asked] == [None, shown]


def test_lookback(world):
    world.api.answers["/v1/orders"] = lambda asked: ORDERS[:10]
    cursor = {"column": "at", "lookback": "2 days"}
    world.project({"incremental": {"param": "since"}}, load="merge", unique_key="id", cursor=cursor)
    world.run()
    world.run()
    assert world.api.asked[-1].params["since"] == "2013-01-08T10:00:00Z"


def test_an_answer_without_records_changes_nothing(world):
    answers = [ORDERS[:3], [], []]
    world.api.answers["/v1/orders"] = lambda asked: answers.pop(0)
    world.project({"incremental": {"param": "since"}}, load="append", cursor={"column": "at"})
    world.run()
    world.run()
    assert world.ids() == [0, 1, 2]
    assert world.rows("select rows from eltflow_meta.load order by loaded_at") == [(3,), (0,)]


def test_replace_by_nothing_empties_the_table(world):
    answers = [ORDERS[:3], []]
    world.api.answers["/v1/orders"] = lambda asked: answers.pop(0)
    world.project({})
    world.run()
    world.run()
    assert world.ids() == []


def test_children_of_each_parent(world):
    parents = [{"id": 1, "name": "Ann"}, {"id": "2/x", "name": "Bo"}, {"id": 3, "name": "Cy"}]
    world.api.answers["/v1/customers"] = lambda asked: {"rows": parents[int(asked.params["offset"]) :][:2]}
    world.api.answers["/v1/customers/1/orders"] = lambda asked: by_offset(asked)
    world.api.answers["/v1/customers/2%2Fx/orders"] = lambda asked: {"rows": []}
    world.api.answers["/v1/customers/3/orders"] = lambda asked: {"rows": [{"id": 99}, {}]}
    paging = {"type": "offset", "size": 10}
    above = {
        "path": "/customers",
        "records": "rows",
        "fields": {"customer_id": "id", "customer": "name"},
        "pagination": {"type": "offset", "size": 2},
    }
    source = {"path": "/customers/{customer_id}/orders", "records": "rows", "pagination": paging, "for_each": above}
    world.project(source)
    world.run()
    found = world.rows("select customer_id, customer, count(*), count(id) from s_raw.x group by all order by 1")
    assert found == [("1", "Ann", 25, 25), ("3", "Cy", 2, 1)] or found == [(1, "Ann", 25, 25), (3, "Cy", 2, 1)]


def test_graphql(world):
    def answer(asked):
        assert asked.method == "POST"
        assert asked.body["query"].startswith("query")
        first = int(asked.body["variables"].get("after") or 0)
        assert asked.body["variables"]["size"] == 10
        info = {"endCursor": str(first + 10), "hasNextPage": first + 10 < 25}
        return {"data": {"orders": {"nodes": part(asked, first, 10), "pageInfo": info}}}

    world.api.answers["/v1/graphql"] = answer
    source = {
        "kind": "graphql",
        "path": "graphql",
        "query": "query Orders($after: String, $size: Int) { orders(first: $size, after: $after) { nodes { id } } }",
        "variables": {"size": 10},
        "records": "data.orders.nodes",
        "pagination": {"variable": "after", "next": "data.orders.pageInfo.endCursor", "more": "data.orders.pageInfo.hasNextPage"},
    }
    world.project(source, connection={"auth": BEARER})
    world.run()
    assert world.ids() == list(range(25))
    world.api.answers["/v1/graphql"] = lambda asked: {"errors": [{"message": "field `nodes` is gone"}], "data": None}
    assert "/v1/graphql: the query fails: field `nodes` is gone" in world.fails()


def test_post_with_a_body(world):
    def answer(asked):
        first = int(asked.body.get("after") or 0)
        return {"rows": part(asked, first, 10), "next": first + 10 if first + 10 < 25 else None}

    world.api.answers["/v1/orders"] = answer
    paging = {"type": "cursor", "param": "after", "next": "next"}
    world.project({"method": "post", "body": {"after": 0, "filter": {"all": True}}, "records": "rows", "pagination": paging})
    world.run()
    assert world.ids() == list(range(25))
    assert world.api.asked[0].body == {"after": 0, "filter": {"all": True}}


# -- signing in ----------------------------------------------------------------------------------------------------------------


SIGNED = {
    "bearer": (BEARER, ("authorization", f"Bearer {TOKEN}")),
    "basic": ({"type": "basic", "username": "ann", "password": TOKEN}, ("authorization", "Basic YW5uOnQwa2VuLW9mLXRoZS1zaG9w")),
    "key in a header": ({"type": "api_key", "key": TOKEN, "header": "X-Key"}, ("x-key", TOKEN)),
    "key as a parameter": ({"type": "api_key", "key": TOKEN, "param": "api_key"}, ("params", "api_key")),
}


@pytest.mark.parametrize("way", list(SIGNED))
def test_signed_in(world, way):
    auth, (name, value) = SIGNED[way]

    def answer(asked):
        signed = asked.params.get(value) == TOKEN if name == "params" else asked.headers.get(name) == value
        return by_page(asked) if signed else Reply({"message": f"not {TOKEN}"}, 401)

    world.api.answers["/v1/orders"] = answer
    world.project({"pagination": {"type": "page", "size": 10}}, connection={"auth": auth})
    world.run()
    assert len(world.ids()) == 25
    world.api.answers["/v1/orders"] = lambda asked: Reply({"message": f"{TOKEN} has ended"}, 401)
    assert "has ended" in world.fails()


def test_oauth2_signs_in_again_when_a_token_ends(world):
    given: list[str] = []

    def token(asked):
        form = asked.body.decode()
        assert "grant_type=client_credentials" in form
        assert f"client_secret={TOKEN}" in form
        assert "scope=read" in form
        given.append(f"access-{len(given)}")
        return {"access_token": given[-1], "expires_in": 3600}

    def answer(asked):
        page = int(asked.params["page"])
        good = asked.headers["authorization"] == f"Bearer {given[-1]}" and not (page == 2 and len(given) == 1)
        return by_page(asked) if good else Reply({}, 401)

    world.api.answers |= {"/token": token, "/v1/orders": answer}
    auth = {"type": "oauth2", "token_url": f"{world.api.url}/token", "client_id": "me", "client_secret": TOKEN, "scope": "read"}
    world.project({"pagination": {"type": "page", "size": 10}}, connection={"auth": auth})
    world.run()
    assert world.ids() == list(range(25))
    assert given == ["access-0", "access-1"]
    world.api.answers["/token"] = lambda asked: Reply({"error": "invalid_client", "error_description": TOKEN}, 400)
    assert 'signing in failed: it answers 400: {"error": "invalid_client", "error_description": "*****"}' in world.fails()


# -- what may pass -------------------------------------------------------------------------------------------------------------


PASSING = {
    "too many requests": Reply({"message": "slow down"}, 429, {"Retry-After": "0"}),
    "a day to wait until": Reply({}, 429, {"Retry-After": "Fri, 01 Jan 2021 00:00:00 GMT"}),
    "an error of the server": Reply(b"<html>oops</html>", 500),
    "not there for now": Reply({}, 503, {"Retry-After": "0"}),
    "an answer that breaks off": Reply(ORDERS, cut=100),
}


@pytest.mark.parametrize("what", list(PASSING))
def test_asked_again(world, what):
    turns = iter([PASSING[what], PASSING[what]])
    world.api.answers["/v1/orders"] = lambda asked: next(turns, None) or by_page(asked)
    world.project({"pagination": {"type": "page", "size": 10}}, connection={"retries": 2})
    world.run()
    assert world.ids() == list(range(25))
    assert len(world.api.asked) == 5


def test_an_error_that_does_not_pass(world):
    world.api.answers["/v1/orders"] = lambda asked: Reply({"message": "maintenance"}, 503, {"Retry-After": "0"})
    world.project({}, connection={"retries": 2})
    assert world.fails() == (
        'error[E0601]: ingest `x`: connection `shop`: /v1/orders: it answers 503: {"message": "maintenance"}, 3 times\n'
        " --> ingest/i.yml:8:13\n"
        "  |\n"
        '8 |     "path": "/orders"\n'
        "  |             ^^^^^^^^^\n"
        "  = help: run it again when the API answers"
    )
    assert len(world.api.asked) == 3


def test_a_wait_that_is_too_long(world):
    world.api.answers["/v1/orders"] = lambda asked: Reply({}, 429, {"Retry-After": "3600"})
    world.project({}, connection={"retries": 2})
    assert "it answers 429: {}; it asks to wait 3,600 s" in world.fails()


def test_a_failure_half_way_leaves_the_table_alone(world):
    world.api.answers["/v1/orders"] = lambda asked: ORDERS[:4]
    world.project({})
    world.run()
    world.api.answers["/v1/orders"] = lambda asked: Reply({}, 500) if asked.params["page"] == "2" else by_page(asked)
    world.project({"pagination": {"type": "page", "size": 10}})
    world.fails()
    assert world.ids() == [0, 1, 2, 3]


def test_rate_limit(world):
    import time

    world.api.answers["/v1/orders"] = by_page
    world.project({"pagination": {"type": "page", "size": 10}}, connection={"rate_limit": "5/second"})
    start = time.monotonic()
    world.run()
    assert time.monotonic() - start >= 0.4  # three requests have two pauses between them


# -- what is wrong -------------------------------------------------------------------------------------------------------------

PAGES = {"pagination": {"type": "page", "size": 10}}
WRONG = {
    "unknown path": (lambda asked: Reply({"message": "nothing here"}, 404), {}, 'it answers 404: {"message": "nothing here"}'),
    "no right": (lambda asked: Reply({}, 403), {}, "ask whoever keeps the API for the right to read this"),
    "no JSON": (lambda asked: Reply(b"<html>sign in</html>"), {}, "the answer is no JSON"),
    "half a JSON": (lambda asked: Reply(b'[{"id": 1}, {"id"'), {}, "the answer is no JSON"),
    "no data path": (
        lambda asked: {"items": []},
        {"records": "data.items"},
        "`records: data.items` leads to no records: there is no data",
    ),
    "no records": (lambda asked: {"data": 7}, {"records": "data"}, "`records: data` leads to no records"),
    "numbers for records": (lambda asked: [1, 2], {}, "the answer holds a record that is no object, but 1"),
    "the same page again": (
        lambda asked: ORDERS[:10],
        PAGES,
        "the parts of the answer never end: it is the same as the one before",
    ),
    "the same cursor again": (
        lambda asked: {"rows": [{"id": len(asked.params)}], "next": "x"},
        {"records": "rows", "pagination": {"type": "cursor", "param": "after", "next": "next"}},
        "the parts of the answer never end: it ",
    ),
    "another host": (
        lambda asked: {"rows": ORDERS, "next": "https://elsewhere.example.com/steal"},
        {"records": "rows", "pagination": {"type": "next_url", "next": "next"}},
        "an answer names an address of another host (elsewhere.example.com), and credentials do not go there",
    ),
    "sent on to another host": (
        lambda asked: Reply({}, 302, {"Location": "https://elsewhere.example.com/steal"}),
        {},
        "an answer names an address of another host (elsewhere.example.com)",
    ),
    "too large": (lambda asked: Reply(b"[" + b" " * 3_000_000 + b"]", zipped=True), {}, "an answer is larger than 1 MB"),
    "no number of pages": (
        lambda asked: {"rows": ORDERS, "pages": "many"},
        {"records": "rows", "pagination": {"type": "page", "pages": "pages"}},
        "`pages` is no number of pages: 'many'",
    ),
    "first load of nothing": (lambda asked: [], {}, "/orders of `shop` gave no records, and so the table's columns are not known"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_told(world, what):
    answer, source, said = WRONG[what]
    world.api.answers["/v1/orders"] = answer
    world.project(source, connection={"auth": BEARER, "max_answer_mb": 1})
    told = world.fails()
    assert said in told
    assert "ingest/i.yml:" in told


def test_a_row_without_a_cursor(world):
    world.api.answers["/v1/orders"] = lambda asked: [{"id": 1, "at": None}, {"id": 2, "at": "2013-01-01T00:00:00Z"}]
    world.project({}, load="merge", unique_key="id", cursor={"column": "at"})
    assert "1 row of the source has no value in the cursor `at`" in world.fails()


def test_a_missing_cursor(world):
    world.api.answers["/v1/orders"] = lambda asked: ORDERS
    world.project({}, load="merge", unique_key="id", cursor={"column": "changed"})
    assert "`cursor` names the column `changed`, which the load does not have" in world.fails()


def test_another_source_than_before(world):
    world.api.answers["/v1/orders"] = world.api.answers["/v1/other"] = lambda asked: ORDERS
    step = {"load": "merge", "unique_key": "id", "cursor": {"column": "at"}}
    world.project({}, **step)
    world.run()
    world.project({"path": "/other"}, **step)
    assert "from /orders of `shop`, and the step asks /other of `shop` now" in world.fails()


def test_bad_records_are_put_aside(world):
    world.api.answers["/v1/orders"] = lambda asked: [{"id": 1, "n": 1}, {"id": 2, "n": "many"}, {"id": 3, "n": 3}]
    world.project({}, on_bad_row="quarantine", columns={"n": {"data_type": "bigint"}})
    assert "2 rows, 1 quarantined" in world.run()
    assert world.ids() == [1, 3]
    assert world.rows("select reason, file, line from s_raw.x__quarantine") == [("`many` is no bigint", "/orders of `shop`", 2)]


def test_hashed_and_masked(world):
    world.api.answers["/v1/orders"] = lambda asked: [{"id": 1, "mail": "ann@example.com"}]
    world.project({}, columns={"mail": {"hash": True, "tags": ["pii"]}})
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["hash_secret"] = "{{ env_var('PEPPER') }}"
    (world.root / "eltflow.yml").write_text(json.dumps(settings))
    pepper = {"PEPPER": "0123456789abcdef0123"}
    world.run("ingest", env=pepper)
    assert len(world.rows("select mail from s_raw.x")[0][0]) == 64
    shown = world.run("ingest", "--preview", "x", env=pepper)
    assert "ann@" not in shown
    assert "read by duckdb" in shown


def test_nobody_there(world):
    world.project({}, connection={"url": "http://127.0.0.1:9/v1", "auth": BEARER, "timeout": 2})
    assert "connection `shop`: /v1/orders: nobody answers there" in world.fails()


def test_no_answer_in_time(world):
    import time

    world.api.answers["/v1/orders"] = lambda asked: time.sleep(2) or []
    world.project({}, connection={"timeout": 0.3})
    assert "connection `shop`: /v1/orders: no answer in time" in world.fails()


SETTINGS = {
    "url": ({"url": "shop.example.com"}, "`url` must be an address like https://api.example.com/v1"),
    "password in the url": ({"url": "https://me:pass@shop.example.com"}, "`url` holds a user or a password"),
    "auth": ({"auth": {"type": "kerberos"}}, "`auth` must be a mapping whose `type` is one of bearer, basic, api_key, oauth2"),
    "half an auth": ({"auth": {"type": "basic", "username": "me"}}, "`auth` of type basic has no `password`"),
    "two places": ({"auth": {"type": "api_key", "key": "k", "param": "a", "header": "b"}}, "is sent in one place"),
    "pace": ({"rate_limit": "often"}, "`rate_limit` cannot be `often`: write 10/second or 600/minute"),
    "unknown key": ({"tiemout": 3}, "a rest connection has no key `tiemout`"),
    "retries": ({"retries": -1}, "`retries` must be a number, 0 or more"),
}


@pytest.mark.parametrize("what", list(SETTINGS))
def test_settings_of_a_connection(world, what):
    connection, said = SETTINGS[what]
    world.project({}, connection=connection)
    told = world.fails(code=2)
    assert said in told
    assert "eltflow.yml:" in told
    assert world.api.asked == []


STEPS = {
    "unknown key": ({"pagination": {"type": "page", "sise": 3}}, {}, "`pagination` has no key `sise`"),
    "pagination without type": ({"pagination": {"param": "p"}}, {}, "`pagination` has no `type`"),
    "offset without size": ({"pagination": {"type": "offset"}}, {}, "`pagination` has no `size`"),
    "incremental without cursor": ({"incremental": {"param": "since"}}, {}, "the step has no `cursor` that says what that is"),
    "append without cursor": ({}, {"load": "append"}, "`load: append` of a table needs `cursor`"),
    "body of a get": ({"body": {"a": 1}}, {}, "`body` means nothing to a request by get"),
    "a place without a field": ({"path": "/a/{id}"}, {}, "`path` has a place for `id`, which no field of `for_each` fills"),
    "for_each without a place": (
        {"for_each": {"path": "/c", "fields": {"c": "id"}}},
        {},
        "`for_each` asks once for each of its records, and `path` has no place",
    ),
    "kind of connection": ({"kind": "sql", "table": "t"}, {}, "the `source` of a step has no key `path`"),
}


@pytest.mark.parametrize("what", list(STEPS))
def test_settings_of_a_step(world, what):
    source, step, said = STEPS[what]
    world.project(source, **step)
    told = world.fails(code=2)
    assert said in told
    assert "ingest/i.yml:" in told


def test_a_connection_of_another_kind(world):
    world.project({}, connection={"type": "rest"})
    settings = json.loads((world.root / "eltflow.yml").read_text())
    settings["connections"]["shop"] = {"type": "duckdb", "path": "other.duckdb"}
    (world.root / "eltflow.yml").write_text(json.dumps(settings))
    assert "`shop` is a duckdb connection, which steps of kind `sql` read from" in world.fails(code=2)


def test_plan_asks_nobody(world):
    world.project({}, load="merge", unique_key="id")
    assert "loads all of /orders of the connection `shop`" in world.run("plan")
    assert world.api.asked == []
