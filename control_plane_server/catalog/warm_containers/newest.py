"""Which functions keep containers ready: those of the latest versions, as SQL."""


def latest_version(project_name: str) -> str:
    """The id of the version that `latest` is of this project, as `catalog.paths` has it, unless all are refused: then
    none keeps anything ready. `project_name`: an expression."""
    return f"""
        SELECT candidate.version_id FROM versions AS candidate
        WHERE candidate.project_name = {project_name} AND NOT EXISTS (
            SELECT FROM functions AS refused
            WHERE refused.version_id = candidate.version_id AND refused.preparation_error IS NOT NULL
        )
        ORDER BY candidate.declaration_number DESC LIMIT 1
        """


# Of a row `polled`, which is IDLE: whether it is among the min_idle that were used last. So two that ask at once never
# leave it to each other to stay.
IS_NEEDED = f"""
    polled.min_idle > 0 AND polled.version_id = ({latest_version("polled.project_name")})
    AND polled.min_idle > (
        SELECT count(*) FROM warm_containers AS other
        WHERE other.function_id = polled.function_id AND other.state IN ('STARTING', 'IDLE')
            AND (
                other.state = 'STARTING'
                OR (other.idle_since, other.container_id) > (polled.idle_since, polled.container_id)
            )
    )
    """
