package relay_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/stun/v4"
)

// Whatever a browser has agreed on, its sound and picture take the short way; else
// nothing would be wrong, and everything slow.
func TestSoundAndPictureTakeTheShortWay(t *testing.T) {
	for _, profile := range []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80} {
		t.Run(fmt.Sprint(profile), func(t *testing.T) {
			h := open(t)
			a, b := h.page("therapist-1", options{profile: profile}), h.page("client-1", options{profile: profile, simulcast: true})
			h.meet(a, b)
			a.connect().send()
			b.connect().send()
			a.sees(0, b, 5)
			a.await("its own two streams take the short way", func() bool { return h.relay.Short(visit, a.peer) == 2 })
			b.await("its three do", func() bool { return h.relay.Short(visit, b.peer) == 3 })
			a.sees(0, b, 30)
			for _, p := range []*page{a, b} {
				if v := p.sounds[0].view(); v.packets == 0 || v.jumps != 0 || v.back != 0 {
					t.Errorf("%s: sound %+v", p.seat, v)
				}
			}
			if v := a.slots[0].view(); v.back != 0 {
				t.Errorf("picture %+v", v)
			}
		})
	}
}

// A socket that is open to the world gets whatever the world sends. A room keeps its
// picture, whether that comes from a stranger or from the address of a page in another
// room, which keeps its own; and none of it is kept.
func TestARoomKeepsItsPictureWhileOthersSendGarbage(t *testing.T) {
	long := 3 * time.Second
	if os.Getenv("BELAY_LONG") != "" {
		long = 90 * time.Second
	}
	h := open(t)
	one, two := h.page("therapist-1", options{room: "visit-2"}), h.page("client-1", options{room: "visit-2"})
	h.meet(one, two)
	one.connect().send()
	two.connect().send()
	bad, other := h.page("therapist-1", options{}), h.page("client-1", options{})
	way := limit(t, h.addr)
	bad.through = way.instead
	h.meet(bad, other)
	bad.connect().send()
	other.connect().send()
	one.sees(0, two, 5)
	two.sees(0, one, 5)
	other.sees(0, bad, 5)
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	fragment := regexp.MustCompile(`a=ice-ufrag:(\S+)`).FindStringSubmatch(bad.pc.RemoteDescription().SDP)[1]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	sent, longest := 0, 0
	for end := time.Now().Add(long); time.Now().Before(end); sent++ {
		p := garbage(dice, way.sent(), fragment)
		from := stranger
		if dice.IntN(2) == 0 {
			from = way.outer
		}
		if _, err := from.WriteToUDPAddrPort(p, h.addr); err != nil {
			t.Fatal(err)
		}
		if sent%64 == 0 {
			time.Sleep(time.Millisecond) // the pages have to play as well
			now, most := h.relay.Waiting()
			if longest = max(longest, now); now > most {
				t.Fatalf("%d packets wait for pion, %d may", now, most)
			}
		}
	}
	t.Logf("%d packets of garbage; at most %d waited", sent, longest)
	for _, p := range []*page{one, two, other} {
		if v := p.slots[0].view(); v.longest > time.Second {
			t.Errorf("%s in %s: the picture stood still for %s", p.seat, p.room, v.longest)
		}
		if time.Since(p.slots[0].view().last) > time.Second {
			t.Errorf("%s in %s: there is no picture any more", p.seat, p.room)
		}
	}
}

// garbage is nearly what a page sends, or nothing like it.
func garbage(dice *rand.Rand, real []byte, fragment string) []byte {
	noise := make([]byte, dice.IntN(1400))
	for i := range noise {
		noise[i] = byte(dice.Uint32())
	}
	switch dice.IntN(6) {
	case 0:
		return noise
	case 1: // DTLS, media and reports, by their first bytes
		if len(noise) > 2 {
			noise[0], noise[1] = []byte{20, 22, 23, 0x80, 0x90, 0xbf}[dice.IntN(6)], byte(96+dice.IntN(128))
		}
		return noise
	case 2: // a check that is not signed
		m, err := stun.Build(stun.TransactionID, stun.BindingRequest, stun.NewUsername(fragment+":them"))
		if err != nil {
			return noise
		}
		return append(m.Raw, noise[:min(len(noise), 4*dice.IntN(8))]...)
	case 3: // what the page sent, once more
		return real
	case 4: // cut off
		return real[:dice.IntN(len(real)+1)]
	}
	for range 1 + dice.IntN(4) {
		if len(real) > 0 {
			real[dice.IntN(len(real))] ^= 1 << dice.IntN(8)
		}
	}
	return real
}
