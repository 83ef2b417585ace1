"""`jobs.yml`: the shape of a project's jobs."""

from __future__ import annotations

from eltflow.project.config import FLAG, TEXT
from eltflow.project.shape import ListOf, MapOf, Object, Scalar

FILE = "jobs.yml"
COMMANDS = ("build", "run", "test", "seed", "ingest", "deliver", "task", "freshness")
OCCASIONS = ("failure", "recovery", "deadline", "warning")
_WORDS = ListOf(TEXT, lone=True)
_SPAN = Scalar(about="A span of time, like `30 s`, `15 min`, `2 h` or `1 day`.")

TRIGGER = Object(
    fields={
        "cron": Scalar(about="A cron expression of five parts: minute, hour, day of the month, month, day of the week."),
        "timezone": Scalar(about="The IANA time zone of the expression, like Europe/Paris (default: UTC)."),
        "every": _SPAN,
        "job": Scalar(about="A job whose end starts this one."),
        "on": Scalar(choices=("ok", "failed", "any"), about="Which end of that job does (default: ok)."),
        "files": Scalar(
            about="A pattern of files, from the project root, that start it when they are new or changed: landing/*.csv."
        ),
        "webhook": Scalar(about="A connection of type webhook whose `secret` signs requests to /hooks/<job>, which start it."),
        "updated": ListOf(TEXT, lone=True, about="Nodes: any run that writes one of them on the job's target starts it."),
        "fresher": Scalar(about="A source, like crm.orders: a later row in it than before starts the job."),
        "check": Scalar(about="How long between two looks at that source (default: 5 min)."),
    },
    about="One way to start a job: `cron`, `every`, `job`, `files`, `webhook`, `updated` or `fresher`.",
)
ALERT = Object(
    fields={
        "on": ListOf(
            Scalar(choices=OCCASIONS),
            lone=True,
            about="What is told: `failure` is of nodes of severity error, `warning` of those of severity warn.",
        ),
        "to": Scalar(about="A connection of type webhook, smtp or apprise in eltflow.yml."),
        "owner": ListOf(
            TEXT, lone=True, about="Only what is of nodes of these: a group, the name or address of its owner, or `meta.owner`."
        ),
        "group_wait": Scalar(
            about="How long what comes to the same connection is gathered into one message, like `10 min` (default: not)."
        ),
        "repeat_interval": Scalar(
            about="After how long a node that goes on failing is told of again, like `1 day`; or `always` (default: once it was through)."
        ),
    },
    required=("on", "to"),
)
JOB = Object(
    fields={
        "name": TEXT,
        "description": TEXT,
        "command": Scalar(choices=COMMANDS, about="What is done with the nodes (default: build)."),
        "select": _WORDS,
        "exclude": _WORDS,
        "selector": TEXT,
        "full_refresh": FLAG,
        "target": Scalar(about="The target to build for (default: the project's)."),
        "vars": MapOf(about="Variables, over those of eltflow.yml."),
        "triggers": ListOf(TRIGGER, about="What starts it; each by itself. Without any it runs when it is asked for."),
        "catchup": Scalar(
            choices=("last", "all", "none"),
            about="What is run of the times that passed while nothing could be (default: last).",
        ),
        "max_catchup": Scalar((int,), least=1, about="How many times `catchup: all` runs at most, the latest ones (default: 50)."),
        "retries": Object(
            fields={
                "attempts": Scalar((int,), least=1, about="How often a run is tried in all, the first time too."),
                "backoff": _SPAN,
            },
            about="What is done when nodes fail: they and what was skipped are run again; the pause doubles each time.",
        ),
        "timeout": _SPAN,
        "deadline": Scalar(about='The time of the day by which a run must be done, in quotes: "06:00".'),
        "on_late": Scalar(
            choices=("wait", "skip", "run_stale"),
            about="What is done with what depends on a source that is older than its `error_after` (default: run_stale).",
        ),
        "alerts": ListOf(ALERT),
    },
    required=("name",),
)
POOLS = MapOf(
    Scalar((int,), least=1),
    about="How many slots each pool has, which the nodes of all runs share; by connections or other names.",
)
JOBS = Object(what=FILE, about="What runs by itself, and when.", required=("jobs",), fields={"pools": POOLS, "jobs": ListOf(JOB)})
