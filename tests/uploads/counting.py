"""A way to a server that counts what a client sends, and does something when so many bytes have come: a kill is at a byte, not at a time."""
import socket
import threading


class Counting:
    """`port` is where the server listens; `url` is where clients go."""

    def __init__(self, port):
        self.port = port
        self.sent = 0
        self.due = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.take, daemon=True).start()

    def at(self, count, action):
        """Once, when so many more bytes have come."""
        with self.lock:
            self.due.append((self.sent + count, action))

    def take(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client):
        server = socket.socket()
        try:
            # What waits here was not sent.
            server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 << 10)
            server.connect(("127.0.0.1", self.port))
        except OSError:
            # Nobody is there: whoever asks hears it at once.
            server.close()
            client.close()
            return
        back = threading.Thread(target=self.pump, args=(server, client, False), daemon=True)
        back.start()
        self.pump(client, server, True)
        back.join()
        client.close()
        server.close()

    def pump(self, source, to, counts):
        try:
            while piece := source.recv(256 << 10):
                if counts:
                    self.count(len(piece))
                to.sendall(piece)
        except OSError:
            pass
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def count(self, size):
        with self.lock:
            self.sent += size
            due = [action for at, action in self.due if at <= self.sent]
            self.due = [(at, action) for at, action in self.due if at > self.sent]
        for action in due:
            action()

    def close(self):
        self.listener.close()
