"""What the statement that ends invocations notes beside it: whom to tell. Where nobody is to be told, no row is
written and nothing is notified."""

from sqlalchemy import CTE, FromClause, Text, any_, case, func, insert, literal, literal_column, select, union_all

from control_plane_server.catalog.notifications import WEBHOOKS_CHANNEL
from control_plane_server.catalog.tables import InvocationRow
from control_plane_server.catalog.webhooks.tables import WebhookDeliveryRow, WebhookRow
from control_plane_server.domain.told_ends import EVENT_OF
from control_plane_server.domain.webhooks import OF_INVOCATIONS

# Of an invocation that has ended.
ENDED_COLUMNS = (
    InvocationRow.invocation_id,
    InvocationRow.project_name,
    InvocationRow.outcome,
    InvocationRow.webhook_url,
    InvocationRow.webhook_events,
)
_ORIGIN = "^[a-z]+://[^/?#]+"


def noted_deliveries(ended: FromClause) -> CTE:
    """The deliveries that ends make, to be added to the statement that makes the ends. `ended`: invocations, with
    ENDED_COLUMNS."""
    own = ended.c
    event = case({outcome.value: event.value for outcome, event in EVENT_OF.items()}, value=own.outcome)
    to_project = (
        select(
            own.project_name, WebhookRow.webhook_name, WebhookRow.webhook_name.label("target"), own.invocation_id, event
        )
        .select_from(ended)
        .join(WebhookRow, WebhookRow.project_name == own.project_name)
        .where(event == any_(WebhookRow.events))
    )
    to_its_own = select(
        own.project_name,
        literal(OF_INVOCATIONS, Text),
        func.substring(own.webhook_url, literal(_ORIGIN, Text)),
        own.invocation_id,
        event,
    ).where(own.project_name.is_not(None), own.webhook_url.is_not(None), event == any_(own.webhook_events))
    told = union_all(to_project, to_its_own).subquery("told").c
    delivery_id = func.concat("whd-", func.replace(func.gen_random_uuid().cast(Text), "-", ""))
    return (
        insert(WebhookDeliveryRow)
        .from_select(
            ["delivery_id", "project_name", "webhook_name", "target", "invocation_id", "event"],
            select(delivery_id, *told),
        )
        .returning(literal_column(f"pg_notify('{WEBHOOKS_CHANNEL}', '')"))
        .cte("noted_deliveries")
    )
