"""A miniature daemon, to be started and watched: it accepts, and does one thing wrong.

`miniature.py SOCKET HABIT [ARGUMENT...]`; the standard library only, for a quick start.
"""

import json
import os
import resource
import signal
import socket
import sys
import time


def listen(path: str, kind: int) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path)
    listener.listen()
    return listener


def wait() -> None:
    signal.pause()


def child(*, stray: bool) -> int:
    """Start one that would outlive its parent: in a session of its own, or unmarked in its group.

    posix_spawn returns when the child has executed its program.
    """
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    command = [sys.executable, "-I", "-S", "-c", code]
    return os.posix_spawn(command[0], command, os.environ if stray else {}, setsid=stray)


def main(path: str, habit: str, *arguments: str) -> None:
    if habit == "dies":
        print("cannot go on", file=sys.stderr, flush=True)
        sys.exit(3)
    if habit == "finishes":
        return
    if habit == "crashes":
        os.kill(os.getpid(), signal.SIGSEGV)
    if habit == "hides":
        print("listening elsewhere", flush=True)
        wait()
    if habit == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    told = {
        "arguments": arguments,
        "env": dict(os.environ),
        "cwd": os.getcwd(),
        "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
        "session": os.getsid(0),
    }
    if habit == "family":
        told["children"] = [child(stray=True), child(stray=False)]
    print(json.dumps(told), flush=True)
    listener = listen(path, socket.SOCK_STREAM if habit == "stream" else socket.SOCK_SEQPACKET)
    if habit == "fails later":
        listener.accept()
        print("seen enough", flush=True)
        os.abort()
    while habit == "busy":
        listener.setblocking(False)
        time.process_time()
    wait()


main(*sys.argv[1:])
