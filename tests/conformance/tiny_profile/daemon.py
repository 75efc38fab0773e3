"""An echo daemon: `daemon.py PORT HOST [WORD]`; WORD is sent in place of every line."""

import socketserver
import sys


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        for line in self.rfile:
            self.wfile.write(sys.argv[3].encode() + b"\n" if sys.argv[3:] else line)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


Server((sys.argv[2], int(sys.argv[1])), Echo).serve_forever()
