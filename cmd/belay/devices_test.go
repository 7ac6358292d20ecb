package main

import (
	"strings"
	"testing"

	"belay/cmd/internal/browser"
)

// introduces fills in the client's first page, up to the devices.
func introduces(p *browser.Person, link string) {
	p.Goto(link)
	says(p, "h1", "How should we call you?")
	p.Click(browser.TestID("next"))
	says(p, "h1", "Camera, microphone and sound")
}

func TestJoiningWithoutACamera(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	bare := browser.StartChromium(t, browser.Options{NoCamera: true})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.alex = bare.Open("alex", browser.Seat{})
	v.begun(1)

	introduces(v.alex, v.links["client-1"])
	v.alex.WaitText("No camera was found on this device.")
	v.alex.WaitText("You can continue without a camera: your therapist will hear you but not see you")
	v.alex.Shot("client/no-camera")
	v.alex.Accessible("the device check without a camera")
	v.alex.Click(browser.TestID("next"))
	says(v.alex, "h1", "Where are you today?")

	v.therapistJoins()
	act(v.robin, "Admit")
	v.alex.Click(browser.Text("Go to your therapist"))
	v.alex.WaitFrames(therapistAtClient, 10)
	if said := browser.Eval[string](v.alex, `document.querySelector(".room-status").innerText`); strings.Contains(said, "No picture") {
		t.Errorf("beside a picture that moves the client reads %q", said)
	}
	v.alex.WaitText("Your camera is not on: your therapist cannot see you.")
	says(v.robin, ".picture-odd", "their camera is off")
	v.robin.Shot("therapist/client-without-camera")
	v.alex.Shot("client/without-camera")

	// A microphone that is switched off is said, and is no fault.
	v.robin.Click(browser.CSS(".controls button:first-of-type"))
	says(v.robin, ".controls", "Mic off")
	says(v.robin, ".picture-odd", "your microphone is off since")
	v.robin.Shot("therapist/microphone-off")
	v.robin.Click(browser.CSS(".controls button:first-of-type"))
	says(v.robin, ".controls", "Mic on")

	// The therapist's headset is pulled, and there is no other.
	browser.Eval[bool](v.robin, `(() => {
		const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
		navigator.mediaDevices.getUserMedia = (wanted) => (wanted.audio ? Promise.reject(new DOMException("gone", "NotFoundError")) : open(wanted));
		const [track] = [...document.querySelectorAll("video")].filter((one) => one.muted).flatMap((one) => one.srcObject?.getAudioTracks() ?? []).filter((one) => one.getSettings().deviceId);
		track.stop();
		track.dispatchEvent(new Event("ended"));
		const sound = new AudioContext();
		const key = new GainNode(sound, { gain: 0 });
		const voice = new OscillatorNode(sound);
		voice.connect(key);
		voice.start();
		globalThis.plugIn = () => (navigator.mediaDevices.getUserMedia = async () => {
			const out = sound.createMediaStreamDestination();
			key.connect(out);
			return out.stream;
		});
		globalThis.pressKey = () => (key.gain.value = 0.2);
		return true;
	})()`)
	says(v.robin, ".own-device", "Nobody hears you now. No microphone was found on this device.")
	says(v.robin, ".controls", "No mic")
	says(v.robin, ".picture-odd", "they do not hear you")
	v.robin.Shot("therapist/headset-pulled")
	// It is plugged in again, and switched off by its own key: nothing comes but zeros.
	browser.Eval[bool](v.robin, `(plugIn(), true)`)
	v.robin.Click(browser.CSS(".own-device button:first-of-type"))
	says(v.robin, ".own-device", "Your microphone gives no sound: is it switched off at the device?")
	says(v.robin, ".controls", "Mic: no sound")
	v.robin.Shot("therapist/headset-muted")
	browser.Eval[bool](v.robin, `(pressKey(), true)`)
	says(v.robin, ".controls", "Mic on")
	v.robin.WaitNoText("Your microphone gives no sound")
	v.robin.WaitNoText("they do not hear you")
}

func TestPermissionRefusedSaysWhatToDo(t *testing.T) {
	oneAtATime(t)
	chromium := browser.StartChromium(t, browser.Options{})
	v := &visit{t: t, server: startChild(t)}
	v.robin = chromium.Open("robin", browser.Seat{})
	v.setUp()
	for _, one := range []struct {
		kind, what string
		open       func(t *testing.T) *browser.Person
	}{
		{"chromium", "Click the symbol at the left of the address, switch the microphone on, then try again.", func(t *testing.T) *browser.Person {
			return chromium.Open("alex", browser.Seat{DenyMedia: true})
		}},
		{"android", "Tap the symbol at the left of the address, then “Permissions”, allow the microphone, then try again.", func(t *testing.T) *browser.Person {
			return chromium.Open("alex on a phone", browser.Seat{DenyMedia: true, Phone: true})
		}},
		{"firefox", "Click the crossed-out microphone beside the address, remove “Blocked”, then try again and choose “Allow”.", func(t *testing.T) *browser.Person {
			return browser.StartFirefox(t, browser.Options{Prefs: browser.DeniedPrefs}).Open("alex", browser.Seat{})
		}},
	} {
		t.Run(one.kind, func(t *testing.T) {
			v.robin.Goto(v.server.url + "/#sessions")
			v.practise("1") // a session of their own: a link opens in one browser
			alex := one.open(t).With(t)
			introduces(alex, v.links["client-1"])
			alex.Click(browser.TestID("start-devices"))
			alex.WaitText("This browser does not let the page use the microphone. " + one.what)
			alex.Shot("client/refused-" + one.kind)
		})
	}
}
