package doctor

import "syscall"

const (
	staUnsync = 0x40 // linux/timex.h, STA_UNSYNC
)

// kernelClock asks the kernel whether somebody keeps its clock right.
func (d *doctor) kernelClock() {
	var t syscall.Timex
	if _, err := syscall.Adjtimex(&t); err != nil {
		d.say(Finding{Unknown, "Whether the clock is kept right is not known: " + err.Error() + ".", "", ""})
		return
	}
	if t.Status&staUnsync != 0 {
		d.say(Finding{Careful, "Nobody keeps this machine's clock right.", "Every time in the record is this clock's. It drifts by seconds a day, and may then be set with a jump.", "Run a time service: systemd-timesyncd or chrony. In a container: on its host."})
		return
	}
	d.fine("The clock is kept right by a time service.")
}
