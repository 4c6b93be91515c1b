"""A `crm` command in a process of its own, with the interface of `asyncio.subprocess.Process`."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence

from service_testing.fork_server import fork_server


class ForkedCommand:
    """A running command; *stdout* is None when it was given a descriptor of the test's to write to."""

    def __init__(
        self,
        pid: int,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
        end: asyncio.StreamReader,
    ) -> None:
        self.pid, self.stdout, self.stderr = pid, stdout, stderr
        self._end = asyncio.create_task(_code(end))

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        return self._end.result() if self._end.done() else None

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        return await asyncio.shield(self._end)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; the output and the errors that nobody has read."""
        out, err = await asyncio.gather(_rest(self.stdout), _rest(self.stderr))
        await self.wait()
        return out, err

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it as the system does."""
        self.send_signal(signal.SIGKILL)


async def forked(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> ForkedCommand:
    """Start `crm` with *arguments*.

    The descriptors are its streams: without one it reads nothing, and what it writes can be read.
    """
    with contextlib.ExitStack() as stack:
        given = _nothing(stack) if stdin is None else stdin
        outputs = [_Pipe(stack) if one is None else one for one in (stdout, stderr)]
        writing = [one.writing if isinstance(one, _Pipe) else one for one in outputs]
        end = await _reader(fork_server().start(arguments, environment, [given, *writing]))
    out, err = [await _reader(one.reading) if isinstance(one, _Pipe) else None for one in outputs]
    return ForkedCommand(int(await end.readline()), out, err, end)


class _UntilItsEnd(asyncio.StreamReaderProtocol):
    def eof_received(self) -> bool:
        """Have the transport close itself, which that of a socket would not."""
        super().eof_received()
        return False


class _Pipe:
    """A pipe whose end for the command is closed here with *stack*."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self.reading, self.writing = os.pipe()
        stack.callback(os.close, self.writing)


def _nothing(stack: contextlib.ExitStack) -> int:
    return stack.enter_context(open(os.devnull, "rb")).fileno()


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = _UntilItsEnd(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb"))
    return reader


async def _code(end: asyncio.StreamReader) -> int:
    told = await end.readline()
    await end.read()  # the pipe is closed after the line, which a loop that ends now would not wait for
    return int(told or -signal.SIGKILL)


async def _rest(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()
