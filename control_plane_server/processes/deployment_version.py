"""Temporal's worker deployment versioning, with which an operator decides when a release takes over. Off by default.

Source: Temporal documentation, "Worker Versioning".
"""

from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import WorkerDeploymentConfig

from environment.settings import ControlPlaneSettings

_BEHAVIORS = {"auto-upgrade": VersioningBehavior.AUTO_UPGRADE, "pinned": VersioningBehavior.PINNED}


def deployment_config(settings: ControlPlaneSettings) -> WorkerDeploymentConfig | None:
    """The same for both Temporal workers of a `loop`, so that they are one version. None: no build id is set."""
    if settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=settings.deployment_name, build_id=settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=_BEHAVIORS[settings.versioning_behavior],
    )
