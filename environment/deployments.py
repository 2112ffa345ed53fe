"""Whether this environment is that of a deployment's processes, and which provisioner it seems to be for."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from environment.provisioner_names import ProvisionerName


class DeploymentHints(BaseSettings):
    """What only one kind of deployment sets. Empty means not set."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    postgres_db: str | None = None
    postgres_host: str | None = None
    cluster_name: str | None = None
    docker_network: str | None = None

    @property
    def provisioner(self) -> ProvisionerName | None:
        """None where there is no deployment's environment."""
        if self.cluster_name is not None:
            return ProvisionerName.ECS
        if self.docker_network is not None:
            return ProvisionerName.DOCKER
        return None if self.postgres_db is None and self.postgres_host is None else ProvisionerName.PROCESS
