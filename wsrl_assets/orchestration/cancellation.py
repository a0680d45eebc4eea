"""Running a coroutine from synchronous code so that an interrupt ends it in order."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

# How long an interrupted run may take to commit what came back and close its connections.
GRACE_S = 8.0
_LOOK_EVERY_S = 0.1


def run_interruptibly(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine that runs in a thread with an event loop of its own.

    The calling thread only waits, in short steps: anything raised there (Ctrl-C, Dagster's
    termination of a run) cancels the coroutine, waits up to `GRACE_S` for it to finish its
    commits, and is raised on.

    Raises:
        KeyboardInterrupt: `interrupt_all` was called.
    """
    worker = _Worker(main)
    _working.add(worker)
    try:
        worker.thread.start()
        while not worker.ended.wait(_LOOK_EVERY_S) and not worker.interrupted:
            pass
        if worker.interrupted:
            raise KeyboardInterrupt
    except BaseException:
        worker.cancel()
        worker.ended.wait(GRACE_S)
        raise
    finally:
        _working.discard(worker)
    return worker.result()


def interrupt_all() -> None:
    """Interrupts every `run_interruptibly` of this process, in whichever thread.

    Python tells only the main thread of Ctrl-C. Who has others run things passes it on with this.
    """
    for worker in tuple(_working):
        worker.interrupted = True


class _Worker(Generic[T]):
    def __init__(self, main: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._main = main
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._result: Any = None
        self._error: BaseException | None = None
        self._begun = threading.Event()
        # Not `Thread.join`: interrupted, it takes the thread for ended (CPython 3.11, gh-90882).
        self.ended = threading.Event()
        self.interrupted = False
        # A daemon, so that a process can die at a second signal.
        self.thread = threading.Thread(target=self._run, name="wsrl-engine", daemon=True)

    def cancel(self) -> None:
        self._begun.wait(1.0)
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # it has ended by itself meanwhile
                self._loop.call_soon_threadsafe(self._task.cancel)

    def result(self) -> T:
        if self._error is not None:
            raise self._error
        return cast(T, self._result)

    def _run(self) -> None:
        try:
            self._result = asyncio.run(self._body())
        except BaseException as error:
            self._error = error
        finally:
            self.ended.set()

    async def _body(self) -> Any:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._begun.set()
        return await self._main()


_working: set[_Worker[Any]] = set()
