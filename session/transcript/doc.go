// Package transcript writes what happened in a session so that a therapist can
// read it, and plays it again so that a machine can check it. A transcript is
// its own script: Play reads the commands, decides them, and writes the same
// text with the outcomes. Where the text differs, the rules have changed.
//
//	2026-03-02T14:03:00 therapist-1 RecordDose client=client-1 number=1
//	  | 14:03:00 dose     Alex: dose 1 taken, 100 mg in 1 tablet (Dana Reyes)
//	  | 14:03:00 phase    Alex: absorbing
//	+15m chaperone-1 CheckIn
//	  | 14:15:00 phase    Alex: the hold is over
//	  …
//
// # Lines
//
//   - A command is a time, a seat, an act and its fields: name=value, a path into
//     what is nested (values.confirmed=yes, seats.0.role=client), text with spaces
//     in double quotes. "@conn=" and "@id=" are the command's connection and id, "@given="
//     when it was given ("unknown": nobody knows), where that is not the time of the line.
//     A line that begins with "  + " goes on with fields.
//   - A time is a date and time, a time of day, or a distance from the time
//     before (+10m, +1h30m). Times in fields may also be distances from now (-5m).
//   - "  | " is an event, with the time at which it was recorded, "(of …)" where
//     it happened at another, its kind and its words. Where the record has no
//     words for it, its name and fields stand in their place.
//   - "  ! " is a refusal with its code, and what is missing.
//   - "wait" lets time pass. "down" stops the server: no deadline is decided until
//     "up". "clock by hand" says that the clock's own commands stand in the script.
//   - "include" plays another script first, without writing its outcomes.
//   - "#" begins a comment.
//
// Settings that are not given are session.DefaultSettings.
//
// # Duties of callers
//
// A Writer belongs to one goroutine. It writes names and notes: a transcript is
// as confidential as the record.
package transcript
