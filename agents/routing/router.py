"""The router: what a step uses to have a model answer.

    router = Router(event, routes)
    for route in await router.order(fx, prompt):
        request = router.request(route, prompt, max_tokens=160)
        try: ...  # stream it
        except (Transient, Permanent) as error:
            router.failed(route, error)
        else:
            router.answered(route)
            await router.rate(fx, grounded=True)
    answer = Answer(..., route=router.decision)

Policy is applied first, so that nothing is sent, and nothing asked, of a model that the request
must not reach. How routes fare is read only where there is more than one to choose from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.effects import Effects
from agents.errors import Permanent, Transient
from agents.placeholders import placeholders_in
from agents.routing.choosing import RouteChoice, chosen
from agents.routing.hedging import hedge_of
from agents.routing.permission import Facts, RouteVerdict, judged
from agents.routing.routes import Contract, Route, Routes
from agents.routing.send_gate import SendGate
from schemas import (
    ChunksRetrieved,
    ConsideredRoute,
    Generate,
    Hedge,
    Hedged,
    Passage,
    PolicyDecision,
    RateRoute,
    ReadRoutes,
    RouteDecision,
    RouteName,
    RouteState,
)

MS = 1_000  # microseconds
CHARACTERS_A_TOKEN = 4  # of English prose; prices are held to their bounds by it


class Router:
    """Routes one request."""

    def __init__(
        self, event: ChunksRetrieved, routes: Routes | None, models: Sequence[str] = ()
    ) -> None:
        """Take what is configured; without routes, as in 0.1.0, `models` are asked in their order.

        Then nothing is decided, and no record tells of it.
        """
        self._event = event
        self._routes = routes
        self._models = models
        self._choice = RouteChoice((), "", ())
        self._failures: dict[str, str] = {}
        self._chosen: Route | None = None
        self._facts_known: Facts | None = None
        self._hedged: Hedged | None = None
        self._gate: SendGate | None = None

    @property
    def policies(self) -> tuple[PolicyDecision, ...]:
        """What the policy in force said of the routes' hosts, for the record."""
        return self._gate.decisions() if self._gate else ()

    @property
    def barred(self) -> str:
        """Why no route may be asked, where it is the policy that leaves none; empty otherwise."""
        if self._choice.order or self._gate is None or not self._gate.denied:
            return ""
        named = sorted(self._gate.denied.items())
        return "; ".join(f"{route.partition('@')[0]} {why}" for route, why in named)

    @property
    def decision(self) -> RouteDecision | None:
        """What was decided and what came of it, for the record; None where nothing was."""
        if not self._choice.verdicts:
            return None
        return RouteDecision(
            chosen=self._chosen.key if self._chosen else "",
            arm=self._choice.arm,
            considered=tuple(
                ConsideredRoute(
                    route=verdict.route.key,
                    provider=verdict.route.provider,
                    model=verdict.route.model,
                    reason=verdict.reason + self._failures.get(verdict.route.key, ""),
                )
                for verdict in self._choice.verdicts
            ),
            hedged=self._hedged,
        )

    async def order(self, fx: Effects, prompt: str, now_us: int | None = None) -> tuple[Route, ...]:
        """Return the routes to ask, in their order; empty where none may be.

        `now_us` is the time by which it is judged what is left; that of the run's beginning if not
        given.
        """
        if self._routes is None:
            return self._of_models(fx, prompt)
        facts = self._facts(self._routes, prompt, fx.began_us if now_us is None else now_us)
        self._gate = self._gate or SendGate(self._event, fx.policy)
        verdicts = self._gate.held(judged(self._routes, facts), facts.content)
        allowed = [verdict.route for verdict in verdicts if verdict.allowed]
        if len(allowed) > 1:
            facts = replace(facts, states=await _states(fx, allowed))
        self._choice, self._facts_known = chosen(verdicts, facts), facts
        return self._choice.order

    def _of_models(self, fx: Effects, prompt: str) -> tuple[Route, ...]:
        """Return those of the models, in their order, that the policy in force lets be asked."""
        self._gate = gate = self._gate or SendGate(self._event, fx.policy)
        content = "personal" if placeholders_in(prompt) else Contract().content
        routes = tuple(Route(name=model, model=model) for model in self._models)
        verdicts = gate.held([RouteVerdict(route, True, "") for route in routes], content)
        order = tuple(one.route for one in verdicts if one.allowed)
        self._choice = RouteChoice(order, "", ())
        return order

    def against(self, route: Route, text: str, passages: Sequence[Passage]) -> str:
        """Say why a route's host may not be told of what a tool gave, by the policy in force."""
        if self._gate is None or self._routes is None:
            return ""
        own = self._routes.contract(self._event.meta.tenant).content
        return self._gate.against(route, "personal" if placeholders_in(text) else own, passages)

    def request(self, route: Route, prompt: str, **fields: Any) -> Generate:
        """Make the request to a route's model; `fields` are those of Generate beside it."""
        return Generate(
            prompt=prompt,
            model=route.model,
            provider=route.provider,
            route=route.key if route.revision else "",
            system=route.system,
            input_price=route.input_price or 0,
            output_price=route.output_price or 0,
            **fields,
        )

    def allowed(self, name: str) -> Route | None:
        """Return a route that may be asked and fares well, once their order is known."""
        return next(
            (
                one
                for one in self._choice.order
                if one.name == name and one.key in self._choice.well
            ),
            None,
        )

    def hedge(self, route: Route) -> Hedge | None:
        """Say who may be asked too where a route's model is slow."""
        if self._routes is None or self._facts_known is None:
            return None
        return hedge_of(self._routes, self._choice, route, self._facts_known)

    def hedged(self, hedged: Hedged) -> None:
        """Note that another route was asked too, or would have been."""
        self._hedged = hedged

    def failed(self, route: Route, error: Transient | Permanent) -> None:
        """Note that a route's model did not answer."""
        kind = "is away" if isinstance(error, Transient) else "refused"
        self._failures[route.key] = f"; {kind}"

    def answered(self, route: Route) -> None:
        """Note whose answer it is: the route's, or that of the one that was asked beside it."""
        self._chosen = route
        told = self._hedged
        if told is None or told.outcome != "won":
            return
        self._chosen = next((one for one in self._choice.order if one.key == told.route), route)
        self._failures[route.key] = f"; said nothing for {told.after_ms} ms, and another one did"

    async def rate(self, fx: Effects, *, grounded: bool) -> None:
        """Tell how the answer of the chosen route turned out, where it is compared with another."""
        if self._chosen is None or not self._choice.arm:
            return
        try:
            await fx(RateRoute(route=self._chosen.key, grounded=grounded))
        except (Transient, Permanent):
            return  # a rating less

    def _facts(self, routes: Routes, prompt: str, now_us: int) -> Facts:
        ask, meta = self._event.ask, self._event.meta
        own = routes.contract(meta.tenant).content
        return Facts(
            tenant=meta.tenant,
            request=meta.request,
            content="personal" if placeholders_in(prompt) else own,
            left_ms=(ask.deadline - now_us) // MS if ask.deadline else None,
            prompt_tokens=len(prompt) // CHARACTERS_A_TOKEN + 1,
            max_tokens=ask.max_tokens,
        )


async def _states(fx: Effects, routes: list[Route]) -> dict[str, RouteState]:
    """Ask how routes have fared; nothing is known where nobody tells."""
    names = [RouteName(route=r.key, provider=r.provider, model=r.model) for r in routes]
    try:
        read = await fx(ReadRoutes(routes=tuple(names)))
    except (Transient, Permanent):
        return {}
    return {name.route: state for name, state in zip(names, read.states, strict=False)}
