"""Who comes next in the queue of an owner of slots, as SQL.

By `rank`, but for those whose concurrency key is at its limit: they are passed over, with all that wait behind them
with the same key, so that a key's order is kept. Whoever is next is found among the first in the queue or, where
too many of them are passed over, from key to key by the index. So neither a long queue nor many keys are gone through
for a slot, but for keys that are many beside a long head of the queue that has to wait.
"""

# How many are looked at, beside so many for the slots that are free, before the keys are gone through.
_FRONT = 100
_BY_KEY = "(PARTITION BY concurrency_key ORDER BY rank, invocation_id)"
# `number`: how many would run with its key, itself included. Nobody passes one of the same key that has to wait.
_FITS = f"bool_and(concurrency_limit IS NULL OR number <= concurrency_limit) OVER {_BY_KEY}"


def next_in_queue(free: str, *, owner: str) -> str:
    """CTEs, the last of which is `next_in_queue (invocation_id, rank)`: as many as have a slot, in no order. `free`: a
    query of how many slots there are, as `slots`; null: for all, whatever their keys. `owner`: whose queue it is, as an
    expression."""
    return f"""
    free AS MATERIALIZED ({free}),
    queue AS MATERIALIZED (
        SELECT slots, has_keys,
            CASE WHEN has_keys AND slots > 0 THEN least(slots, {_FRONT}) + {_FRONT} ELSE slots END AS front
        FROM free, LATERAL (
            SELECT coalesce((
                SELECT concurrency_key > '' FROM waiting_executions
                WHERE function_id = {owner} ORDER BY concurrency_key DESC LIMIT 1
            ), false) AS has_keys
        ) AS keyed
    ), held AS MATERIALIZED (
        SELECT concurrency_key, count(*) AS running FROM executions
        WHERE function_id = {owner} AND worker_status <> 'TERMINATED' AND concurrency_key IS NOT NULL
            AND (SELECT has_keys AND slots > 0 FROM queue)
        GROUP BY concurrency_key
    ), looked_at AS MATERIALIZED (
        SELECT invocation_id, rank, slots IS NULL OR {_FITS} AS fits
        FROM queue, LATERAL (
            SELECT front.*, coalesce(running, 0) + row_number() OVER {_BY_KEY} AS number
            FROM (
                SELECT invocation_id, invocation_creation_time AS rank, concurrency_key, concurrency_limit
                FROM waiting_executions WHERE function_id = {owner}
                ORDER BY invocation_creation_time, invocation_id LIMIT (SELECT front FROM queue)
            ) AS front LEFT JOIN held USING (concurrency_key)
        ) AS numbered
    ), missing AS MATERIALIZED (
        SELECT has_keys AND slots > (SELECT count(*) FROM looked_at WHERE fits)
            AND front = (SELECT count(*) FROM looked_at) AS are_missing
        FROM queue
    ), keys (concurrency_key) AS (
        (
            SELECT concurrency_key FROM waiting_executions
            WHERE function_id = {owner} AND (SELECT are_missing FROM missing)
            ORDER BY concurrency_key LIMIT 1
        )
        UNION ALL
        SELECT (
            SELECT waiting_executions.concurrency_key FROM waiting_executions
            WHERE function_id = {owner} AND waiting_executions.concurrency_key > keys.concurrency_key
            ORDER BY waiting_executions.concurrency_key LIMIT 1
        )
        FROM keys WHERE keys.concurrency_key IS NOT NULL
    ), of_keys AS (
        SELECT invocation_id, rank, {_FITS} AS fits
        FROM (
            SELECT candidates.*, running + row_number() OVER {_BY_KEY} AS number
            FROM (
                SELECT keys.concurrency_key AS key, coalesce(running, 0) AS running
                FROM keys LEFT JOIN held USING (concurrency_key) WHERE keys.concurrency_key IS NOT NULL
            ) AS counted, LATERAL (
                SELECT concurrency_limit AS most FROM waiting_executions
                WHERE function_id = {owner} AND concurrency_key = key
                ORDER BY invocation_creation_time, invocation_id LIMIT 1
            ) AS head, LATERAL (
                SELECT invocation_id, invocation_creation_time AS rank, concurrency_key, concurrency_limit
                FROM waiting_executions WHERE function_id = {owner} AND concurrency_key = key
                ORDER BY invocation_creation_time, invocation_id
                LIMIT least((SELECT slots FROM queue), greatest(0, most - running))
            ) AS candidates
        ) AS numbered
    ), next_in_queue AS (
        (
            SELECT invocation_id, rank FROM looked_at WHERE fits AND (SELECT are_missing IS NOT TRUE FROM missing)
            ORDER BY rank, invocation_id LIMIT (SELECT slots FROM queue)
        )
        UNION ALL
        (
            SELECT invocation_id, rank FROM of_keys WHERE fits
            ORDER BY rank, invocation_id LIMIT (SELECT slots FROM queue)
        )
    )"""
