"use strict";
const said = document.querySelector("#said");
document.addEventListener("click", (e) => {
  said.textContent = `${e.target.id || e.target.textContent} trusted=${e.isTrusted} active=${navigator.userActivation?.isActive ?? "?"} by=${e.pointerType || "?"}`;
});
document.addEventListener("keydown", (e) => {
  said.dataset.key = e.key;
});
const media = navigator.mediaDevices?.getUserMedia({ video: true, audio: true });
media?.catch(() => {});
const peers = {};
const peer = async (name) => {
  const pc = (peers[name] = new RTCPeerConnection());
  pc.ontrack = (e) => {
    let video = document.querySelector(`#from-${name}`);
    if (!video) {
      video = Object.assign(document.createElement("video"), { id: `from-${name}`, autoplay: true, muted: true, playsInline: true });
      document.querySelector("#videos").append(video);
    }
    video.srcObject = e.streams[0];
  };
  const stream = await media;
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  return pc;
};
const described = async (pc) => {
  await pc.setLocalDescription();
  while (pc.iceGatheringState !== "complete") await new Promise((r) => pc.addEventListener("icegatheringstatechange", r, { once: true }));
  return pc.localDescription.sdp;
};
const offer = async (name) => described(await peer(name));
const answer = async (name, sdp) => {
  const pc = await peer(name);
  await pc.setRemoteDescription({ type: "offer", sdp });
  return described(pc);
};
const accept = (name, sdp) => peers[name].setRemoteDescription({ type: "answer", sdp }).then(() => true);
