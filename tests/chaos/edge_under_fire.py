"""The edge of a run: the gateway's process, its clients and the inbox's foreign producer, tended together."""

from collections.abc import Mapping

from tests.chaos.gateway_load import GatewayLoad
from tests.chaos.gateway_seat import GatewaySeat
from tests.chaos.ground import Ground
from tests.chaos.inbox_load import InboxLoad
from tests.chaos.load import Load
from tests.chaos.pace import Pace
from tests.chaos.plan import Plan


class EdgeUnderFire:
    """Takes requests in as clients and foreign producers send them, while its process is killed; in the usual run alone."""

    def __init__(self, plan: Plan, ground: Ground, load: Load, pace: Pace) -> None:
        settings, expected = ground.settings, load.expected
        lanes = settings.partitions
        self._inside = plan.usual
        self._seat = GatewaySeat(ground.run, plan, ground.environment)
        self._clients = GatewayLoad(plan, self._seat.url, settings, expected, self._passed_s)
        self._inbox = InboxLoad(plan.seed, load.producer, load.codec, lanes, expected)
        self._pace = pace
        self._began_s = 0.0

    def start(self) -> None:
        """Start the process, and let clients ask."""
        self._began_s = self._pace.passed_s()
        if self._inside:
            self._seat.start()
            self._clients.start()

    def ask(self) -> None:
        """Publish to the inbox now and then."""
        if self._inside:
            self._inbox.ask()

    def _passed_s(self) -> float:
        return self._pace.last_s - self._began_s

    def tend(self) -> None:
        """Kill the process and start it again as is due."""
        self._seat.tend(self._passed_s())

    def calm(self) -> None:
        """Do nothing to the process any more."""
        self._seat.calm()

    @property
    def waiting(self) -> int:
        """Requests that have no end for their client yet."""
        return self._clients.waiting

    def give_up(self) -> None:
        """Let clients try no more; what was accepted is read back from then on."""
        self._clients.give_up()

    @property
    def at_work(self) -> bool:
        """Whether anything is still asked or read back."""
        return self._clients.at_work

    @property
    def pids(self) -> dict[int, str]:
        """The process, by its role."""
        process = self._seat.process
        return {} if process is None else {process.pid: "gateway"}

    def close(self) -> None:
        """End process and clients: who still waits for an answer of it need not wait any more."""
        self._seat.close()
        self._clients.close()

    def wrong(self) -> list[str]:
        """Say what went wrong as clients and producers see it."""
        died = self._seat.died
        ended = [f"the gateway ended by itself {died} times: see gateway.log"] * bool(died)
        return [*self._clients.wrong(), *self._inbox.failed, *ended]

    def as_json(self) -> Mapping[str, Mapping[str, int]]:
        """Count what was done, and what clients lived through."""
        if not self._inside:
            return {}
        return {
            "process": self._seat.as_json(),
            "clients": self._clients.as_json(),
            "inbox": {"sent_again": self._inbox.copies},
        }
