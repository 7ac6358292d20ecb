package session

import "time"

// Decide returns the events that a command causes, or a *Refusal. The state is
// not changed. Events come complete but for the chain: see Link.
func Decide(s *State, c Command, now time.Time) ([]Event, error) { panic("being written") }

// Apply folds one linked event into s. Only the owner of s may call it.
func (s *State) Apply(e Event) error { panic("being written") }

// Fold returns the state after e and leaves s as it was.
func Fold(s *State, e Event) (*State, error) {
	n := s.clone()
	return n, n.Apply(e)
}

// Replay folds a whole log.
func Replay(events []Event) (*State, error) {
	s := &State{}
	for _, e := range events {
		if err := s.Apply(e); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// NextDeadline returns the next session time at which the clock has something to say.
func NextDeadline(s *State) (time.Time, bool) {
	if len(s.Deadlines) == 0 {
		return time.Time{}, false
	}
	return s.Deadlines[0].At, true
}

// ViewOf returns what the seat may know and do at the session's time now.
func ViewOf(s *State, seat SeatID, now time.Time) View { panic("being written") }

// Summarize returns what lists show.
func Summarize(s *State) Summary { panic("being written") }

// MayMeet reports whether two seats exchange picture and sound.
func MayMeet(s *State, a, b SeatID) bool { panic("being written") }

// DeviceAllowed reports whether a browser with this device hash may take the seat.
func DeviceAllowed(s *State, seat SeatID, device string) bool { panic("being written") }
