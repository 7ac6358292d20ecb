// What a page shows and lets be heard, looked at every 20 ms: for each time in
// which nothing new came, from when until when. It runs before the page's own code,
// so that it knows every connection that the page makes.
(() => {
  const Real = globalThis.RTCPeerConnection;
  const links = [];
  globalThis.RTCPeerConnection = class extends Real {
    constructor(...options) {
      super(...options);
      links.push(this);
      const name = `connection ${links.length}`;
      remark(`${name} made`);
      for (const what of ["iceconnectionstatechange", "connectionstatechange", "signalingstatechange"]) {
        this.addEventListener(what, () => remark(`${name} (${toRelay(this) ? "relay" : "direct"}) ice ${this.iceConnectionState}, ${this.connectionState}, ${this.signalingState}`));
      }
      this.addEventListener("icecandidate", ({ candidate }) => candidate?.candidate && remark(`${name} can be reached by ${candidate.type} ${candidate.protocol} ${candidate.tcpType ?? ""} ${candidate.relayProtocol ?? ""}`));
      this.addEventListener("icecandidateerror", ({ errorCode, errorText, url }) => remark(`${name} got ${errorCode} ${errorText} of ${url}`));
    }
    close() {
      const video = watched && document.querySelector(watched);
      const shows = Boolean(video) && this.signalingState !== "closed" && brings(this, video);
      if (shows) dropped++;
      remark(`connection ${links.indexOf(this) + 1} closed${shows ? ", which shows the picture" : ""}`);
      super.close();
    }
  };
  // What shows a picture is not to be ended before another shows it.
  const brings = (pc, video) => pc.getReceivers().some(({ track }) => video.srcObject?.getVideoTracks().includes(track));
  let dropped = 0;
  const lines = [];
  const remark = (what) => lines.push(`${Math.round(performance.now())} ${what}`);
  // What keeps the page itself from looking: the machine, where nothing is said of it.
  globalThis.PerformanceObserver?.supportedEntryTypes.includes("longtask") &&
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => duration > 100 && remark(`the page was busy for ${Math.round(duration)} ms until now`))).observe({ type: "longtask" });
  for (const what of ["online", "offline"]) addEventListener(what, () => remark(what));
  navigator.connection?.addEventListener("change", () => remark("another network"));

  // All that the server ever says to this page.
  const RealSocket = globalThis.WebSocket;
  const said = [];
  globalThis.WebSocket = class extends RealSocket {
    constructor(...options) {
      super(...options);
      remark("socket dialled");
      for (const what of ["open", "close"]) this.addEventListener(what, ({ code }) => remark(`socket ${what} ${code ?? ""}`));
      this.addEventListener("message", ({ data }) => /candidate|offer|answer/.test(data) && said.push(data));
      this.addEventListener("message", ({ data }) => /"type":"(rope|peers|slots)"/.test(data) && remark(`socket said ${data}`));
    }
  };
  const open = () => links.filter((pc) => pc.signalingState !== "closed");

  // A connection to the relay has places for four people.
  const toRelay = (pc) => pc.getTransceivers().length > 2;

  const fresh = (now) => ({ last: now, seen: undefined, count: 0, gaps: [] });
  let watched = "";
  let picture = fresh(0);
  let sound = fresh(0);
  let stall = 0;
  let before = performance.now();
  let shown = 0; // frames of a video that says the number with each frame only
  let shownBy = -1;
  let swaps = 0; // how often another connection has brought the picture, since begin
  const counted = new WeakSet();

  /** note says that there is now this much, or that it is still the same. */
  function note(of, what, now) {
    if (what === undefined || what === of.seen) return;
    if (now - of.last >= 100) of.gaps.push([of.last, now]);
    if (of.seen !== undefined) of.count++;
    Object.assign(of, { seen: what, last: now });
  }

  setInterval(() => {
    const now = performance.now();
    stall = Math.max(stall, now - before - 20);
    before = now;
    const video = watched && document.querySelector(watched);
    if (!video) return;
    if (!counted.has(video)) {
      counted.add(video);
      const next = () => {
        shown++;
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    }
    note(picture, Math.max(video.getVideoPlaybackQuality().totalVideoFrames, shown), now);
    const by = links.findIndex((pc) => pc.signalingState !== "closed" && brings(pc, video));
    if (by !== shownBy) {
      remark(`shown by connection ${by + 1}`);
      if (shownBy >= 0) swaps++;
      shownBy = by;
    }
    // Sound has come when some was played that was really sent.
    const tracks = video.srcObject?.getAudioTracks().filter((track) => track.enabled) ?? [];
    const heard = open().flatMap((pc) => pc.getReceivers()).filter(({ track }) => tracks.includes(track))
      .map((receiver) => receiver.getSynchronizationSources()[0]?.rtpTimestamp).filter((stamp) => stamp !== undefined);
    note(sound, heard.length ? heard.join() : undefined, now);
  }, 20);

  const pairOf = (report) => {
    let pair;
    for (const one of report.values()) if (one.type === "transport") pair = report.get(one.selectedCandidatePairId);
    for (const one of report.values()) if (!pair && one.type === "candidate-pair" && one.selected) pair = one;
    return pair;
  };

  globalThis.__watch = {
    begin(selector) {
      const now = performance.now();
      watched = selector;
      this.began = now;
      picture = fresh(now);
      sound = fresh(now);
      stall = 0;
      swaps = dropped = 0;
      return now;
    },
    now: () => performance.now(),
    /** What happened since a point in time. */
    since: (from) => lines.filter((line) => parseInt(line) >= from - 100).map((line) => line.replace(/^\d+/, (at) => (at - from).toFixed(0))).join("\n"),
    /** What has come since begin; a gap that lasts ends now. */
    read() {
      const now = performance.now();
      const closed = ({ last, count, gaps }) => ({ count, gaps: [...gaps, [last, now]] });
      return { picture: closed(picture), sound: closed(sound), stall, now };
    },
    frames: () => picture.count,
    swaps: () => swaps,
    /** How often this page has closed the connection whose picture it showed, since begin. */
    dropped: () => dropped,
    /** The connection that brings the picture, by the order in which they were made. */
    shownBy: () => shownBy + 1,
    /** The connections to the other pages, or to a relay, that were not closed, by the order in which they were made. */
    links: (relay) => links.flatMap((pc, i) => (pc.signalingState !== "closed" && toRelay(pc) === relay ? [i + 1] : [])),
    /** Whether begin was called on this page, which was not loaded anew since. */
    watches: () => watched !== "",
    /** The ways of the connections to the relay, or to the other page, that work. */
    async ways(relay) {
      const all = [];
      for (const pc of open()) {
        if (toRelay(pc) !== relay || !["connected", "completed"].includes(pc.iceConnectionState)) continue;
        const report = await pc.getStats();
        const pair = pairOf(report);
        const mine = report.get(pair?.localCandidateId);
        const theirs = report.get(pair?.remoteCandidateId);
        if (mine) all.push({ by: mine.relayProtocol ?? mine.protocol, kind: mine.candidateType, from: mine.address ?? "", to: theirs?.address ?? "" });
      }
      return all;
    },
    /** Everything that was said to this page about how to reach others. */
    told: () => said.join("\n"),
    async sent(relay) {
      let bytes = 0;
      for (const pc of open()) {
        if (toRelay(pc) !== relay) continue;
        for (const one of (await pc.getStats()).values()) {
          // Firefox sends sound also where its encoding is said not to be active.
          if (one.type === "outbound-rtp" && !(one.kind === "audio" && navigator.userAgent.includes("Firefox"))) bytes += one.bytesSent;
        }
      }
      return bytes;
    },
    /** How many key frames this page has made, of every size. */
    async keys() {
      let made = 0;
      for (const pc of open()) for (const one of (await pc.getStats()).values()) if (one.type === "outbound-rtp") made += one.keyFramesEncoded ?? 0;
      return made;
    },
    cut(relay) {
      for (const pc of open()) if (toRelay(pc) === relay) pc.close();
      return true;
    },
  };
})();
