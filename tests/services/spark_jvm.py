"""A Spark on loopback, that speaks Spark Connect and Thrift. Run by its own environment's Python, which becomes the JVM:

    python spark_jvm.py FOLDER

It prints its two ports, and serves until it is stopped. What it keeps is in the folder.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pyspark

HOME = Path(pyspark.__file__).parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def tell(ports: tuple[int, ...], server: int) -> None:
    """Print the ports, once somebody listens at all of them."""
    for port in ports:
        while os.getppid() == server:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            time.sleep(0.1)
    if os.getppid() == server:
        print(*ports, sep="\n", flush=True)


def command(folder: str, connect: int, thrift: int) -> list[str]:
    settings = {
        "spark.plugins": "org.apache.spark.sql.connect.SparkConnectPlugin",
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": connect,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        # Started for a few minutes, and for tables of a few rows.
        "spark.driver.extraJavaOptions": f"-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.io.tmpdir={folder}",
        # Queries of a few rows take longer to be compiled than to be interpreted.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.parquet.compression.codec": "uncompressed",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
        "spark.locality.wait": "0",
        "spark.sql.shuffle.partitions": 1,
        "spark.default.parallelism": 1,
        "spark.ui.enabled": "false",
        "spark.log.level": "ERROR",
        "spark.sql.warehouse.dir": f"{folder}/tables",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
    }
    words = [str(HOME / "bin" / "spark-submit"), "--master", "local[2]"]
    words += ["--class", "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"]
    words += [word for key, value in settings.items() for word in ("--conf", f"{key}={value}")]
    words += ["--hiveconf", f"hive.server2.thrift.port={thrift}", "--hiveconf", "hive.server2.thrift.bind.host=127.0.0.1"]
    return [*words, "spark-internal"]


if __name__ == "__main__":
    room, ports = sys.argv[1], (free_port(), free_port())
    server = os.getpid()
    if os.fork() == 0:
        tell(ports, server)
        os._exit(0)
    os.chdir(room)
    words = command(room, *ports)
    os.execve(words[0], words, {**os.environ, "SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "TMPDIR": room})
