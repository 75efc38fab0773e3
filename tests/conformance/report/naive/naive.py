"""A daemon as a beginner writes it: it works on the first try, with one user and short answers."""

import array
import json
import os
import socket
import sys
import threading
import urllib.request

BASE = os.environ["OPENAI_API_BASE"]
KEY = os.environ["OPENAI_API_KEY"]


def receive(peer):
    data, control, _, _ = peer.recvmsg(65536, socket.CMSG_SPACE(4))
    descriptor = array.array("i", control[0][2])[0]
    return socket.socket(fileno=descriptor), json.loads(data)


def ask(handoff):
    body = {
        "model": handoff.get("model", "gpt-4o-mini"),
        "messages": handoff.get("messages") or [{"role": "user", "content": handoff["prompt"]}],
        "stream": True,
    }
    data = json.dumps(body).encode()
    request = urllib.request.Request(BASE + "/chat/completions", data)  # noqa: S310
    request.add_header("Authorization", "Bearer " + KEY)
    request.add_header("Content-Type", "application/json")
    if "test_pattern" in handoff:
        request.add_header("X-Test-Pattern", handoff["test_pattern"])
    return urllib.request.urlopen(request)  # noqa: S310


def relay(answer, client):
    # fault: what a read brings is taken for whole lines, and a cut code point for text
    while piece := answer.read1(4096):
        for line in piece.decode(errors="replace").splitlines():
            if not line.startswith("data: {"):
                continue
            try:
                delta = json.loads(line[6:])["choices"][0]["delta"]
            except (ValueError, LookupError):
                continue
            if delta.get("content"):
                event = json.dumps({"content": delta["content"]})
                client.sendall(f"data: {event}\n\n".encode())


def serve(peer):
    client, handoff = receive(peer)
    print("serving with", KEY, flush=True)  # fault: the log has the key
    client.setblocking(True)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
    client.sendall(b"Cache-Control: no-cache\r\nConnection: close\r\n\r\n")
    relay(ask(handoff), client)
    client.sendall(b"data: [DONE]\n\n")  # fault: also after an answer that broke off
    client.shutdown(socket.SHUT_RDWR)
    # fault: peer and client are left to the garbage collector, also after an exception


with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
    listener.bind(sys.argv[1])
    listener.listen()
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
