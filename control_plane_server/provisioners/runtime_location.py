"""Where containers of commands have the package `control_plane`, whose program runs them."""

# The folder that holds the package.
RUNTIME_PATH = "/opt/control-plane"
