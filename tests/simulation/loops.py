"""`loop` processes of a simulation: the real Temporal workers, each on connections of its own, stopped and started at
will."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import URL
from temporalio.client import Client

from activities.delivery_starter import DeliveryStarter
from activities.messenger import Messenger
from activities.namespace import NamespacePreparation
from activities.pause_ends import PauseEnds
from activities.reconciliation.idle_slots import IdleSlots
from activities.warm.upkeep import WarmUpkeep
from control_plane_server.catalog.database import Database
from control_plane_server.catalog.notifications import EXECUTIONS_CHANNEL, PAUSES_CHANNEL, NotificationListener
from control_plane_server.liveness.background import in_background
from control_plane_server.orchestration.namespace_link import NamespaceLink, adopt_namespace
from control_plane_server.orchestration.payloads import data_converter
from control_plane_server.processes.connections import webhook_targets
from control_plane_server.processes.temporal_workers import build_temporal_workers
from control_plane_server.provisioners.contract import Provisioner
from control_plane_server.webhooks.sender import WebhookSender
from environment.settings import ControlPlaneSettings

# What `control-plane dev` allows the process before it kills it.
_STOPPED_WITHIN = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopMaker:
    temporal_address: str
    postgres: URL
    provisioner: Provisioner
    settings: ControlPlaneSettings

    async def start(self) -> AsyncExitStack:
        """A loop that runs until it is closed."""
        database = Database(self.postgres)
        listener = NotificationListener(self.postgres, (EXECUTIONS_CHANNEL, PAUSES_CHANNEL))
        client = await Client.connect(self.temporal_address, data_converter=data_converter)
        link = NamespaceLink(client, database, prepare=NamespacePreparation())
        await adopt_namespace(client, database)  # the catalog may hold what other tests have left
        await link.check()
        upkeep = WarmUpkeep(database=database, provisioner=self.provisioner, signing_key=self.settings.root_keys[0])
        messenger = Messenger(client, database)
        idle_slots = IdleSlots(database=database, messenger=messenger)
        pause_ends = PauseEnds(database=database, listener=listener, idle_slots=idle_slots)
        invocations, control, webhooks = build_temporal_workers(
            client,
            link=link,
            database=database,
            provisioner=self.provisioner,
            listener=listener,
            messenger=messenger,
            idle_slots=idle_slots,
            settings=self.settings,
            upkeep=upkeep,
            starter=DeliveryStarter(client=client, database=database, listener=listener),
            sender=WebhookSender(targets=webhook_targets(self.settings)),
        )
        loop = AsyncExitStack()
        loop.push_async_callback(database.close)
        for part in (
            listener,
            upkeep,
            control,
            webhooks,
            invocations,
            in_background("ends of pauses", pause_ends.watch),
        ):
            await loop.enter_async_context(part)
        return loop


class Loops:
    """Any number at once; work goes to whichever asks for it first."""

    def __init__(self, maker: LoopMaker) -> None:
        self._maker = maker
        self._running: list[AsyncExitStack] = []

    def __len__(self) -> int:
        return len(self._running)

    async def start(self) -> None:
        self._running.append(await self._maker.start())

    async def stop(self, index: int) -> None:
        async with asyncio.timeout(_STOPPED_WITHIN.total_seconds()):
            await self._running.pop(index).aclose()

    async def aclose(self) -> None:
        while self._running:
            await self.stop(0)
