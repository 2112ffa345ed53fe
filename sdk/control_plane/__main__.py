"""The program inside a container: this file, or `python -m control_plane`, in the folder that holds the user's main.py.

With the word `describe` as its first argument it is `control_plane.describe`, with `invoke` an invocation without a
server (`control_plane.local_invocation`).
"""

if __name__ == "__main__":  # processes that multiprocessing spawns run this file too, under another name
    import os  # like sys it is loaded before any program begins
    import sys

    # What the user's modules are called must not matter to us: until their code is wanted their folder is not searched.
    # Nor is ours: by its path this file is started with the package's own folder in front.
    package = os.path.dirname(os.path.abspath(__file__))
    hidden = (os.getcwd(), package)
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) not in hidden]
    sys.path.insert(0, os.path.dirname(package))
    import control_plane.container.shadows  # before all else: it notes what is loaded by now

    if sys.path[0] == os.getcwd():  # the package is found by now, and is beside the user's modules
        del sys.path[0]

    if sys.argv[1:2] == ["describe"]:
        import control_plane.describe

        del sys.argv[1]
        control_plane.describe.main()

    if sys.argv[1:2] == ["invoke"]:
        import control_plane.local_invocation

        words = sys.argv[2:]
        del sys.argv[1:]
        sys.exit(control_plane.local_invocation.main(words))

    import control_plane.container.program

    sys.exit(control_plane.container.program.main())
