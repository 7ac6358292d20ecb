package session

import (
	"fmt"
	"slices"
	"time"
)

func (d *decision) create(a CreateSession) error {
	due := d.chaperoneDue(a.StartsAt, a.Settings)
	seats := slices.Clone(a.Seats)
	a.Pace.Epoch = Instant(a.Pace.Epoch)
	d.emit(SessionCreated{Owner: a.Owner, Practice: a.Practice, Pace: a.Pace, StartsAt: Instant(a.StartsAt),
		OpensAt: Instant(a.StartsAt.Add(-a.Settings.OpensBefore.D())), ChaperoneDue: Instant(due),
		Seats: seats, Orders: a.Orders, Settings: a.Settings})
	return nil
}

// chaperoneDue is when the chaperone is due. A session made for now gives them
// five minutes [J].
func (d *decision) chaperoneDue(starts time.Time, settings Settings) time.Time {
	due, soonest := starts.Add(-settings.ChaperoneBefore.D()), d.now.Add(5*time.Minute)
	if due.Before(soonest) {
		return soonest
	}
	return due
}

// joinPeer records that a connection took its seat. After signing nothing is
// recorded any more: people may still look.
func (d *decision) joinPeer(a JoinPeer) error {
	seat, ok := d.Seat(a.Seat)
	if !ok {
		return refuse(NoSuchThing, "There is no seat %q in this session.", a.Seat)
	}
	if !d.SignedAt.IsZero() {
		return nil
	}
	before := d.Presence[a.Seat]
	d.emit(PeerJoined{Seat: a.Seat, Peer: a.Peer, Node: a.Node, Media: a.Media, Relay: a.Relay,
		Instead: before.Conn != "" && before.Conn != d.cmd.Conn && before.Peer != a.Peer})
	if !d.now.Before(d.OpensAt) || isTherapist(seat.Role) {
		d.openLobby()
	}
	switch {
	case isTherapist(seat.Role):
		for _, other := range d.Seats {
			if isTherapist(other.Role) {
				d.over(TherapistGone, "", other.ID, "a therapist is connected")
			}
		}
		d.endSits()
	case seat.Role == Client:
		for _, c := range d.Clients {
			if d.actsFor(a.Seat, c.Seat) {
				d.over(ClientGone, c.Seat, "", "connected again")
			}
		}
	case seat.Role == Chaperone:
		d.over(ChaperoneGone, "", a.Seat, "connected again")
	}
	return nil
}

// losePeer records that a connection was lost. The loss of one that is no
// longer current is nothing.
func (d *decision) losePeer(a LosePeer) error {
	seat, ok := d.Seat(a.Seat)
	if !ok {
		return refuse(NoSuchThing, "There is no seat %q in this session.", a.Seat)
	}
	if !d.SignedAt.IsZero() || a.Lost == "" || d.Presence[a.Seat].Conn != a.Lost {
		return nil
	}
	heard := Instant(a.Heard)
	if heard.After(d.now) || a.Heard.IsZero() {
		heard = d.now
	}
	d.emitAt(heard, PeerLost{a.Seat, a.Lost, a.Restart, a.Left})
	if d.dosed() {
		d.watchPresence(seat, heard)
	}
	return nil
}

// watchPresence begins the ladder of a seat that is not connected while a
// client is under the medicine.
func (d *decision) watchPresence(seat Seat, since time.Time) {
	switch {
	case isTherapist(seat.Role):
		if !d.therapistPresent() {
			d.watch(TherapistGone, "", seat.ID, since)
		}
	case seat.Role == Chaperone:
		d.watch(ChaperoneGone, "", seat.ID, since)
	case seat.Role == Client:
		for _, c := range d.Clients {
			if d.actsFor(seat.ID, c.Seat) && c.Phase.Dosed() && !d.Present(c.Seat) {
				d.watch(ClientGone, c.Seat, "", since)
			}
		}
	}
}

// survey begins the ladders of all that is missing at the moment a client
// comes under the medicine.
func (d *decision) survey(c *ClientState) {
	since := func(id SeatID) time.Time {
		if p := d.Presence[id]; !p.Since.IsZero() && p.Since.After(c.PhaseSince) {
			return p.Since
		}
		return d.now
	}
	for _, seat := range d.Seats {
		if seat.SharesWith == "" && !d.Present(seat.ID) && (seat.Role != Client || d.actsFor(seat.ID, c.Seat)) {
			d.watchPresence(seat, since(seat.ID))
		}
	}
	for _, sense := range []sense{picture, sound, voice} {
		if !sense.lost(c).IsZero() {
			d.watch(sense.alarm, c.Seat, "", d.now)
		}
	}
}

func (d *decision) therapistPresent() bool {
	return slices.ContainsFunc(d.Seats, func(s Seat) bool { return isTherapist(s.Role) && d.Present(s.ID) })
}

// sense is what goes between a client and the therapists. That it is lost is noted until
// the client's visit ends, and watched while they are under the medicine.
type sense struct {
	alarm      Condition
	lost       func(*ClientState) time.Time // since when; zero: it is there
	gone, back func(SeatID) Fact
	why        string // the alarm ends
}

var (
	picture = sense{PictureGone, func(c *ClientState) time.Time { return c.PictureLost },
		func(id SeatID) Fact { return PictureLost{id} }, func(id SeatID) Fact { return PictureReturned{id} }, "the picture is back"}
	sound = sense{SoundGone, func(c *ClientState) time.Time { return c.SoundLost },
		func(id SeatID) Fact { return SoundLost{id} }, func(id SeatID) Fact { return SoundReturned{id} }, "the sound is back"}
	voice = sense{VoiceGone, func(c *ClientState) time.Time { return c.VoiceLost },
		func(id SeatID) Fact { return VoiceLost{id} }, func(id SeatID) Fact { return VoiceReturned{id} }, "a therapist is heard again"}
)

// report records that a sense is lost or is back, for everybody at a device, and returns
// for whom that is news. Who has been released may close their page.
func (d *decision) report(s sense, device SeatID, lost bool, since time.Time) (news []SeatID) {
	at := d.since(since)
	for _, c := range slices.Clone(d.Clients) {
		if !d.actsFor(device, c.Seat) || lost != s.lost(c).IsZero() || lost && c.Phase.Ended() {
			continue
		}
		news = append(news, c.Seat)
		if !lost {
			d.emitAt(at, s.back(c.Seat))
			d.over(s.alarm, c.Seat, "", s.why)
			continue
		}
		d.emitAt(at, s.gone(c.Seat))
		if c.Phase.Dosed() {
			d.watch(s.alarm, c.Seat, "", at)
		}
	}
	return news
}

func (d *decision) reportPicture(a ReportPicture) {
	for _, client := range d.report(picture, a.Client, a.Lost, a.Since) {
		c := d.Client(client)
		rests := !c.Phase.Dosed() || c.Auth != nil && c.Auth.Ended == "" // under the medicine only a further dose rests on it
		if a.Lost && rests && c.Gates[GateCamera].State == "passed" {
			d.reopen(c, GateCamera, "the picture was lost")
		}
	}
}

// since takes over the edge's time of a fact, which is never in the future.
func (d *decision) since(t time.Time) time.Time {
	if t = Instant(t); t.After(d.now) || t.Before(d.now.Add(-24*time.Hour)) {
		return d.now
	}
	return t
}

func (d *decision) issueInvitation(a IssueInvitation) error {
	if _, ok := d.Seat(a.Seat); !ok {
		return refuse(NoSuchThing, "There is no seat %q in this session.", a.Seat)
	}
	if len(a.Hash) != 64 || !a.Expires.After(d.now) {
		return refuse(BadValue, "A link needs the hash of its secret and an expiry that lies ahead.")
	}
	d.emit(InvitationIssued{a.Seat, a.Hash, Instant(a.Expires)})
	return nil
}

func (d *decision) revokeInvitation(a RevokeInvitation) error {
	link, ok := d.Links[a.Seat]
	if !ok {
		return refuse(NoSuchThing, "There is no link for %q.", a.Seat)
	}
	if !link.Revoked {
		d.emit(InvitationRevoked(a))
	}
	return nil
}

const maxWaiting = 5 // browsers that may wait for one seat

func (d *decision) openLink(a OpenLink) error {
	link, ok := d.Links[a.Seat]
	switch {
	case !ok || link.Hash != a.Hash:
		return refuse(LinkInvalid, "This link is not valid. Please ask your therapist for a new one.")
	case link.Revoked:
		return refuse(LinkInvalid, "This link was withdrawn. Please ask your therapist for a new one.")
	case !d.now.Before(link.Expires):
		return refuse(LinkInvalid, "This link has expired. Please ask your therapist for a new one.")
	case slices.Contains(link.Refused, a.Device):
		return refuse(LinkInvalid, "The therapist has not let this device in. Please call them.")
	case len(a.Device) != 64:
		return refuse(BadValue, "This browser did not say which one it is.")
	case slices.Contains(link.Devices, a.Device):
		return nil
	case len(link.Devices) == 0:
		d.emit(DeviceAdmitted{Seat: a.Seat, Device: a.Device, Words: a.Words})
		return nil
	}
	waiting := 0
	for _, w := range d.Waiting {
		if w.Seat == a.Seat {
			if w.Device == a.Device {
				return nil
			}
			waiting++
		}
	}
	if waiting >= maxWaiting {
		return refuse(LinkInvalid, "Too many devices wait for this seat already. Please call your therapist.")
	}
	d.emit(DeviceAsked{Request: fmt.Sprintf("r%d", d.nextRequest+1), Seat: a.Seat, Device: a.Device, Words: a.Words, Since: d.now})
	return nil
}

func (d *decision) answerDevice(request string, admit bool) error {
	for _, w := range d.Waiting {
		if w.Request != request {
			continue
		}
		if admit {
			d.emit(DeviceAdmitted{Seat: w.Seat, Device: w.Device, Request: request, Words: w.Words})
		} else {
			d.emit(DeviceRefused{request, w.Seat})
		}
		return nil
	}
	return refuse(NoSuchThing, "That device does not wait any more.")
}

// DeviceAllowed reports whether a browser with this device hash may take the
// seat at the session's time now.
func DeviceAllowed(s *State, seat SeatID, device string, now time.Time) bool {
	link, ok := s.Links[seat]
	return ok && !link.Revoked && now.Before(link.Expires) && slices.Contains(link.Devices, device)
}

// MayMeet reports whether two seats exchange picture and sound now: therapists
// and admitted clients; a chaperone only where a client has allowed it, and never
// a client who has not.
func MayMeet(s *State, a, b SeatID) bool {
	if a == b || !s.SignedAt.IsZero() || !s.inCall(a) || !s.inCall(b) {
		return false
	}
	if s.role(b) == Chaperone {
		a, b = b, a
	}
	switch {
	case s.role(a) != Chaperone:
		return true
	case s.role(b) == Client:
		return s.showsItself(b)
	}
	return s.role(b) != Chaperone
}

// showsItself reports whether everybody at a client's device who is still in the
// visit lets the chaperone see and hear.
func (s *State) showsItself(device SeatID) bool {
	shown := false
	for _, c := range s.Clients {
		if s.actsFor(device, c.Seat) && !c.Phase.Ended() {
			if !c.ChaperoneSees {
				return false
			}
			shown = true
		}
	}
	return shown
}

func (s *State) inCall(id SeatID) bool {
	seat, ok := s.Seat(id)
	if !ok || seat.SharesWith != "" {
		return false
	}
	switch seat.Role {
	case Therapist, CoTherapist:
		return true
	case Client:
		return slices.ContainsFunc(s.Clients, func(c *ClientState) bool {
			return s.actsFor(id, c.Seat) && c.Phase != Scheduled && c.Phase != Lobby && c.Phase != Cancelled && c.Phase != Signed
		})
	case Chaperone:
		return slices.ContainsFunc(s.Clients, func(c *ClientState) bool { return c.ChaperoneSees && !c.Phase.Ended() })
	}
	return false
}

func (d *decision) addsSeat(a AddSeat) error {
	if r := a.Seat.validate(); r != nil {
		return r
	}
	if a.Seat.Role != Chaperone && a.Seat.Role != CoTherapist {
		return refuse(BadValue, "Only a chaperone or a co-therapist can be added to a session.")
	}
	if _, ok := d.Seat(a.Seat.ID); ok {
		return refuse(AlreadySo, "There is a seat %q already.", a.Seat.ID)
	}
	same := 0
	for _, seat := range d.Seats {
		if seat.Role == a.Seat.Role {
			same++
		}
	}
	if a.Seat.Role == CoTherapist && same >= maxCoTherapists || same >= maxChaperones {
		return refuse(BadValue, "A session has at most one co-therapist and four chaperones.")
	}
	if a.Seat.SharesWith != "" {
		return refuse(BadValue, "Only a client can share another's device.")
	}
	d.emit(SeatAdded(a))
	return nil
}

// reschedule moves the start of a session that nobody has been admitted to.
func (d *decision) reschedule(a Reschedule) error {
	waiting := 0
	for _, c := range d.Clients {
		switch c.Phase {
		case Scheduled, Lobby:
			waiting++
		case Cancelled:
		default:
			return refuse(NotNow, "The visit with %s has begun. Its start stays as it was.", d.name(c.Seat))
		}
	}
	starts := Instant(a.StartsAt)
	switch {
	case waiting == 0:
		return refuse(NotNow, "The visit was cancelled. Please make a new session.")
	case starts.Before(d.now.Add(-time.Hour)) || starts.After(d.now.AddDate(2, 0, 0)):
		return refuse(BadValue, "The start lies in the past, or more than two years ahead.")
	case starts.Equal(d.StartsAt):
		return nil
	}
	opens := Instant(starts.Add(-d.Settings.OpensBefore.D()))
	afresh := opens.After(d.now)
	d.emit(Rescheduled{StartsAt: starts, WasAt: d.StartsAt, OpensAt: opens,
		ChaperoneDue: Instant(d.chaperoneDue(starts, d.Settings)), Afresh: afresh})
	for _, p := range d.Chaperones {
		d.over(ChaperoneNotArrived, "", p.Seat, "the start was moved")
		d.over(ChaperoneLeaves, "", p.Seat, "the start was moved")
	}
	if afresh {
		d.checkAfresh()
	}
	return nil
}

// checkAfresh opens every check again that was settled for another day: all but the
// consent, which is for the treatment.
func (d *decision) checkAfresh() {
	for _, c := range d.Clients {
		for _, gate := range Gates {
			if c.Phase == Lobby && gate.ID != GateConsent && c.passed(gate.ID) {
				d.reopen(c, gate.ID, "the start was moved")
			}
		}
	}
}

func (d *decision) updatesSeat(a UpdateSeat) error {
	seat, ok := d.Seat(a.Seat)
	if !ok {
		return refuse(NoSuchThing, "There is no seat %q in this session.", a.Seat)
	}
	was := seat
	seat.Phone = a.Phone
	if r := seat.validate(); r != nil {
		return r
	}
	if r := needs(a.Name, "The name is empty."); r != nil {
		return r
	}
	if was.Name == a.Name && was.Pronouns == a.Pronouns && was.Phone == a.Phone {
		return nil
	}
	d.emit(SeatUpdated{Seat: a.Seat, Name: a.Name, Pronouns: a.Pronouns, Phone: a.Phone, Was: &Who{was.Name, was.Pronouns, was.Phone}})
	return nil
}

func (d *decision) checkDevice(a CheckDevice) error {
	for _, v := range []string{a.Camera, a.Microphone} {
		if !slices.Contains([]string{"ok", "none", "refused", "busy", "failed"}, v) {
			return refuse(BadValue, "%q is no result of a device check.", v)
		}
	}
	if !slices.Contains([]string{"heard", "not_heard", "untested"}, a.Loudspeaker) {
		return refuse(BadValue, "%q is no result of a loudspeaker test.", a.Loudspeaker)
	}
	if d.Devices[d.cmd.Seat] != a {
		d.emit(DeviceChecked{d.cmd.Seat, a})
	}
	return nil
}

func (d *decision) introduce(a IntroduceSelf) error {
	if r := needs(a.Name, "Please give a name: any name you like to be called by."); r != nil {
		return r
	}
	d.emit(ClientIntroduced(a))
	return nil
}

func (d *decision) admit(a Admit) error {
	c := d.Client(a.Client)
	seat, _ := d.Seat(a.Client)
	_, checked := d.Devices[a.Client]
	if seat.SharesWith != "" {
		_, checked = d.Devices[seat.SharesWith]
	}
	if !checked && a.Reason == "" {
		return refuse(NeedsReason, "The client's device check is not done. Give a reason to go on without it.")
	}
	d.move(c, CheckingIn, a.Reason)
	return nil
}
