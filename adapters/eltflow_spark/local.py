"""A Spark in this process, for `method: session`: its JVM ends with the process, its tables stay in a folder."""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Mapping
from pathlib import Path

from pyspark import SparkConf, SparkContext
from pyspark.errors import PySparkException
from pyspark.java_gateway import launch_gateway

from eltflow.warehouse import WarehouseError

_PORT, _TOKEN = "spark.connect.grpc.binding.port", "spark.connect.authenticate.token"
#: Ours: of its own setting, which follows, Spark makes a URL.
_FOLDER = "spark.eltflow.folder"


def started(folder: Path, master: str, settings: Mapping[str, str]) -> str:
    """The address (with what lets in) of a Spark whose tables are kept in the folder; the one that this process has, if it has one.
    Raises WarehouseError."""
    there = SparkContext._active_spark_context
    if there is not None:
        return _same(there, folder)
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        help = "install one (Debian: apt-get install default-jre-headless), or set JAVA_HOME"
        raise WarehouseError("a Spark of one's own needs Java, and there is none", kind="connection", help=help)
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "spark.log"
    conf = SparkConf().setAll([*_defaults(folder).items(), *settings.items()]).setMaster(master).setAppName("eltflow")
    try:
        with log.open("ab") as out:
            gateway = launch_gateway(conf, {"stdout": out, "stderr": out})
        context = SparkContext(conf=conf, gateway=gateway)
    except (PySparkException, OSError) as error:
        raise WarehouseError(f"Spark did not start: {_first(error)}", kind="connection", help=f"see {log}") from None
    except Exception as error:  # of the JVM, by way of py4j
        raise WarehouseError(f"Spark did not start: {_first(error)}", kind="connection", help=f"see {log}") from None
    return _address(context)


def _defaults(folder: Path) -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        _PORT: str(port),
        _TOKEN: uuid.uuid4().hex,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.log.level": "WARN",
        "spark.sql.shuffle.partitions": "8",
        _FOLDER: str(folder),
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.sql.catalogImplementation": "hive",
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder / 'metastore'};create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder / 'derby.log'}",
    }


def _same(context: SparkContext, folder: Path) -> str:
    conf = context.getConf()
    if conf.get(_FOLDER) != str(folder) or conf.get(_TOKEN) is None:
        message = "this process has a Spark already, and its tables are elsewhere"
        raise WarehouseError(message, kind="connection", help="use one `method: session` target in a process")
    return _address(context)


def _address(context: SparkContext) -> str:
    conf = context.getConf()
    return f"sc://localhost:{conf.get(_PORT)}/;token={conf.get(_TOKEN)}"


def _first(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
