// Package person is somebody at a screen, as a program: it opens a seat's
// connection, speaks belay.1, exchanges real picture and sound with whoever the
// server names, and sends the acts that it is told to. Rehearsals, tests and
// benchmarks are made of such people.
//
//	v := person.NewVisitor("http://localhost:8080")     // a browser's cookies
//	place, err := v.Open(ctx, link)                     // as a click on the link
//	p, err := person.Join(person.Options{URL: v.Socket(place), Cookies: v.Jar()})
//	view, err := p.Await(ctx, func(v session.View) bool { return v.Seq > 0 })
//	done, err := p.Do(ctx, session.Arrive{})
//	err = p.Close()
//
// # Guarantees
//
//   - A person comes back: after any loss of the connection it dials again, for
//     ever, at most seven seconds apart, until it is replaced or closed.
//   - Do returns when the server has answered. A command whose answer was lost is
//     sent again under the same id, so that it takes effect once.
//   - What runs between two people goes on while the server is away. The same
//     peer id keeps its connections; a new one is a new page.
//   - One side of each pair always offers. What arrives before it can be used
//     waits. No step on the way to the first picture waits for a timer.
//   - Close returns when every goroutine of the person has ended.
//
// The same in plainer words: it does what the browser's pages do (static/connection.js,
// media.js, peer.js), so that what holds for such people holds for real ones, but
// for the browser itself.
//
// # What it is not
//
// The picture is a clip of two seconds and the sound a quiet tone: nothing is
// decoded. "A frame" here is a frame's last packet that arrived.
package person
