package session

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// LineKind says which kind of line an event makes on the therapist's screen;
// empty: none.
func LineKind(f Fact) string {
	switch f := f.(type) {
	case PhaseMoved, WordsOffered:
		return "phase"
	case DoseAuthorized, AuthorizationEnded, DoseRecorded, DoseWitnessed, DoseCorrected, HoldRecorded, OrderCorrected:
		return "dose"
	case VitalsRecorded:
		return "vitals"
	case CheckInDone:
		return "check_in"
	case HelpAsked, AlarmRaised, AlarmEscalated, AlarmAcknowledged, AlarmEnded, AlarmCleared,
		ChaperoneCalled, ChaperoneGoing, ChaperoneWithThem, ChaperoneReported, ChaperoneLeaving, EmergencyCardOpened:
		return "alarm"
	case NoteWritten, SideEffectRecorded, SideEffectResolved, RatingRecorded, InterventionRecorded, ReportedLate:
		return "note"
	case PeerJoined, PeerLost, PictureLost, PictureReturned, SoundLost, SoundReturned, VoiceLost, VoiceReturned, DeviceAsked, DeviceAdmitted, DeviceRefused, InvitationRevoked, MusicSet:
		return "link"
	case GatePassed, GateReopened, GateOverridden, ChaperoneConfirmed, ChaperoneArrived, ConsentGiven, AddressStated, ChaperoneAllowed:
		return "gate"
	case CriterionSettled, CriterionReopened, SummaryWritten, CodeEntered, SessionSigned, AddendumAdded:
		return "end"
	case SessionCreated, SeatAdded, SeatUpdated, Rescheduled:
		return "other"
	case DeadlineReached:
		if f.Kind == DueHold || f.Kind == DueWindow || f.Kind == DueReleaseFrom || f.Kind == DuePlannedEnd {
			return "phase"
		}
	}
	return ""
}

// Line says an event in words, as it stands on the therapist's screen and in
// transcripts. Names are those of now.
func (s *State) Line(e Event) string {
	words := s.words(e)
	if words == "" {
		return ""
	}
	late := e.Recorded.Sub(e.At)
	switch e.Fact.(type) {
	case PeerLost, PictureLost, PictureReturned, SoundLost, SoundReturned, VoiceLost, VoiceReturned, WatchBegan:
		return words
	}
	if e.Seat != Clock && late >= time.Minute {
		words += fmt.Sprintf(" (recorded %s later)", spoken(late))
	}
	return words
}

func (s *State) words(e Event) string {
	who := s.name(e.Seat)
	switch f := e.Fact.(type) {
	case SessionCreated:
		if f.Practice {
			return "Practice session created: nothing here is real"
		}
		return "Session created"
	case SeatAdded:
		return fmt.Sprintf("%s joins as %s", s.name(f.Seat.ID), strings.ReplaceAll(string(f.Seat.Role), "_", "-"))
	case Rescheduled:
		if later := f.StartsAt.Sub(f.WasAt); later < 0 {
			return fmt.Sprintf("The start was moved %s earlier", spoken(-later))
		}
		return fmt.Sprintf("The start was moved %s later", spoken(f.StartsAt.Sub(f.WasAt)))
	case SeatUpdated:
		return s.corrected(f)
	case OrderCorrected:
		return fmt.Sprintf("%s: the order was corrected by %s: %s%s", s.name(f.Client), who, orderChanges(f.Was, f.Order), because(f.Reason))
	case MusicSet:
		if f.On {
			return fmt.Sprintf("Music plays at %s's side: the sound is sent unfiltered", s.name(f.Client))
		}
		return fmt.Sprintf("No music at %s's side", s.name(f.Client))
	case PhaseMoved:
		return fmt.Sprintf("%s: %s%s", s.name(f.Client), phaseTitle[f.To], because(f.Reason))
	case WordsOffered:
		if f.Text == "" {
			return "Reflection words taken away"
		}
		return fmt.Sprintf("Reflection words offered to %s", s.name(f.Client))
	case DoseAuthorized:
		return fmt.Sprintf("%s authorises dose %d for %s: %s", who, f.Number, s.name(f.Client), amount(f.Mg, f.Tablets))
	case AuthorizationEnded:
		return fmt.Sprintf("Dose %d of %s is no longer authorised: %s%s", f.Number, s.name(f.Client), f.Why, lateWords(f.Late))
	case DoseRecorded:
		past := ""
		if f.PastGates {
			past = ", " + pastChecks(len(f.OpenGates)) + ": " + f.Reason
		}
		return fmt.Sprintf("%s: dose %d taken, %s (%s)%s", s.name(f.Client), f.Number, amount(f.Mg, f.Tablets), who, past)
	case DoseWitnessed:
		return fmt.Sprintf("%s: dose %d witnessed by %s", s.name(f.Client), f.Number, who)
	case DoseCorrected:
		return fmt.Sprintf("%s: dose %d corrected: %s%s%s", s.name(f.Client), f.Number, moved(e.At.Sub(f.WasAt)), changed(f.WasMg, f.Mg)+counted(f.WasTablets, f.Tablets), because(f.Reason))
	case HoldRecorded:
		outcome := f.Outcome
		if outcome == "spat" {
			outcome = "spat out"
		}
		return fmt.Sprintf("%s: dose %d %s after the hold", s.name(f.Client), f.Number, outcome)
	case DeadlineReached:
		if deadlineWords[f.Kind] == "" {
			return "" // what follows from it has a line of its own
		}
		return fmt.Sprintf("%s: %s%s", s.name(f.Client), deadlineWords[f.Kind], lateWords(f.Late))
	case VitalsRecorded:
		return fmt.Sprintf("%s: %s (%s%s)", s.name(f.Client), f.Vitals.Words(), who, from(f.Source))
	case SideEffectRecorded:
		return fmt.Sprintf("%s: %s%s", s.name(f.Client), f.Kind, because(f.Note))
	case SideEffectResolved:
		for _, c := range s.Clients {
			for _, effect := range c.SideEffects {
				if c.Seat == f.Client && effect.ID == f.ID {
					return fmt.Sprintf("%s: %s is over%s", s.name(f.Client), effect.Kind, because(f.Action))
				}
			}
		}
		return s.name(f.Client) + ": a side effect is over"
	case RatingRecorded:
		scale := map[string]string{"moaas": "MOAA/S", "dissociation": "dissociation"}[f.Scale]
		return fmt.Sprintf("%s: %s %d", s.name(f.Client), scale, f.Value)
	case InterventionRecorded:
		return fmt.Sprintf("%s: %s", s.name(f.Client), f.Text)
	case NoteWritten:
		return fmt.Sprintf("Note: %s", f.Text)
	case CheckInDone:
		return fmt.Sprintf("%s looked in on %s: all well", who, s.name(f.Client))
	case HelpAsked:
		return fmt.Sprintf("%s pressed Help", s.name(f.Client))
	case AlarmRaised:
		return fmt.Sprintf("Alarm (%s): %s%s", f.Ladder[0].Priority, f.Words, lateWords(f.Late))
	case AlarmEscalated:
		return fmt.Sprintf("Alarm, rung %d%s%s", f.Rung+1, s.alarmThen(f.Alarm, e.Seq), lateWords(f.Late))
	case AlarmAcknowledged:
		return fmt.Sprintf("%s acknowledges%s", who, s.alarmThen(f.Alarm, e.Seq))
	case AlarmEnded:
		return fmt.Sprintf("Over%s (%s)", s.alarmThen(f.Alarm, e.Seq), f.Why)
	case AlarmCleared:
		if f.Words == "" {
			return ""
		}
		return fmt.Sprintf("%s resolves%s: %s", who, s.alarmThen(f.Alarm, e.Seq), f.Words)
	case ChaperoneCalled:
		if f.Sit {
			return fmt.Sprintf("%s is asked to sit with %s", s.name(f.Chaperone), s.name(f.Client))
		}
		return fmt.Sprintf("%s is called to %s", s.name(f.Chaperone), s.name(f.Client))
	case ChaperoneGoing:
		return fmt.Sprintf("%s is going in", s.name(f.Chaperone))
	case ChaperoneWithThem:
		return fmt.Sprintf("%s is in the room", s.name(f.Chaperone))
	case ChaperoneReported:
		if f.Well {
			return fmt.Sprintf("%s: all well with %s%s", s.name(f.Chaperone), s.name(f.Client), because(f.Words))
		}
		return fmt.Sprintf("%s: we need help with %s%s", s.name(f.Chaperone), s.name(f.Client), because(f.Words))
	case ChaperoneLeaving:
		return fmt.Sprintf("%s has to leave%s", s.name(f.Chaperone), because(f.Words))
	case EmergencyCardOpened:
		return fmt.Sprintf("Emergency card of %s opened", s.name(f.Client))
	case ReportedLate:
		return fmt.Sprintf("Reported late and kept as it was: %s (%s)", f.Act, f.Refused)
	case PeerJoined:
		if f.Instead {
			return fmt.Sprintf("%s is connected by another page or device: the one before was closed", s.name(f.Seat))
		}
		return fmt.Sprintf("%s is connected", s.name(f.Seat))
	case PeerLost:
		if f.Restart {
			return fmt.Sprintf("The server restarted: %s has to connect again", s.name(f.Seat))
		}
		return fmt.Sprintf("Connection to %s lost", s.name(f.Seat))
	case PictureLost:
		return fmt.Sprintf("Picture of %s lost", s.name(f.Client))
	case PictureReturned:
		return fmt.Sprintf("Picture of %s is back", s.name(f.Client))
	case SoundLost:
		return fmt.Sprintf("Sound from %s lost", s.name(f.Client))
	case SoundReturned:
		return fmt.Sprintf("Sound from %s is back", s.name(f.Client))
	case VoiceLost:
		return fmt.Sprintf("%s hears no therapist", s.name(f.Client))
	case VoiceReturned:
		return fmt.Sprintf("%s hears a therapist again", s.name(f.Client))
	case DeviceAsked:
		return fmt.Sprintf("Another device asks to come in as %s%s", s.name(f.Seat), because(f.Words))
	case DeviceAdmitted:
		return fmt.Sprintf("A device is let in as %s%s", s.name(f.Seat), because(f.Words))
	case DeviceRefused:
		return fmt.Sprintf("A device was turned away from %s", s.name(f.Seat))
	case InvitationRevoked:
		return fmt.Sprintf("The link of %s was withdrawn", s.name(f.Seat))
	case GatePassed:
		gate, _ := GateByID(f.Gate)
		return fmt.Sprintf("%s: %s ✓", s.name(f.Client), gate.Title)
	case GateReopened:
		gate, _ := GateByID(f.Gate)
		return fmt.Sprintf("%s: %s is open%s", s.name(f.Client), gate.Title, because(f.Reason))
	case GateOverridden:
		gate, _ := GateByID(f.Gate)
		return fmt.Sprintf("%s: %s overridden by %s%s", s.name(f.Client), gate.Title, who, because(f.Reason))
	case ChaperoneConfirmed:
		for _, part := range ChaperoneParts {
			if part.ID == f.Part {
				return fmt.Sprintf("%s %s", s.name(f.Chaperone), part.Title)
			}
		}
		return ""
	case ChaperoneArrived:
		return fmt.Sprintf("%s is here", s.name(f.Chaperone))
	case ConsentGiven:
		return fmt.Sprintf("%s consents (version %s)", s.name(f.Client), f.Version)
	case AddressStated:
		return fmt.Sprintf("%s says where they are today", s.name(f.Client))
	case ChaperoneAllowed:
		if f.See {
			return fmt.Sprintf("%s allows the chaperone to see and hear", s.name(f.Client))
		}
		if isTherapist(s.role(e.Seat)) {
			return fmt.Sprintf("%s takes back for %s that the chaperone sees and hears", who, s.name(f.Client))
		}
		return fmt.Sprintf("%s does not allow the chaperone to see and hear", s.name(f.Client))
	case CriterionSettled:
		row, _ := CriterionByID(f.Criterion)
		return fmt.Sprintf("%s: %s ✓", s.name(f.Client), row.Title)
	case CriterionReopened:
		row, _ := CriterionByID(f.Criterion)
		return fmt.Sprintf("%s: %s is open%s", s.name(f.Client), row.Title, because(f.Reason))
	case SummaryWritten:
		return fmt.Sprintf("%s: summary written", s.name(f.Client))
	case CodeEntered:
		return fmt.Sprintf("%s: CPT %s", s.name(f.Client), f.CPT)
	case SessionSigned:
		return fmt.Sprintf("%s signs the record", who)
	case AddendumAdded:
		return fmt.Sprintf("Addendum: %s", f.Text)
	}
	return ""
}

var phaseTitle = map[Phase]string{
	Scheduled: "scheduled", Lobby: "in the lobby", CheckingIn: "check-in", Ready: "ready for the dose", Absorbing: "absorbing",
	Active: "active", Integrating: "returning, integration begins", ReleaseCheck: "release check", Closed: "released, the visit is closed",
	Signed: "signed", Cancelled: "cancelled", EndedEarly: "ended early", Transferred: "handed over to emergency services",
}

var deadlineWords = map[DeadlineKind]string{
	DueHold: "the hold is over", DueWindow: "the window is open: returning is offered",
	DueReleaseFrom: "the release minimum has passed", DuePlannedEnd: "the planned end is reached",
}

// alarmThen names an alarm as it stood at an event: " (high): its words". One that was
// raised too long ago is named as it stands now, and has lost its name where it is over.
func (s *State) alarmThen(id string, seq uint64) string {
	words, ladder, rung := "an alarm", []DueRung(nil), 0
	if a := s.Alarm(id); a != nil {
		words, ladder, rung = a.Words, a.Ladder, a.Rung
	}
	for _, e := range s.Recent {
		switch f := e.Fact.(type) {
		case AlarmRaised:
			if f.Alarm == id {
				words, ladder, rung = f.Words, f.Ladder, 0
			}
		case AlarmEscalated:
			if f.Alarm == id && e.Seq <= seq {
				rung = f.Rung
			}
		}
	}
	if rung >= len(ladder) {
		return ": " + words
	}
	return fmt.Sprintf(" (%s): %s", ladder[rung].Priority, words)
}

// corrected says what of somebody is another now. A phone number is said whole: one
// that was wrong is what a record is asked for.
func (s *State) corrected(f SeatUpdated) string {
	if f.Was == nil {
		return fmt.Sprintf("What is known of %s was changed", s.name(f.Seat))
	}
	var all []string
	for _, one := range []struct{ what, was, is string }{
		{"name", f.Was.Name, f.Name}, {"pronouns", f.Was.Pronouns, f.Pronouns}, {"number", f.Was.Phone, f.Phone},
	} {
		if one.was != one.is {
			all = append(all, fmt.Sprintf("%s %s and not %s", one.what, cmp.Or(one.is, "none"), cmp.Or(one.was, "none")))
		}
	}
	return fmt.Sprintf("Corrected of %s: %s", s.name(f.Seat), strings.Join(all, ", "))
}

// orderChanges says what of an order is another now.
func orderChanges(was, is Order) string {
	var all []string
	say := func(differs bool, format string, args ...any) {
		if differs {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	say(was.Product != is.Product, "%s and not %s", cmp.Or(is.Product, "no product"), cmp.Or(was.Product, "no product"))
	say(was.DoseMg != is.DoseMg, "first dose %g mg and not %g mg", is.DoseMg, was.DoseMg)
	say(was.Tablets != is.Tablets, "in %d tablets and not in %d", is.Tablets, was.Tablets)
	say(was.TotalMg != is.TotalMg, "total %g mg and not %g mg", is.TotalMg, was.TotalMg)
	say(was.booster() != is.booster(), "%s and not %s", is.booster(), was.booster())
	say(!sameLimits(was.Limits, is.Limits), "other limits of blood pressure and heart rate")
	say(was.Conditions != is.Conditions, "other conditions")
	say(was.Prescriber != is.Prescriber || was.Phone != is.Phone, "another prescriber, or another number of theirs")
	say(was.Number != is.Number || was.Of != is.Of, "dosing %d of %d", is.Number, is.Of)
	return strings.Join(all, ", ")
}

func (o Order) booster() string {
	if o.BoosterTo == 0 {
		return "no second dose"
	}
	return fmt.Sprintf("a second dose from T+%d to T+%d", int(o.BoosterFrom/60), int(o.BoosterTo/60))
}

func sameLimits(a, b *Limits) bool { return a == b || a != nil && b != nil && *a == *b }

func pastChecks(open int) string {
	switch open {
	case 0:
		return "not authorised"
	case 1:
		return "past 1 open check"
	}
	return fmt.Sprintf("past %d open checks", open)
}

func amount(mg float64, tablets int) string {
	if tablets == 1 {
		return fmt.Sprintf("%g mg in 1 tablet", mg)
	}
	return fmt.Sprintf("%g mg in %d tablets", mg, tablets)
}

// moved says how a time was corrected. It names no time of day: the server does
// not know which clock hangs in the room.
func moved(by time.Duration) string {
	switch {
	case by < 0:
		return "taken " + exact(-by) + " earlier than recorded"
	case by > 0:
		return "taken " + exact(by) + " later than recorded"
	}
	return "taken when it was recorded"
}

func changed(was, is float64) string {
	if was == is {
		return fmt.Sprintf(", %g mg", is)
	}
	return fmt.Sprintf(", %g mg and not %g mg", is, was)
}

func counted(was, is int) string {
	switch {
	case is == was: // they were not corrected
		return ""
	case is == 1:
		return fmt.Sprintf(", in 1 tablet and not in %d", was)
	}
	return fmt.Sprintf(", in %d tablets and not in %d", is, was)
}

// exact says a span of time to the second.
func exact(d time.Duration) string {
	text := spoken(d)
	if s := int(d.Seconds()) % 60; d >= time.Minute && s > 0 {
		text += fmt.Sprintf(" %d s", s)
	}
	return text
}

func because(words string) string {
	if words == "" {
		return ""
	}
	return ": " + words
}

func from(source string) string {
	if source == "" {
		return ""
	}
	return ", " + source
}

func lateWords(late bool) string {
	if late {
		return " (late)"
	}
	return ""
}

// spoken says a span of time as people do.
func spoken(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
}

// Words says a reading: "128/82, heart rate 74, SpO2 97 %".
func (v Vitals) Words() string {
	words := fmt.Sprintf("%d/%d", v.Systolic, v.Diastolic)
	if v.HeartRate > 0 {
		words += fmt.Sprintf(", heart rate %d", v.HeartRate)
	}
	if v.SpO2 > 0 {
		words += fmt.Sprintf(", SpO2 %d %%", v.SpO2)
	}
	return words
}
