package main

import (
	"testing"

	"belay/cmd/internal/browser"
)

// A client opens the link in whatever browser there is.
func TestClientInFirefoxTherapistInChromium(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	firefox := browser.StartFirefox(t, browser.Options{})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.sam = chromium.Open("sam", browser.Seat{Phone: true})
	v.alex = firefox.Open("alex", browser.Seat{})

	// The relay of a server on localhost has no other address, and Firefox goes
	// there from none of its own: it says so each time, and goes direct.
	v.alex.Expect("ICE failed")
	// Said of a socket that is open when the page is left, as at the end of the test.
	v.alex.Expect("was interrupted while the page was loading")

	v.begun(1)
	v.chaperoneArrived()
	v.opensPage(v.sam)
	v.clientArrives()
	v.admitted()
	v.settled()
	v.therapistJoins()
	v.see()
	v.clientSaysYes()
	v.dose()
	v.see() // on the dark screen too
	v.alex.Shot("client/firefox-dark")

	v.alex.Click(browser.CSS(`.dark [data-act="AskHelp"]`))
	says(v.robin, `[data-testid="alarms"]`, "Alex asks for help")
	says(v.alex, ".dark-help", "They know.")
	act(v.sam, "GoIn")
	says(v.alex, ".dark-help", "Sam is coming.")
	v.alex.Shot("client/firefox-help")
	v.robin.Shot("therapist/firefox-help")
}

// Whoever is shown by another rope stays in the same element, and goes on moving.
// Both browsers stood still there for good, Chromium every other time, and a camera
// that was switched counted as stuck.
func TestAFaceGoesOnMovingWhenAnotherRopeBringsIt(t *testing.T) {
	oneAtATime(t)
	url := modules(t, "<video muted autoplay playsinline></video>")
	moves := func(t *testing.T, p *browser.Person) {
		p.Goto(url)
		frames := browser.Eval[[]int](p, `(async () => {
		const { createStreams } = await import("/streams.js");
		`+camera+`
		const rope = async () => {
			const [here, there] = [new RTCPeerConnection(), new RTCPeerConnection()];
			here.addTrack(camera.getVideoTracks()[0], camera);
			const came = new Promise((done) => (there.ontrack = ({ track }) => done(track)));
			const describe = async (from, to) => {
				await from.setLocalDescription();
				while (from.iceGatheringState !== "complete") await new Promise((done) => (from.onicegatheringstatechange = done));
				await to.setRemoteDescription(from.localDescription);
			};
			await describe(here, there);
			await describe(there, here);
			while (there.connectionState !== "connected") await new Promise((done) => (there.onconnectionstatechange = done));
			return came;
		};
		const face = document.querySelector("video");
		const streams = createStreams({ onStream: (_, stream) => { if (face.srcObject !== stream) face.srcObject = stream; }, onGone() {} });
		let frames = 0;
		const count = () => (frames++, face.requestVideoFrameCallback(count));
		face.requestVideoFrameCallback(count);
		const moves = async () => {
			const before = frames;
			for (const end = performance.now() + 10000; performance.now() < end && frames < before + 20; ) await new Promise((done) => setTimeout(done, 50));
			return frames - before;
		};
		const [one, two] = [await rope(), await rope()];
		const out = [];
		for (const track of [one, two, one]) {
			streams.put("client-1", [track]);
			out.push(await moves());
		}
		return out;
	})()`)
		for i, n := range frames {
			if n < 20 {
				t.Errorf("by rope %d of %d came %d new frames in ten seconds", i+1, len(frames), n)
			}
		}
	}
	t.Run("firefox", func(t *testing.T) {
		moves(t, browser.StartFirefox(t, browser.Options{}).Open("alex", browser.Seat{}))
	})
	t.Run("chromium", func(t *testing.T) {
		moves(t, browser.StartChromium(t, browser.Options{}).Open("alex", browser.Seat{}))
	})
}
