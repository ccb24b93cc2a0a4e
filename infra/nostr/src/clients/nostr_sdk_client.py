"""nostr-sdk's NostrConnect as a process: one JSON line asks, one JSON line answers."""

import asyncio
import json
import sys
from datetime import timedelta

from nostr_sdk import Keys, NostrConnect, NostrConnectUri, PublicKey, UnsignedEvent

# The library gives a request up after this; what waits for longer is the test's own time.
TIMEOUT = timedelta(seconds=60)


class Client:
    def __init__(self, secret_key):
        self.keys = Keys.parse(secret_key)
        self.signer = None

    async def connect(self, uri):
        """The library connects by itself before its first request."""
        self.signer = NostrConnect(NostrConnectUri.parse(uri), self.keys, TIMEOUT, None)
        await self.signer.get_public_key_async()

    async def getPublicKey(self):
        return (await self.signer.get_public_key_async()).to_hex()

    async def signEvent(self, template):
        author = await self.getPublicKey()
        unsigned = UnsignedEvent.from_json(json.dumps({**template, "pubkey": author}))
        return json.loads((await self.signer.sign_event_async(unsigned)).as_json())

    async def nip44Encrypt(self, peer, text):
        return await self.signer.nip44_encrypt_async(PublicKey.parse(peer), text)

    async def nip44Decrypt(self, peer, text):
        return await self.signer.nip44_decrypt_async(PublicKey.parse(peer), text)

    async def nip04Encrypt(self, peer, text):
        return await self.signer.nip04_encrypt_async(PublicKey.parse(peer), text)

    async def nip04Decrypt(self, peer, text):
        return await self.signer.nip04_decrypt_async(PublicKey.parse(peer), text)


async def answer(client, line):
    asked = json.loads(line)
    try:
        result = await getattr(client, asked["call"])(*asked["args"])
        said = {"id": asked["id"], "result": result}
    except Exception as error:
        said = {"id": asked["id"], "error": str(error)}
    print(json.dumps(said), flush=True)


async def main():
    client = Client(sys.stdin.readline().strip())
    loop = asyncio.get_running_loop()
    running = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.create_task(answer(client, line))
        running.add(task)
        task.add_done_callback(running.discard)


asyncio.run(main())
