"""Which generation a verb is about: the one to fill, to compare, to swap in, or to go back to."""

from __future__ import annotations

from collections.abc import Callable

from agents.errors import Permanent
from connectors.weaviate.build_states import BuildState, BuildStates
from connectors.weaviate.failures import translated
from connectors.weaviate.generations import Index
from connectors.weaviate.versions import VersionWriter

OpenGeneration = Callable[[int], VersionWriter]


class Generations:
    """All generations with their states; raises Transient or Permanent."""

    def __init__(self, live: Index, opened: OpenGeneration) -> None:
        """Take the index in force, and what opens a generation of it."""
        self.live = live
        self.opened = opened

    async def in_force(self) -> int:
        """Return the number of the generation that answers."""
        return await translated(self.live.number)()

    async def states(self) -> dict[int, BuildState | None]:
        """Return every generation, that in force first, with its state."""
        await self.in_force()
        states = {}
        for number in await self.live.generations():
            states[number] = await self._state(number)
        return states

    async def _state(self, number: int) -> BuildState | None:
        index = self.opened(number)
        try:
            return await BuildStates(index).read()
        finally:
            await index.close()

    async def to_fill(self, wanted: BuildState) -> BuildState:
        """Return the state to go on from; `wanted` says what it is to be, its number may be 0.

        Without a number: the one that was begun, or a new one. Raises Permanent for the generation
        in force, and for one that was begun otherwise.
        """
        states = await self.states()
        force = await self.in_force()
        number = wanted.generation or _begun(states, force) or max(states) + 1
        if number == force:
            raise Permanent(
                f"generation {number} is in force: it can't be rebuilt under its readers; name "
                "another by --into"
            )
        known = states.get(number)
        if known is None:
            if number in states:
                raise Permanent(
                    f"generation {number} was not made by a rebuild: name another by --into, or "
                    f"`playhead replay rebuild drop {number}`"
                )
            wanted.generation = number
            return wanted
        for name in ("tenant", "archive", "embedder"):
            had, wants = getattr(known, name), getattr(wanted, name)
            if had != wants:
                raise Permanent(
                    f"generation {number} was begun with {name} {had or 'none'}, not "
                    f"{wants or 'none'}: go on so, name another by --into, or "
                    f"`playhead replay rebuild drop {number}`"
                )
        return known

    async def built(self, number: int | None) -> BuildState:
        """Return the state of a generation that was rebuilt, that of the only one by default."""
        states = await self.states()
        force = await self.in_force()
        if number is None:
            number = _begun(states, force)
            if not number:
                raise Permanent(
                    "no generation is built beside the one in force: `playhead replay rebuild` "
                    "builds one"
                )
        if number == force:
            raise Permanent(f"generation {number} is in force already")
        known = states.get(number)
        if known is None:
            raise Permanent(_no_such(number, states))
        return known

    async def to_swap_in(self, number: int | None) -> BuildState:
        """Return the state of a generation that may be put in force; raises Permanent."""
        state = await self.built(number)
        name = f"generation {state.generation}"
        if not state.filled:
            raise Permanent(
                f"{name} is incomplete: run `playhead replay rebuild --into {state.generation}` to "
                "its end first"
            )
        if state.tenant:
            raise Permanent(
                f"{name} holds tenant {state.tenant} alone: all others would have no documents"
            )
        if state.embedder:
            raise Permanent(
                f"{name} is of embedder {state.embedder}, and the alias leads workers there whose "
                "vectors are of another: let searches take it by the configuration of retrieve "
                "(docs/how-to/rebuild.md)"
            )
        return state

    async def before(self) -> BuildState:
        """Return the state of the generation that the one in force has replaced."""
        force = await self.in_force()
        for number, state in (await self.states()).items():
            if number != force and state is not None and state.replaced == force:
                return state
        raise Permanent(f"generation {force} replaced none that is still there")


def _begun(states: dict[int, BuildState | None], force: int) -> int:
    """Return the generation that was begun last and never was in force; 0 for none."""
    return max(
        (
            number
            for number, state in states.items()
            if number != force and state is not None and not state.replaced
        ),
        default=0,
    )


def _no_such(number: int, states: dict[int, BuildState | None]) -> str:
    there = ", ".join(map(str, sorted(states)))
    if number in states:
        return f"generation {number} was not made by a rebuild"
    return f"there is no generation {number}: there are {there}"
