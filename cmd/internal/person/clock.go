package person

import (
	"sync"
	"time"
)

// clock is the session's time as a screen shows it: what the server said last,
// and the time that has passed here since.
type clock struct {
	mu   sync.Mutex
	here time.Time // when the server said so, on this machine's monotonic clock
	said time.Time
	rate float64
}

// correct takes over what the server says. way is how long its word was on the
// way; rate 0 leaves the rate as it is.
func (c *clock) correct(said time.Time, rate float64, way time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rate > 0 {
		c.rate = rate
	}
	c.here, c.said = time.Now().Add(-way), said
}

// now returns the session's time, or the zero time while nothing was heard.
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.said.IsZero() {
		return time.Time{}
	}
	return c.said.Add(time.Duration(float64(time.Since(c.here)) * c.rate))
}
