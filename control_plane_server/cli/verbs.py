"""What the server adds to the `control-plane` command: module and function, a line for `--help`, its heading there."""

_PANEL = "The control plane itself"

VERBS = {
    "dev": ("control_plane_server.cli.dev:dev", "Run a control plane on this machine until Ctrl-C.", _PANEL),
    "demo": ("control_plane_server.cli.demo.command:demo", "Solve a real problem on one, and show how.", _PANEL),
    "doctor": ("control_plane_server.cli.doctor.command:doctor", "Say what works, and what does not.", _PANEL),
    "migrate": ("control_plane_server.cli.migrate:migrate", "Bring the catalog to the newest schema.", _PANEL),
    "adopt-namespace": (
        "control_plane_server.cli.adopt_namespace:adopt_namespace",
        "Have another Temporal namespace work for the catalog.",
        _PANEL,
    ),
    "allow-terminations": (
        "control_plane_server.cli.allow_terminations:allow_terminations",
        "Let the reconciliation end many invocations at once.",
        _PANEL,
    ),
    "check-history": (
        "control_plane_server.cli.check_history:check_history",
        "Replay a workflow's history against this version.",
        _PANEL,
    ),
}
