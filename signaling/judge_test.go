package signaling

import (
	"slices"
	"testing"
	"time"

	"belay/session"
	"belay/signaling/protocol"
)

// second is one second of what therapists' pages report of one client's page.
type second struct {
	frame, sound, level float64
}

func fine() second { return second{0.05, 0.02, 0.1} }

// watching is a judge to whom the log says that a client's senses are all there.
func watching(client session.SeatID) judge {
	return judge{log: map[sense]bool{{client, picture}: false, {client, sound}: false, {client, voice}: false}}
}

func TestAPictureOrSoundThatIsLostIsFoundOnceAndDoesNotFlap(t *testing.T) {
	repeat := func(n int, s second) (all []second) {
		for range n {
			all = append(all, s)
		}
		return all
	}
	aging := func(n int, f func(age float64) second) (all []second) {
		for i := range n {
			all = append(all, f(float64(i)))
		}
		return all
	}
	join := func(parts ...[]second) (all []second) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	type change struct {
		after int // seconds
		sound bool
		lost  bool
		since float64 // seconds after the first report
	}
	for name, c := range map[string]struct {
		reports []second
		want    []change
	}{
		"all well":                       {repeat(60, fine()), nil},
		"a silent client in a dark room": {repeat(60, second{0.05, 0.02, 0.00001}), nil},
		"a frozen picture": {join(repeat(5, fine()), aging(20, func(a float64) second { return second{a, 0.02, 0.1} })),
			[]change{{after: 8, lost: true, since: 5}}},
		"a picture that returns": {join(aging(10, func(a float64) second { return second{a, 0.02, 0.1} }), repeat(5, fine())),
			[]change{{after: 3, lost: true}, {after: 11, lost: false, since: 10}}},
		"a picture at half a frame each second": {join(repeat(3, fine()), aging(40, func(a float64) second {
			return second{float64(int(a)%3) * 0.9, 0.02, 0.1}
		})), nil},
		"a picture that twitches while it is lost": {join(aging(5, func(a float64) second { return second{a, 0.02, 0.1} }),
			[]second{fine(), {2, 0.02, 0.1}, fine(), {2.4, 0.02, 0.1}, fine(), {3, 0.02, 0.1}}),
			[]change{{after: 3, lost: true}}},
		"no picture from the first moment": {repeat(20, second{-1, 0.02, 0.1}), []change{{after: 5, lost: true, since: 0}}},
		"sound without packets":            {join(repeat(4, fine()), aging(10, func(a float64) second { return second{0.05, a, 0.1} })), []change{{after: 9, sound: true, lost: true, since: 4}}},
		"a microphone that sends zeros": {join(repeat(4, fine()), repeat(15, second{0.05, 0.02, 0}), repeat(4, fine())),
			[]change{{after: 14, sound: true, lost: true, since: 4}, {after: 20, sound: true, lost: false, since: 19}}},
		"zeros for nine seconds": {join(repeat(4, fine()), repeat(9, second{0.05, 0.02, 0}), repeat(20, fine())), nil},
	} {
		t.Run(name, func(t *testing.T) {
			j := watching("client-1")
			start := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
			var got []change
			for i, s := range c.reports {
				now := start.Add(time.Duration(i) * time.Second)
				for _, f := range j.hear(now, "therapist-1", "client-1", receiving("page-of-the-client", s)) {
					j.log[f.sense] = f.lost
					got = append(got, change{i, f.of == sound, f.lost, f.since.Sub(start).Seconds()})
				}
			}
			if len(got) != len(c.want) {
				t.Fatalf("found %+v, not %+v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("found %+v, not %+v", got[i], c.want[i])
				}
			}
		})
	}
}

func receiving(peer protocol.PeerID, s second) protocol.Receiving {
	return protocol.Receiving{Peer: peer, FrameAge: s.frame, SoundAge: s.sound, SoundLevel: s.level}
}

func TestOneTherapistWhoSeesTheClientIsEnough(t *testing.T) {
	j := watching("client-1")
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	hear := func(by session.SeatID, frame float64) []finding {
		return j.hear(now, by, "client-1", receiving("page-of-the-client", second{frame, 0.02, 0.1}))
	}
	for range 10 {
		hear("co-therapist-1", 0.1)
		if found := hear("therapist-1", 30); len(found) > 0 {
			t.Fatalf("one frozen screen of two raises %+v", found)
		}
		now = now.Add(time.Second)
	}
	// The other one goes away: what it said counts for three seconds and no longer.
	var found []finding
	for range 5 {
		found = append(found, hear("therapist-1", 30)...)
		now = now.Add(time.Second)
	}
	if len(found) == 0 || !found[0].lost {
		t.Fatal("the picture is lost for the one who is left, and nobody says so")
	}
}

func TestAnotherPageOfTheClientIsJudgedAnew(t *testing.T) {
	j := watching("client-1")
	j.log[sense{"client-1", picture}] = true
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	var found []finding
	for range 3 {
		found = append(found, j.hear(now, "therapist-1", "client-1", receiving("another-page-of-the-client", fine()))...)
		now = now.Add(time.Second)
	}
	if len(found) == 0 || found[0].lost || found[0].of != picture {
		t.Errorf("after a reload the picture returned, and was found %+v", found)
	}
}

// Of a couple, one is released and closes the page while the other's visit goes on:
// that is no lost picture. At one tablet it is, as long as one of the two lies there.
func TestOnlyADeviceWithSomebodyInTheirVisitIsWatched(t *testing.T) {
	for name, c := range map[string]struct {
		shares  session.SeatID // the second client's device
		phases  [2]session.Phase
		device  session.SeatID
		watched bool
	}{
		"in the visit":                      {"", [2]session.Phase{session.Active, session.Active}, "client-1", true},
		"released, the other goes on":       {"", [2]session.Phase{session.Closed, session.Active}, "client-1", false},
		"the one who goes on":               {"", [2]session.Phase{session.Closed, session.Active}, "client-2", true},
		"ended early, the other goes on":    {"", [2]session.Phase{session.EndedEarly, session.Active}, "client-1", false},
		"one of two at the same tablet":     {"client-1", [2]session.Phase{session.Closed, session.Active}, "client-1", true},
		"both at the same tablet have left": {"client-1", [2]session.Phase{session.Closed, session.EndedEarly}, "client-1", false},
	} {
		t.Run(name, func(t *testing.T) {
			var j judge
			j.know(&session.State{
				Seats:   []session.Seat{{ID: "client-1", Role: session.Client}, {ID: "client-2", Role: session.Client, SharesWith: c.shares}},
				Clients: []*session.ClientState{{Seat: "client-1", Phase: c.phases[0]}, {Seat: "client-2", Phase: c.phases[1]}},
			})
			now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
			var found []finding
			for range 12 {
				found = append(found, j.hear(now, "therapist-1", c.device, receiving("page-of-the-client", second{-1, -1, 0}))...)
				now = now.Add(time.Second)
			}
			if watched := len(found) > 0; watched != c.watched {
				t.Errorf("nothing came for 12 s, and it was found %+v", found)
			}
		})
	}
}

// What a client's page receives of the therapists, second by second.
func TestAVoiceIsLostOnlyWhereSomebodyMeansToBeHeardAndNobodyIs(t *testing.T) {
	type says struct {
		therapist session.SeatID
		age       float64 // of the last packet, where it starts; it grows by the second if aging
		aging     bool
		level     float64
		off, dumb bool
	}
	heard := func(seat session.SeatID) says { return says{therapist: seat, level: 0.1} }
	off := func(seat session.SeatID) says { return says{therapist: seat, off: true} }
	cut := func(seat session.SeatID) says { return says{therapist: seat, aging: true, level: 0.1} }
	zero := func(seat session.SeatID) says { return says{therapist: seat} }
	type part struct {
		seconds int
		all     []says
	}
	type change struct {
		after int
		lost  bool
		since float64
	}
	const a, b = session.SeatID("therapist-1"), session.SeatID("co-therapist-1")
	for name, c := range map[string]struct {
		parts []part
		want  []change
	}{
		"heard":                          {[]part{{60, []says{heard(a)}}}, nil},
		"no therapist is there":          {[]part{{30, nil}}, nil},
		"switched off for a quiet phase": {[]part{{5, []says{heard(a)}}, {600, []says{off(a)}}, {20, []says{heard(a)}}}, nil},
		"nothing arrives":                {[]part{{5, []says{heard(a)}}, {15, []says{cut(a)}}}, []change{{10, true, 5}}},
		"a microphone that gives zeros":  {[]part{{5, []says{heard(a)}}, {15, []says{zero(a)}}}, []change{{15, true, 5}}},
		"its own page says that it's dead": {[]part{{5, []says{heard(a)}}, {8, []says{{therapist: a, level: 0.1, dumb: true}}}, {3, []says{heard(a)}}},
			[]change{{10, true, 5}, {14, false, 13}}},
		"dead for four seconds":             {[]part{{5, []says{heard(a)}}, {5, []says{{therapist: a, level: 0.1, dumb: true}}}, {20, []says{heard(a)}}}, nil},
		"one of two is heard":               {[]part{{60, []says{cut(a), heard(b)}}}, nil},
		"one is quiet, the other not heard": {[]part{{10, []says{cut(a), off(b)}}}, []change{{5, true, 0}}},
		"both are quiet":                    {[]part{{60, []says{off(a), off(b)}}}, nil},
		"nothing has ever come":             {[]part{{15, []says{{therapist: a, age: -1}}}}, []change{{10, true, 0}}},
		// Nobody knows whether it would be heard now: it stays as it was until it is.
		"switched off while it was lost": {[]part{{10, []says{cut(a)}}, {60, []says{off(a)}}, {3, []says{heard(a)}}},
			[]change{{5, true, 0}, {71, false, 70}}},
	} {
		t.Run(name, func(t *testing.T) {
			j := watching("client-1")
			start := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
			var got []change
			n := 0
			for _, p := range c.parts {
				for i := range p.seconds {
					now := start.Add(time.Duration(n) * time.Second)
					all := map[session.SeatID]speaking{}
					for _, s := range p.all {
						age := s.age
						if s.aging {
							age += float64(i)
						}
						r := protocol.Receiving{Peer: protocol.PeerID("page-of-" + s.therapist), FrameAge: 0.1, SoundAge: age, SoundLevel: s.level}
						all[s.therapist] = speaking{received: r, off: s.off, dumb: s.dumb}
					}
					if f, ok := j.overhear(now, "client-1", "page-of-the-client", all); ok {
						j.log[f.sense] = f.lost
						got = append(got, change{n, f.lost, f.since.Sub(start).Seconds()})
					}
					n++
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %+v, not %+v", got, c.want)
			}
		})
	}
}

func TestATherapistsOtherPageIsJudgedAnew(t *testing.T) {
	j := watching("client-1")
	now := time.Date(2026, 3, 1, 14, 0, 0, 0, time.UTC)
	for i := range 12 {
		page := protocol.PeerID("the-first-page-of-them")
		if i >= 4 {
			page = "another-page-of-them" // nothing has come from it yet, and it has just come
		}
		f, ok := j.overhear(now, "client-1", "page-of-the-client", map[session.SeatID]speaking{"therapist-1": {received: protocol.Receiving{Peer: page, SoundAge: -1}}})
		if ok {
			t.Fatalf("after %d s: %+v", i, f)
		}
		now = now.Add(time.Second)
	}
}
