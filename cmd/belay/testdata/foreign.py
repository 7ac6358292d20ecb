"""A page of belay.1 that knows nothing of ours: Debian's aiortc and aiohttp.

It is told on its command line which socket to open, with which cookies, whether
it knows the relay, and which acts to send at first; it says each second, as a line of JSON, what it has
received of each seat, and ends with its standard input.
"""

import asyncio
import json
import sys
import uuid

import aiohttp
from aiortc import RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack
from aiortc.sdp import candidate_from_sdp

PLACES = 4


class Page:
    def __init__(self, told):
        self.told = told
        self.peer = uuid.uuid4().hex
        self.links = {}  # peer: connection
        self.seats = {}  # peer: seat
        self.slots = {}  # slot: seat
        self.got = {}  # seat: {"audio": n, "video": n}
        self.early = {}  # peer: candidates before a description
        self.servers = []
        self.tasks = set()
        self.out = None

    def run(self, work):
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def say(self, kind, **body):
        await self.out.send_str(json.dumps({"type": kind, "body": body}))

    async def count(self, track, seat):
        """Counts the frames that were really decoded. Seat is a function: a slot changes hands."""
        while True:
            try:
                await track.recv()
            except Exception:  # the track has ended
                return
            if seat():
                of = self.got.setdefault(seat(), {"audio": 0, "video": 0})
                of[track.kind] += 1

    def connection(self, peer, relay):
        kind = "relay" if relay else "direct"
        servers = [RTCIceServer(one["urls"], one.get("username"), one.get("credential")) for one in self.servers if one.get("for") in (kind, None, "") and not relay]
        link = RTCPeerConnection(RTCConfiguration(servers))
        self.links[peer] = link
        if not relay:
            link.createDataChannel("belay", negotiated=True, id=0)

        @link.on("track")
        def on_track(track):
            if relay:
                of = [one for one in link.getTransceivers() if one.kind == track.kind]
                slot = next(i for i, one in enumerate(of) if one.receiver.track is track)
                self.run(self.count(track, lambda: self.slots.get(slot)))
            else:
                self.run(self.count(track, lambda: self.seats.get(peer)))

        return link

    async def offer(self, peer, relay):
        link = self.connection(peer, relay)
        for place in range(PLACES if relay else 1):
            for kind, track in (("audio", AudioStreamTrack), ("video", VideoStreamTrack)):
                if place == 0:
                    link.addTransceiver(track(), "sendrecv")
                else:
                    link.addTransceiver(kind, "recvonly")
        await link.setLocalDescription(await link.createOffer())
        await self.say("offer", to=peer, sdp=link.localDescription.sdp)

    async def offered(self, peer, sdp):
        link = self.connection(peer, False)
        await link.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        for one in link.getTransceivers():
            one.direction = "sendrecv"
            one.sender.replaceTrack(AudioStreamTrack() if one.kind == "audio" else VideoStreamTrack())
        await link.setLocalDescription(await link.createAnswer())
        await self.say("answer", to=peer, sdp=link.localDescription.sdp)
        await self.drain(peer)

    async def drain(self, peer):
        for body in self.early.pop(peer, []):
            await self.candidate(peer, body)

    async def candidate(self, peer, body):
        link = self.links.get(peer)
        if link is None or link.remoteDescription is None:
            self.early.setdefault(peer, []).append(body)
            return
        text = body.get("candidate", "")
        if not text or ".local" in text or " tcp " in text.lower():
            return
        one = candidate_from_sdp(text.split(":", 1)[1])
        one.sdpMid, one.sdpMLineIndex = body.get("sdp_mid"), body.get("sdp_m_line_index")
        await link.addIceCandidate(one)

    async def peers(self, all):
        for one in all:
            peer, relay = one["peer"], one["role"] == "relay"
            if peer not in self.seats:
                self.seats[peer] = one["seat"]
                if one.get("offer"):
                    await self.offer(peer, relay)
                elif one.get("video"):
                    await self.say("need_offer", to=peer, restart=False)

    async def hear(self, kind, body):
        if kind == "welcome":
            self.servers = body.get("ice_servers") or []
        elif kind == "ping":
            await self.say("pong", n=body["n"])
        elif kind == "peers":
            await self.peers(body.get("peers") or [])
        elif kind == "offer":
            await self.offered(body["from"], body["sdp"])
        elif kind == "answer":
            link = self.links[body["from"]]
            if link.signalingState == "have-local-offer":
                await link.setRemoteDescription(RTCSessionDescription(body["sdp"], "answer"))
                await self.drain(body["from"])
        elif kind == "candidate":
            await self.candidate(body["from"], body)
        elif kind == "slots":
            self.slots = {one["slot"]: one["seat"] for one in body.get("slots") or []}
        elif kind in ("failure", "undelivered"):
            print(json.dumps({"trouble": body}), flush=True)

    async def rhythm(self):
        n = 0
        while True:
            n += 1
            await self.say("ping", n=n)
            ways = sorted({self.seats[peer] for peer, link in self.links.items() if link.connectionState == "connected"})
            print(json.dumps({"got": self.got, "connected": ways}), flush=True)
            await asyncio.sleep(1)

    async def attend(self):
        told = self.told
        headers = {"Origin": told["origin"], "Cookie": told["cookies"]}
        async with aiohttp.ClientSession() as session:
            async with session.ws_connect(told["socket"], protocols=["belay.1"], headers=headers) as self.out:
                await self.say("hello", peer=self.peer, media=True, relay=told["relay"])
                for i, (act, body) in enumerate(told["acts"]):
                    await self.say("command", id=f"{self.peer}-{i}", act=act, body=body)
                self.run(self.rhythm())
                async for frame in self.out:
                    if frame.type != aiohttp.WSMsgType.TEXT:
                        break
                    message = json.loads(frame.data)
                    await self.hear(message["type"], message.get("body") or {})


async def main():
    page = Page(json.loads(sys.argv[1]))
    ended = asyncio.get_event_loop().run_in_executor(None, sys.stdin.read)
    attending = asyncio.ensure_future(page.attend())
    await asyncio.wait([ended, attending], return_when=asyncio.FIRST_COMPLETED)
    if attending.done():
        attending.result()
    for link in page.links.values():
        await link.close()


asyncio.run(main())
