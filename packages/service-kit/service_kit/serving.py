"""`crm serve`: services and edges in this process until SIGTERM or SIGINT."""

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence

import uvloop
from prometheus_client import start_http_server
from setproctitle import getproctitle, setproctitle
from trace_utils import start_tracing, stop_tracing

from service_kit import logs
from service_kit.edge import Edge, Running
from service_kit.running import brought_to_life
from service_kit.service import Service
from service_kit.settings import Settings, load

_log = logging.getLogger(__name__)
# setproctitle 1.3 finds its place by the environment that the process was started with, at first use;
# once the first variable of that has changed, it does nothing and does not say so.
getproctitle()
_HARD_EXIT = 5.0  # seconds beyond the grace after which the process ends whatever happens

Report = Callable[[bool], None]


def serve(
    services: Sequence[Service | Edge], ports: Mapping[str, int], *, report: Report = lambda serving: None
) -> None:
    """Run *services* until a signal; *ports* are the default ports of all processes.

    *report* is called once a second with whether all of them are serving. The process is named after
    them, as in `crm: clients`. Raises ConfigurationError or PortTaken before anything is served.
    """
    setproctitle(f"crm: {' '.join(service.name for service in services)}")
    uvloop.run(_serve(services, ports, report))


async def _serve(services: Sequence[Service | Edge], ports: Mapping[str, int], report: Report) -> None:
    settings = [load(service.settings) for service in services]
    settings[0].follow_clock()
    process = "+".join(service.name for service in services)
    logs.configure(process, settings[0].log_level)
    start_tracing(process)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    addresses = Settings.addresses(ports)
    running = [
        brought_to_life(service, own, addresses) for service, own in zip(services, settings, strict=True)
    ]
    if settings[0].metrics_port:
        start_http_server(settings[0].metrics_port)
    started: list[Running] = []
    try:
        for service in running:
            await service.start()
            started.append(service)
        gc.collect()
        gc.freeze()  # what exists now lives as long as the process: collections need not visit it
        gc.set_threshold(20_000, 20, 50)
        await _report_until(stopping, running, report)
    finally:
        _exit_hard_after(settings[0].shutdown_grace_s + _HARD_EXIT)
        await asyncio.gather(*(service.stop() for service in started))
        await stop_tracing()


async def _report_until(stopping: asyncio.Event, running: Sequence[Running], report: Report) -> None:
    while not stopping.is_set():
        report(all(service.serving for service in running))
        try:
            await asyncio.wait_for(stopping.wait(), 1.0)
        except TimeoutError:
            continue


def _exit_hard_after(seconds: float) -> None:
    def end() -> None:
        _log.error("not at rest after %.0f s, ending the process", seconds)
        os._exit(1)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
