package session

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Seconds is a span of time in whole seconds: how settings are written.
type Seconds int64

// D returns s as a duration.
func (s Seconds) D() time.Duration { return time.Duration(s) * time.Second }

const minutes Seconds = 60

// Limits are a practice's limits for blood pressure (mmHg) and heart rate (per minute).
type Limits struct {
	BlockSystolic    int `json:"block_systolic"`    // above: the dose is blocked
	BlockDiastolic   int `json:"block_diastolic"`   // above: the dose is blocked
	BlockHeartRate   int `json:"block_heart_rate"`  // above: the dose is blocked
	CautionSystolic  int `json:"caution_systolic"`  // above: shown as caution
	CautionDiastolic int `json:"caution_diastolic"` // above: shown as caution
	AlarmSystolic    int `json:"alarm_systolic"`    // at or above: high alarm
	AlarmDiastolic   int `json:"alarm_diastolic"`   // at or above: high alarm
	BaselineSpan     int `json:"baseline_span"`     // release: pressures and heart rate within this, up and down, of the last reading before the dose
}

// Validate reports limits that would block or pass every reading.
func (l Limits) Validate() error {
	switch {
	case l.BlockSystolic < 60 || l.BlockSystolic > 300 || l.BlockDiastolic < 30 || l.BlockDiastolic > 200 || l.BlockHeartRate < 40 || l.BlockHeartRate > 250:
		return errors.New("limits: the blocking limits are no plausible blood pressure and heart rate")
	case l.CautionSystolic < 60 || l.CautionSystolic > l.BlockSystolic || l.CautionDiastolic < 30 || l.CautionDiastolic > l.BlockDiastolic:
		return errors.New("limits: caution must lie at or below the blocking limits")
	case l.AlarmSystolic < l.BlockSystolic || l.AlarmDiastolic < l.BlockDiastolic || l.AlarmSystolic > 300 || l.AlarmDiastolic > 200:
		return errors.New("limits: the alarm must lie at or above the blocking limits")
	case l.BaselineSpan < 1 || l.BaselineSpan > 100:
		return errors.New("limits: baseline_span must lie between 1 and 100")
	}
	return nil
}

// Settings is every clinical number of a practice. They are versioned there and
// pinned, whole, to a session when it is created. Sources: CLINICAL.md, whose
// numbers in brackets are repeated here; [J] is our own judgement.
type Settings struct {
	Version        int      `json:"version"`
	LicensedStates []string `json:"licensed_states"` // two-letter postal codes
	ConsentVersion string   `json:"consent_version"`
	RelayOnly      bool     `json:"relay_only,omitempty"` // picture and sound never go from page to page: nobody learns another's address

	OpensBefore      Seconds `json:"opens_before_s"`      // the room opens before the start [J]
	ChaperoneBefore  Seconds `json:"chaperone_before_s"`  // chaperone due before the start [13]
	AuthorizationFor Seconds `json:"authorization_for_s"` // an authorisation lapses after [J]
	HoldPerTablet    Seconds `json:"hold_per_tablet_s"`   // under the tongue, each tablet [23]
	WindowFrom       Seconds `json:"window_from_s"`       // T+45: returning is offered (S3)
	WindowTo         Seconds `json:"window_to_s"`         // T+90: overdue (S3)
	PlannedEnd       Seconds `json:"planned_end_s"`       // T+150 (S0, S2)
	ReleaseMinimum   Seconds `json:"release_minimum_s"`   // since the last dose [1]
	ReleaseOverdue   Seconds `json:"release_overdue_s"`   // after the earliest release
	CheckInEvery     Seconds `json:"check_in_every_s"`    // [14, 21]
	VitalsAt         Seconds `json:"vitals_at_s"`         // T+40 [1, 3, 5]
	RemeasureAfter   Seconds `json:"remeasure_after_s"`   // after a reading at the alarm limit
	IntegrationFrom  Seconds `json:"integration_from_s"`  // integration visit, earliest after the dose [16]
	IntegrationTo    Seconds `json:"integration_to_s"`    // and latest [16]

	Limits Limits      `json:"limits"`
	Alarms []AlarmRule `json:"alarms"`
}

// DefaultSettings returns the numbers of CLINICAL.md.
func DefaultSettings() Settings {
	return Settings{
		Version: 1, ConsentVersion: "2026-1",
		OpensBefore: 30 * minutes, ChaperoneBefore: 15 * minutes, AuthorizationFor: 10 * minutes,
		HoldPerTablet: 12 * minutes, WindowFrom: 45 * minutes, WindowTo: 90 * minutes,
		PlannedEnd: 150 * minutes, ReleaseMinimum: 120 * minutes, ReleaseOverdue: 60 * minutes,
		CheckInEvery: 15 * minutes, VitalsAt: 40 * minutes, RemeasureAfter: 5 * minutes,
		IntegrationFrom: 24 * 60 * minutes, IntegrationTo: 72 * 60 * minutes,
		Limits: Limits{
			BlockSystolic: 160, BlockDiastolic: 90, BlockHeartRate: 100,
			CautionSystolic: 140, CautionDiastolic: 90,
			AlarmSystolic: 180, AlarmDiastolic: 110, BaselineSpan: 20,
		},
		Alarms: DefaultAlarms(),
	}
}

// Validate reports every number that no session could be held with.
func (s Settings) Validate() error {
	var errs []error
	span := func(name string, v, low, high Seconds) {
		if v < low || v > high {
			errs = append(errs, fmt.Errorf("%s is %d s: it must lie between %d and %d s", name, v, low, high))
		}
	}
	day := 24 * 60 * minutes
	span("opens_before_s", s.OpensBefore, 0, day)
	span("chaperone_before_s", s.ChaperoneBefore, 0, day)
	span("authorization_for_s", s.AuthorizationFor, 1*minutes, 60*minutes)
	span("hold_per_tablet_s", s.HoldPerTablet, 1*minutes, 60*minutes)
	span("window_from_s", s.WindowFrom, 1*minutes, 6*60*minutes)
	span("window_to_s", s.WindowTo, s.WindowFrom, 12*60*minutes)
	span("planned_end_s", s.PlannedEnd, s.WindowTo, day)
	span("release_minimum_s", s.ReleaseMinimum, 60*minutes, day)
	span("release_overdue_s", s.ReleaseOverdue, 1*minutes, day)
	span("check_in_every_s", s.CheckInEvery, 1*minutes, 60*minutes)
	span("vitals_at_s", s.VitalsAt, 1*minutes, 6*60*minutes)
	span("remeasure_after_s", s.RemeasureAfter, 1*minutes, 60*minutes)
	span("integration_to_s", s.IntegrationTo, s.IntegrationFrom, 30*day)
	for _, st := range s.LicensedStates {
		if !slices.Contains(States, st) {
			errs = append(errs, fmt.Errorf("licensed_states: %q is no postal code of a state", st))
		}
	}
	if s.ConsentVersion == "" {
		errs = append(errs, errors.New("consent_version is empty"))
	}
	if err := s.Limits.Validate(); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, validateAlarms(s.Alarms)...)
	return errors.Join(errs...)
}

// States lists the two-letter postal codes of the states and territories of
// the United States (USPS Publication 28, appendix B).
var States = []string{"AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "DC", "FL", "GA", "GU", "HI", "ID", "IL", "IN", "IA",
	"KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "MP",
	"OH", "OK", "OR", "PA", "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "VI", "WA", "WV", "WI", "WY", "AS"}

// Order is what the prescriber ordered for one client. Its limits, where set,
// win over the practice's.
type Order struct {
	Product     string  `json:"product"`
	DoseMg      float64 `json:"dose_mg"`        // prescribed for the first dose
	Tablets     int     `json:"tablets"`        // for one dose
	TotalMg     float64 `json:"total_mg"`       // never exceeded, boosters included
	BoosterFrom Seconds `json:"booster_from_s"` // after T+0; 0 and 0: no booster prescribed
	BoosterTo   Seconds `json:"booster_to_s"`
	Limits      *Limits `json:"limits,omitempty"`
	Conditions  string  `json:"conditions,omitempty"` // relevant conditions, for the emergency card
	Prescriber  string  `json:"prescriber,omitempty"`
	Phone       string  `json:"phone,omitempty"` // of the prescriber
	Number      int     `json:"number"`          // dosing 3 …
	Of          int     `json:"of"`              // … of 6
}
