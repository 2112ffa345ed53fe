"""How a provisioner refuses what it does not have of a platform: one line, with what to do."""

from control_plane_server.domain.errors import FunctionFailure
from control_plane_server.domain.platforms import CpuArchitecture, Platform

# As kernels name them.
_ARCHITECTURES = {
    "x86_64": CpuArchitecture.X86_64,
    "amd64": CpuArchitecture.X86_64,
    "aarch64": CpuArchitecture.ARM64,
    "arm64": CpuArchitecture.ARM64,
}


def refuse(option: str, wanted: object | None, reason: str) -> None:
    """Raises FunctionFailure if the option is asked for."""
    if wanted is not None:
        raise FunctionFailure(f"The function asks for {option} {wanted}: {reason}. Leave it out, see docs/machines.md")


def architecture_of(name: str) -> CpuArchitecture | str:
    """By its name in a kernel, in any case; a name that is not known stays as it is."""
    return _ARCHITECTURES.get(name.lower(), name)


def refuse_another_architecture(platform: Platform, own: CpuArchitecture | str) -> None:
    """`own`: the machine's. Raises FunctionFailure."""
    if platform.cpu_architecture is not None and platform.cpu_architecture != own:
        raise FunctionFailure(
            f"The function asks for cpu_architecture {platform.cpu_architecture}: this machine is {own}. Leave it out, "
            "see docs/machines.md"
        )
