"""Jobs under ids of ours: answers that get lost, a service that is away, quotas, slow jobs that are cancelled. The real client, and a fake
of the service (`fake_service.py` says what it cannot show)."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from eltflow_bigquery import ADAPTER
from fake_service import running

from eltflow.warehouse.values import Purpose, Statement, Target, WarehouseError

SELECT = Statement("select 1 as n", role="query", purpose=Purpose("Run 1", "model.shop.Orders"))


@pytest.fixture
def fake():
    with running() as one:
        yield one


def opened(fake, **more):
    values = {"project": "w", "method": "none", "api_endpoint": f"http://127.0.0.1:{fake.port}", "job_retry_deadline_seconds": 4}
    values |= more
    return ADAPTER.open(Target(name="dev", type="bigquery", database="w", schema="s", threads=1, values=values), Path())


@pytest.fixture
def session(fake):
    database = opened(fake)
    one = database.session()
    yield one
    one.close()
    database.close()


@pytest.mark.parametrize(
    "hiccups", [["after"], ["before"], ["before", "after"], [503], [429, 503], [503, "after"]], ids=lambda h: "-".join(map(str, h))
)
def test_a_statement_runs_once_whatever_becomes_of_the_answers(fake, session, hiccups):
    fake.hiccups += hiccups
    result = session.execute(SELECT)
    assert result.rows == [(1,)]
    assert fake.ran == ["select 1 as n"]
    assert list(fake.jobs) == [result.statement_id]


def test_an_answer_that_is_late_is_not_waited_for(fake):
    database = opened(fake, job_creation_timeout_seconds=1)
    session = database.session()
    fake.hiccups.append("late")
    assert session.execute(SELECT).rows == [(1,)]
    assert fake.ran == ["select 1 as n"]
    session.close()
    database.close()


def test_questions_about_a_job_are_asked_again(fake, session):
    fake.polls += [503, 503]
    assert session.execute(SELECT).rows == [(1,)]
    assert fake.ran == ["select 1 as n"]


def test_two_attempts_are_two_jobs(fake, session):
    """What a program sends again on purpose is not taken for what was sent before."""
    ids = {session.execute(SELECT).statement_id for _ in range(2)}
    assert len(ids) == len(fake.jobs) == len(fake.ran) == 2
    assert all(str(i).startswith("eltflow_") for i in ids)


def test_what_a_job_says_about_itself(fake, session):
    result = session.execute(SELECT)
    assert result.statistics == {"bytes_processed": 2048, "bytes_billed": 10485760, "slot_ms": 7, "cache_hit": False}
    assert fake.jobs[result.statement_id]["configuration"]["labels"] == {
        "eltflow_run": "run_1",
        "eltflow_node": "model_shop_orders",
    }


def test_the_settings_of_the_target_are_those_of_its_jobs(fake):
    database = opened(
        fake, maximum_bytes_billed="1000", priority="batch", job_execution_timeout_seconds=30, execution_project="payer"
    )
    result = database.session().execute(SELECT)
    configuration = fake.jobs[result.statement_id]["configuration"]
    assert configuration["query"]["maximumBytesBilled"] == "1000"
    assert configuration["query"]["priority"] == "BATCH"
    assert configuration["jobTimeoutMs"] == "30000"
    assert all("/projects/payer/" in path for _, path in fake.requests if "/jobs" in path)
    database.close()


@pytest.mark.parametrize(
    ("reason", "message", "kind", "help"),
    [
        ("quotaExceeded", "Quota exceeded: too much", "sql", "quota"),
        ("bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1000", "sql", "maximum_bytes_billed"),
        ("accessDenied", "Access Denied: Table w:s.t", "permission", "BigQuery Data Editor"),
        ("resourcesExceeded", "Resources exceeded during query execution", "sql", "ORDER BY"),
        ("backendError", "Error encountered during execution. Retrying may solve the problem.", "transient", None),
        ("jobRateLimitExceeded", "Exceeded rate limits: too many table update operations", "transient", None),
        ("invalidQuery", "Transaction is aborted due to concurrent update against table w:s.t", "transient", None),
        ("invalid", "Cannot replace a table with a different partitioning spec. Instead, DROP the table.", "layout", None),
    ],
)
def test_a_job_that_fails(fake, session, reason, message, kind, help):
    fake.fails["select 1 as n"] = (reason, message)
    started = time.monotonic()
    with pytest.raises(WarehouseError) as raised:
        session.execute(SELECT)
    assert time.monotonic() - started < 20
    assert (raised.value.kind, raised.value.code) == (kind, reason)
    assert str(raised.value) == message
    assert help is None or help in str(raised.value.help)
    assert fake.ran == ["select 1 as n"]
    fake.fails.clear()
    assert session.execute(SELECT).rows == [(1,)]


def test_a_quota_error_starts_no_job_and_is_not_tried_again(fake, session):
    fake.hiccups.append(403)
    with pytest.raises(WarehouseError, match="Quota exceeded") as raised:
        session.execute(SELECT)
    assert raised.value.kind == "sql"
    assert fake.ran == []


def test_cancelling_a_slow_job(fake, session):
    fake.slow.add("select 1 as n")
    caught = []

    def run():
        try:
            session.execute(SELECT)
        except WarehouseError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 10
    while not fake.jobs and time.monotonic() < deadline:
        time.sleep(0.02)
    (job_id,) = fake.jobs
    while thread.is_alive() and time.monotonic() < deadline:
        session.cancel()
        thread.join(0.2)
    assert not thread.is_alive()
    assert [error.kind for error in caught] == ["cancelled"]
    assert ("POST", f"/bigquery/v2/projects/w/jobs/{job_id}/cancel") in fake.requests
    fake.slow.clear()
    assert session.execute(SELECT).rows == [(1,)]


def test_cancelling_when_nothing_runs_sends_nothing(fake, session):
    session.cancel()
    assert not [path for _, path in fake.requests if path.endswith("/cancel")]
    assert session.execute(SELECT).rows == [(1,)]


def test_a_transaction_is_one_session_of_the_service(fake):
    database = opened(fake)
    session, dialect = database.session(), ADAPTER.dialect
    insert = Statement("insert into s.t select 1", role="dml")
    empty = (dialect.begin(), dialect.rollback(), dialect.begin(), dialect.commit())  # nothing is sent for them
    for statement in (dialect.begin(), insert, dialect.commit(), SELECT, *empty, dialect.begin(), insert):
        session.execute(statement)
    session.close()
    held = [
        (job["configuration"]["query"]["query"], job["configuration"]["query"].get("connectionProperties", []))
        for job in fake.jobs.values()
    ]
    mine = [{"key": "session_id", "value": "session-1"}]
    assert held == [
        ("begin transaction", []),
        ("insert into s.t select 1", mine),
        ("commit transaction", mine),
        ("select 1 as n", []),
        ("begin transaction", mine),
        ("insert into s.t select 1", mine),
        ("call bq.abort_session()", mine),
    ]
    database.close()


@pytest.mark.parametrize(
    ("datasets", "told", "place"),
    [({"s": "EU"}, {}, "EU"), ({"s": "EU"}, {"location": "europe-west3"}, "europe-west3"), ({}, {}, None)],
    ids=["the dataset's", "the target's", "nobody's"],
)
def test_all_jobs_run_where_the_dataset_is(fake, datasets, told, place):
    """Also what begins a transaction, which reads nothing that would tell."""
    fake.datasets |= datasets
    database = opened(fake, **told)
    session, dialect = database.session(), ADAPTER.dialect
    fake.hiccups.append("after")  # the first one is sent again, and then asked for
    for statement in (dialect.begin(), Statement("insert into s.t select 1", role="dml"), dialect.commit()):
        session.execute(statement)
    session.close()
    database.close()
    assert len(fake.ran) == 4
    assert [reference.get("location") for reference in fake.asked] == [place, place, *3 * [place or "US"]]


def test_a_transaction_that_did_not_begin_needs_no_rollback(fake, session):
    dialect = ADAPTER.dialect
    fake.fails["begin transaction"] = ("accessDenied", "Access Denied: User does not have bigquery.jobs.create permission")
    session.execute(dialect.begin())
    with pytest.raises(WarehouseError, match="Access Denied"):
        session.execute(Statement("insert into s.t select 1", role="dml"))
    session.execute(dialect.rollback())
    assert fake.ran == ["begin transaction"]


def test_a_table_that_is_there_is_not_taken_for_a_job(fake, session):
    fake.hiccups.append(409)
    with pytest.raises(WarehouseError, match=r"Already Exists: Table w:s\.job"):
        session.execute(Statement("create table s.job as select 1 as n"))
    assert fake.ran == []


def test_an_expired_token(fake):
    with pytest.raises(WarehouseError, match="project w") as raised:
        opened(fake, method="oauth-secrets", token="expired")
    assert raised.value.kind == "connection"
    assert "sign in again" in str(raised.value.help)
    assert "expired" not in str(raised.value)


def test_a_transaction_that_the_service_has_ended_is_rolled_back(fake, session):
    """After a conflict there is nothing left to roll back, and the session goes on; any other refusal is an error."""
    dialect = ADAPTER.dialect
    for message, ended in (("There is no active transaction", True), ("Syntax error", False)):
        fake.fails["rollback transaction"] = ("invalidQuery", message)
        for statement in (dialect.begin(), SELECT):
            session.execute(statement)
        if not ended:
            with pytest.raises(WarehouseError, match="Syntax error"):
                session.execute(dialect.rollback())
            continue
        session.execute(dialect.rollback())
        assert session.execute(SELECT).rows == [(1,)]


def test_a_service_that_stays_away(fake, session):
    fake.hiccups += [503] * 50
    started = time.monotonic()
    with pytest.raises(WarehouseError) as raised:
        session.execute(SELECT)
    assert raised.value.kind == "transient"
    assert 2 < time.monotonic() - started < 60
    assert fake.ran == []


def test_answers_that_stay_away(fake, session):
    fake.hiccups += ["before"] * 50
    with pytest.raises(WarehouseError, match="did not answer") as raised:
        session.execute(SELECT)
    assert raised.value.kind == "lost"


def test_nobody_listens(fake):
    started = time.monotonic()
    with pytest.raises(WarehouseError, match=r"127\.0\.0\.1:1") as raised:
        opened(fake, api_endpoint="http://127.0.0.1:1", job_retry_deadline_seconds=1)
    assert raised.value.kind == "connection"
    assert "api_endpoint" in str(raised.value.help)
    assert time.monotonic() - started < 40


def test_the_bytes_that_a_query_would_read(fake):
    database = opened(fake)
    assert database.estimate("select 1") == 123456
    assert fake.jobs == {}
    database.close()
