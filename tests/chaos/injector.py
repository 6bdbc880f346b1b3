"""What happens to the workers and components of a run, and when: faults and their ends."""

import heapq
import itertools
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from infra.local.supervisor import State
from tests.chaos.faults.happening import Effects
from tests.chaos.faults.offer import Offer, happenings
from tests.chaos.ground import Ground
from tests.chaos.pace import Pace
from tests.chaos.plan import Fault, Plan
from tests.chaos.profiles import KINDS
from tests.chaos.slots import Slot

CONNECTORS = ("triton", "weaviate")
STOP_PATIENCE_S = 15.0  # a worker promises 10
TICK_S = 0.01
EXCUSED_S = 20.0  # after a fault under which workers may end: until all have heard of it
AGAIN_S = 1.0  # until a worker is started that ended by itself


class Injector:
    """Does faults to a stack and its workers, and starts again what has ended."""

    def __init__(
        self,
        plan: Plan,
        ground: Ground,
        say: Callable[[str], None],
        pace: Pace | None = None,
        offer: Offer = happenings,
    ) -> None:
        self._outage = plan.outage
        self._stack = ground.stack
        self._say = say
        self._pace = pace or Pace()
        self.slots = [Slot(number, ground, plan) for number in range(plan.workers)]
        self.effects: Effects = {}
        """What the faults of the profile were seen to do."""
        self.done: Counter[str] = Counter()
        """Faults by kind, and starts."""
        self.hits: list[tuple[str, float]] = []
        """Kind and time of each fault, on the monotonic clock, in order."""
        self.stuck: list[str] = []
        """Workers that did not stop when they were told to."""
        self.back_s = 0.0
        """When the component that was away last came back; 0 where none was."""
        self._planned: list[tuple[float, int, Fault]] = []
        """Faults to come, by the clock of the plan."""
        self._later: list[tuple[float, int, Callable[[], Any]]] = []
        """What follows from those that came, on the monotonic clock."""
        self._order = itertools.count()
        self._threads: list[threading.Thread] = []
        self._happenings = offer(plan, ground, self.slots, self.effects)
        self._closed = threading.Event()
        self._excused = 0
        self._excused_until_s = 0.0

    @property
    def busy(self) -> bool:
        """Whether something is still to be done, or under way."""
        return bool(self._planned or self._later) or any(
            thread.is_alive() for thread in self._threads
        )

    def schedule(self, faults: Iterable[Fault]) -> None:
        """Do each fault at its time from now on."""
        began = self._pace.passed_s()
        for fault in faults:
            heapq.heappush(self._planned, (began + fault.at_s, next(self._order), fault))

    def start_all(self) -> None:
        """Start a worker in every slot."""
        for worker in self.slots:
            self._start(worker)

    def stop_all(self) -> None:
        """Tell all workers to stop, and wait; those that don't are told of in `stuck`."""
        for worker in self.slots:
            worker.stopping = True
            worker.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE_S
        while any(worker.running for worker in self.slots) and time.monotonic() < deadline:
            time.sleep(TICK_S)
        self.stuck += [_did_not_stop(worker) for worker in self.slots if worker.running]

    def close(self) -> None:
        """End all workers, and wait for what still happens to the components."""
        self._closed.set()
        for worker in self.slots:
            worker.end()
        for thread in self._threads:
            thread.join()

    def _at(self, when: float, action: Callable[[], Any]) -> None:
        heapq.heappush(self._later, (when, next(self._order), action))

    def tend(self) -> None:
        """Do what is due, and start workers again that ended by themselves."""
        passed_s = self._pace.passed_s()
        while self._planned and self._planned[0][0] <= passed_s:
            self._do(heapq.heappop(self._planned)[2])
        while self._later and self._later[0][0] <= time.monotonic():
            heapq.heappop(self._later)[2]()
        for worker in self.slots:
            if worker.code is not None:
                if not worker.stopping:
                    self.done["excused" if self._is_excused() else "died"] += 1
                    self._say(f"worker {worker.number} ended by itself: exit code {worker.code}")
                worker.end()
                self._at(time.monotonic() + AGAIN_S, lambda it=worker: self._start(it))

    def _start(self, worker: Slot) -> None:
        how = worker.start()
        self.done["start"] += 1
        self.done["some steps"] += bool(how.steps)
        self.done["wrong clock"] += bool(how.hours)
        self.done["small memory"] += bool(how.memory_mb)

    def _hit(self, kind: str, number: int = 1) -> None:
        self.done[kind] += number
        self.hits.append((kind, time.monotonic()))

    def _do(self, fault: Fault) -> None:
        match fault.kind:
            case "kill":
                self._kill(fault)
            case "stop" | "pause":
                self._stop_or_pause(fault)
            case "broker" | "registry":
                name = "kafka" if fault.kind == "broker" else "registry"
                if self._stack._keepers[name].state is State.READY:
                    self._hit(fault.kind)
                    self._stack.kill(name)
            case "connector":
                self._hit("connector")
                name = CONNECTORS[fault.slot % len(CONNECTORS)]
                self._take_away(name)
                self._at(time.monotonic() + fault.for_s, lambda: self._give_back(name))
            case kind if kind in KINDS:
                self._in_thread(lambda: self._happen(fault))
            case "outage":
                self._hit("outage")
                self._in_thread(lambda: self._take_away(self._outage))
                self._at(
                    time.monotonic() + fault.for_s,
                    lambda: self._in_thread(lambda: self._give_back(self._outage)),
                )

    def _happen(self, fault: Fault) -> None:
        """Make a fault of the profile, for as long as it lasts."""
        excuses = KINDS[fault.kind].ends_workers
        self._excused += excuses
        try:
            with self._happenings[fault.kind](fault) as done:
                if done:
                    self._hit(fault.kind)
                    self._say(f"{fault.kind} for {fault.for_s:.1f} s")
                    self._closed.wait(fault.for_s)
        except Exception as error:  # noqa: BLE001 - of a thread: told in the result
            self.stuck.append(f"{fault.kind} went wrong: {type(error).__name__}: {error}")
        finally:
            self._excused -= excuses
            if excuses:
                self._excused_until_s = time.monotonic() + EXCUSED_S

    def _is_excused(self) -> bool:
        """Whether a worker may end by itself just now."""
        return self._excused > 0 or time.monotonic() < self._excused_until_s

    def _from(self, number: int) -> list[Slot]:
        """Return all slots, beginning with one."""
        return [*self.slots[number:], *self.slots[:number]]

    def _kill(self, fault: Fault) -> None:
        hit = [worker for worker in self._from(fault.slot) if worker.running][: fault.count]
        if hit:
            self._hit("kill", len(hit))
        for worker in hit:
            worker.end()
        for worker in hit:
            self._at(time.monotonic() + fault.for_s, lambda it=worker: self._start(it))

    def _stop_or_pause(self, fault: Fault) -> None:
        able = (w for w in self._from(fault.slot) if w.running and not w.paused and not w.stopping)
        if (worker := next(able, None)) is None:
            return
        self._hit(fault.kind)
        now, process = time.monotonic(), worker.process
        if fault.kind == "stop":
            worker.stopping = True
            worker.signal(signal.SIGTERM)
            self._at(now + STOP_PATIENCE_S, lambda: self._overdue(worker, process))
        else:
            worker.paused = True
            worker.signal(signal.SIGSTOP)
            self._at(now + fault.for_s, lambda: self._go_on(worker, process))

    def _go_on(self, worker: Slot, process: Any) -> None:
        if worker.process is process:
            worker.signal(signal.SIGCONT)
            worker.paused = False

    def _overdue(self, worker: Slot, process: Any) -> None:
        if worker.process is process and worker.running:
            self.stuck.append(_did_not_stop(worker))
            worker.end()
            self._start(worker)

    def _in_thread(self, action: Callable[[], Any]) -> None:
        thread = threading.Thread(target=action)
        thread.start()
        self._threads.append(thread)

    def _take_away(self, name: str) -> None:
        if name in CONNECTORS:
            (self._stack.run / f"outage-{name}").touch()
        else:
            self._stack.stop_component("kafka" if name == "broker" else name)

    def _give_back(self, name: str) -> None:
        if name in CONNECTORS:
            (self._stack.run / f"outage-{name}").unlink(missing_ok=True)
        else:
            self._stack.start_component("kafka" if name == "broker" else name)
        self.back_s = time.monotonic()


def _did_not_stop(worker: Slot) -> str:
    return f"worker {worker.number} did not stop in {STOP_PATIENCE_S:g} s"
