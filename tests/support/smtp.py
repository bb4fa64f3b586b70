"""A mail server for tests. Each message that it takes is a line of JSON on standard output; what it refuses, and how it lies, is said by
lines of JSON on standard input: {"refuse": {"ada@example.org": ["451 not now", "451 not now"]}} or {"mode": "hang"}.

    smtp.py [--port N] [--tls CERTIFICATE KEY] [--starttls CERTIFICATE KEY] [--login USER PASSWORD]
"""
import argparse
import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

# What it is made to do: `take`, `hang` (says nothing), `garbage`, `close` (goes away at once), `lose` (hangs when it has the message).
BEHAVIOUR = {"mode": "take"}
# Replies to the next mails to an address, one after the other.
REFUSALS = {}
ARGUMENTS = None


def tell(what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        waiting = REFUSALS.get(address, [])
        if waiting:
            reply = waiting.pop(0)
            tell({"refused": address, "reply": reply})
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: message.get_body((kind,))
        tell({
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "headers": {name: str(value) for name, value in message.items()},
            "text": part("plain").get_content() if part("plain") else "",
            "html": part("html").get_content() if part("html") else "",
            "encrypted": session.ssl is not None,
            "login": session.auth_data.login.decode() if session.auth_data else None,
            "lost": BEHAVIOUR["mode"] == "lose",
        })
        if BEHAVIOUR["mode"] == "lose":
            await asyncio.sleep(3600)
        return "250 taken"


def context(files):
    if not files:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    return made


def authenticate(server, session, envelope, mechanism, data):
    user, password = ARGUMENTS.login
    good = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=good, handled=False, auth_data=data)


class Misbehaving(SMTP):
    def connection_made(self, transport):
        mode = BEHAVIOUR["mode"]
        tell({"connected": mode})
        # After STARTTLS the same is made once more, and goes on.
        if mode in ("take", "lose") or self.transport is not None:
            return super().connection_made(transport)
        if mode == "garbage":
            transport.write(b"\x00\x01 this is no mail server\r\n" * 3)
        if mode == "close":
            transport.close()
        self.held = transport

    def connection_lost(self, error):
        if self.transport is not None:
            super().connection_lost(error)

    def data_received(self, data):
        if self.transport is not None:
            super().data_received(data)

    def eof_received(self):
        return super().eof_received() if self.transport is not None else False


def protocol():
    login = {}
    if ARGUMENTS.login:
        login = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": ARGUMENTS.starttls is not None}
    return Misbehaving(
        Handler(), hostname="mail.test", enable_SMTPUTF8=True, tls_context=context(ARGUMENTS.starttls),
        require_starttls=ARGUMENTS.starttls is not None, **login,
    )


async def listen_to_orders():
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        REFUSALS.update(order.pop("refuse", {}))
        BEHAVIOUR.update(order)
        tell({"ready": True})


async def main():
    server = await asyncio.get_running_loop().create_server(
        protocol, "127.0.0.1", ARGUMENTS.port, ssl=context(ARGUMENTS.tls), start_serving=True)
    tell({"port": server.sockets[0].getsockname()[1]})
    await listen_to_orders()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--starttls", nargs=2)
    parser.add_argument("--login", nargs=2)
    ARGUMENTS = parser.parse_args()
    logging.disable()
    asyncio.run(main())
