package session

// What the external tests compare with.
var (
	NotInPhase    = notInPhase
	NextWords     = nextWords
	Raisable      = raisable
	DeadlineKinds = []DeadlineKind{DueOpen, DueChaperone, DueLapse, DueHold, DueVitals, DueRemeasure, DueWindow, DueOverdue,
		DueCheckIn, DuePlannedEnd, DueReleaseFrom, DueReleaseBy, DueWatch, DueRungOfLadder}
)

// Clone is the copy that Decide works on.
func (s *State) Clone() *State { return s.clone() }
