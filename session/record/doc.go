// Package record is what leaves a session: the record as a therapist signs and
// keeps it, in the order of CLINICAL.md, "The record of a dosing session". It is
// made from the events alone, so that it can be made again at any time, and says
// nothing that they do not.
//
// Guarantees:
//
//   - Of is pure: the same events give the same record.
//   - Nothing is left out because it was corrected, resolved or overridden: the value
//     before, the reason and the time stand beside it.
//   - Times are those of the room; what was recorded later says so in its line.
//
// In plain words: the log is the truth, this is how one reads it. A record holds
// names, numbers and notes: it is as confidential as the log.
package record
